//! The engine: one lake, opened.

use std::sync::Arc;

use object_store::ObjectStore;
use tokio::sync::Mutex;

use crate::catalog::TableLog;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::location::Location;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::sql::{Runtime, Session};
use crate::write::Writer;

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
    /// The session of the newest snapshot seen: planning the views again for each query would be wasted.
    newest: Mutex<Option<(u64, Session)>>,
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
        Self::new(store, log, settings, Arc::new(SystemClock))
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
        let log = match TableLog::open(Arc::clone(&store)).await? {
            Some(log) => log,
            None => TableLog::create(Arc::clone(&store)).await?,
        };
        Self::new(store, log, settings, clock)
    }

    fn new(
        store: Arc<dyn ObjectStore>,
        log: TableLog,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let runtime = Runtime::new(&settings, Some(Arc::clone(&store)))?;
        let log = Arc::new(log);
        let newest = Mutex::new(None);
        Ok(Self { inner: Arc::new(Inner { store, log, clock, settings, runtime, newest }) })
    }

    /// The newest version of the lake.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if the log cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        self.inner.log.snapshot().await
    }

    /// A session on the newest version: every query of it sees the same data.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if the log cannot be read.
    pub async fn session(&self) -> Result<Session> {
        let mut newest = self.inner.newest.lock().await;
        let snapshot = self.inner.log.snapshot().await?;
        if let Some((version, session)) = &*newest
            && *version == snapshot.version
        {
            return Ok(session.clone());
        }
        let version = snapshot.version;
        let session = Session::on_snapshot(&self.inner.runtime, snapshot).await?;
        *newest = Some((version, session.clone()));
        Ok(session)
    }

    /// A writer that appends to the lake.
    pub fn writer(&self) -> Writer {
        let Inner { store, log, clock, settings, .. } = &*self.inner;
        Writer::new(Arc::clone(store), Arc::clone(log), Arc::clone(clock), settings.clone())
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }
}
