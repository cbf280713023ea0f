//! The `spans` table log as a Delta table, through `deltalake-core`.
//!
//! We use the log only (read, commit, checkpoint, conflict check). Parquet files
//! are written and scanned by our own code, and the object store is ours.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Add, MetadataExt, StructType, Transaction};
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use schema::assembled::{TRACE_START_UNIX_NANO, assembled_schema};
use schema::spans::{DATE, START_TIME_UNIX_NANO};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OnceCell};
use url::Url;

use super::probe::check_conditional_puts;
use crate::error::{Error, Result};
use crate::paths;
use crate::rollup::{self, RollupParts, Subject};
use crate::snapshot::{DataFile, Layout, Snapshot};

/// Version of the lake format that this build writes. A reader refuses a higher one.
const FORMAT_VERSION: u32 = 1;
const FORMAT_VERSION_KEY: &str = "spanlake.formatVersion";

/// Tag on a file in which every trace lies as a whole, with tree columns; its value is [`ASSEMBLED_BY`].
const ASSEMBLED_TAG: &str = "spanlake.assembled";
/// Version of the rules by which trees are computed and stored. Files of another version are
/// assembled again.
const ASSEMBLED_BY: &str = "3";
/// Tag on a file with traces that stand for others, which are gone.
const THINNED_TAG: &str = "spanlake.thinned";
/// Tags on a file that has rollups: see [`RollupParts`].
const ROLLUP_TAGS: [(Subject, &str); 2] =
    [(Subject::Operations, "spanlake.rollup"), (Subject::Edges, "spanlake.edges")];
/// Tag on a file: XXH3 of its content, in 128 bits as hex.
const HASH_TAG: &str = "spanlake.xxh3_128";

/// Commits between two checkpoints: readers replay at most this many.
const CHECKPOINT_INTERVAL: &str = "20";

/// For how long the name of the next version is all that is looked at. Old versions may be removed from a
/// log, but never one that is younger than this.
const TRUSTED: Duration = Duration::from_secs(600);

/// How often a commit starts again because another writer was faster.
const COMMIT_ATTEMPTS: usize = 15;

/// The log of the `spans` table.
#[derive(Debug)]
pub(crate) struct TableLog {
    store: Arc<dyn ObjectStore>,
    /// The newest version that was seen. Held for as long as a listing takes, not for a commit.
    table: Mutex<DeltaTable>,
    /// What the newest version seen says, so that it is worked out once per version.
    newest: Mutex<Option<Contents>>,
    /// Commits of this process go one after another.
    commits: Mutex<()>,
    /// Set once it is known that the store keeps commits apart.
    is_safe: OnceCell<()>,
}

/// The parts of one version that we use.
#[derive(Debug, Clone)]
struct Contents {
    version: u64,
    files: Arc<[DataFile]>,
    /// When the whole log was last looked through.
    read: Instant,
    /// What the marker of a writer says, for the writer that was asked about last.
    marker: Option<(String, u64)>,
}

/// The mark that a flush leaves in the table log, in the commit of its files.
#[derive(Debug, Clone)]
pub(crate) struct Marker {
    /// Id of the writer.
    pub(crate) writer_id: String,
    /// Its mark before: the flush begins behind this record.
    pub(crate) before: u64,
    /// The last record that is in the files.
    pub(crate) through: u64,
}

/// How a marked commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marked {
    /// The table holds the records; it did so already, if an earlier attempt had succeeded without an answer.
    Committed {
        /// The newest version.
        version: u64,
    },
    /// The mark is neither where the flush begins nor at its end: an attempt of a process that died came through.
    Elsewhere {
        /// Where it is.
        through: u64,
    },
}

/// How a replacement of files ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// The new files are the table now instead of the old ones.
    Done {
        /// The new version.
        version: u64,
    },
    /// Somebody else replaced an old file first. Nothing was changed.
    Lost,
}

/// Files that are to come in the place of others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replacement<'a> {
    /// What the caller decided by.
    pub(crate) seen: &'a Snapshot,
    pub(crate) old: &'a [DataFile],
    pub(crate) new: &'a [NewFile],
    pub(crate) change: Change,
    /// The time, in milliseconds since the epoch: vacuum counts from then.
    pub(crate) now_ms: i64,
}

