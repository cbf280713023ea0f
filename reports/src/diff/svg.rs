//! The two traces as bars, in light and dark.

use maud::{PreEscaped, html};

use crate::format;
use crate::page::{Row, Table};

const STYLE: &str = include_str!("diff.css");

const WIDTH: f64 = 900.0;
const ROW: f64 = 34.0;
const BAR: f64 = 9.0;
const MARGIN: f64 = 12.0;
/// A level of the tree.
const INDENT: f64 = 12.0;
/// Deeper spans stand where these do.
const MOST_INDENTS: f64 = 14.0;
/// Where the bars begin.
const BARS: f64 = 380.0;
/// Rows of the drawing at most; the table has them all.
const MOST_ROWS: usize = 150;
/// Longer names are cut off; the title has them whole.
const MOST_CHARS: usize = 46;

/// The drawing of the first rows.
pub(super) fn drawing(spans: &Table) -> String {
    let end = |row: &Row<'_>, side: &str| {
        let offset = row.number(&format!("offset_{side}_ns"))?;
        Some(offset + row.number(&format!("duration_{side}_ns"))?)
    };
    let ends = spans.rows().flat_map(|row| [end(&row, "a"), end(&row, "b")]).flatten();
    let longest = ends.fold(1.0, f64::max);
    let rows: Vec<Row<'_>> = spans.rows().take(MOST_ROWS).collect();
    let height = MARGIN * 2.0 + ROW * rows.len() as f64;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" class="diff" role="img" aria-label="Both traces, span by span"
            width=(WIDTH) height=(height) viewBox={ "0 0 " (WIDTH) " " (height) } {
            style { (PreEscaped(STYLE)) }
            @for (place, row) in rows.iter().enumerate() { (line(row, MARGIN + ROW * place as f64, longest)) }
        }
    }
    .into_string()
}

fn line(row: &Row<'_>, y: f64, longest: f64) -> maud::Markup {
    let difference = row.text("difference");
    let class = match difference {
        "same" => "span",
        _ if row.holds("is_first") => "span differs first",
        _ => "span differs",
    };
    let name = format!("{} {}", row.text("service_name"), row.text("span_name"));
    let indent = row.number("depth").unwrap_or(0.0).min(MOST_INDENTS) * INDENT;
    let shown = shortened(&name, MOST_CHARS - (indent / INDENT) as usize);
    let scale = (WIDTH - MARGIN - BARS) / longest;
    let bar = |side: &str, top: f64| {
        let offset = row.number(&format!("offset_{side}_ns"));
        let duration = row.number(&format!("duration_{side}_ns"));
        html! {
            @if let (Some(offset), Some(duration)) = (offset, duration) {
                rect class=(side) x=(BARS + offset.max(0.0) * scale) y=(y + top)
                    width=((duration * scale).max(1.0)) height=(BAR) {
                    title { (side) ": " (format::duration(duration)) ", from " (format::duration(offset)) " on" }
                }
            }
        }
    };
    html! {
        g class=(class) {
            text x=(MARGIN + indent) y=(y + 13.0) { title { (name) } (shown) }
            @if difference != "same" {
                text.small x=(MARGIN + indent) y=(y + 27.0) {
                    (difference) @if row.holds("is_first") { ", first" }
                }
            }
            (bar("a", 3.0))
            (bar("b", 3.0 + BAR + 2.0))
        }
    }
}

fn shortened(name: &str, most: usize) -> String {
    match name.char_indices().nth(most) {
        Some((end, _)) => format!("{}\u{2026}", &name[..end]),
        None => name.into(),
    }
}
