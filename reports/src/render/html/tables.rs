//! Every table of the page, and the SQL below it.

use maud::{Markup, html};

use crate::format::{Unit, count, number, share};
use crate::instant;
use crate::render::sentences;
use crate::tuesday::model::{Cause, GroupReview, TuesdayReport, Waterfall};

/// Rows of a table at most; the rest is counted. JSON and SQL have them all.
pub(super) const MOST_ROWS: usize = 50;

/// Traces listed per root operation; more are not looked at in one meeting.
const MOST_TRACES: usize = 20;

/// How the SQL of a table is shown.
pub(super) fn sql(text: &str) -> Markup {
    html! {
        details.sql {
            summary { "SQL" }
            p.muted { "Run it with " code { "spanlake sql --lake LAKE" } "." }
            pre tabindex="0" { code { (text) } }
        }
    }
}

/// The operations that explain the difference.
pub(super) fn causes(review: &GroupReview) -> Markup {
    let causes = &review.causes;
    let means = causes.iter().flat_map(|c| [c.slow_mean_ns, c.typical_mean_ns]);
    let unit = Unit::of(means);
    let per_call = |cause: &Cause| [cause.slow_ns_per_call, cause.typical_ns_per_call];
    let call_unit = Unit::of(causes.iter().flat_map(per_call).flatten());
    let slow = review.header.slow_count;
    let call = |ns: Option<f64>| ns.map_or_else(|| "-".into(), |ns| call_unit.number(ns));
    html! {
        (scrolling("Time on the critical path per operation", &html! {
            table {
                caption { "Mean time on the critical path, in " (count(slow)) " slow and "
                    (count(review.header.typical_count)) " typical traces" }
                thead { tr {
                    th scope="col" { "Operation" }
                    th scope="col" { "Excess (" (unit.name) ")" }
                    th scope="col" { "Share" }
                    th scope="col" { "Slow (" (unit.name) ")" }
                    th scope="col" { "Typical (" (unit.name) ")" }
                    th scope="col" { "From more calls (" (unit.name) ")" }
                    th scope="col" { "From slower calls (" (unit.name) ")" }
                    th scope="col" { "Calls, slow" }
                    th scope="col" { "Calls, typical" }
                    th scope="col" { "Per call, slow (" (call_unit.name) ")" }
                    th scope="col" { "Per call, typical (" (call_unit.name) ")" }
                    th scope="col" { "Main cause" }
                    th scope="col" { "Median excess then (" (unit.name) ")" }
                    th scope="col" { "Fails, slow" }
                    th scope="col" { "Fails, typical" }
                } }
                tbody {
                    @for cause in causes {
                        tr {
                            th scope="row" { (sentences::operation_name(cause)) }
                            td { (unit.signed(cause.excess_ns)) }
                            td { (part(cause.share)) }
                            td { (unit.number(cause.slow_mean_ns)) }
                            td { (unit.number(cause.typical_mean_ns)) }
                            td { (unit.signed(cause.more_calls_ns)) }
                            td { (unit.signed(cause.slower_calls_ns)) }
                            td { (number(cause.slow_calls_per_trace)) }
                            td { (number(cause.typical_calls_per_trace)) }
                            td { (call(cause.slow_ns_per_call)) }
                            td { (call(cause.typical_ns_per_call)) }
                            td { (count(cause.dominated_count)) " (" (share(cause.dominated_share)) ")" }
                            td { (cause.dominated_median_excess_ns.map_or("-".into(), |ns| unit.signed(ns))) }
                            td { (share(cause.slow_error_share)) }
                            td { (share(cause.typical_error_share)) }
                        }
                    }
                    @if let Some(other) = &review.other {
                        tr {
                            th scope="row" { (sentences::plural(other.operation_count, "other operation")) }
                            td { (unit.signed(other.excess_ns)) }
                            td { (part(other.share)) }
                            td { (unit.number(other.slow_mean_ns)) }
                            td { (unit.number(other.typical_mean_ns)) }
                            td colspan="6" {}
                            td { (count(other.dominated_count)) }
                            td colspan="3" {}
                        }
                    }
                    tr.total {
                        th scope="row" { "All" }
                        td { (unit.signed(review.decomposition.gap_ns)) }
                        td { (part((review.decomposition.gap_ns > 0.0).then_some(1.0))) }
                        td { (unit.number(review.header.slow_mean_duration_ns)) }
                        td { (unit.number(review.header.typical_mean_duration_ns)) }
                        td colspan="6" {}
                        td { (count(slow)) }
                        td colspan="3" {}
                    }
                }
            }
        }))
    }
}

