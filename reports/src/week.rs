//! The time that a report covers: an ISO week, or from one moment to another.

use std::fmt;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc, Weekday};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::instant;

/// A half-open stretch of time, `[from, to)`, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The first moment in it.
    #[serde(with = "instant")]
    from: DateTime<Utc>,
    /// The first moment after it.
    #[serde(with = "instant")]
    to: DateTime<Utc>,
    /// The ISO week it was given as, for example `2026-W46`.
    week: Option<String>,
}

impl Range {
    /// An ISO 8601 week such as `2026-W46`: Monday 00:00 UTC up to the next Monday.
    ///
    /// # Errors
    ///
    /// [`Error::BadWeek`] for another form, and for a week 53 that the year does not have.
    pub fn week(text: &str) -> Result<Self> {
        let bad = |reason: String| Error::BadWeek { text: shorten(text), reason };
        let (year, week) = text
            .trim()
            .split_once(['-', '_'])
            .and_then(|(year, week)| Some((year, week.strip_prefix(['W', 'w'])?)))
            .filter(|(year, week)| year.len() == 4 && (1..=2).contains(&week.len()))
            .filter(|(year, week)| year.bytes().chain(week.bytes()).all(|b| b.is_ascii_digit()))
            .and_then(|(year, week)| Some((year.parse::<i32>().ok()?, week.parse::<u32>().ok()?)))
            .ok_or_else(|| bad("it is not a year, `-W` and a week".into()))?;
        let monday = NaiveDate::from_isoywd_opt(year, week, Weekday::Mon)
            .ok_or_else(|| bad(format!("{year} has the weeks 1 to {}", weeks_of(year))))?;
        let next = monday
            .checked_add_days(Days::new(7))
            .ok_or_else(|| bad("it is outside the calendar".into()))?;
        let range = Self {
            from: midnight(monday),
            to: midnight(next),
            week: Some(format!("{year:04}-W{week:02}")),
        };
        range.check(text)
    }

    /// From one moment up to, and without, another. A date means its first moment in UTC.
    ///
    /// # Errors
    ///
    /// [`Error::BadRange`] for a text that is no moment, and for an end not after its start.
    pub fn between(from: &str, to: &str) -> Result<Self> {
        let text = format!("{from} to {to}");
        let range = Self { from: moment(from)?, to: moment(to)?, week: None };
        if range.from >= range.to {
            let reason = "the end is not after the start".into();
            return Err(Error::BadRange { text: shorten(&text), reason });
        }
        range.check(&text)
    }

    /// The week that ended last at that moment: what a team reviews on the Tuesday after.
    ///
    /// # Errors
    ///
    /// [`Error::BadWeek`] only for moments outside the years 1678 to 2261.
    pub fn week_before(now: DateTime<Utc>) -> Result<Self> {
        let text = instant::to_text(&now);
        let day = now.date_naive().checked_sub_days(Days::new(7));
        match day {
            Some(day) => Self::week(&iso_week(day)),
            None => Err(Error::BadWeek { text, reason: "it is outside the calendar".into() }),
        }
    }

    /// The range of the same length that ends where this one starts; of a week the week before. `None` before
    /// the year 1678.
    pub fn before(&self) -> Option<Self> {
        let from = self.from.checked_sub_signed(self.to - self.from)?;
        let week = self.week.as_ref().map(|_| iso_week(from.date_naive()));
        let range = Self { from, to: self.from, week };
        range.check("").ok()
    }

    /// From the earliest to the latest of some moments, both included.
    pub(crate) fn spanning(first_ns: i64, last_ns: i64) -> Self {
        let to = instant::from_nanos(last_ns.saturating_add(1));
        Self { from: instant::from_nanos(first_ns), to, week: None }
    }

    /// The first moment in the range.
    pub fn from(&self) -> DateTime<Utc> {
        self.from
    }

    /// The first moment after the range.
    pub fn to(&self) -> DateTime<Utc> {
        self.to
    }

    /// The ISO week that the range was given as, for example `2026-W46`.
    pub fn iso_week(&self) -> Option<&str> {
        self.week.as_deref()
    }

    /// The ISO week of the last moment of the range.
    pub(crate) fn last_week(&self) -> String {
        iso_week((self.to - chrono::Duration::nanoseconds(1)).date_naive())
    }

    /// Times in the lake are signed 64-bit nanoseconds; a range outside them could not be asked for.
    fn check(self, text: &str) -> Result<Self> {
        let representable = |moment: &DateTime<Utc>| moment.timestamp_nanos_opt().is_some();
        if representable(&self.from) && representable(&self.to) {
            return Ok(self);
        }
        let reason = "only the years 1678 to 2261 can be stored".into();
        Err(Error::BadRange { text: shorten(text), reason })
    }
}

impl fmt::Display for Range {
    /// `2026-W46 (2026-11-09 to 2026-11-16 UTC)`, or the two moments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (brief(&self.from), brief(&self.to));
        match &self.week {
            Some(week) => write!(f, "{week} ({from} to {to} UTC)"),
            None => write!(f, "{from} to {to} UTC"),
        }
    }
}

/// A date, or date and time to the second where there is one.
fn brief(moment: &DateTime<Utc>) -> String {
    let at_midnight = moment.time() == NaiveTime::MIN;
    moment.format(if at_midnight { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
}

fn moment(text: &str) -> Result<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(midnight(date));
    }
    let moment = DateTime::parse_from_rfc3339(text).map_err(|_| Error::BadRange {
        text: shorten(text),
        reason: "it is neither a date nor an RFC 3339 time with its zone".into(),
    })?;
    Ok(moment.with_timezone(&Utc))
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

fn iso_week(date: NaiveDate) -> String {
    let week = date.iso_week();
    format!("{:04}-W{:02}", week.year(), week.week())
}

/// 52 or 53: the week of 28 December is always the last of its year (ISO 8601).
fn weeks_of(year: i32) -> u32 {
    NaiveDate::from_ymd_opt(year, 12, 28).map_or(52, |date| date.iso_week().week())
}

/// A text that is no week may be a whole document.
fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests;
