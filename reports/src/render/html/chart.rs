//! Charts: inline SVG without a view box.
//!
//! Places along the time axis are percentages and all else is pixels, so that bars
//! stretch with the page while text keeps its size, on a phone as on a desktop. Colour
//! never speaks alone: what is slow or on the critical path is filled and outlined,
//! the rest is hatched.

pub(super) mod causes;
pub(super) mod distribution;
pub(super) mod waterfall;

use maud::{Markup, html};

/// Narrower bars cannot be seen, in percent of the width.
const THINNEST: f64 = 0.3;

/// A place or width along the axis, in percent with two decimals.
fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

/// The hatching of this chart's bars, under an id of its own.
fn hatching(id: &str) -> Markup {
    html! {
        defs {
            pattern #(id) width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect.hatch-back width="6" height="6" {}
                line.hatch-line x1="0" y1="0" x2="0" y2="6" {}
            }
        }
    }
}

/// A bar from one place to another, at least as wide as can be seen.
fn bar(class: &str, fill: Option<&str>, from: f64, to: f64, y: usize, height: usize) -> Markup {
    let width = (to - from).max(THINNEST);
    let fill = fill.map(|id| format!("url(#{id})"));
    html! {
        rect class=(class) fill=[fill] x=(percent(from.min(100.0 - THINNEST))) y=(y)
            width=(percent(width)) height=(height) {}
    }
}

/// How many characters of a label fit on a phone, and on a wide page.
#[derive(Debug, Clone, Copy)]
struct Room {
    narrow: usize,
    wide: usize,
}

/// A text that leaves room for the number to its right; the style sheet shows the form that fits the page.
fn label(class: &str, text: &str, room: Room, x: usize, y: usize) -> Markup {
    let (narrow, wide) = (shortened(text, room.narrow), shortened(text, room.wide));
    let one = |class: String, shown: &str| {
        html! { text class=(class) x=(x) y=(y) { title { (text) } (shown) } }
    };
    if narrow == wide {
        return one(class.into(), &narrow);
    }
    html! {
        (one(format!("{class} narrow"), &narrow))
        (one(format!("{class} wide"), &wide))
    }
}

/// The text, or as much of it as fits, with its end cut off.
fn shortened(text: &str, most_chars: usize) -> String {
    if text.chars().count() <= most_chars {
        return text.into();
    }
    let kept: String = text.chars().take(most_chars.saturating_sub(1)).collect();
    format!("{}\u{2026}", kept.trim_end())
}
