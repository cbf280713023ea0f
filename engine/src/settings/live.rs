//! Settings of the live write path.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What to do at the start with a damaged write-ahead log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnCorruption {
    /// Do not start; the error names the file and the offset.
    #[default]
    Refuse,
    /// Keep the damaged file as `*.corrupt`, go on with the rest, and count what was lost.
    Quarantine,
}

/// Settings of the write-ahead log, the memtable and the flush.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveSettings {
    /// Folder of the write-ahead log, on a local disk. It belongs to one process and one lake.
    /// Default: `wal` in the folder of the lake.
    pub wal_dir: PathBuf,
    /// Size that the log may reach, in bytes. At 80 % of it requests are told to come again later.
    pub wal_max_bytes: u64,
    /// Size of one file of the log, in bytes; at most an eighth of `wal_max_bytes` is used.
    pub wal_segment_bytes: u64,
    /// Requests that may wait for the log, in bytes of payload and Arrow.
    pub queue_max_bytes: u64,
    /// Unflushed spans at which a flush starts, in bytes of Arrow.
    pub memtable_flush_bytes: u64,
    /// Unflushed spans at which requests are told to come again later, in bytes of Arrow.
    pub memtable_max_bytes: u64,
    /// Age at which the oldest unflushed span is flushed, in milliseconds.
    pub flush_age_ms: u64,
    /// What to do at the start with a damaged log: `refuse` or `quarantine`.
    pub on_corruption: OnCorruption,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            wal_dir: PathBuf::new(),
            wal_max_bytes: 4 << 30,
            wal_segment_bytes: 64 << 20,
            queue_max_bytes: 256 << 20,
            memtable_flush_bytes: 256 << 20,
            memtable_max_bytes: 1 << 30,
            flush_age_ms: 10_000,
            on_corruption: OnCorruption::Refuse,
        }
    }
}

impl LiveSettings {
    /// Size of a segment: small enough that one which is still written does not fill the log by itself.
    pub(crate) fn segment_bytes(&self) -> u64 {
        self.wal_segment_bytes.min(self.wal_max_bytes / 8).max(1)
    }

    /// Size of the log from which no more requests are taken.
    pub(crate) fn wal_busy_bytes(&self) -> u64 {
        self.wal_max_bytes / 5 * 4
    }

    pub(crate) fn flush_age(&self) -> Duration {
        Duration::from_millis(self.flush_age_ms)
    }
}
