//! Whether a lake holds what its log says, and whether what was computed once still follows from the spans.
//!
//! Every file is read as a whole: present, size, hash, rows, times, day. In assembled files each
//! trace must lie in one piece, and in one file; of a sample of traces, tree columns and summaries
//! are computed again and compared, column by column, and attributes that are columns are compared
//! with the map. What a rollup says is counted again.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::parquet::arrow::ParquetRecordBatchStreamBuilder;
use object_store::{ObjectStore, ObjectStoreExt};
use schema::spans::{ATTRIBUTES, RESOURCE_ATTRIBUTES};

use crate::content_hash::content_hash;
use crate::data_file_reader::{DataFileReader, read_error};
use crate::error::{Error, Result};
use crate::paths;
use crate::read::Divided;
use crate::rollup::{Level, RollupCache, Subject};
use crate::snapshot::{DataFile, Layout, Snapshot};
use crate::sql::{Runtime, Session};
use crate::trace_index::{TraceIndex, TraceIndexes};

/// The sample: of each file, the traces whose id begins with these bits.
const SAMPLE_BELOW: &str = "04";
/// Columns that are compared with the map at once.
const COLUMNS_PER_QUERY: usize = 32;
/// Of a file with fewer spans, all traces.
const SMALL_FILE_ROWS: u64 = 20_000;

/// What a check has found.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Files of the table.
    pub files: usize,
    /// Their spans.
    pub spans: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files of an older version of which the log has no hash.
    pub without_hash: usize,
    /// Spans whose trees were computed again.
    pub spans_of_sample: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Path relative to the lake.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path, self.what, self.advice)
    }
}

const RECOUNT: &str = "delete it: what it says is counted from the spans then, and the next assembly of the file writes it anew";
const RESTORE: &str = "restore the file from a copy: its spans are in no other";
const REPORT: &str = "please report it, with the file: answers about these traces may be wrong";

/// Checks all files of a snapshot.
pub(crate) async fn check(
    store: &Arc<dyn ObjectStore>,
    snapshot: &Snapshot,
    runtime: &Runtime,
) -> Result<Checked> {
    let mut checked = Checked::default();
    let mut file_of_trace: HashMap<u64, &DataFile> = HashMap::new();
    for file in snapshot.files.iter() {
        checked.files += 1;
        checked.bytes += file.size_bytes;
        checked.spans += file.rows.unwrap_or_default();
        checked.without_hash += usize::from(file.hash.is_none());
        let path = paths::in_lake(&file.path).to_string();
        let mut find = |what: String, advice| {
            checked.findings.push(Finding { path: path.clone(), what, advice });
        };
        if let Err(what) = bytes_of(store, file).await {
            find(what, RESTORE);
            continue;
        }
        let index = match TraceIndex::read(DataFileReader::new(store, file), file).await {
            Ok(index) => index,
            Err(error) => {
                find(error.to_string(), RESTORE);
                continue;
            }
        };
        if let Err(what) = check_rows(file, &index) {
            find(what, REPORT);
        }
        if file.layout != Layout::Assembled {
            continue;
        }
        let runs = index.runs();
        if runs.windows(2).any(|pair| pair[0].key == pair[1].key) {
            find("a trace lies in several pieces".into(), REPORT);
        }
        for run in runs {
            if let Some(other) = file_of_trace.insert(run.key, file) {
                find(format!("it shares a trace with {}", other.path), REPORT);
                break;
            }
        }
        for subject in Subject::ALL {
            match check_rollup(store, file, subject, runtime).await {
                Ok(what) => checked.findings.extend(what.map(|what| Finding {
                    path: paths::rollup(subject, &file.path)[0].to_string(),
                    what,
                    advice: RECOUNT,
                })),
                Err(error) => checked.findings.push(Finding {
                    path: path.clone(),
                    what: error.to_string(),
                    advice: RESTORE,
                }),
            }
        }
        match check_trees(store, file, runtime).await {
            Ok((spans, differing)) => {
                checked.spans_of_sample += spans;
                let findings = differing.into_iter().map(|what| Finding {
                    path: path.clone(),
                    what,
                    advice: REPORT,
                });
                checked.findings.extend(findings);
            }
            Err(error) => {
                checked.findings.push(Finding { path, what: error.to_string(), advice: RESTORE })
            }
        }
    }
    Ok(checked)
}

