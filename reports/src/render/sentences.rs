//! The report in sentences: what every format says first.

use crate::format::{count, duration, number, percent_of, share};
use crate::instant;
use crate::tuesday::model::{
    Cause, CauseChange, Cluster, Fact, FactOrigin, GroupHeader, GroupReview, TuesdayReport,
    Waterfall, WaterfallRow,
};

/// A cause with a smaller share does not make a headline of its own.
const HEADLINE_SHARE: f64 = 0.2;

/// If the first cause explains so much, the second is a detail.
const ENOUGH_SHARE: f64 = 0.6;

/// A value that so few typical traces have is worth a place in the headline, if it is short.
const TELLING_SHARE: f64 = 0.2;
const SHORT_CHARS: usize = 40;

/// From this factor on a difference in calls is worth a word beside slower calls.
const MANY_MORE: f64 = 1.25;

/// A cause with a smaller share is left to the table, if it is nowhere the main cause.
const LISTED_SHARE: f64 = 0.01;

/// A row of a waterfall with this share of the critical path stands out.
const HEAVY_SHARE: f64 = 0.05;

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

/// What makes one root operation slow, in one sentence that names it.
pub(super) fn verdict(review: &GroupReview) -> String {
    format!("{}: {}", group_name(&review.header), finding(review))
}

/// The same for where the name stands already.
pub(super) fn finding(review: &GroupReview) -> String {
    let header = &review.header;
    let mut text = format!(
        "the slowest {} % take {} instead of {}; ",
        header.slowest_percent,
        duration(header.slow_mean_duration_ns),
        duration(header.typical_mean_duration_ns)
    );
    let Some((first, others)) = review.causes.split_first() else {
        return text + "no operation explains it.";
    };
    text.push_str(&match first.share {
        Some(part) if part < 0.995 => format!("{} of the difference is ", share(part)),
        // Other operations may be faster, so that one alone explains more than all of it.
        _ => "all of the difference is ".into(),
    });
    text.push_str(&named_with_reason(review, first));
    let second = others.first().filter(|second| {
        first.share.is_some_and(|share| share < ENOUGH_SHARE)
            && second.share.is_some_and(|share| share >= HEADLINE_SHARE)
    });
    if let Some((second, part)) = second.and_then(|s| Some((s, s.share?))) {
        text.push_str(&format!(", {} is {}", share(part), named_with_reason(review, second)));
    }
    text + "."
}

/// `search shop.Search/Query (slower calls; service_version = 3.9.0; a new cause)`.
fn named_with_reason(review: &GroupReview, cause: &Cause) -> String {
    let is_short = |fact: &&Fact| fact.value.chars().count() <= SHORT_CHARS;
    let telling = cause.facts.iter().filter(|fact| fact.typical_share <= TELLING_SHARE);
    let fact = telling.filter(is_short).map(|f| format!("; {} = {}", f.name, f.value)).next();
    let is_new = super::since::is_new(review, &cause.service_name, &cause.span_name);
    format!(
        "{} ({}{}{})",
        operation_name(cause),
        change(cause),
        fact.unwrap_or_default(),
        if is_new { "; a new cause" } else { "" }
    )
}

/// What a kind of slow traces is, and whether there is one or many.
pub(super) fn kinds(review: &GroupReview) -> String {
    let told = "with the same call tree, main cause and error";
    match review.clusters.first() {
        Some(_) if review.cluster_count == 1 => format!("All slow traces are of one kind, {told}."),
        Some(first) => format!(
            "Slow traces {told} are one kind. There are {}; the first has {} of the slow traces.",
            count(review.cluster_count),
            share(first.share)
        ),
        None => String::new(),
    }
}

/// The operation that a kind of slow traces spends its time on.
pub(super) fn main_cause(cluster: &Cluster) -> String {
    match (&cluster.dominant_service_name, &cluster.dominant_span_name) {
        (Some(service), Some(span)) => name(service, span),
        _ => "no operation".into(),
    }
}

/// When the traces to review started: an incident of an hour, or all week.
pub(super) fn when(review: &GroupReview) -> Option<String> {
    let starts = || review.review_list.iter().map(|row| row.trace.start_time);
    let (first, last) = (starts().min()?, starts().max()?);
    let (count, first, last) =
        (starts().count() as u64, instant::to_minute(&first), instant::to_minute(&last));
    Some(match count {
        1 => format!("The slow trace to review started on {first} UTC."),
        _ => format!(
            "The {} to review started from {first} to {last} UTC.",
            plural(count, "slow trace")
        ),
    })
}

/// The causes that a reader should know, and how many others of the list there are.
pub(super) fn told_causes(review: &GroupReview) -> (Vec<&Cause>, usize) {
    let is_told = |cause: &&Cause| {
        cause.dominated_count > 0 || cause.share.is_none_or(|share| share >= LISTED_SHARE)
    };
    let told: Vec<&Cause> = review.causes.iter().filter(is_told).collect();
    let rest = review.causes.len() - told.len();
    (told, rest)
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
    let differ = slow > typical * MANY_MORE || typical > slow * MANY_MORE;
    match cause.change {
        // Retries of slow calls: the time of the further ones counts as time of slower calls.
        CauseChange::SlowerCalls if differ => format!("{time}, {calls}"),
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

/// In how many slow traces an operation is the main cause; `None` if in none.
pub(super) fn dominance(cause: &Cause, header: &GroupHeader) -> Option<String> {
    (cause.dominated_count > 0).then(|| {
        format!(
            "the main cause in {} of {}",
            count(cause.dominated_count),
            plural(header.slow_count, "slow trace")
        )
    })
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

/// Whether a row of a waterfall takes so much of the critical path that it stands out.
pub(super) fn is_heavy(row: &WaterfallRow, waterfall: &Waterfall) -> bool {
    let shown: i64 = waterfall.rows.iter().map(|row| row.critical_path_ns).sum();
    let all = shown + waterfall.hidden_critical_path_ns;
    row.critical_path_ns > 0 && row.critical_path_ns as f64 >= HEAVY_SHARE * all as f64
}

/// How many spans of a row failed; `None` if none did.
pub(super) fn errors(row: &WaterfallRow) -> Option<String> {
    match (row.error_count, row.call_count) {
        (0, _) => None,
        (_, 1) => Some("error".into()),
        (errors, _) => Some(plural(errors, "error")),
    }
}

/// By how much the clock of a row's spans was off; `None` if it was not.
pub(super) fn clock(row: &WaterfallRow) -> Option<String> {
    let off = duration(row.most_moved_ns.unsigned_abs() as f64);
    match (row.moved_count, row.call_count) {
        (0, _) => None,
        (_, 1) => Some(format!("clock off by {off}")),
        (moved, _) => Some(format!("{} off by up to {off}", plural(moved, "clock"))),
    }
}

/// What is unusual about a row, for a column of its own.
pub(super) fn remarks(row: &WaterfallRow) -> String {
    let caller = if row.call_count > 1 { "their callers" } else { "its caller" };
    let clock = clock(row).map(|clock| format!("{clock}, moved into {caller}"));
    errors(row).into_iter().chain(clock).collect::<Vec<_>>().join("; ")
}

/// What it means that a clock was off; `None` if none was.
pub(super) fn moved(waterfall: &Waterfall) -> Option<&'static str> {
    waterfall.rows.iter().any(|row| row.moved_count > 0).then_some(
        "Clock off: the span was recorded outside its caller, which waited for it alone, so it is \
         drawn in the middle of its caller, with all below it.",
    )
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

/// A sentence that begins with a large letter.
pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `1 trace`, `2 traces`.
pub(super) fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}
