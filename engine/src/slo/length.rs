//! Lengths of time as OpenSLO writes them, and the windows over which objectives count.

use chrono::{DateTime, Datelike, Days, Months, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::document::{Node, Result};

/// A whole number of a unit: `5m`, `1h`, `30d`, `4w`, `1M`, `1Q`, `1Y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    count: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Length {
    /// So many minutes.
    pub const fn of_minutes(count: u32) -> Self {
        Self { count, unit: Unit::Minute }
    }

    /// Reads `5m`; upper and lower case differ.
    pub(super) fn read(node: &Node<'_>) -> Result<Self> {
        let text = node.text()?;
        Self::parse(&text).ok_or_else(|| {
            node.wrong(format!(
                "`{text}` is no length of time; write a whole number and one of m, h, d, w, M \
                 (months), Q, Y, as in 30d"
            ))
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let count = text[..digits].parse().ok()?;
        let unit = match &text[digits..] {
            "m" => Unit::Minute,
            "h" => Unit::Hour,
            "d" => Unit::Day,
            "w" => Unit::Week,
            "M" => Unit::Month,
            "Q" => Unit::Quarter,
            "Y" => Unit::Year,
            _ => return None,
        };
        Some(Self { count, unit })
    }

    /// In minutes. A month that rolls has 30 days, a quarter 90 and a year 365.
    pub fn minutes(self) -> u64 {
        const DAY: u64 = 24 * 60;
        let one = match self.unit {
            Unit::Minute => 1,
            Unit::Hour => 60,
            Unit::Day => DAY,
            Unit::Week => 7 * DAY,
            Unit::Month => 30 * DAY,
            Unit::Quarter => 90 * DAY,
            Unit::Year => 365 * DAY,
        };
        u64::from(self.count) * one
    }

    /// So many of it after a moment of the calendar.
    fn after(self, start: NaiveDateTime, times: u32) -> Option<NaiveDateTime> {
        let count = self.count.checked_mul(times)?;
        match self.unit {
            Unit::Minute => start.checked_add_signed(TimeDelta::minutes(count.into())),
            Unit::Hour => start.checked_add_signed(TimeDelta::hours(count.into())),
            Unit::Day => start.checked_add_days(Days::new(count.into())),
            Unit::Week => start.checked_add_days(Days::new(u64::from(count) * 7)),
            Unit::Month => start.checked_add_months(Months::new(count)),
            Unit::Quarter => start.checked_add_months(Months::new(count.checked_mul(3)?)),
            Unit::Year => start.checked_add_months(Months::new(count.checked_mul(12)?)),
        }
    }
}

/// The time over which an objective counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last so long.
    Rolling(Length),
    /// The month, week or so of the calendar.
    Calendar {
        /// How long each is.
        length: Length,
        /// When one of them began.
        start: NaiveDateTime,
        /// In which time zone.
        zone: Tz,
    },
}

/// The calendar is written down up to there.
const LAST_YEAR: i32 = 2100;
/// Windows of the calendar that are written down at most.
const MOST_WINDOWS: u32 = 4_000;

impl Window {
    /// How long it is, or nearly so.
    pub fn minutes(self) -> u64 {
        match self {
            Self::Rolling(length) | Self::Calendar { length, .. } => length.minutes(),
        }
    }

    /// The windows of the calendar, from the first on.
    pub(super) fn of_calendar(self) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let Self::Calendar { length, start, zone } = self else { return Vec::new() };
        let moment = |times| {
            let local = length.after(start, times).filter(|local| local.year() < LAST_YEAR)?;
            // What the clock never shows in spring is an hour later, as people understand it.
            let shown = zone.from_local_datetime(&local).earliest();
            let shown = shown
                .or_else(|| zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest());
            shown.map(|moment| moment.with_timezone(&Utc))
        };
        let bounds: Vec<DateTime<Utc>> = (0..=MOST_WINDOWS).map_while(moment).collect();
        bounds.windows(2).map(|pair| (pair[0], pair[1])).collect()
    }

    /// Reads an item of OpenSLO's `timeWindow`.
    pub(super) fn read(node: &Node<'_>) -> Result<Self> {
        node.only(&["duration", "isRolling", "calendar"])?;
        let length = Length::read(&node.need("duration")?)?;
        if length.minutes() == 0 {
            return Err(node.wrong("a window of no length holds nothing; write 30d"));
        }
        let is_rolling = node.optional("isRolling", Node::truth)?;
        let calendar = node.get("calendar");
        match (is_rolling, calendar) {
            (Some(true) | None, None) => Ok(Self::Rolling(length)),
            (Some(true), Some(calendar)) => {
                Err(calendar.wrong("a rolling window has no `calendar`; leave one of them out"))
            }
            (Some(false), None) => Err(node.wrong(
                "a window that does not roll needs `calendar` with `startTime` and `timeZone`",
            )),
            (_, Some(calendar)) => Self::read_calendar(length, &calendar),
        }
    }

    fn read_calendar(length: Length, calendar: &Node<'_>) -> Result<Self> {
        calendar.only(&["startTime", "timeZone"])?;
        let start = calendar.need("startTime")?;
        let text = start.text()?;
        let parsed = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok());
        let parsed = parsed.ok_or_else(|| {
            start.wrong(format!("`{text}` is no time; write it as 2026-01-01 00:00:00"))
        })?;
        let zone = match calendar.get("timeZone") {
            None => Tz::UTC,
            Some(zone) => {
                let name = zone.text()?;
                name.parse().map_err(|_| {
                    zone.wrong(format!(
                        "`{name}` is no time zone; write its IANA name, as in Europe/Berlin"
                    ))
                })?
            }
        };
        Ok(Self::Calendar { length, start: parsed, zone })
    }
}
