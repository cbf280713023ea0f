//! One trace: when each span ran and where the critical path goes.

use maud::{Markup, html};

use super::{Room, bar, hatching, label, percent};
use crate::format::{count, duration};
use crate::render::sentences;
use crate::tuesday::model::{GroupReview, Segment, Waterfall, WaterfallRow};

const ROW_HEIGHT: usize = 34;
/// Above the rows stand the times.
const TOP: usize = 24;
const BAR_TOP: usize = 18;
const BAR_HEIGHT: usize = 11;
/// Pixels by which a child is moved to the right, and the deepest that are.
const INDENT: usize = 9;
const DEEPEST: u32 = 14;
/// Characters of a label that is not moved to the right, and the fewest of one that is.
const ROOM: Room = Room { narrow: 36, wide: 110 };
const FEWEST_CHARS: usize = 20;
/// More times would touch each other on a phone.
const MOST_TICKS: usize = 5;

/// The chart with its legend.
pub(in super::super) fn figure(review: &GroupReview, number: usize) -> Markup {
    let waterfall = &review.waterfall;
    let axis = Axis::of(waterfall);
    let hatch = format!("w{number}");
    let height = TOP + waterfall.rows.len() * ROW_HEIGHT;
    html! {
        figure {
            svg.chart role="img" aria-labelledby={ "w" (number) "-t w" (number) "-d" }
                width="100%" height=(height) {
                title #{ "w" (number) "-t" } { "Waterfall of trace " (waterfall.trace_id) }
                desc #{ "w" (number) "-d" } { (description(waterfall)) }
                (hatching(&hatch))
                @for tick in axis.ticks() {
                    @let place = axis.place(tick);
                    @let anchor = match place { p if p < 4.0 => "start", p if p > 94.0 => "end", _ => "middle" };
                    line.grid x1=(percent(place)) x2=(percent(place)) y1=(TOP - 6) y2=(height) {}
                    text.tick x=(percent(place)) y="12" text-anchor=(anchor) {
                        @if tick == 0 { "0" } @else { (duration(tick as f64)) }
                    }
                }
                @for (row, y) in waterfall.rows.iter().zip((TOP..).step_by(ROW_HEIGHT)) {
                    (line(row, sentences::is_heavy(row, waterfall), &axis, &hatch, y))
                }
            }
            figcaption {
                "Filled and outlined: the critical path, that is, what the response waits for at each moment. "
                "Hatched: other work. The number is the row's time on the critical path, bold from 5 % on."
                @if let Some(moved) = sentences::moved(waterfall) { " " (moved) }
                @if let Some(hidden) = sentences::hidden(waterfall) { " " (hidden) }
            }
        }
    }
}

fn line(row: &WaterfallRow, is_heavy: bool, axis: &Axis, hatch: &str, y: usize) -> Markup {
    let depth = row.depth.min(DEEPEST);
    let left = |room: usize| room.saturating_sub(depth as usize * 3 / 2).max(FEWEST_CHARS);
    let room = Room { narrow: left(ROOM.narrow), wide: left(ROOM.wide) };
    let class = if is_heavy { "label heavy" } else { "label" };
    let place = |s: &Segment| {
        (axis.place(s.start_offset_ns), axis.place(s.start_offset_ns + s.duration_ns))
    };
    html! {
        (label(class, &name(row), room, depth as usize * INDENT, y + 13))
        @if row.critical_path_ns > 0 {
            text.heavy[is_heavy] x="100%" y=(y + 13) text-anchor="end" { (duration(row.critical_path_ns as f64)) }
        }
        @for (from, to) in row.segments.iter().map(place) {
            (bar("bar thin", Some(hatch), from, to, y + BAR_TOP, BAR_HEIGHT))
        }
        @for (from, to) in row.critical_segments.iter().map(place) {
            (bar("bar slow", None, from, to, y + BAR_TOP, BAR_HEIGHT))
        }
    }
}

/// What failed, was moved or was repeated stands first, as the end of a name may be cut off.
fn name(row: &WaterfallRow) -> String {
    let calls =
        if row.call_count > 1 { format!("{} x ", count(row.call_count)) } else { String::new() };
    let remarks: String = sentences::errors(row)
        .into_iter()
        .chain(sentences::clock(row))
        .map(|remark| format!("[{remark}] "))
        .collect();
    format!("{remarks}{calls}{}", sentences::name(&row.service_name, &row.span_name))
}

/// Time across the chart.
struct Axis {
    from_ns: f64,
    length_ns: f64,
}

impl Axis {
    fn of(waterfall: &Waterfall) -> Self {
        let from_ns = waterfall.from_offset_ns as f64;
        Self { from_ns, length_ns: (waterfall.to_offset_ns as f64 - from_ns).max(1.0) }
    }

    fn place(&self, offset_ns: i64) -> f64 {
        (offset_ns as f64 - self.from_ns) / self.length_ns * 100.0
    }

    /// Round times from the root's start on, at equal distances.
    fn ticks(&self) -> Vec<i64> {
        let last = self.from_ns + self.length_ns;
        let steps =
            (0..19).flat_map(|power| [1, 2, 5].map(|step| step as f64 * 10_f64.powi(power)));
        let mut steps = steps.skip_while(|step| last / step >= MOST_TICKS as f64);
        let step = steps.next().unwrap_or(last.max(1.0));
        (0..MOST_TICKS)
            .map(|tick| tick as f64 * step)
            .take_while(|at| *at <= last)
            .map(|at| at as i64)
            .collect()
    }
}

/// The rows that take most of the critical path, in words.
fn description(waterfall: &Waterfall) -> String {
    let mut rows: Vec<&WaterfallRow> =
        waterfall.rows.iter().filter(|row| row.critical_path_ns > 0).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.critical_path_ns));
    let texts: Vec<String> = rows
        .iter()
        .take(5)
        .map(|row| format!("{} {}", name(row), duration(row.critical_path_ns as f64)))
        .collect();
    format!(
        "{} rows for {}. Most of the critical path: {}. All numbers stand in the table below.",
        waterfall.rows.len(),
        sentences::plural(waterfall.span_count, "span"),
        texts.join(", ")
    )
}