/// A file that was written and is not yet part of the table.
#[derive(Debug, Clone)]
pub(crate) struct NewFile {
    /// Path relative to the table folder.
    pub(crate) path: Path,
    /// The UTC day of every row, `YYYY-MM-DD`.
    pub(crate) date: String,
    /// Size in bytes.
    pub(crate) size_bytes: u64,
    /// Number of rows.
    pub(crate) rows: u64,
    /// Smallest and largest start.
    pub(crate) start_time_range: (i64, i64),
    /// How rows lie in it.
    pub(crate) layout: Layout,
    /// When it was written, in milliseconds since the epoch.
    pub(crate) written_ms: i64,
    /// Whether some of its traces stand for others that are gone.
    pub(crate) is_thinned: bool,
    /// What there is of its rollup.
    pub(crate) rollup: RollupParts,
    /// What [`crate::content_hash`] says of its bytes.
    pub(crate) hash: String,
}

/// What a replacement of files does to the rows of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The new files have the rows of the old ones: who follows the table has seen them.
    None,
    /// Rows are gone.
    FewerRows,
}

/// The per-file statistics that Delta readers prune by.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FileStats {
    num_records: Option<u64>,
    min_values: HashMap<String, serde_json::Value>,
    max_values: HashMap<String, serde_json::Value>,
}

impl TableLog {
    /// Opens the log under a lake root; `None` if there is no table.
    pub(crate) async fn open(store: Arc<dyn ObjectStore>) -> Result<Option<Self>> {
        let mut table = DeltaTable::new(log_store(Arc::clone(&store))?);
        if !table.verify_deltatable_existence().await.map_err(log_error)? {
            return Ok(None);
        }
        table.load().await.map_err(log_error)?;
        check_format(&table)?;
        Ok(Some(Self::new(store, table)))
    }

    /// Creates an empty table; opens it instead if another writer was faster.
    pub(crate) async fn create(store: Arc<dyn ObjectStore>) -> Result<Self> {
        check_conditional_puts(&*store).await?;
        let created = CreateBuilder::new()
            .with_log_store(log_store(Arc::clone(&store))?)
            .with_table_name(paths::SPANS)
            .with_comment("OpenTelemetry spans, written by Spanlake")
            .with_columns(delta_schema()?.fields().cloned())
            .with_partition_columns([DATE])
            .with_raise_if_key_not_exists(false)
            .with_configuration([
                (FORMAT_VERSION_KEY, Some(FORMAT_VERSION.to_string())),
                ("delta.checkpointInterval", Some(CHECKPOINT_INTERVAL.to_string())),
                // Ids, maps and most text are useless as statistics; ours are written with each file.
                ("delta.dataSkippingStatsColumns", Some(START_TIME_UNIX_NANO.to_string())),
            ])
            .await;
        match created {
            Ok(table) => {
                let is_safe = OnceCell::new_with(Some(()));
                Ok(Self { is_safe, ..Self::new(store, table) })
            }
            Err(error) => match Self::open(Arc::clone(&store)).await {
                Ok(Some(log)) => Ok(log),
                Ok(None) | Err(_) => Err(log_error(error)),
            },
        }
    }

    fn new(store: Arc<dyn ObjectStore>, table: DeltaTable) -> Self {
        let table = Mutex::new(table);
        let (newest, commits, is_safe) = Default::default();
        Self { store, table, newest, commits, is_safe }
    }

    /// Finds out, once per process, whether the store keeps the commits of two writers apart.
    ///
    /// # Errors
    ///
    /// [`Error::UnsafeStore`] if not, [`Error::Store`] if it does not answer.
    pub(crate) async fn check_store(&self) -> Result<()> {
        self.is_safe.get_or_try_init(|| check_conditional_puts(&*self.store)).await.copied()
    }

    /// Id of the table, given at its creation.
    pub(crate) async fn table_id(&self) -> Result<String> {
        let table = self.table.lock().await;
        Ok(table.snapshot().map_err(log_error)?.metadata().id().to_owned())
    }

