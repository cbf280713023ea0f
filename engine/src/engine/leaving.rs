//! What leaves a lake, done on an engine: see [`crate::remove`] and [`crate::thin`].

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStoreExt;
use object_store::path::Path;
use schema::TraceId;

use super::Engine;
use crate::assemble::{Fates, TakenOut, take_rows};
use crate::catalog::{Change, History, Replaced, Replacement};
use crate::error::{Error, Result};
use crate::paths;
use crate::read::Divided;
use crate::remove::{self, Expired, Removed, Unused, UnusedFile};
use crate::rollup;
use crate::settings::{CompactSettings, RetentionSettings};
use crate::snapshot::{DataFile, Layout, Snapshot};
use crate::sql::Session;
use crate::thin::{self, Thinning};
use crate::trace_index::TraceIndexes;

/// How often erasing or thinning starts again because another process has changed the files.
const REWRITE_ATTEMPTS: usize = 15;

impl Engine {
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
                TakenOut::Nothing => return Ok(all),
                // Two traces may share a hash, and then a file is named that has none of them.
                TakenOut::Some(removed) if removed.spans == 0 => return Ok(all),
                TakenOut::Some(removed) => all = all.and(removed),
                TakenOut::Lost if lost == REWRITE_ATTEMPTS => return Err(too_busy()),
                TakenOut::Lost => lost += 1,
            }
        }
    }

    /// What is older than `days` whole days and was not thinned before: see [`Engine::thin`].
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if the log cannot be read.
    pub async fn to_thin(&self, days: u32) -> Result<Expired> {
        let snapshot = self.inner.log.snapshot().await?;
        Ok(thin::to_thin(snapshot, self.inner.clock.now(), days))
    }

    /// The traces and spans that [`Engine::thin`] would take out.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`].
    pub async fn would_thin(
        &self,
        due: &Expired,
        policy: &RetentionSettings,
        settings: &CompactSettings,
    ) -> Result<(u64, u64)> {
        let snapshot = self.snapshot().await?;
        let mut left = due.files.clone();
        let (mut traces, mut spans) = (0, 0);
        while !left.is_empty() {
            let files = next_files(&left, settings);
            left.retain(|file| files.iter().all(|taken| taken.path != file.path));
            let (fates, of_files) = self.fates(&snapshot, &files, policy).await?;
            traces += fates.gone.len() as u64;
            spans += of_files;
        }
        Ok((traces, spans))
    }

    /// Takes most of the traces that do not matter out of old files; those that stay for them get
    /// a weight. A file is thinned once. What is replaced goes with the next vacuum.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`]; some files may have been thinned by then, and the call may be
    /// repeated.
    pub async fn thin(
        &self,
        due: &Expired,
        policy: &RetentionSettings,
        settings: &CompactSettings,
    ) -> Result<Removed> {
        let due: HashSet<&Path> = due.files.iter().map(|file| &file.path).collect();
        let mut all = Removed::default();
        let mut lost = 0;
        loop {
            let _turn = self.inner.assembly.lock().await;
            let snapshot = self.snapshot().await?;
            let files = snapshot.files.iter().filter(|file| due.contains(&file.path));
            let files = next_files(files, settings);
            if files.is_empty() {
                return Ok(all);
            }
            let (fates, _) = self.fates(&snapshot, &files, policy).await?;
            match self.assembler(settings).thin(&snapshot, files, &fates).await? {
                TakenOut::Nothing => return Ok(all),
                TakenOut::Some(removed) => all = all.and(removed),
                TakenOut::Lost if lost == REWRITE_ATTEMPTS => return Err(too_busy()),
                TakenOut::Lost => lost += 1,
            }
        }
    }

    /// What becomes of the traces of some assembled files, and how many spans go.
    async fn fates(
        &self,
        snapshot: &Snapshot,
        files: &[DataFile],
        policy: &RetentionSettings,
    ) -> Result<(Fates, u64)> {
        let indexes = &self.inner.indexes;
        let late = late_keys(snapshot, files, indexes).await?;
        let only = Snapshot { files: files.into(), memory: Arc::default(), ..snapshot.clone() };
        let divided = Divided::new(only, Arc::clone(indexes));
        let session = Session::over(&self.inner.runtime, divided).await?;
        Ok(Thinning::read(&session, &late, policy).await?.fates(policy))
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
        // The rollup first: a file that is there is found by the next run, and its rollup by it.
        rollup::delete(&*self.inner.store, path).await?;
        let is_deleted = match self.inner.store.delete(&paths::in_lake(path)).await {
            Ok(()) => true,
            // The log remembers for a week what another run has deleted.
            Err(object_store::Error::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        gone.insert(path.clone());
        Ok(is_deleted)
    }

    fn before_ms(&self, grace: Duration) -> i64 {
        let grace_ms = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        self.inner.clock.now().timestamp_millis().saturating_sub(grace_ms)
    }
}

fn too_busy() -> Error {
    Error::Log("other processes changed the files at the same time; run it again".into())
}

/// The files of one commit, by time.
fn next_files<'a>(
    files: impl IntoIterator<Item = &'a DataFile>,
    settings: &CompactSettings,
) -> Vec<DataFile> {
    let mut files: Vec<&DataFile> = files.into_iter().collect();
    files.sort_by_key(|file| file.start_time_range);
    take_rows(files, settings.commit_rows).into_iter().cloned().collect()
}

/// The keys of the traces in assembled files that have fresh rows, too.
async fn late_keys(
    snapshot: &Snapshot,
    files: &[DataFile],
    indexes: &TraceIndexes,
) -> Result<HashSet<u64>> {
    let mut late = HashSet::new();
    let fresh = || snapshot.files.iter().filter(|file| file.layout != Layout::Assembled);
    for file in files {
        let keys = indexes.keys(file).await?;
        for chunk in snapshot.memory.iter() {
            late.extend(keys.among(chunk.trace_keys()));
        }
        for other in fresh() {
            late.extend(indexes.shared(other, file).await?.iter());
        }
    }
    Ok(late)
}