/// Whether the file is there, with the bytes that were written.
async fn bytes_of(store: &Arc<dyn ObjectStore>, file: &DataFile) -> Result<(), String> {
    let object = match store.get(&paths::in_lake(&file.path)).await {
        Ok(object) => object,
        Err(object_store::Error::NotFound { .. }) => return Err("it is not there".into()),
        Err(error) => return Err(format!("it cannot be read: {error}")),
    };
    let bytes = object.bytes().await.map_err(|error| format!("it cannot be read: {error}"))?;
    if bytes.len() as u64 != file.size_bytes {
        return Err(format!("it has {} bytes, not {}", bytes.len(), file.size_bytes));
    }
    match &file.hash {
        Some(hash) if *hash != content_hash(&bytes) => Err("its bytes have changed".into()),
        _ => Ok(()),
    }
}

/// Whether the log says the right number of rows and the right times.
fn check_rows(file: &DataFile, index: &TraceIndex) -> Result<(), String> {
    let rows: u64 = index.runs().iter().map(|run| u64::from(run.rows)).sum();
    if let Some(expected) = file.rows
        && expected != rows
    {
        return Err(format!("it has {rows} spans, and the log says {expected}"));
    }
    let first = index.runs().iter().map(|run| run.start_ns).min();
    match (first, file.start_time_range) {
        (Some(first), Some((expected, _))) if first != expected => {
            Err(format!("its first span starts at {first} ns, and the log says {expected}"))
        }
        _ => Ok(()),
    }
}

/// Computes trees and summaries of a sample again. Gives the number of its spans, and what differs.
async fn check_trees(
    store: &Arc<dyn ObjectStore>,
    file: &DataFile,
    runtime: &Runtime,
) -> Result<(u64, Vec<String>)> {
    let is_small = file.rows.is_some_and(|rows| rows < SMALL_FILE_ROWS);
    let sample =
        if is_small { "true".into() } else { format!("trace_id < '{SAMPLE_BELOW}{:030}'", 0) };
    let stored = session(store, file.clone(), runtime).await?;
    let fresh = DataFile { layout: Layout::Arrival, ..file.clone() };
    let computed = session(store, fresh, runtime).await?;
    let (mut spans, mut differing) = (0, Vec::new());
    for (table, order) in [
        (
            "spans",
            "trace_id, span_id, start_time, is_duplicate, duration_ns, span_name, status_code",
        ),
        ("traces", "trace_id"),
    ] {
        let sql = format!("SELECT * FROM {table} WHERE {sample} ORDER BY {order}");
        let (stored, computed) = (rows(&stored, &sql).await?, rows(&computed, &sql).await?);
        if table == "spans" {
            spans = stored.num_rows() as u64;
        }
        if stored.num_rows() != computed.num_rows() {
            let (stored, computed) = (stored.num_rows(), computed.num_rows());
            differing.push(format!("{stored} rows of `{table}` are stored, and {computed} follow"));
            continue;
        }
        let schema = stored.schema();
        let columns = schema.fields().iter().zip(stored.columns().iter().zip(computed.columns()));
        // Names inside a list may differ: they are the writers'.
        let wrong = columns.filter(|(_, (stored, computed))| {
            cast(stored, computed.data_type()).ok().as_ref() != Some(*computed)
        });
        differing.extend(wrong.map(|(field, _)| {
            format!("`{table}.{}` is not what follows from the spans", field.name())
        }));
    }
    for columns in attribute_columns(store, file).await?.chunks(COLUMNS_PER_QUERY) {
        let in_map = |(map, key): &(&str, String)| {
            let key = key.replace('\'', "''");
            let (column, entry) =
                (format!("{map}['{key}']"), format!("map_extract({map}, '{key}')"));
            format!("count(*) FILTER (WHERE {column} IS DISTINCT FROM {entry}[1])")
        };
        let counts: Vec<String> = columns.iter().map(in_map).collect();
        let sql = format!("SELECT {} FROM spans WHERE {sample}", counts.join(", "));
        let counts = rows(&stored, &sql).await?;
        let is_wrong = |column: &ArrayRef| column.as_primitive::<Int64Type>().value(0) > 0;
        let wrong = columns.iter().zip(counts.columns()).filter(|(_, column)| is_wrong(column));
        differing.extend(
            wrong.map(|((map, key), _)| {
                format!("the column `{map}['{key}']` is not what the map has")
            }),
        );
    }
    Ok((spans, differing))
}

