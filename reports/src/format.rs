//! Numbers as people read them. ASCII only, so that a terminal and a page agree.

/// Nanoseconds of each unit, with the unit's name.
const UNITS: [(f64, &str); 6] =
    [(1.0, "ns"), (1e3, "us"), (1e6, "ms"), (1e9, "s"), (60e9, "min"), (3600e9, "h")];

/// From how much of a unit on a single number is given in it: no "0.05 h", and seconds up to two minutes.
const FROM: [f64; 6] = [0.0, 1.0, 1.0, 1.0, 2.0, 2.0];

/// A duration in its own unit with three digits: `2.31 s`, `180 ms`, `-85.2 us`.
pub(crate) fn duration(ns: f64) -> String {
    let size = ns.abs();
    // 999.9 ms reads as 1 s.
    let fits = |unit: &usize| size / UNITS[*unit].0 >= FROM[*unit] * 0.9995;
    let unit = (0..UNITS.len()).rev().find(fits).unwrap_or(0);
    let (length, name) = UNITS[unit];
    format!("{} {name}", number(ns / length))
}

/// From one duration to another, with their unit once if they share it: `278 to 288 ms`.
pub(crate) fn interval(low_ns: f64, high_ns: f64) -> String {
    let (low, high) = (duration(low_ns), duration(high_ns));
    let unit = |text: &str| text.rsplit(' ').next().map(str::to_owned);
    match low.rsplit_once(' ').filter(|_| unit(&low) == unit(&high)) {
        Some((number, _)) => format!("{number} to {high}"),
        None => format!("{low} to {high}"),
    }
}

/// A number with three digits and no zeros behind them: `2.31`, `24`, `1,240`.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let decimals = match () {
        () if size >= 99.95 => 0,
        () if size >= 9.995 => 1,
        () => 2,
    };
    let text = grouped(value, decimals);
    let trimmed = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    if trimmed == "-0" { "0".into() } else { trimmed.into() }
}

/// A whole number with commas: `19,107`.
pub(crate) fn count(count: u64) -> String {
    with_commas(&count.to_string())
}

/// A share as a percentage: `71 %`, `2.2 %`, `0 %`.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent.abs() {
        small if small > 0.0 && small < 0.05 => "<0.1 %".into(),
        small if small < 9.95 => format!("{} %", trim(format!("{percent:.1}"))),
        // All but a few is not all.
        large if large < 100.0 => format!("{:.0} %", percent.clamp(-99.0, 99.0)),
        _ => format!("{percent:.0} %"),
    }
}

/// A part of a whole as a percentage; `0 %` of nothing.
pub(crate) fn percent_of(part: u64, whole: u64) -> String {
    share(if whole == 0 { 0.0 } else { part as f64 / whole as f64 })
}

/// One unit for a column of durations, so that they can be compared down the column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unit {
    length_ns: f64,
    decimals: usize,
    /// Its name, for the head of the column.
    pub(crate) name: &'static str,
}

impl Unit {
    /// The unit that suits the largest of some durations.
    pub(crate) fn of(durations_ns: impl IntoIterator<Item = f64>) -> Self {
        let largest = durations_ns.into_iter().map(f64::abs).fold(0.0, f64::max);
        let (length_ns, name) = match largest {
            small if small < 10e3 => UNITS[0],
            small if small < 10e6 => UNITS[1],
            // Milliseconds are the word of the trade: 2,310 ms rather than 2.310 s.
            medium if medium < 60e9 => UNITS[2],
            _ => UNITS[3],
        };
        let decimals = match largest / length_ns {
            _ if length_ns == 1.0 => 0,
            large if large >= 1e3 => 0,
            large if large >= 100.0 => 1,
            _ => 2,
        };
        Self { length_ns, decimals, name }
    }

    /// The number of a duration in this unit; `<1` of what is too short for a digit and not zero.
    pub(crate) fn number(self, ns: f64) -> String {
        let text = grouped(ns / self.length_ns, self.decimals);
        let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
        let least = || grouped(0.1_f64.powi(self.decimals as i32), self.decimals);
        match is_zero {
            true if ns > 0.0 => format!("<{}", least()),
            true if ns < 0.0 => format!(">-{}", least()),
            _ => text,
        }
    }

    /// The number with its sign in front: `+1,510`.
    pub(crate) fn signed(self, ns: f64) -> String {
        let text = self.number(ns);
        if ns > 0.0 && !text.starts_with('<') { format!("+{text}") } else { text }
    }
}

fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}{rest}", with_commas(whole))
}

fn with_commas(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn trim(text: String) -> String {
    match text.strip_suffix(".0") {
        Some(whole) => whole.into(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
