//! How many traces of a root operation take how long.

use maud::{Markup, html};

use super::{bar, hatching, percent};
use crate::format::{count, duration};
use crate::tuesday::model::{Bin, GroupReview};

const HEIGHT: usize = 210;
/// Two lines of text stand above the bars.
const TOP: usize = 42;
const BOTTOM: usize = 186;
/// Where the bars begin, in percent: left of them stand the counts.
const LEFT: f64 = 9.0;
const RIGHT: f64 = 99.0;
/// More numbers would touch each other on a phone.
const MOST_TICKS: usize = 5;

/// The chart with its legend.
pub(in super::super) fn figure(review: &GroupReview, number: usize) -> Markup {
    let header = &review.header;
    let bins = &review.histogram;
    let axis = Axis::of(bins);
    let most = bins.iter().map(|bin| bin.trace_count).max().unwrap_or(1).max(1);
    let hatch = format!("d{number}");
    let (median, threshold) = (header.p50.value_ns, header.threshold_ns);
    let slow_label =
        format!("slowest {} % from {}", header.slowest_percent, duration(threshold as f64));
    html! {
        figure {
            svg.chart role="img" aria-labelledby={ "d" (number) "-t d" (number) "-d" }
                width="100%" height=(HEIGHT) {
                title #{ "d" (number) "-t" } { "Distribution of durations" }
                desc #{ "d" (number) "-d" } {
                    "Bars: number of traces by duration, both axes logarithmic. "
                    (count(header.trace_count)) " traces, median " (duration(median as f64)) ", "
                    (slow_label) ", longest " (duration(review.slowest.root_duration_ns as f64)) "."
                }
                (hatching(&hatch))
                @for value in powers_of_ten(most) {
                    @let y = height_of(value, most);
                    line.grid x1=(percent(LEFT)) x2=(percent(RIGHT)) y1=(y) y2=(y) {}
                    text.tick x=(percent(LEFT - 1.0)) y=(y + 4) text-anchor="end" { (compact(value)) }
                }
                @for bin in bins {
                    @if bin.trace_count > 0 {
                        @let top = height_of(bin.trace_count, most);
                        @let (from, to) = (axis.place(bin.from_ns), axis.place(bin.to_ns));
                        @if bin.is_slow {
                            (bar("bar slow", None, from, to, top, BOTTOM - top))
                        } @else {
                            (bar("bar", Some(&hatch), from, to, top, BOTTOM - top))
                        }
                    }
                }
                line.axis x1=(percent(LEFT)) x2=(percent(RIGHT)) y1=(BOTTOM) y2=(BOTTOM) {}
                @for value in axis.ticks() {
                    @let x = percent(axis.place(value));
                    line.axis x1=(x) x2=(x) y1=(BOTTOM) y2=(BOTTOM + 4) {}
                    text.tick x=(x) y=(BOTTOM + 18) text-anchor="middle" { (duration(value as f64)) }
                }
                (marker("marker median", axis.place(median), 32, &format!("median {}", duration(median as f64))))
                (marker("marker", axis.place(threshold), 14, &slow_label))
            }
            figcaption {
                "Number of traces by root duration; both axes are logarithmic. Filled bars are the slow traces."
            }
        }
    }
}

/// A vertical line with a text that stays inside the chart.
fn marker(class: &str, place: f64, y: usize, text: &str) -> Markup {
    let x = percent(place);
    let (anchor, shift) = if place < 50.0 { ("start", "5") } else { ("end", "-5") };
    html! {
        line class=(class) x1=(x) x2=(x) y1=(y - 10) y2=(BOTTOM) {}
        text.label x=(x) y=(y) dx=(shift) text-anchor=(anchor) { (text) }
    }
}

/// The logarithmic axis of durations.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn of(bins: &[Bin]) -> Self {
        let from = bins.first().map_or(1, |bin| bin.from_ns.max(1)) as f64;
        let to = bins.last().map_or(10, |bin| bin.to_ns) as f64;
        Self { from: from.ln(), to: to.ln().max(from.ln() + 1e-9) }
    }

    /// Where a duration stands, in percent of the chart's width.
    fn place(&self, ns: i64) -> f64 {
        let part = ((ns.max(1) as f64).ln() - self.from) / (self.to - self.from);
        LEFT + part.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    /// Round durations on the axis, ascending.
    fn ticks(&self) -> Vec<i64> {
        let steps: [&[i64]; 3] = [&[1, 2, 5], &[1, 3], &[1]];
        let fitting =
            steps.iter().map(|step| self.ticks_of(step)).find(|ticks| ticks.len() <= MOST_TICKS);
        fitting.unwrap_or_else(|| {
            let decades = self.ticks_of(&[1]);
            let every = decades.len().div_ceil(MOST_TICKS);
            decades.into_iter().step_by(every).collect()
        })
    }

    fn ticks_of(&self, steps: &[i64]) -> Vec<i64> {
        // A tick at the very edge would be cut off.
        let margin = (self.to - self.from) * 0.03;
        let inside = |ns: &i64| {
            let at = (*ns as f64).ln();
            self.from + margin <= at && at <= self.to - margin
        };
        let decades = (0..19).map(|exponent| 10_i64.pow(exponent));
        let all = decades
            .flat_map(|decade| steps.iter().filter_map(move |step| decade.checked_mul(*step)));
        all.filter(inside).collect()
    }
}

/// Where the top of a bar stands: the logarithm of its count, a little above the axis for 1.
fn height_of(traces: u64, most: u64) -> usize {
    let part = |count: u64| (count as f64).log10() + 0.35;
    let height = part(traces.max(1)) / part(most) * (BOTTOM - TOP) as f64;
    BOTTOM - (height.round() as usize).min(BOTTOM - TOP)
}

fn powers_of_ten(most: u64) -> impl Iterator<Item = u64> {
    (0..20).map(|exponent| 10_u64.pow(exponent)).take_while(move |value| *value <= most)
}

/// `1`, `10`, `1k`, `1M`.
fn compact(value: u64) -> String {
    match value {
        1_000_000.. => format!("{}M", value / 1_000_000),
        1_000.. => format!("{}k", value / 1_000),
        _ => value.to_string(),
    }
}