/// The spans of the representative trace.
pub(super) fn waterfall(waterfall: &Waterfall) -> Markup {
    let unit = Unit::of([waterfall.to_offset_ns as f64, waterfall.from_offset_ns as f64]);
    let time = |ns: i64| unit.number(ns as f64);
    scrolling(
        "Spans of the representative trace",
        &html! {
            table {
                caption { "Trace " code { (waterfall.trace_id) } }
                thead { tr {
                    th scope="col" { "Span" }
                    th scope="col" { "Depth" }
                    th scope="col" { "Start (" (unit.name) ")" }
                    th scope="col" { "Duration (" (unit.name) ")" }
                    th scope="col" { "Self (" (unit.name) ")" }
                    th scope="col" { "Critical path (" (unit.name) ")" }
                    th.text scope="col" { "Remarks" }
                } }
                tbody {
                    @for row in &waterfall.rows {
                        tr.heavy[sentences::is_heavy(row, waterfall)] {
                            th scope="row" style={ "padding-left:" (row.depth.min(12)) "em" } {
                                (sentences::name(&row.service_name, &row.span_name))
                                @if row.call_count > 1 { " x" (count(row.call_count)) }
                            }
                            td { (row.depth) }
                            td { (time(row.start_offset_ns)) }
                            td { (time(row.duration_ns)) }
                            td { (time(row.self_time_ns)) }
                            td { @if row.critical_path_ns > 0 { (time(row.critical_path_ns)) } @else { "-" } }
                            td.text { (sentences::remarks(row)) }
                        }
                    }
                }
            }
        },
    )
}

/// The kinds of slow traces.
pub(super) fn clusters(review: &GroupReview) -> Markup {
    let clusters = &review.clusters;
    let unit = Unit::of(clusters.iter().map(|cluster| cluster.median_ns as f64));
    let lost = Unit::of(clusters.iter().map(|cluster| cluster.excess_ns as f64));
    html! {
        @if !clusters.is_empty() {
            h3 { "Kinds of slow traces" }
            p { (sentences::kinds(review)) }
            (scrolling("Kinds of slow traces", &html! {
                table {
                    thead { tr {
                        th scope="col" { "Main cause" }
                        th scope="col" { "Time lost (" (lost.name) ")" }
                        th scope="col" { "Slow traces" }
                        th scope="col" { "Median (" (unit.name) ")" }
                        th scope="col" { "Spans" }
                        th.text scope="col" { "Error" }
                        th.text scope="col" { "Typical trace" }
                    } }
                    tbody {
                        @for cluster in clusters {
                            tr {
                                th scope="row" { (sentences::main_cause(cluster)) }
                                td { (lost.number(cluster.excess_ns as f64)) }
                                td { (count(cluster.trace_count)) " (" (share(cluster.share)) ")" }
                                td { (unit.number(cluster.median_ns as f64)) }
                                td { (count(cluster.span_count)) }
                                td.text { @if let Some(error) = &cluster.error_type { (error) } }
                                td.text { (super::review::trace_id(&cluster.representative)) }
                            }
                        }
                    }
                }
            }))
            (rest(review.cluster_count as usize, clusters.len(), "kind"))
            (sql(&review.clusters_sql))
        }
    }
}

/// The first traces of the review list.
pub(super) fn review_list(review: &GroupReview) -> Markup {
    let shown = &review.review_list[..review.review_list.len().min(MOST_TRACES)];
    let unit = Unit::of(shown.iter().map(|row| row.trace.root_duration_ns as f64));
    html! {
        p {
            "The newest slow trace is " (super::review::trace_id(&review.newest)) "; the slowest stands first."
        }
        (scrolling("Traces to review", &html! {
            table {
                thead { tr {
                    th scope="col" { "Trace" }
                    th scope="col" { "Start (UTC)" }
                    th scope="col" { "Duration (" (unit.name) ")" }
                    th scope="col" { "Status" }
                    th.text scope="col" { "Main cause" }
                } }
                tbody {
                    @for row in shown {
                        tr {
                            th scope="row" { code { (row.trace.trace_id) } }
                            td { (instant::to_minute(&row.trace.start_time)) }
                            td { (unit.number(row.trace.root_duration_ns as f64)) }
                            td { @if row.root_failed { "error" } }
                            td.text {
                                @if let Some(dominant) = &row.dominant {
                                    (sentences::name(&dominant.service_name, &dominant.span_name))
                                }
                            }
                        }
                    }
                }
            }
        }))
        (rest(review.review_list.len(), shown.len(), "trace"))
    }
}

