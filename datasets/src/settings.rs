//! What a user may choose about a data set.

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};

/// Fewer spans cannot show every root operation.
const FEWEST_SPANS: u64 = 1_000;

/// More days make no better test and need ever larger tables of traffic.
const MOST_DAYS: u32 = 366;

const DAY_NS: u64 = 86_400_000_000_000;

/// A data set to generate. Equal settings give equal bytes, on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many spans to make, at least 1,000. The result differs by at most 5 %, as traces are whole.
    pub spans: u64,
    /// How many days the spans cover, 1 to 366. Incidents lie in the last seven of them.
    pub days: u32,
    /// When the first day begins. The default is the Monday of ISO week 2026-W46.
    pub start: DateTime<Utc>,
    /// Everything random follows from this number.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let start = DateTime::from_timestamp(1_794_182_400, 0).expect("a moment of the year 2026");
        Self { spans: 250_000, days: 7, start, seed: 46 }
    }
}

impl Settings {
    /// The first and the last nanosecond (exclusive) in which traces begin.
    pub(crate) fn range_ns(&self) -> Result<(u64, u64)> {
        let invalid = |reason: String| Err(Error::InvalidSettings { reason });
        if self.spans < FEWEST_SPANS {
            return invalid(format!("{} spans, of at least {FEWEST_SPANS}", self.spans));
        }
        if self.days == 0 || self.days > MOST_DAYS {
            return invalid(format!("{} days, of 1 to {MOST_DAYS}", self.days));
        }
        let length = u64::from(self.days) * DAY_NS;
        let start = self.start.timestamp_nanos_opt().and_then(|start| u64::try_from(start).ok());
        let end = start.and_then(|start| start.checked_add(length));
        match (start, end) {
            // A margin of a year below the limit of signed nanoseconds, for traces that run over.
            (Some(start), Some(end)) if end < i64::MAX as u64 - 366 * DAY_NS => Ok((start, end)),
            _ => invalid(format!("start {} is outside 1970 to 2261", self.start)),
        }
    }
}

#[cfg(test)]
mod tests;
