//! Rollups: what the spans of an assembled file come to, by operation or edge and stretch of time.
//!
//! ```text
//! build   while a file is assembled, its spans are counted by minute, hour and day
//! codes   their texts as numbers
//! calls   which of them are calls, and of which edge
//! groups  counting
//! file    what that gives lies beside the lake's tables, some files for each data file
//! cache   hours and days of the files last asked about, in memory
//! ```
//!
//! A rollup belongs to one data file, and neither ever changes. So whoever knows which data files are
//! the table knows which rollups are right, and no commit is needed to keep the two together. Edges
//! follow from trees: those of a file are right for as long as no trace in it gets late spans.

mod build;
mod cache;
mod calls;
mod codes;
mod file;
mod groups;

use schema::rollups::{
    CLIENT_SERVICE, CONNECTION_TYPE, IS_FAILED, OPERATION_TEXTS, SERVER_SERVICE,
};

pub(crate) use build::RollupBuilder;
pub(crate) use cache::RollupCache;
pub(crate) use file::{Rollup, delete, read_schema};

/// Version of what is in a rollup. Those of another version are not looked at.
const VERSION: &str = "1";

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    /// The rows of `spans`, by operation.
    Operations,
    /// The rows of the view `edges`, by caller and callee.
    Edges,
}

impl Subject {
    pub(crate) const ALL: [Self; 2] = [Self::Operations, Self::Edges];

    /// The table whose rows are counted.
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Operations => "spans",
            Self::Edges => "edges",
        }
    }

    /// The columns that all rows of a group agree in, but for time and weight.
    pub(crate) fn dimensions(self) -> &'static [&'static str] {
        match self {
            Self::Operations => &OPERATION_TEXTS,
            Self::Edges => &[CLIENT_SERVICE, SERVER_SERVICE, CONNECTION_TYPE, IS_FAILED],
        }
    }

    /// The name of the table that shows the buckets of a level.
    pub(crate) fn table_of(self, level: Level) -> String {
        let name = match self {
            Self::Operations => "operations",
            Self::Edges => "edges",
        };
        format!("{name}_{}", level.suffix())
    }
}

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

    /// The first start of a bucket that is not before a moment.
    pub(crate) fn start_from(self, time_ns: i64) -> i64 {
        let start = self.start_of(time_ns);
        // All time has no first and no last bucket.
        if start == time_ns || time_ns == i64::MIN || time_ns == i64::MAX {
            return time_ns;
        }
        start.saturating_add(self.nanos())
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

/// What the rollups of a file have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RollupParts {
    /// `None` if the file was assembled before there were rollups of the subject.
    operations: Option<Levels>,
    edges: Option<Levels>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Levels {
    levels: u8,
    /// Size of the object with the minutes, if there is one: it is read in parts.
    minute_bytes: u64,
}

impl RollupParts {
    /// As the tags of a data file say. Anything but what this version writes says that there is nothing.
    pub(crate) fn from_tags<'a>(tag: impl Fn(Subject) -> Option<&'a str>) -> Self {
        let levels = |subject| tag(subject).map(|levels| Levels::parse(levels).unwrap_or_default());
        Self { operations: levels(Subject::Operations), edges: levels(Subject::Edges) }
    }

    /// As it stands in the tag of a data file; `None` if nothing is known.
    pub(crate) fn tag(self, subject: Subject) -> Option<String> {
        self.of(subject).map(Levels::tag)
    }

    /// Whether there is nothing.
    pub fn is_empty(self) -> bool {
        let is_empty = |subject| self.of(subject).is_none_or(|levels| levels.levels == 0);
        Subject::ALL.into_iter().all(is_empty)
    }

    /// Whether assembling the file again would add a rollup that there was none of then.
    pub(crate) fn is_outdated(self) -> bool {
        Subject::ALL.into_iter().any(|subject| self.of(subject).is_none())
    }

    pub(crate) fn has(self, subject: Subject, level: Level) -> bool {
        self.of(subject).is_some_and(|levels| levels.has(level))
    }

    pub(crate) fn minute_bytes(self, subject: Subject) -> u64 {
        self.of(subject).map_or(0, |levels| levels.minute_bytes)
    }

    fn of(self, subject: Subject) -> Option<Levels> {
        match subject {
            Subject::Operations => self.operations,
            Subject::Edges => self.edges,
        }
    }

    fn set(&mut self, subject: Subject, levels: Levels) {
        match subject {
            Subject::Operations => self.operations = Some(levels),
            Subject::Edges => self.edges = Some(levels),
        }
    }
}

impl Levels {
    fn has(self, level: Level) -> bool {
        self.levels & (1 << level as u8) != 0
    }

    fn add(&mut self, level: Level) {
        self.levels |= 1 << level as u8;
    }

    fn tag(self) -> String {
        let levels = Level::COARSE_TO_FINE.into_iter().filter(|level| self.has(*level));
        let names: Vec<&str> = levels.map(Level::suffix).collect();
        format!("{VERSION}:{}:{}", names.join(","), self.minute_bytes)
    }

    fn parse(tag: &str) -> Option<Self> {
        let mut parts = tag.split(':');
        let (Some(VERSION), Some(names), Some(Ok(minute_bytes)), None) =
            (parts.next(), parts.next(), parts.next().map(str::parse), parts.next())
        else {
            return None;
        };
        let mut found = Self { levels: 0, minute_bytes };
        for level in Level::COARSE_TO_FINE {
            if names.split(',').any(|name| name == level.suffix()) {
                found.add(level);
            }
        }
        Some(found)
    }
}
