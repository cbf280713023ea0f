//! The section of one root operation.

use maud::{Markup, html};

use super::chart::{causes as cause_chart, distribution, waterfall as waterfall_chart};
use super::tables::{self, sql};
use crate::format::{count, duration, interval, share};
use crate::render::{sentences, since};
use crate::tuesday::model::{Cause, GroupReview, Quantile, TraceRef, TuesdayReport};

/// The section with the given number, from 1.
pub(super) fn section(report: &TuesdayReport, review: &GroupReview, number: usize) -> Markup {
    let header = &review.header;
    html! {
        section.review #{ "g" (number) } aria-labelledby={ "g" (number) "-title" } {
            h2 #{ "g" (number) "-title" } { (number) ". " (sentences::group_name(header)) }
            p.answer { (sentences::capitalized(&sentences::finding(review))) }
            @if let Some(when) = sentences::when(review) { p { (when) } }
            (facts(review))
            (changes(report, review))
            h3 { "Where the time goes" }
            (cause_chart::figure(review, number))
            (causes(review))
            details {
                summary { "Numbers per operation" }
                (tables::causes(review))
                p.muted { (sentences::sum(review)) }
            }
            (sql(&review.causes_sql))
            h3 { "How long the traces take" }
            (distribution::figure(review, number))
            h3 { "A representative slow trace" }
            p {
                "Of all slow traces " (trace_id(&review.representative)) " ("
                (duration(review.representative.root_duration_ns as f64))
                ") is most like their average."
            }
            (waterfall_chart::figure(review, number))
            details {
                summary { "Numbers per span" }
                (tables::waterfall(&review.waterfall))
            }
            (sql(&review.waterfall_sql))
            (tables::clusters(review))
            h3 { "Traces to review" }
            (tables::review_list(review))
            (sql(&review.review_list_sql))
        }
    }
}

/// What is otherwise than in the range before.
fn changes(report: &TuesdayReport, review: &GroupReview) -> Markup {
    let found = since::changes(report, review);
    html! {
        @if !found.is_empty() {
            h3 { (since::title(report)) }
            ul { @for change in &found { li { (change) } } }
        }
    }
}

/// The numbers of the group.
fn facts(review: &GroupReview) -> Markup {
    let header = &review.header;
    html! {
        dl.facts {
            div { dt { "Traces" } dd { (count(header.trace_count)) } }
            div {
                dt { "To review (k)" }
                dd {
                    (count(header.review_count))
                    @if header.tie_count > 0 {
                        small { " + " (count(header.tie_count)) " as long as the last" }
                    }
                }
            }
            div { dt { "Slow from (T)" } dd { (duration(header.threshold_ns as f64)) } }
            div { dt { "Median" } dd { (quantile(&header.p50)) } }
            div { dt { "p95" } dd { (quantile(&header.p95)) } }
            div { dt { "p99" } dd { (quantile(&header.p99)) } }
            div { dt { "Time lost" } dd { (duration(header.impact_ns as f64)) } }
            @if header.incomplete_trace_count > 0 {
                div { dt { "Incomplete" } dd { (count(header.incomplete_trace_count)) } }
            }
        }
    }
}

fn quantile(quantile: &Quantile) -> Markup {
    html! {
        (duration(quantile.value_ns as f64))
        @if let (Some(low), Some(high)) = (quantile.low_ns, quantile.high_ns) {
            small { " (" (interval(low as f64, high as f64)) ")" }
        }
    }
}

/// The causes in words; those that add next to nothing are in the table.
fn causes(review: &GroupReview) -> Markup {
    let (told, rest) = sentences::told_causes(review);
    html! {
        @if !told.is_empty() {
            ol.causes {
                @for cause in told { (cause_item(review, cause)) }
            }
            @if rest > 0 { p.muted { "Each other operation adds less than 1 %." } }
        }
    }
}

fn cause_item(review: &GroupReview, cause: &Cause) -> Markup {
    html! {
        li {
            strong.name { (sentences::operation_name(cause)) }
            ": " (duration(cause.excess_ns)) " more"
            @if let Some(part) = cause.share { " (" (share(part)) ")" }
            ", " (sentences::change(cause)) ": " (sentences::change_in_numbers(cause))
            @if let Some(dominance) = sentences::dominance(cause, &review.header) { "; " (dominance) }
            @if let Some(failures) = sentences::failures(cause) { "; " (failures) }
            "."
            @if let Some(example) = &cause.example_trace_id {
                " Example: " code { (example) } "."
            }
            @if !cause.facts.is_empty() {
                ul.traits {
                    @for fact in &cause.facts {
                        li {
                            code { (fact.name) " = " (shortened(&fact.value)) }
                            " " (sentences::fact_shares(fact))
                        }
                    }
                }
            }
        }
    }
}

/// A value may be a whole statement.
fn shortened(value: &str) -> String {
    const MOST: usize = 160;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.into(),
    }
}

/// The id of a trace, to be copied.
pub(super) fn trace_id(trace: &TraceRef) -> Markup {
    html! { code { (trace.trace_id) } }
}
