//! The report as one HTML page: the answer, then numbers, then evidence.

mod chart;
mod review;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::sentences;
use crate::tuesday::model::TuesdayReport;

/// The style sheet of the page.
const STYLE: &str = include_str!("html/report.css");

/// The whole page.
pub(super) fn page(report: &TuesdayReport) -> String {
    let title = sentences::title(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="Spanlake";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Trace Tuesday" }
                    p.range { (report.range) }
                    p { (sentences::scope(report)) }
                }
                main {
                    (answers(report))
                    @for (place, found) in report.reviews.iter().enumerate() {
                        (review::section(found, place + 1))
                    }
                    (tables::groups(report))
                    (tables::small_groups(report))
                    (tables::questions(report))
                    (method())
                }
            }
        }
    }
    .into_string()
}

/// One sentence per root operation, each a way to its section.
fn answers(report: &TuesdayReport) -> Markup {
    html! {
        section #answers aria-labelledby="answers-title" {
            h2 #answers-title { "What takes the time" }
            @if report.reviews.is_empty() {
                p { "No root operation of this range has slow traces to review." }
            } @else {
                ol.answers {
                    @for (place, review) in report.reviews.iter().enumerate() {
                        li { a href={ "#g" (place + 1) } { (sentences::verdict(review)) } }
                    }
                }
            }
            @if !report.questions.is_empty() {
                p.muted {
                    a href="#questions" {
                        (sentences::plural(report.questions.len() as u64, "question")) " about the data"
                    }
                    " may change the answers."
                }
            }
        }
    }
}

/// What the words of the report mean.
fn method() -> Markup {
    html! {
        section #method aria-labelledby="method-title" {
            h2 #method-title { "How to read this" }
            dl.method {
                dt { "Root operation" }
                dd { "Service and name of the root span. Each is reviewed by itself, because a slow "
                     "operation is not a slow trace of a fast one." }
                dt { "Slow traces" }
                dd { "With n complete traces, the k = 1 % with the longest root spans, rounded up, and "
                     "those as long as the last of them. Below 368 traces p99 has no upper bound, so 5 % "
                     "are reviewed; below 72 none." }
                dt { "Typical traces" }
                dd { "Those from the 40th to the 60th percentile of the same root operation and range." }
                dt { "Critical path" }
                dd { "At each moment of a trace the one span that the response waits for. Its times add "
                     "up to the root span's duration." }
                dt { "Excess" }
                dd { "Mean critical-path time of an operation in slow traces minus that in typical ones. "
                     "The excesses of all operations add up to the difference between the two." }
                dt { "Main cause" }
                dd { "Of one slow trace: the operation with the largest excess. It tells a mixture of "
                     "problems from one." }
                dt { "Percentiles" }
                dd { "Nearest rank: observed values. In brackets is the range that holds the true one "
                     "with 95 % certainty." }
                dt { "Time lost" }
                dd { "Sum over the slow traces of duration minus median." }
            }
        }
    }
}
