//! Settings of the assembly of traces.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of the assembly: fresh files become files of whole traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompactSettings {
    /// Age at which a fresh file is assembled, in milliseconds: spans of a trace should come within it.
    pub quiet_ms: u64,
    /// How often `serve` looks for work, in milliseconds; 0 switches assembly off.
    pub interval_ms: u64,
    /// Rows that are read, put in order and written as one; those of two units are in memory.
    pub unit_rows: usize,
    /// Rows that one commit rewrites at most.
    pub commit_rows: u64,
    /// Rows of a file that needs no more merging.
    pub file_rows: u64,
    /// Smaller files of one day are merged when there are so many.
    pub merge_files: usize,
    /// Percentage of the traces of a file that got late spans at which the file is assembled again.
    pub late_percent: u64,
    /// Age of late spans at which their files are assembled again whatever their number, in milliseconds.
    pub late_ms: u64,
    /// A file keeps sums and sketches by minute, hour or day if that is at most one row for so many spans; 0:
    /// always.
    pub rollup_spans_per_row: u64,
    /// Age at which files that were replaced are deleted, in milliseconds: longer than any query.
    pub vacuum_ms: u64,
}

impl Default for CompactSettings {
    fn default() -> Self {
        Self {
            quiet_ms: 60_000,
            interval_ms: 10_000,
            unit_rows: 128 << 10,
            commit_rows: 4 << 20,
            file_rows: 2 << 20,
            merge_files: 8,
            late_percent: 1,
            late_ms: 3_600_000,
            rollup_spans_per_row: 4,
            vacuum_ms: 3_600_000,
        }
    }
}

impl CompactSettings {
    /// How often `serve` looks for work; `None` if never.
    pub fn interval(&self) -> Option<Duration> {
        (self.interval_ms > 0).then(|| Duration::from_millis(self.interval_ms))
    }

    /// As they are for work that is asked for: nothing is waited for, and late spans always count.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.quiet_ms = 0;
        self.late_percent = 0;
        self
    }
}
