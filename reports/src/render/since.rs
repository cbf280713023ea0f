//! What changed since the range before, in sentences.

use super::sentences::{name, plural};
use crate::format::{count, duration, share};
use crate::instant;
use crate::tuesday::model::{
    Before, CauseSince, Deployment, GroupReview, Level, LevelChange, Trend, TuesdayReport,
};

/// Deployments that are named with a root operation.
const MOST_DEPLOYMENTS: usize = 5;

/// A change of the share of slow traces below this factor is left out.
const MANY_MORE: f64 = 1.5;

/// What to call the range before.
pub(super) fn title(report: &TuesdayReport) -> &'static str {
    let is_week = report.before.as_ref().is_some_and(|range| range.iso_week().is_some());
    if is_week { "Since the week before" } else { "Since the time before" }
}

/// One sentence per change of one root operation; none if there is nothing to compare with.
pub(super) fn changes(report: &TuesdayReport, review: &GroupReview) -> Vec<String> {
    let Some(range) = &report.before else { return Vec::new() };
    let Some(before) = &review.before else {
        return vec![format!("In {range} it had too few traces to compare with.")];
    };
    let mut found = vec![levels(before)];
    found.extend(as_slow(review, before));
    found.extend(before.causes.iter().map(cause));
    let deployed = deployments(report, review).take(MOST_DEPLOYMENTS).map(deployment);
    found.extend(deployed.map(|deployment| format!("Deployed: {deployment}")));
    found
}

/// Whether an operation is a cause now that was none before.
pub(super) fn is_new(review: &GroupReview, service_name: &str, span_name: &str) -> bool {
    let causes = review.before.iter().flat_map(|before| &before.causes);
    causes.into_iter().any(|cause| {
        cause.trend == Trend::New
            && cause.service_name == service_name
            && cause.span_name == span_name
    })
}

/// The quantiles that changed.
fn levels(before: &Before) -> String {
    let told = |level: &Level| {
        let word = match level.change {
            LevelChange::Slower => "rose",
            LevelChange::Faster => "fell",
            LevelChange::Same | LevelChange::Unknown => return None,
        };
        let (then, now) = (level.before.value_ns as f64, level.now.value_ns as f64);
        let name =
            if level.percent == 50 { "median".into() } else { format!("p{}", level.percent) };
        Some(format!("{name} {word} from {} to {}", duration(then), duration(now)))
    };
    let changed: Vec<String> = before.levels.iter().filter_map(told).collect();
    if changed.is_empty() {
        return "Median, p95 and p99 did not change by more than chance explains.".into();
    }
    format!("The {}.", changed.join(", "))
}

/// How many traces are as slow as the slowest were.
fn as_slow(review: &GroupReview, before: &Before) -> Option<String> {
    let expected = before.header.slow_share;
    let factor = before.as_slow_share / expected;
    (factor >= MANY_MORE || factor <= 1.0 / MANY_MORE).then(|| {
        format!(
            "{} of {} ({}) take {} or longer, as {} did before.",
            count(before.as_slow_count),
            plural(review.header.trace_count, "trace"),
            share(before.as_slow_share),
            duration(before.header.threshold_ns as f64),
            share(expected),
        )
    })
}

fn cause(cause: &CauseSince) -> String {
    let named = name(&cause.service_name, &cause.span_name);
    let part = |part: Option<f64>| part.map_or_else(|| "nothing".into(), share);
    let (then, now) = (part(cause.share_before), part(cause.share_now));
    match cause.trend {
        Trend::New => format!("New cause: {named} ({now} of the difference)."),
        Trend::Worse => format!("Worse: {named} ({now} of the difference, {then} before)."),
        Trend::Persisting => format!("Still a cause: {named} ({now} of the difference)."),
        Trend::Better => format!("Better: {named} ({now} of the difference, {then} before)."),
        Trend::Gone => format!("No longer a cause: {named} ({then} of the difference before)."),
    }
}

/// The deployments of the services that a review names.
fn deployments<'a>(
    report: &'a TuesdayReport,
    review: &'a GroupReview,
) -> impl Iterator<Item = &'a Deployment> {
    let names = move |deployment: &&Deployment| {
        let service = &deployment.service_name;
        *service == review.header.root_service_name
            || review.causes.iter().any(|cause| cause.service_name == *service)
    };
    report.deployments.iter().filter(names)
}

/// A new version, when it came, and how it does.
pub(super) fn deployment(deployment: &Deployment) -> String {
    let mut text = format!(
        "{} {} after {}{}, first seen {} UTC",
        deployment.service_name,
        deployment.service_version,
        deployment.previous_version,
        deployment.deployment_environment.as_ref().map_or(String::new(), |e| format!(" in {e}")),
        instant::to_minute(&deployment.first_seen),
    );
    if let (Some(errors), Some(p99)) = (deployment.error_rate, deployment.p99_ns) {
        text.push_str(&format!("; {} of its calls fail, p99 {}", share(errors), duration(p99)));
    }
    text + "."
}
