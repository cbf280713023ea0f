//! What leaves a lake, and when its bytes are gone.
//!
//! ```text
//! retention   whole days, by age                          files leave the table
//! thinning    of old days, traces that do not matter      files are written again without them
//! erasing     whole traces, wherever they lie             files are written again without them
//! vacuum      files that left the table, or never came    files are deleted
//! ```
//!
//! All but the last are commits: a query that runs sees all or nothing of them. Vacuum waits
//! until no query can need a file.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path;

use crate::error::Result;
use crate::paths;
use crate::snapshot::{DataFile, Snapshot};

/// A file that is no part of the table is somebody's who is still writing, unless it is older.
const LONGEST_WRITE: TimeDelta = TimeDelta::days(1);

/// More than one span in so many does not expire at once unless somebody says so: the clock may be wrong.
const MOST_AT_ONCE: u64 = 10;

/// What left the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Spans.
    pub spans: u64,
    /// Files that left the table or were written again.
    pub files: usize,
    /// By how much the table is smaller, in bytes.
    pub bytes: u64,
    /// The new table version; `None` if nothing was done.
    pub version: Option<u64>,
}

impl Removed {
    /// This and a later removal as one.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self {
            spans: self.spans + later.spans,
            files: self.files + later.files,
            bytes: self.bytes + later.bytes,
            version: later.version.or(self.version),
        }
    }
}

/// What is older than it should be.
#[derive(Debug, Clone)]
pub struct Expired {
    /// The first day that is kept.
    pub kept_from: NaiveDate,
    /// The days that go, in order, `YYYY-MM-DD`.
    pub days: BTreeSet<String>,
    /// Their spans.
    pub spans: u64,
    /// Their bytes.
    pub bytes: u64,
    /// All spans in files of the table.
    pub spans_of_table: u64,
    pub(crate) files: Vec<DataFile>,
    pub(crate) seen: Snapshot,
}

impl Expired {
    /// Only those files for which `is_due` holds.
    pub(crate) fn keep(&mut self, is_due: impl Fn(&DataFile) -> bool) {
        self.files.retain(is_due);
        self.days = self.files.iter().map(|file| file.date.clone()).collect();
        self.spans = self.files.iter().filter_map(|file| file.rows).sum();
        self.bytes = self.files.iter().map(|file| file.size_bytes).sum();
    }

    /// What of a snapshot is older than `days` whole days.
    pub(crate) fn of(snapshot: Snapshot, now: DateTime<Utc>, days: u32) -> Self {
        let kept_from = now.date_naive().checked_sub_days(Days::new(u64::from(days)));
        let kept_from = kept_from.unwrap_or(NaiveDate::MIN);
        // A partition that is no day is somebody else's.
        let is_expired =
            |file: &&DataFile| file.date.parse::<NaiveDate>().is_ok_and(|day| day < kept_from);
        let files: Vec<DataFile> = snapshot.files.iter().filter(is_expired).cloned().collect();
        let spans_of_table = snapshot.files.iter().filter_map(|file| file.rows).sum();
        let (days, spans, bytes) = Default::default();
        let mut all = Self { kept_from, days, spans, bytes, spans_of_table, files, seen: snapshot };
        all.keep(|_| true);
        all
    }

    /// Whether so much goes at once that the setting or the clock may be wrong: more than a tenth of all
    /// spans, of more than one day.
    pub fn is_suspicious(&self) -> bool {
        self.days.len() > 1 && self.spans * MOST_AT_ONCE > self.spans_of_table
    }
}

/// A file that is no part of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedFile {
    /// Path relative to the table.
    pub path: Path,
    /// Size in bytes; `None` if the log does not say.
    pub size_bytes: Option<u64>,
    /// Why it is there.
    pub why: Unused,
}

/// Why a file is there that is no part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unused {
    /// Another one took its place.
    Replaced,
    /// Its commit never came: its writer lost against another one, or died.
    NeverCommitted,
}

/// The data files that neither the table nor its history knows, and that nobody can still be writing.
pub(crate) async fn orphans(
    store: &dyn ObjectStore,
    snapshot: &Snapshot,
    history: &[Path],
    now: DateTime<Utc>,
) -> Result<Vec<UnusedFile>> {
    let known: HashSet<&Path> =
        snapshot.files.iter().map(|file| &file.path).chain(history).collect();
    let (folder, log) = (Path::from(paths::SPANS), Path::from(paths::TABLE_LOG));
    let mut orphans = Vec::new();
    let mut objects = store.list(Some(&folder));
    while let Some(object) = objects.try_next().await? {
        let Some(parts) = object.location.prefix_match(&folder) else { continue };
        let path: Path = parts.collect();
        if object.location.prefix_matches(&log)
            || path.extension() != Some("parquet")
            || now - object.last_modified < LONGEST_WRITE
            || known.contains(&path)
        {
            continue;
        }
        let size_bytes = Some(object.size);
        orphans.push(UnusedFile { path, size_bytes, why: Unused::NeverCommitted });
    }
    Ok(orphans)
}