    /// The newest version of the table.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot> {
        let contents = self.contents(None).await?;
        Ok(snapshot_of(contents))
    }

    /// The newest version of the table, and the last log record of a writer that it holds; 0 for none.
    pub(crate) async fn snapshot_and_mark(&self, writer_id: &str) -> Result<(Snapshot, u64)> {
        let contents = self.contents(Some(writer_id)).await?;
        let mark = contents.marker.as_ref().map_or(0, |(_, through)| *through);
        Ok((snapshot_of(contents), mark))
    }

    async fn contents(&self, writer_id: Option<&str>) -> Result<Contents> {
        if let Some(contents) = self.unchanged(writer_id).await? {
            return Ok(contents);
        }
        let table = self.updated().await?;
        let state = table.snapshot().map_err(log_error)?;
        let mut newest = self.newest.lock().await;
        let known = newest.take().filter(|known| known.version == state.version());
        let mut contents = match known {
            Some(known) => Contents { read: Instant::now(), ..known },
            None => {
                check_format(&table)?;
                let (version, files) = (state.version(), data_files(&table)?);
                Contents { version, files, read: Instant::now(), marker: None }
            }
        };
        if let Some(writer_id) = writer_id
            && contents.marker.as_ref().is_none_or(|(known, _)| known != writer_id)
        {
            let through = mark_of(&table, writer_id).await?;
            contents.marker = Some((writer_id.to_owned(), through));
        }
        *newest = Some(contents.clone());
        Ok(contents)
    }

    /// The contents last seen, if they are the newest: versions follow each other without a gap, so one
    /// look at the name of the next one tells. A listing takes several times as long.
    async fn unchanged(&self, writer_id: Option<&str>) -> Result<Option<Contents>> {
        let known = self.newest.lock().await.clone().filter(|known| {
            let marker = known.marker.as_ref().map(|(writer, _)| writer.as_str());
            known.read.elapsed() < TRUSTED && (writer_id.is_none() || writer_id == marker)
        });
        let Some(known) = known else { return Ok(None) };
        match self.store.head(&paths::commit(known.version + 1)).await {
            Ok(_) => Ok(None),
            Err(object_store::Error::NotFound { .. }) => Ok(Some(known)),
            Err(error) => Err(error.into()),
        }
    }

    /// The table at its newest version.
    async fn updated(&self) -> Result<DeltaTable> {
        let mut table = self.table.lock().await;
        table.update_state().await.map_err(log_error)?;
        Ok(table.clone())
    }

    /// Makes `files` part of the table, all of them or none. Returns the new version.
    pub(crate) async fn commit(&self, files: &[NewFile]) -> Result<u64> {
        self.check_store().await?;
        let _turn = self.commits.lock().await;
        let table = self.updated().await?;
        let version = append_on(&table, files, CommitProperties::default()).await?;
        self.updated().await?;
        Ok(version)
    }

    /// Makes `files` part of the table and moves the mark of their writer, in one commit. May be
    /// called again with the same arguments after an error: it has its effect once.
    pub(crate) async fn commit_marked(&self, files: &[NewFile], marker: &Marker) -> Result<Marked> {
        self.check_store().await?;
        let _turn = self.commits.lock().await;
        let mut outcome: Result<(), Attempt> = Ok(());
        for _ in 0..COMMIT_ATTEMPTS {
            let table = self.updated().await?;
            let found = mark_of(&table, &marker.writer_id).await?;
            let version = table.snapshot().map_err(log_error)?.version();
            if found >= marker.through {
                return Ok(Marked::Committed { version });
            }
            if found != marker.before {
                return Ok(Marked::Elsewhere { through: found });
            }
            // After an error only the log knows whether the commit is there. It is tried again if
            // somebody else's was first, and left to the caller if the store does not answer.
            if let Err(attempt) = outcome
                && attempt.version == version
            {
                return Err(attempt.source);
            }
            let through = marker.through as i64;
            // No retries below us: each attempt must look at the mark of the version it builds on.
            let properties = CommitProperties::default()
                .with_max_retries(0)
                .with_application_transaction(Transaction::new(&marker.writer_id, through));
            let result = append_on(&table, files, properties).await;
            outcome = result.map(|_| ()).map_err(|source| Attempt { version, source });
        }
        match outcome {
            Err(attempt) => Err(attempt.source),
            Ok(()) => Err(Error::Internal("a commit succeeded and is not in the log".into())),
        }
    }
}

