//! Days and hours of the files that were last asked about.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::Subject;
use super::file::Coarse;
use crate::error::Result;
use crate::paths;
use crate::snapshot::DataFile;

/// Days and hours by file, within a bound. A file never changes, so nothing in here gets wrong.
#[derive(Debug)]
pub(crate) struct RollupCache {
    store: Arc<dyn ObjectStore>,
    max_bytes: usize,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    of_file: HashMap<(Subject, Path), Entry>,
    bytes: usize,
    with_minutes: HashSet<(Subject, Path)>,
    /// Counts uses: the smallest is the oldest.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    rows: Arc<Coarse>,
    last_use: u64,
}

impl RollupCache {
    /// Keeps about `max_bytes`.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, max_bytes: usize) -> Self {
        Self { store, max_bytes, entries: Mutex::default() }
    }

    /// Days and hours of a file that has them.
    pub(crate) async fn of(&self, subject: Subject, file: &DataFile) -> Result<Arc<Coarse>> {
        let key = (subject, file.path.clone());
        if let Some(rows) = self.entries().used(&key) {
            return Ok(rows);
        }
        let rows = Arc::new(Coarse::read(&*self.store, subject, &file.path).await?);
        self.entries().add(key, &rows, self.max_bytes);
        Ok(rows)
    }

    /// An error if the minutes of a file that has them are not there.
    pub(crate) async fn has_minutes(&self, subject: Subject, file: &DataFile) -> Result<()> {
        let key = (subject, file.path.clone());
        if self.entries().with_minutes.contains(&key) {
            return Ok(());
        }
        let [_, minutes] = paths::rollup(subject, &file.path);
        self.store.head(&minutes).await?;
        self.entries().with_minutes.insert(key);
        Ok(())
    }

    /// Forgets the files that are not part of the table any more.
    pub(crate) fn keep_only(&self, files: &[DataFile]) {
        let kept: HashSet<&Path> = files.iter().map(|file| &file.path).collect();
        let mut entries = self.entries();
        entries.of_file.retain(|(_, path), _| kept.contains(path));
        entries.with_minutes.retain(|(_, path)| kept.contains(path));
        entries.bytes = entries.of_file.values().map(|entry| entry.rows.bytes()).sum();
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // A poisoned lock still holds whole rollups.
        self.entries.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Entries {
    fn used(&mut self, key: &(Subject, Path)) -> Option<Arc<Coarse>> {
        self.uses += 1;
        let entry = self.of_file.get_mut(key)?;
        entry.last_use = self.uses;
        Some(Arc::clone(&entry.rows))
    }

    fn add(&mut self, key: (Subject, Path), rows: &Arc<Coarse>, max_bytes: usize) {
        let entry = Entry { rows: Arc::clone(rows), last_use: self.uses };
        self.bytes += rows.bytes();
        if let Some(before) = self.of_file.insert(key, entry) {
            self.bytes -= before.rows.bytes();
        }
        while self.bytes > max_bytes {
            let oldest = self.of_file.iter().min_by_key(|(_, entry)| entry.last_use);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            if let Some(gone) = self.of_file.remove(&oldest) {
                self.bytes -= gone.rows.bytes();
            }
        }
    }
}