/// What is wrong with a rollup of a file.
async fn check_rollup(
    store: &Arc<dyn ObjectStore>,
    file: &DataFile,
    subject: Subject,
    runtime: &Runtime,
) -> Result<Option<String>> {
    let rollups = Arc::new(RollupCache::new(Arc::clone(store), usize::MAX));
    let counted = session(store, file.clone(), runtime).await?;
    let snapshot = Snapshot { version: 0, files: Arc::new([file.clone()]), memory: Arc::new([]) };
    let divided = Divided::new(snapshot, Arc::new(TraceIndexes::new(Arc::clone(store), 0)));
    let divided = divided.with_rollups(Some(Arc::clone(&rollups)));
    let rolled_up = Session::over(runtime, divided).await?;
    for (level, unit) in [(Level::Day, "day"), (Level::Hour, "hour"), (Level::Minute, "minute")] {
        if !file.rollup.has(subject, level) {
            continue;
        }
        let found = match level {
            Level::Minute => rollups.has_minutes(subject, file).await,
            Level::Hour | Level::Day => rollups.of(subject, file).await.map(drop),
        };
        if let Err(error) = found {
            return Ok(Some(format!("the rollup by {unit} cannot be read: {error}")));
        }
        let (dimensions, table) = (subject.dimensions().join(", "), subject.table());
        let sql = format!(
            "SELECT date_trunc('{unit}', start_time) AS bucket, {dimensions}, sample_weight, count(*),
                    sum(duration_ns), min(duration_ns), max(duration_ns), p50(duration_ns), p99(duration_ns)
             FROM {table} GROUP BY ALL ORDER BY bucket, {dimensions}, sample_weight"
        );
        match rows(&rolled_up, &sql).await {
            Ok(said) if said == rows(&counted, &sql).await? => {}
            Ok(_) => return Ok(Some(format!("by {unit} it does not say what the spans say"))),
            Err(error) => return Ok(Some(format!("the rollup by {unit} cannot be read: {error}"))),
        }
    }
    Ok(None)
}

/// The attributes that are columns of a file: map, and key as it stands in SQL.
async fn attribute_columns(
    store: &Arc<dyn ObjectStore>,
    file: &DataFile,
) -> Result<Vec<(&'static str, String)>> {
    let reader = DataFileReader::new(store, file);
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await;
    let builder = builder.map_err(|e| read_error(file, e))?;
    let of_map = |name: &str, map: &'static str| {
        let key = name.strip_prefix(map)?.strip_prefix("['")?.strip_suffix("']")?;
        Some((map, key.to_owned()))
    };
    let names = builder.schema().fields().iter().map(|field| field.name());
    let maps = [ATTRIBUTES, RESOURCE_ATTRIBUTES];
    Ok(names.filter_map(|name| maps.iter().find_map(|map| of_map(name, map))).collect())
}

/// A session on one file.
async fn session(
    store: &Arc<dyn ObjectStore>,
    file: DataFile,
    runtime: &Runtime,
) -> Result<Session> {
    let snapshot = Snapshot { version: 0, files: Arc::new([file]), memory: Arc::new([]) };
    let indexes = Arc::new(TraceIndexes::new(Arc::clone(store), usize::MAX));
    Session::over(runtime, Divided::new(snapshot, indexes)).await
}

async fn rows(session: &Session, sql: &str) -> Result<RecordBatch> {
    let query = session.query(sql).await?;
    let schema = query.schema();
    concat_batches(&schema, &query.collect().await?)
        .map_err(|e| Error::Internal(format!("checking a file: {e}")))
}