impl TableLog {
    /// Puts `new` in the place of `old`, all of it or nothing.
    ///
    /// It has lost if an old file is gone, and if somebody else has assembled files since: they may
    /// hold other rows of the same traces.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if it is not known whether it came through; the new files
    /// must then stay. It may be called again with the same arguments.
    pub(crate) async fn replace(&self, replacement: Replacement<'_>) -> Result<Replaced> {
        let Replacement { seen, old, new, change, now_ms } = replacement;
        let is_change = change != Change::None;
        self.check_store().await?;
        let _turn = self.commits.lock().await;
        let old: HashSet<&str> = old.iter().map(|file| file.path.as_ref()).collect();
        let seen: HashSet<&str> = seen.files.iter().map(|file| file.path.as_ref()).collect();
        let mut failed: Option<Attempt> = None;
        for _ in 0..COMMIT_ATTEMPTS {
            let table = self.updated().await?;
            let state = table.snapshot().map_err(log_error)?;
            let version = state.version();
            let mut removals = Vec::with_capacity(old.len());
            let (mut is_done, mut is_lost) = (false, false);
            for view in state.log_data().iter() {
                let path = view.path();
                if old.contains(path.as_ref()) {
                    let mut removal = view.remove_action(is_change);
                    removal.deletion_timestamp = Some(now_ms);
                    removals.push(Action::Remove(removal));
                }
                is_done |= new.iter().any(|file| file.path.as_ref() == path.as_ref());
                if !seen.contains(path.as_ref()) {
                    #[expect(deprecated, reason = "the only accessor that shows the tags")]
                    let file = data_file(&view.add_action())?;
                    is_lost |= file.layout == Layout::Assembled;
                }
            }
            if is_done {
                return Ok(Replaced::Done { version });
            }
            if is_lost || removals.len() < old.len() {
                return Ok(Replaced::Lost);
            }
            if let Some(attempt) = failed
                && attempt.version == version
            {
                return Err(attempt.source);
            }
            let additions = new.iter().map(|file| add_action(file, is_change));
            let mut actions = additions.collect::<Result<Vec<_>>>()?;
            actions.extend(removals);
            // A lake of an older version has not declared the columns that assembly adds.
            if state.schema().field(TRACE_START_UNIX_NANO).is_none() {
                let schema = delta_schema()?;
                let metadata = state
                    .metadata()
                    .clone()
                    .with_schema(&schema)
                    .map_err(|e| log_error(e.into()))?;
                actions.push(Action::Metadata(metadata));
            }
            let operation = match change {
                Change::None => DeltaOperation::Optimize { predicate: None, target_size: 0 },
                Change::FewerRows => DeltaOperation::Delete { predicate: None },
            };
            // No retries below us: each attempt must see whether the old files are still there.
            let properties = CommitProperties::default().with_max_retries(0);
            failed = match commit_on(&table, actions, operation, properties).await {
                Ok(version) => {
                    self.updated().await?;
                    return Ok(Replaced::Done { version });
                }
                Err(source) => Some(Attempt { version, source }),
            };
        }
        match failed {
            Some(attempt) => Err(attempt.source),
            None => Err(Error::Internal("no attempt was made to commit".into())),
        }
    }
}

