//! Rollups: what the spans of an assembled file come to, by operation and stretch of time.
//!
//! ```text
//! build   while a file is assembled, its spans are counted by minute, hour and day
//! file    what that gives lies beside the lake's tables, one file for each data file
//! cache   hours and days of the files last asked about, in memory
//! ```
//!
//! A rollup belongs to one data file, and neither ever changes. So whoever knows which data files are
//! the table knows which rollups are right, and no commit is needed to keep the two together.

mod build;
mod cache;
mod file;

use std::fmt;
use std::str::FromStr;

pub(crate) use build::RollupBuilder;
pub(crate) use cache::RollupCache;
pub(crate) use file::{READ_SCHEMA, Rollup, delete};

/// Version of what is in a rollup. Those of another version are not looked at.
const VERSION: &str = "1";

/// The length of the buckets of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    Minute,
    Hour,
    Day,
}

impl Level {
    /// All, the longest first.
    pub(crate) const COARSE_TO_FINE: [Self; 3] = [Self::Day, Self::Hour, Self::Minute];

    pub(crate) fn nanos(self) -> i64 {
        let seconds = match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        };
        seconds * 1_000_000_000
    }

    /// The start of the bucket that a moment is in, in nanoseconds since the epoch.
    pub(crate) fn start_of(self, time_ns: i64) -> i64 {
        // The first bucket that there is has no start in range.
        time_ns.saturating_sub(time_ns.rem_euclid(self.nanos()))
    }

    /// As it is in the name of a table.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }
}

/// What the rollup of a file has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RollupParts {
    levels: u8,
    /// Size of the object with the minutes, if there is one: it is read in parts.
    minute_bytes: u64,
}

impl RollupParts {
    /// Whether there is nothing.
    pub fn is_empty(self) -> bool {
        self.levels == 0
    }

    pub(crate) fn has(self, level: Level) -> bool {
        self.levels & (1 << level as u8) != 0
    }

    pub(crate) fn minute_bytes(self) -> u64 {
        self.minute_bytes
    }

    fn add(&mut self, level: Level) {
        self.levels |= 1 << level as u8;
    }
}

/// As it stands in the tag of a data file.
impl fmt::Display for RollupParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels = Level::COARSE_TO_FINE.into_iter().filter(|level| self.has(*level));
        let names: Vec<&str> = levels.map(Level::suffix).collect();
        write!(f, "{VERSION}:{}:{}", names.join(","), self.minute_bytes)
    }
}

/// Anything but what this version writes says that there is nothing.
impl FromStr for RollupParts {
    type Err = std::convert::Infallible;

    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        let mut parts = tag.split(':');
        let (Some(VERSION), Some(names), Some(Ok(minute_bytes)), None) =
            (parts.next(), parts.next(), parts.next().map(str::parse), parts.next())
        else {
            return Ok(Self::default());
        };
        let mut found = Self { levels: 0, minute_bytes };
        for level in Level::COARSE_TO_FINE {
            if names.split(',').any(|name| name == level.suffix()) {
                found.add(level);
            }
        }
        Ok(found)
    }
}
