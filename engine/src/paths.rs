//! Every object key of a lake, built here only.
//!
//! ```text
//! <lake>/spans/_delta_log/...                   the table log
//! <lake>/.probe-<uuid>                          for a moment, when a writer tries what the store promises
//! <lake>/spans/date=2026-11-09/<uuid>.parquet   spans of that UTC day; of whole traces, the day of the root
//! <lake>/rollups/date=2026-11-09/<uuid>.parquet what the spans of that file come to, by day and hour
//! <lake>/rollups/date=2026-11-09/<uuid>.1m.parquet   by minute
//! <lake>/rollups/date=2026-11-09/<uuid>.edges.parquet, <uuid>.edges.1m.parquet   the calls between services, likewise
//! ```

use object_store::path::Path;
use schema::spans::DATE;
use uuid::Uuid;

use crate::rollup::Subject;

/// Folder of the `spans` table under the lake root.
pub(crate) const SPANS: &str = "spans";

/// Folder of the rollups under the lake root.
pub(crate) const ROLLUPS: &str = "rollups";

/// Folder of the table log under the lake root.
pub(crate) const TABLE_LOG: &str = "spans/_delta_log";

/// Beginning of the name of a probe.
const PROBE: &str = ".probe-";

/// Key of a new probe, at the lake root, where no reader looks.
pub(crate) fn new_probe() -> Path {
    Path::from(format!("{PROBE}{}", Uuid::new_v4()))
}

/// Whether a name at the lake root is one of [`new_probe`].
pub(crate) fn is_probe(name: &str) -> bool {
    name.starts_with(PROBE)
}

/// Key of a new data file, relative to the table. Unique: files are written once.
pub(crate) fn new_data_file(date: &str) -> Path {
    Path::from(format!("{DATE}={date}/{}.parquet", Uuid::new_v4()))
}

/// Key of a table's file relative to the lake root.
pub(crate) fn in_lake(file: &Path) -> Path {
    Path::from(format!("{SPANS}/{file}"))
}

/// Keys of a rollup of a table's file, relative to the lake root: by day and hour, and by minute.
pub(crate) fn rollup(subject: Subject, file: &Path) -> [Path; 2] {
    let name = file.as_ref().trim_end_matches(".parquet");
    let subject = match subject {
        Subject::Operations => "",
        Subject::Edges => ".edges",
    };
    ["", ".1m"].map(|level| Path::from(format!("{ROLLUPS}/{name}{subject}{level}.parquet")))
}

/// Key of a version in the table log.
pub(crate) fn commit(version: u64) -> Path {
    Path::from(format!("{TABLE_LOG}/{version:020}.json"))
}
