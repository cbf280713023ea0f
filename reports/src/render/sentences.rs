//! The report in sentences: what every format says first.

use crate::format::{count, duration, number, percent_of, share};
use crate::tuesday::model::{
    Cause, CauseChange, Fact, FactOrigin, GroupHeader, GroupReview, TuesdayReport, Waterfall,
};

/// A cause with a smaller share does not make a headline of its own.
const HEADLINE_SHARE: f64 = 0.2;

/// If the first cause explains so much, the second is a detail.
const ENOUGH_SHARE: f64 = 0.6;

/// `Trace Tuesday, 2026-W46 (2026-11-09 to 2026-11-16 UTC)`.
pub(super) fn title(report: &TuesdayReport) -> String {
    format!("Trace Tuesday, {}", report.range)
}

/// How many traces there are and how many of their root operations are reviewed.
pub(super) fn scope(report: &TuesdayReport) -> String {
    let totals = &report.totals;
    let mut text = format!(
        "{} and {} of {}.",
        plural(totals.trace_count, "trace"),
        plural(totals.span_count, "span"),
        plural(totals.group_count, "root operation")
    );
    if report.reviews.is_empty() {
        text.push_str(" None has slow traces to review.");
    } else {
        let shown = report.reviews.len() as u64;
        let reviewed: u64 = report.reviews.iter().map(|review| review.header.review_count).sum();
        text.push_str(&format!(
            " {} to review, in the {} that lost most time.",
            plural(reviewed, "slow trace"),
            match shown {
                1 => "root operation".into(),
                _ => format!("{} root operations", count(shown)),
            }
        ));
    }
    if totals.incomplete_trace_count > 0 {
        text.push_str(&format!(
            " {} are incomplete and not ranked.",
            percent_of(totals.incomplete_trace_count, totals.trace_count)
        ));
    }
    text
}

/// What makes one root operation slow, in one sentence.
pub(super) fn verdict(review: &GroupReview) -> String {
    let header = &review.header;
    let mut text = format!(
        "{}: the slowest {} % take {} instead of {}",
        group_name(header),
        header.slowest_percent,
        duration(header.slow_mean_ns()),
        duration(header.typical_mean_ns())
    );
    match review.causes.split_first() {
        None => text.push_str("; no operation explains it"),
        Some((first, others)) => {
            text.push_str("; ");
            text.push_str(&match first.share {
                Some(part) if part < 0.995 => format!("{} of the difference is ", share(part)),
                // Other operations may be faster, so that one alone explains more than all of it.
                _ => "all of the difference is ".into(),
            });
            text.push_str(&format!("{} ({})", operation_name(first), change(first)));
            let second = others.first().filter(|second| {
                first.share.is_some_and(|share| share < ENOUGH_SHARE)
                    && second.share.is_some_and(|share| share >= HEADLINE_SHARE)
            });
            if let Some((second, part)) = second.and_then(|s| Some((s, s.share?))) {
                text.push_str(&format!(
                    ", {} is {} ({})",
                    share(part),
                    operation_name(second),
                    change(second)
                ));
            }
        }
    }
    text.push('.');
    text
}

/// How an operation changed, in two or three words.
pub(super) fn change(cause: &Cause) -> &'static str {
    match cause.change {
        CauseChange::SlowerCalls => "slower calls",
        CauseChange::MoreCalls => "more calls",
        CauseChange::MoreAndSlowerCalls => "more and slower calls",
        CauseChange::OnlyInSlowTraces => "only in slow traces",
        CauseChange::NoExcess => "no excess",
    }
}

/// How an operation changed, in numbers.
pub(super) fn change_in_numbers(cause: &Cause) -> String {
    let each = |ns: Option<f64>| duration(ns.unwrap_or(0.0));
    let (slow, typical) = (cause.slow_calls_per_trace, cause.typical_calls_per_trace);
    let calls = format!("{} instead of {} per trace", calls(slow), number(typical));
    let time = format!(
        "{} instead of {} each",
        each(cause.slow_ns_per_call),
        each(cause.typical_ns_per_call)
    );
    match cause.change {
        CauseChange::SlowerCalls => time,
        CauseChange::MoreCalls => calls,
        CauseChange::MoreAndSlowerCalls => format!("{calls}, {time}"),
        CauseChange::OnlyInSlowTraces => {
            format!("{} per trace, {} each", self::calls(slow), each(cause.slow_ns_per_call))
        }
        CauseChange::NoExcess => String::new(),
    }
}

fn calls(calls: f64) -> String {
    let text = number(calls);
    format!("{text} {}", if text == "1" { "call" } else { "calls" })
}

/// In how many slow traces an operation is the main cause.
pub(super) fn dominance(cause: &Cause, header: &GroupHeader) -> String {
    format!(
        "the main cause in {} of {}",
        count(cause.dominated_count),
        plural(header.slow_count, "slow trace")
    )
}

/// How often an operation fails; `None` if it never does.
pub(super) fn failures(cause: &Cause) -> Option<String> {
    (cause.slow_error_count + cause.typical_error_count > 0).then(|| {
        format!(
            "fails in {} of the slow traces, in {} of the typical ones",
            share(cause.slow_error_share),
            share(cause.typical_error_share)
        )
    })
}

/// What sets the traces of a cause apart, without the value.
pub(super) fn fact_shares(fact: &Fact) -> String {
    format!(
        "{}in {} of these traces, in {} of the typical ones",
        match fact.origin {
            FactOrigin::Operation => "",
            FactOrigin::Root => "on the root span ",
        },
        share(fact.dominated_share),
        share(fact.typical_share)
    )
}

/// How the parts add up.
pub(super) fn sum(review: &GroupReview) -> String {
    let parts = &review.decomposition;
    let operations = plural(parts.operation_count, "operation");
    if parts.adds_up {
        format!(
            "The excesses of all {operations} add up to the difference of {} exactly.",
            duration(parts.gap_ns)
        )
    } else {
        format!(
            "The excesses of all {operations} should add up to the difference of {} and do not: \
             please report this.",
            duration(parts.gap_ns)
        )
    }
}

/// What a waterfall leaves out; `None` if nothing.
pub(super) fn hidden(waterfall: &Waterfall) -> Option<String> {
    (waterfall.hidden_span_count > 0).then(|| {
        format!(
            "{} of {} are not shown; they are on the critical path for {} together.",
            count(waterfall.hidden_span_count),
            plural(waterfall.span_count, "span"),
            duration(waterfall.hidden_critical_path_ns as f64)
        )
    })
}

/// A root operation: service and name.
pub(super) fn group_name(header: &GroupHeader) -> String {
    name(&header.root_service_name, &header.root_span_name)
}

/// The operation of a cause: service and name.
pub(super) fn operation_name(cause: &Cause) -> String {
    name(&cause.service_name, &cause.span_name)
}

/// An operation: service and name, either of which may be empty.
pub(super) fn name(service: &str, span: &str) -> String {
    match (service, span) {
        ("", "") => "(no name)".into(),
        (service, "") => format!("{service} (no name)"),
        ("", span) => span.into(),
        (service, span) => format!("{service} {span}"),
    }
}

/// `1 trace`, `2 traces`.
pub(super) fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}
