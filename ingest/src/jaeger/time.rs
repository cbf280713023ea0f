//! Times and durations: microseconds as numbers, or text of the storage model.
//!
//! Results are nanoseconds in 128 bits, so that no arithmetic here can overflow;
//! the table checks the range.

use crate::json::number;

/// Nanoseconds from a number of microseconds.
pub(super) fn micros(text: &str) -> Option<i128> {
    if let Some(micros) = number::integer(text) {
        return micros.checked_mul(1000);
    }
    let micros: f64 = text.parse().ok()?;
    Some((micros * 1000.0).round() as i128)
}

/// Nanoseconds since the epoch from RFC 3339 text such as `2017-01-26T16:46:31.6398-05:00`.
pub(super) fn rfc3339(text: &str) -> Option<i128> {
    let (date, rest) = text.split_at_checked(10)?;
    let (year, month, day) = (digits(date, 0, 4)?, digits(date, 5, 2)?, digits(date, 8, 2)?);
    let (clock, rest) = rest.split_at_checked(9)?;
    let (hour, minute, second) = (digits(clock, 1, 2)?, digits(clock, 4, 2)?, digits(clock, 7, 2)?);
    let separators =
        [date.as_bytes()[4], date.as_bytes()[7], clock.as_bytes()[3], clock.as_bytes()[6]];
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if separators != *b"--::" || !matches!(clock.as_bytes()[0], b'T' | b't' | b' ') || !in_range {
        return None;
    }
    let (nanos, zone) = fraction(rest)?;
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(i128::from(seconds - offset(zone)?) * 1_000_000_000 + i128::from(nanos))
}

/// Nanoseconds from text such as `5000ns`, `0.000005s` or `1m30s`.
pub(super) fn duration(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let nanos = match unit {
            "ns" => 1.0,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        // Whole nanoseconds are exact, whatever their number.
        let part = match number.parse::<i64>() {
            Ok(whole) if unit == "ns" => i128::from(whole),
            _ => (number.parse::<f64>().ok()? * nanos).round() as i128,
        };
        total = part.saturating_add(total);
        rest = tail;
    }
    Some(sign * total)
}

fn digits(text: &str, start: usize, len: usize) -> Option<i64> {
    let part = text.get(start..start + len)?;
    part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
}

/// Nanoseconds of a fraction of a second, and what follows it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let len = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = rest.split_at(len);
    if digits.is_empty() {
        return None;
    }
    let nanos = format!("{:0<9.9}", digits).parse().ok()?;
    Some((nanos, rest))
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first()? {
        b'Z' | b'z' if zone.len() == 1 => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let colon = zone.as_bytes().get(3) == Some(&b':') && zone.len() == 6;
    colon.then_some(())?;
    Some(sign * (digits(zone, 1, 2)? * 3600 + digits(zone, 4, 2)? * 60))
}

/// Days since the epoch of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have the leap day at their end.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests;
