//! What each operation adds to the difference between slow and typical traces.

use maud::{Markup, html};

use super::{Room, bar, hatching, label, percent};
use crate::format::{duration, share};
use crate::render::sentences;
use crate::tuesday::model::GroupReview;

const ROW_HEIGHT: usize = 42;
const BAR_TOP: usize = 20;
const BAR_HEIGHT: usize = 14;
const ROOM: Room = Room { narrow: 32, wide: 90 };

/// One bar.
struct Row {
    name: String,
    excess_ns: f64,
    share: Option<f64>,
    is_other: bool,
}

/// The chart with its legend.
pub(in super::super) fn figure(review: &GroupReview, number: usize) -> Markup {
    let rows = rows(review);
    let largest = rows.iter().map(|row| row.excess_ns).fold(0.0, f64::max);
    let smallest = rows.iter().map(|row| row.excess_ns).fold(0.0, f64::min);
    let span = (largest - smallest).max(1.0);
    let place = |ns: f64| (ns - smallest) / span * 100.0;
    let hatch = format!("c{number}");
    html! {
        @if rows.is_empty() {
            p { "No operation takes longer in slow traces than in typical ones." }
        } @else {
            figure {
                svg.chart role="img" aria-labelledby={ "c" (number) "-t c" (number) "-d" }
                    width="100%" height=(rows.len() * ROW_HEIGHT) {
                    title #{ "c" (number) "-t" } { "Excess per operation" }
                    desc #{ "c" (number) "-d" } { (description(&rows)) }
                    (hatching(&hatch))
                    @for (row, y) in rows.iter().zip((0..).step_by(ROW_HEIGHT)) {
                        (label("label", &row.name, ROOM, 0, y + 13))
                        text.heavy x="100%" y=(y + 13) text-anchor="end" { (value(row)) }
                        @let (from, to) = (place(row.excess_ns.min(0.0)), place(row.excess_ns.max(0.0)));
                        @if row.is_other {
                            (bar("bar", Some(&hatch), from, to, y + BAR_TOP, BAR_HEIGHT))
                        } @else {
                            (bar("bar slow", None, from, to, y + BAR_TOP, BAR_HEIGHT))
                        }
                        @if smallest < 0.0 {
                            @let (x, top) = (percent(place(0.0)), y + BAR_TOP - 3);
                            line.axis x1=(x) x2=(x) y1=(top) y2=(top + BAR_HEIGHT + 6) {}
                        }
                    }
                }
                figcaption {
                    "Time that a mean slow trace waits longer for each operation than a mean typical one, "
                    "and its share of the difference of " (duration(review.decomposition.gap_ns)) "."
                }
            }
        }
    }
}

fn rows(review: &GroupReview) -> Vec<Row> {
    let causes = review.causes.iter().map(|cause| Row {
        name: sentences::operation_name(cause),
        excess_ns: cause.excess_ns,
        share: cause.share,
        is_other: false,
    });
    let other = review.other.iter().map(|other| Row {
        name: sentences::plural(other.operation_count, "other operation"),
        excess_ns: other.excess_ns,
        share: other.share,
        is_other: true,
    });
    let mut rows: Vec<Row> = causes.collect();
    if !rows.is_empty() {
        rows.extend(other);
    }
    rows
}

fn value(row: &Row) -> String {
    let sign = if row.excess_ns > 0.0 { "+" } else { "" };
    let part = row.share.map_or_else(String::new, |part| format!(" ({})", share(part)));
    format!("{sign}{}{part}", duration(row.excess_ns))
}

fn description(rows: &[Row]) -> String {
    let texts: Vec<String> =
        rows.iter().map(|row| format!("{}: {}", row.name, value(row))).collect();
    format!("Bars. {}.", texts.join("; "))
}
