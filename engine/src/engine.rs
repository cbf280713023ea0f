//! The engine: one lake, opened.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use schema::TraceId;
use tokio::sync::Mutex;

use crate::assemble::{Assembled, Assembler, Erased};
use crate::catalog::{Change, History, Replaced, Replacement, TableLog};
use crate::check::{self, Checked};
use crate::clock::{Clock, SystemClock};
use crate::disk::{FileSystem, LocalDisk};
use crate::error::{Error, Result};
use crate::location::Location;
use crate::paths;
use crate::read::Divided;
use crate::remove::{self, Expired, Removed, Unused, UnusedFile};
use crate::settings::{CompactSettings, LiveSettings, Settings};
use crate::snapshot::{MemoryChunk, Snapshot};
use crate::sql::{Runtime, Session};
use crate::trace_index::TraceIndexes;
use crate::write::{DataFiles, Decode, Intake, Live, Parts, Writer};

/// Where the write-ahead log of a lake in a folder lies, unless the settings say otherwise.
const WAL_FOLDER: &str = "wal";

/// How often erasing starts again because another process has changed the files.
const ERASE_ATTEMPTS: usize = 15;

/// One lake, opened. Cheap to clone; clones share memory limits and caches.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn ObjectStore>,
    log: Arc<TableLog>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    runtime: Runtime,
    indexes: Arc<TraceIndexes>,
    /// One assembly at a time: a second one would lose.
    assembly: Mutex<()>,
    /// Replaced files that are deleted: the log still names them.
    gone: Mutex<HashSet<Path>>,
    /// `None` if nobody writes through this engine but importers.
    live: Option<Live>,
    /// The session of the newest snapshot seen: planning the views again for each query would be wasted.
    newest: Mutex<Option<(SnapshotKey, Session)>>,
}

/// Version of the table, and the last record in memory: what tells two snapshots of a lake apart.
type SnapshotKey = (u64, u64);

/// What an engine with a live write path works with; a test replaces parts of it.
#[derive(Debug, Clone)]
pub struct Components {
    /// The store whose root is the lake. What it acknowledges must be durable.
    pub store: Arc<dyn ObjectStore>,
    /// Where the write-ahead log lies.
    pub files: Arc<dyn FileSystem>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Decodes requests that are read back from the log.
    pub decode: Arc<dyn Decode>,
}

impl Engine {
    /// Opens an existing lake.
    ///
    /// # Errors
    ///
    /// [`Error::NotALake`] if there is none, [`Error::BadLocation`] if there cannot be one.
    pub async fn open(location: &Location, settings: Settings) -> Result<Self> {
        let store = location.open(false)?;
        let log = TableLog::open(Arc::clone(&store)).await?;
        let log = log.ok_or_else(|| Error::NotALake { location: location.to_string() })?;
        Self::new(store, Arc::new(log), settings, Arc::new(SystemClock), None)
    }

    /// Opens a lake, and creates it if the folder holds none.
    ///
    /// # Errors
    ///
    /// [`Error::BadLocation`] if the folder cannot be used.
    pub async fn open_or_create(location: &Location, settings: Settings) -> Result<Self> {
        let store = location.open(true)?;
        Self::with_components(store, settings, Arc::new(SystemClock)).await
    }

    /// Opens or creates a lake on any store whose root is the lake: what tests and servers use.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if the log can be neither read nor created.
    pub async fn with_components(
        store: Arc<dyn ObjectStore>,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let log = open_or_create_log(&store).await?;
        Self::new(store, log, settings, clock, None)
    }

    /// Opens or creates a lake to which requests are written live: see [`Intake`]. What an earlier
    /// process had acknowledged and not flushed is read back first.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] if another process writes there, [`Error::DamagedLog`] if the write-ahead
    /// log is damaged, [`Error::Disk`] if it cannot be used, [`Error::UnsafeStore`] if the store cannot
    /// keep two writers apart, and as [`Engine::open_or_create`].
    pub async fn open_live(
        location: &Location,
        settings: Settings,
        mut live: LiveSettings,
        decode: Arc<dyn Decode>,
    ) -> Result<(Self, Intake)> {
        let store = location.open(true)?;
        if live.wal_dir.as_os_str().is_empty() {
            let folder = location.folder().ok_or_else(|| {
                let reason = "a lake in a bucket needs a folder on a local disk for its write-ahead \
                              log; name it with --wal or `wal_dir`";
                Error::BadSettings(reason.into())
            })?;
            live.wal_dir = folder.join(WAL_FOLDER);
        }
        let (files, clock) = (Arc::new(LocalDisk), Arc::new(SystemClock));
        Self::live_with_components(Components { store, files, clock, decode }, settings, live).await
    }

