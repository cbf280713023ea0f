//! The engine: one lake, opened.

mod leaving;

use std::collections::HashSet;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use tokio::sync::{Mutex, RwLock};

use crate::assemble::{Assembled, Assembler};
use crate::catalog::TableLog;
use crate::check::{self, Checked};
use crate::clock::{Clock, SystemClock};
use crate::disk::{FileSystem, LocalDisk};
use crate::error::{Error, Result};
use crate::location::Location;
use crate::read::Divided;
use crate::rollup::RollupCache;
use crate::settings::{CompactSettings, LiveSettings, Settings};
use crate::slo::Slos;
use crate::snapshot::{DataFile, MemoryChunk, Snapshot};
use crate::sql::{Runtime, Session};
use crate::trace_index::TraceIndexes;
use crate::write::{DataFiles, Decode, Intake, Live, Parts, Writer};

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
    /// `None` if rollups are not to be used.
    rollups: Option<Arc<RollupCache>>,
    /// One assembly at a time: a second one would lose.
    assembly: Mutex<()>,
    /// Replaced files that are deleted: the log still names them.
    gone: Mutex<HashSet<Path>>,
    /// `None` if nobody writes through this engine but importers.
    live: Option<Live>,
    /// The session of the newest snapshot seen: planning the views again for each query would be wasted.
    newest: Mutex<Option<(SnapshotKey, Session)>>,
    /// What sessions know of service level objectives.
    slos: RwLock<Arc<Slos>>,
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
            live.wal_dir = location.wal_folder().ok_or_else(|| {
                let reason = "a lake in a bucket needs a folder on a local disk for its write-ahead \
                              log; name it with --wal or `wal_dir`";
                Error::BadSettings(reason.into())
            })?;
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
        let indexes = TraceIndexes::new(Arc::clone(&store), settings.trace_index_bytes)
            .with_footers(runtime.footers());
        let indexes = Arc::new(indexes);
        let rollups = settings
            .use_rollups
            .then(|| Arc::new(RollupCache::new(Arc::clone(&store), settings.rollup_cache_bytes)));
        let inner = Inner {
            store,
            log,
            clock,
            settings,
            runtime,
            indexes,
            rollups,
            assembly: Mutex::default(),
            gone: Mutex::default(),
            live,
            newest: Mutex::default(),
            slos: RwLock::default(),
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
        let rollups = self.inner.rollups.clone();
        if let Some(rollups) = &rollups {
            rollups.keep_only(&snapshot.files);
        }
        if let Some(columns) = self.inner.runtime.columns() {
            columns.keep_only(&snapshot.files);
        }
        let divided = Divided::new(snapshot, Arc::clone(&self.inner.indexes)).with_rollups(rollups);
        let slos = Arc::clone(&*self.inner.slos.read().await);
        let session = Session::over(&self.inner.runtime, divided).await?.with_slos(slos);
        *newest = Some((key, session.clone()));
        Ok(session)
    }

    /// Reads what a look-up of a trace needs to know of files that nobody asked about yet, the newest first, as far as
    /// there is room for it; says of how many. Who serves queries does so beforehand.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if something cannot be read, [`Error::Corrupt`] for a damaged file.
    pub async fn read_ahead(&self) -> Result<usize> {
        let snapshot = self.snapshot().await?;
        let mut files: Vec<&DataFile> = snapshot.files.iter().collect();
        files.sort_by(|a, b| (&b.date, &b.path).cmp(&(&a.date, &a.path)));
        self.inner.indexes.read_ahead(&files).await
    }

    /// Lets sessions know these service level objectives, instead of those before. Those that the lake cannot
    /// answer become problems: see the answer.
    ///
    /// # Errors
    ///
    /// As [`Engine::session`].
    pub async fn watch_slos(&self, slos: Slos) -> Result<Arc<Slos>> {
        let slos = Arc::new(slos.checked(&self.session().await?).await);
        *self.inner.slos.write().await = Arc::clone(&slos);
        *self.inner.newest.lock().await = None;
        Ok(slos)
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
