//! The report as one HTML page: the answer, then numbers, then evidence.

mod chart;
mod review;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{glossary, sentences, since};
use crate::tuesday::model::TuesdayReport;

/// The style sheet of the page.
pub(crate) const STYLE: &str = include_str!("html/report.css");

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
                        (review::section(report, found, place + 1))
                    }
                    (deployments(report))
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
                        li {
                            a href={ "#g" (place + 1) } {
                                strong { (sentences::group_name(&review.header)) }
                                ": " (sentences::finding(review))
                            }
                        }
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

/// The versions that came in the range.
fn deployments(report: &TuesdayReport) -> Markup {
    html! {
        @if !report.deployments.is_empty() {
            section #deployments aria-labelledby="deployments-title" {
                h2 #deployments-title { "Deployments" }
                ul {
                    @for deployment in report.deployments.iter().take(tables::MOST_ROWS) {
                        li { (since::deployment(deployment)) }
                    }
                }
                (tables::rest(report.deployments.len(), tables::MOST_ROWS.min(report.deployments.len()), "deployment"))
                (tables::sql(&report.deployments_sql))
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
                @for (word, meaning) in glossary::WORDS {
                    dt { (word) }
                    dd { (meaning) }
                }
            }
        }
    }
}
