//! The one value that the write path and the read path share.

use std::sync::Arc;

use object_store::path::Path;

/// One version of the `spans` table: the files that it consists of. Immutable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Version of the table log.
    pub version: u64,
    /// The data files, in the order of their paths.
    pub files: Arc<[DataFile]>,
}

/// One Parquet file of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Path relative to the table folder.
    pub path: Path,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Number of rows, if the log says.
    pub rows: Option<u64>,
    /// Smallest and largest `start_time_unix_nano`, if the log says.
    pub start_time_range: Option<(i64, i64)>,
    /// Whether rows are sorted by `(trace_id, start_time_unix_nano)`. Files of other writers may not be.
    pub sorted_by_trace: bool,
}