/// All root operations with enough traces.
pub(super) fn groups(report: &TuesdayReport) -> Markup {
    let reviewed = report.reviews.len();
    let all = || report.reviews.iter().map(|review| &review.header).chain(&report.further_groups);
    let shown = || all().take(MOST_ROWS.max(reviewed));
    let unit = Unit::of(shown().map(|group| group.p99.value_ns as f64));
    let lost = Unit::of(shown().map(|group| group.impact_ns as f64));
    let time = |ns: i64| unit.number(ns as f64);
    html! {
        @if all().next().is_some() {
            section #operations aria-labelledby="operations-title" {
                h2 #operations-title { "All root operations" }
                (scrolling("All root operations", &html! {
                    table {
                        thead { tr {
                            th scope="col" { "Root operation" }
                            th scope="col" { "Time lost (" (lost.name) ")" }
                            th scope="col" { "Traces" }
                            th scope="col" { "Reviewed" }
                            th scope="col" { "Median (" (unit.name) ")" }
                            th scope="col" { "p95 (" (unit.name) ")" }
                            th scope="col" { "p99 (" (unit.name) ")" }
                            th scope="col" { "Slow from (" (unit.name) ")" }
                        } }
                        tbody {
                            @for (place, group) in shown().enumerate() {
                                tr {
                                    th scope="row" {
                                        @if place < reviewed {
                                            a href={ "#g" (place + 1) } { (sentences::group_name(group)) }
                                        } @else {
                                            (sentences::group_name(group))
                                        }
                                    }
                                    td { (lost.number(group.impact_ns as f64)) }
                                    td { (count(group.trace_count)) }
                                    td { (count(group.review_count)) " (" (group.slowest_percent) " %)" }
                                    td { (time(group.p50.value_ns)) }
                                    td { (time(group.p95.value_ns)) }
                                    td { (time(group.p99.value_ns)) }
                                    td { (time(group.threshold_ns)) }
                                }
                            }
                        }
                    }
                }))
                (rest(all().count(), shown().count(), "root operation"))
                (sql(&report.groups_sql))
            }
        }
    }
}

/// The root operations with too few traces.
pub(super) fn small_groups(report: &TuesdayReport) -> Markup {
    let shown = &report.small_groups[..report.small_groups.len().min(MOST_ROWS)];
    let slowest = shown.iter().filter_map(|group| group.slowest_ns).map(|ns| ns as f64);
    let unit = Unit::of(slowest);
    html! {
        @if let Some(first) = shown.first() {
            section #small aria-labelledby="small-title" {
                h2 #small-title { "Too few traces" }
                p { "With fewer than " (count(first.needed_count)) " complete traces nobody can say which are slow." }
                (scrolling("Root operations with too few traces", &html! {
                    table {
                        thead { tr {
                            th scope="col" { "Root operation" }
                            th scope="col" { "Complete traces" }
                            th scope="col" { "Incomplete" }
                            th scope="col" { "Slowest (" (unit.name) ")" }
                        } }
                        tbody {
                            @for group in shown {
                                tr {
                                    th scope="row" {
                                        (sentences::name(&group.root_service_name, &group.root_span_name))
                                    }
                                    td { (count(group.trace_count)) }
                                    td { (count(group.incomplete_trace_count)) }
                                    td { (group.slowest_ns.map_or("-".into(), |ns| unit.number(ns as f64))) }
                                }
                            }
                        }
                    }
                }))
                (rest(report.small_groups.len(), shown.len(), "root operation"))
                (sql(&report.small_groups_sql))
            }
        }
    }
}

/// What to ask about the data.
pub(super) fn questions(report: &TuesdayReport) -> Markup {
    html! {
        @if !report.questions.is_empty() {
            section #questions aria-labelledby="questions-title" {
                h2 #questions-title { "Questions about the data" }
                ul.questions {
                    @for question in &report.questions {
                        li {
                            (question.text)
                            @if let Some(text) = &question.sql { (sql(text)) }
                        }
                    }
                }
            }
        }
    }
}

/// A table that scrolls by itself where it is wider than the page, also by keyboard.
fn scrolling(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// How many rows are left out.
pub(super) fn rest(all: usize, shown: usize, noun: &str) -> Markup {
    let hidden = (all - shown) as u64;
    html! {
        @if hidden > 0 {
            p.muted { (sentences::plural(hidden, &format!("more {noun}"))) " in the JSON report, and by the SQL." }
        }
    }
}

fn part(part: Option<f64>) -> String {
    part.map_or_else(|| "-".into(), share)
}