impl TableLog {
    /// The newest version, and the files that left the table: those since then, and those `before_ms`.
    pub(crate) async fn history(&self, before_ms: i64) -> Result<History> {
        let table = self.updated().await?;
        let state = table.snapshot().map_err(log_error)?;
        let log_store = table.log_store();
        let mut tombstones = state.all_tombstones(&*log_store);
        let (mut before, mut since) = (Vec::new(), Vec::new());
        while let Some(tombstone) = tombstones.try_next().await.map_err(log_error)? {
            let path = Path::parse(tombstone.path()).map_err(|e| Error::Store(e.into()))?;
            let is_before = tombstone.deletion_timestamp().is_some_and(|at_ms| at_ms <= before_ms);
            if is_before { &mut before } else { &mut since }.push(path);
        }
        let snapshot = self.snapshot().await?;
        Ok(History { snapshot, before, since })
    }
}

/// What the log says of files that are, and that were, part of the table.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) snapshot: Snapshot,
    /// Left the table before a moment. A file that came back, as after a restore, may be named, too.
    pub(crate) before: Vec<Path>,
    /// Left the table since.
    pub(crate) since: Vec<Path>,
}

/// An attempt to commit that failed, or got no answer.
#[derive(Debug)]
struct Attempt {
    version: u64,
    source: Error,
}

async fn append_on(
    table: &DeltaTable,
    files: &[NewFile],
    properties: CommitProperties,
) -> Result<u64> {
    let actions = files.iter().map(|file| add_action(file, true)).collect::<Result<Vec<_>>>()?;
    let operation = DeltaOperation::Write {
        mode: SaveMode::Append,
        partition_by: Some(vec![DATE.into()]),
        predicate: None,
    };
    commit_on(table, actions, operation, properties).await
}

async fn commit_on(
    table: &DeltaTable,
    actions: Vec<Action>,
    operation: DeltaOperation,
    properties: CommitProperties,
) -> Result<u64> {
    let state = table.snapshot().map_err(log_error)?;
    let commit = CommitBuilder::from(properties)
        .with_actions(actions)
        .build(Some(state), table.log_store(), operation)
        .await
        .map_err(log_error)?;
    Ok(commit.version())
}

/// The last log record of a writer that the table holds; 0 for none.
async fn mark_of(table: &DeltaTable, writer_id: &str) -> Result<u64> {
    let state = table.snapshot().map_err(log_error)?;
    let log_store = table.log_store();
    let mark = state.transaction_version(&*log_store, writer_id).await.map_err(log_error)?;
    Ok(mark.map_or(0, |mark| mark.max(0) as u64))
}

fn snapshot_of(contents: Contents) -> Snapshot {
    Snapshot { version: contents.version, files: contents.files, memory: Arc::new([]) }
}

fn data_files(table: &DeltaTable) -> Result<Arc<[DataFile]>> {
    let state = table.snapshot().map_err(log_error)?;
    let mut files = state
        .log_data()
        .iter()
        .map(|view| {
            #[expect(deprecated, reason = "the only accessor that shows the tags")]
            data_file(&view.add_action())
        })
        .collect::<Result<Vec<_>>>()?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files.into())
}

/// The columns as Delta types: the stored columns, then the partition column.
fn delta_schema() -> Result<StructType> {
    let columns = assembled_schema();
    let mut fields: Vec<_> = columns.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(DATE, DataType::Date32, true)));
    (&Schema::new(fields))
        .try_into_kernel()
        .map_err(|e| Error::Internal(format!("the stored schema has no Delta form: {e}")))
}

/// The log lies at `spans/_delta_log` of the store, which is the lake. The scheme of the URL is
/// never resolved: the store is given. The store must list in the order of paths.
fn log_store(store: Arc<dyn ObjectStore>) -> Result<LogStoreRef> {
    let table_url = Url::parse(&format!("lake:///{}/", paths::SPANS))
        .map_err(|e| Error::Internal(format!("table URL: {e}")))?;
    let table_store: Arc<dyn ObjectStore> =
        Arc::new(PrefixStore::new(Arc::clone(&store), paths::SPANS));
    Ok(default_logstore(table_store, store, &table_url, &StorageConfig::default()))
}