    /// As [`Engine::open_live`], on any store and file system.
    ///
    /// # Errors
    ///
    /// As [`Engine::open_live`].
    pub async fn live_with_components(
        components: Components,
        settings: Settings,
        live: LiveSettings,
    ) -> Result<(Self, Intake)> {
        let Components { store, files, clock, decode } = components;
        let log = open_or_create_log(&store).await?;
        log.check_store().await?;
        let data_files = DataFiles {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            row_group_rows: settings.row_group_rows,
        };
        let parts =
            Parts { data_files, log: Arc::clone(&log), disk: files, decode, settings: live };
        let (intake, live) = Intake::start(parts).await?;
        Ok((Self::new(store, log, settings, clock, Some(live))?, intake))
    }

    fn new(
        store: Arc<dyn ObjectStore>,
        log: Arc<TableLog>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        live: Option<Live>,
    ) -> Result<Self> {
        let runtime = Runtime::new(&settings, Some(Arc::clone(&store)))?;
        let indexes = Arc::new(TraceIndexes::new(Arc::clone(&store), settings.trace_index_bytes));
        let inner = Inner {
            store,
            log,
            clock,
            settings,
            runtime,
            indexes,
            assembly: Mutex::default(),
            gone: Mutex::default(),
            live,
            newest: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The newest version of the lake, with everything that was acknowledged before the call.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if the log cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let Some(live) = &self.inner.live else { return self.inner.log.snapshot().await };
        // Memory first. A flush in between then shows its rows twice, which the mark in the table
        // tells; the other way round they would be missing.
        let chunks = live.memtable.chunks();
        let (mut snapshot, committed) = self.inner.log.snapshot_and_mark(&live.writer_id).await?;
        snapshot.memory =
            chunks.iter().filter_map(|chunk| MemoryChunk::after(chunk, committed)).collect();
        Ok(snapshot)
    }

    /// A session on the newest version: every query of it sees the same data.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if the log cannot be read.
    pub async fn session(&self) -> Result<Session> {
        let mut newest = self.inner.newest.lock().await;
        let snapshot = self.snapshot().await?;
        let key = (snapshot.version, snapshot.memory_seq());
        if let Some((newest_key, session)) = &*newest
            && *newest_key == key
        {
            return Ok(session.clone());
        }
        let divided = Divided::new(snapshot, Arc::clone(&self.inner.indexes));
        let session = Session::over(&self.inner.runtime, divided).await?;
        *newest = Some((key, session.clone()));
        Ok(session)
    }

    /// A writer that appends to the lake.
    pub fn writer(&self) -> Writer {
        let Inner { store, log, clock, settings, .. } = &*self.inner;
        Writer::new(Arc::clone(store), Arc::clone(log), Arc::clone(clock), settings)
    }

    /// Assembles traces: one commit's worth of work. `None` for the version in the answer says that
    /// there is nothing to do, or that another process was faster.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if something cannot be read or written; no span is lost, and
    /// the call may be repeated.
    pub async fn assemble(&self, settings: &CompactSettings) -> Result<Assembled> {
        let _turn = self.inner.assembly.lock().await;
        let snapshot = self.snapshot().await?;
        self.assembler(settings).run(&snapshot).await
    }

    /// What is older than `days` whole days: see [`Engine::expire`].
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if the log cannot be read.
    pub async fn expired(&self, days: u32) -> Result<Expired> {
        let snapshot = self.inner.log.snapshot().await?;
        Ok(Expired::of(snapshot, self.inner.clock.now(), days))
    }

    /// Takes out of the table what is too old, in one commit. The files go with the next vacuum.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`]; the call may be repeated.
    pub async fn expire(&self, expired: &Expired) -> Result<Removed> {
        if expired.files.is_empty() {
            return Ok(Removed::default());
        }
        let _turn = self.inner.assembly.lock().await;
        let Expired { files, seen, spans, bytes, .. } = expired;
        let replacement = Replacement {
            seen,
            old: files,
            new: &[],
            change: Change::FewerRows,
            now_ms: self.inner.clock.now().timestamp_millis(),
        };
        match self.inner.log.replace(replacement).await? {
            Replaced::Done { version } => Ok(Removed {
                spans: *spans,
                files: files.len(),
                bytes: *bytes,
                version: Some(version),
            }),
            // The next run sees what the other process has done.
            Replaced::Lost => Ok(Removed::default()),
        }
    }

    /// Takes whole traces out of the table. Rows that another process has received and not flushed are
    /// not seen. The files that had them go with the next vacuum.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`]; some files may have been written without the traces by then,
    /// and the call may be repeated.
    pub async fn erase(
        &self,
        traces: &HashSet<TraceId>,
        settings: &CompactSettings,
    ) -> Result<Removed> {
        let mut all = Removed::default();
        if traces.is_empty() {
            return Ok(all);
        }
        let mut lost = 0;
        loop {
            let _turn = self.inner.assembly.lock().await;
            let snapshot = self.inner.log.snapshot().await?;
            match self.assembler(settings).erase(&snapshot, traces).await? {
                Erased::Nothing => return Ok(all),
                // Two traces may share a hash, and then a file is named that has none of them.
                Erased::Some(removed) if removed.spans == 0 => return Ok(all),
                Erased::Some(removed) => all = all.and(removed),
                Erased::Lost if lost == ERASE_ATTEMPTS => {
                    let reason = "other processes changed the files at the same time; run it again";
                    return Err(Error::Log(reason.into()));
                }
                Erased::Lost => lost += 1,
            }
        }
    }

    /// The files that vacuum would delete: those that left the table longer ago than `grace`, and those
    /// that never came into it.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`].
    pub async fn unused(&self, grace: Duration) -> Result<Vec<UnusedFile>> {
        let inner = &self.inner;
        let History { snapshot, before, since } = inner.log.history(self.before_ms(grace)).await?;
        let current: HashSet<&Path> = snapshot.files.iter().map(|file| &file.path).collect();
        let gone = inner.gone.lock().await;
        let mut unused = Vec::new();
        for path in before.iter().filter(|path| !current.contains(path) && !gone.contains(*path)) {
            match inner.store.head(&paths::in_lake(path)).await {
                Ok(object) => unused.push(UnusedFile {
                    path: path.clone(),
                    size_bytes: Some(object.size),
                    why: Unused::Replaced,
                }),
                // The log remembers for a week what another run has deleted.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let known: Vec<Path> = before.into_iter().chain(since).collect();
        let now = inner.clock.now();
        unused.extend(remove::orphans(&*inner.store, &snapshot, &known, now).await?);
        Ok(unused)
    }

    /// Deletes files that [`Engine::unused`] found.
    ///
    /// # Errors
    ///
    /// [`Error::Store`]; the call may be repeated.
    pub async fn delete_unused(&self, files: &[UnusedFile]) -> Result<()> {
        for file in files {
            self.delete(&file.path).await?;
        }
        Ok(())
    }

    /// Deletes files that left the table longer ago than `grace`: no query may run so long. Returns
    /// their number.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`]; the call may be repeated.
    pub async fn vacuum(&self, grace: Duration) -> Result<usize> {
        let History { snapshot, before, .. } =
            self.inner.log.history(self.before_ms(grace)).await?;
        let current: HashSet<&Path> = snapshot.files.iter().map(|file| &file.path).collect();
        let mut deleted = 0;
        for path in before.iter().filter(|path| !current.contains(path)) {
            deleted += usize::from(self.delete(path).await?);
        }
        Ok(deleted)
    }

    /// Deletes a file that is not part of the table; false if it was gone.
    async fn delete(&self, path: &Path) -> Result<bool> {
        let mut gone = self.inner.gone.lock().await;
        if gone.contains(path) {
            return Ok(false);
        }
        let is_deleted = match self.inner.store.delete(&paths::in_lake(path)).await {
            Ok(()) => true,
            // The log remembers for a week what another run has deleted.
            Err(object_store::Error::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        gone.insert(path.clone());
        Ok(is_deleted)
    }

    /// Compares what the lake has with what its log says of it: see [`Checked`].
    ///
    /// # Errors
    ///
    /// [`Error::Log`] if the log itself cannot be read; everything else is a finding.
    pub async fn check(&self) -> Result<Checked> {
        let inner = &self.inner;
        let snapshot = inner.log.snapshot().await?;
        check::check(&inner.store, &snapshot, &inner.runtime).await
    }

    fn before_ms(&self, grace: Duration) -> i64 {
        let grace_ms = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        self.inner.clock.now().timestamp_millis().saturating_sub(grace_ms)
    }

    fn assembler(&self, settings: &CompactSettings) -> Assembler {
        let inner = &self.inner;
        Assembler {
            store: Arc::clone(&inner.store),
            log: Arc::clone(&inner.log),
            clock: Arc::clone(&inner.clock),
            indexes: Arc::clone(&inner.indexes),
            row_group_rows: inner.settings.row_group_rows,
            settings: settings.clone(),
        }
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }
}

async fn open_or_create_log(store: &Arc<dyn ObjectStore>) -> Result<Arc<TableLog>> {
    let log = match TableLog::open(Arc::clone(store)).await? {
        Some(log) => log,
        None => TableLog::create(Arc::clone(store)).await?,
    };
    Ok(Arc::new(log))
}