fn check_format(table: &DeltaTable) -> Result<()> {
    let state = table.snapshot().map_err(log_error)?;
    let properties = &state.table_config().unknown_properties;
    // A table without the property was created by somebody else; its schema decides then.
    let Some(version) = properties.get(FORMAT_VERSION_KEY) else { return Ok(()) };
    let found = version.parse().map_err(|_| Error::Corrupt {
        path: paths::SPANS.into(),
        reason: format!("table property {FORMAT_VERSION_KEY} is `{version}`, not a number"),
    })?;
    if found > FORMAT_VERSION {
        return Err(Error::NewerFormat { found, supported: FORMAT_VERSION });
    }
    Ok(())
}

fn add_action(file: &NewFile, is_change: bool) -> Result<Action> {
    let bound = |value: i64| HashMap::from([(START_TIME_UNIX_NANO.to_string(), value.into())]);
    let stats = FileStats {
        num_records: Some(file.rows),
        min_values: bound(file.start_time_range.0),
        max_values: bound(file.start_time_range.1),
    };
    let stats = serde_json::to_string(&stats)
        .map_err(|e| Error::Internal(format!("file statistics: {e}")))?;
    let mut tags = HashMap::from([(HASH_TAG.to_string(), Some(file.hash.clone()))]);
    if file.layout == Layout::Assembled {
        tags.insert(ASSEMBLED_TAG.into(), Some(ASSEMBLED_BY.into()));
    }
    for (subject, key) in ROLLUP_TAGS {
        if let Some(tag) = file.rollup.tag(subject) {
            tags.insert(key.into(), Some(tag));
        }
    }
    if file.is_thinned {
        tags.insert(THINNED_TAG.into(), Some("true".into()));
    }
    Ok(Action::Add(Add {
        path: file.path.to_string(),
        partition_values: HashMap::from([(DATE.to_string(), Some(file.date.clone()))]),
        size: file.size_bytes as i64,
        modification_time: file.written_ms,
        data_change: is_change,
        stats: Some(stats),
        tags: Some(tags),
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }))
}

fn data_file(add: &Add) -> Result<DataFile> {
    let corrupt = |reason: String| Error::Corrupt { path: add.path.clone(), reason };
    if add.deletion_vector.is_some() {
        let reason =
            "it has a deletion vector, which spanlake cannot read; rewrite the table without";
        return Err(corrupt(reason.into()));
    }
    let stats: FileStats = match &add.stats {
        Some(text) => serde_json::from_str(text)
            .map_err(|e| corrupt(format!("statistics in the log do not parse: {e}")))?,
        None => FileStats::default(),
    };
    let bound =
        |values: &HashMap<String, serde_json::Value>| values.get(START_TIME_UNIX_NANO)?.as_i64();
    let tag = |key: &str| add.tags.as_ref().and_then(|tags| tags.get(key)?.as_deref());
    let layout =
        if tag(ASSEMBLED_TAG) == Some(ASSEMBLED_BY) { Layout::Assembled } else { Layout::Arrival };
    let date = add.partition_values.get(DATE).cloned().flatten();
    Ok(DataFile {
        path: Path::parse(&add.path).map_err(|e| corrupt(e.to_string()))?,
        size_bytes: add.size as u64,
        rows: stats.num_records,
        start_time_range: bound(&stats.min_values).zip(bound(&stats.max_values)),
        layout,
        date: date.unwrap_or_default(),
        written_ms: add.modification_time,
        is_thinned: tag(THINNED_TAG).is_some(),
        rollup: RollupParts::from_tags(|subject| {
            ROLLUP_TAGS.iter().find(|(of, _)| *of == subject).and_then(|(_, key)| tag(key))
        }),
        hash: tag(HASH_TAG).map(str::to_owned),
    })
}

fn log_error(error: DeltaTableError) -> Error {
    match error {
        DeltaTableError::ObjectStore { source } => Error::Store(source),
        other => Error::Log(Box::new(other)),
    }
}

/// Removes files that were written but never committed.
pub(crate) async fn remove_uncommitted(store: &dyn ObjectStore, files: &[NewFile]) {
    for file in files {
        // An orphan is invisible and harmless, so a failure to remove it is no failure of the caller.
        let _ = store.delete(&paths::in_lake(&file.path)).await;
        if !file.rollup.is_empty() {
            let _ = rollup::delete(store, &file.path).await;
        }
    }
}
