//! What is known of the traces of the files of a lake, within bounds.
//!
//! ```text
//! keys      which traces a file may have          of every file asked about, small
//! index     and in which rows                     of the files last used
//! shared    which traces two files have both      of a fresh file and an assembled one
//! ```
//!
//! A file never changes, so nothing in here gets wrong; what there is no room for is read again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use datafusion::execution::cache::cache_manager::FileMetadataCache;
use object_store::ObjectStore;
use object_store::path::Path;

use super::{TraceIndex, TraceKeys, TraceRun};
use crate::data_file_reader::DataFileReader;
use crate::error::Result;
use crate::snapshot::DataFile;

/// The traces of the files of a lake.
#[derive(Debug)]
pub(crate) struct TraceIndexes {
    store: Arc<dyn ObjectStore>,
    max_bytes: usize,
    footers: Option<Arc<FileMetadataCache>>,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    of_file: HashMap<Path, Entry>,
    next_number: u64,
    /// Counts uses: the smallest is the oldest.
    uses: u64,
    has_warned: bool,
    /// There was no room for the keys of a file that nobody had asked for.
    is_full: bool,
}

/// What is known of one file.
#[derive(Debug, Default)]
struct Entry {
    number: u64,
    last_use: u64,
    keys: Option<Arc<TraceKeys>>,
    index: Option<Arc<TraceIndex>>,
    /// The keys of traces that lie in another file too, by the number of that file.
    shared: HashMap<u64, Arc<[u64]>>,
}

impl TraceIndexes {
    /// Keeps about `max_bytes`.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, max_bytes: usize) -> Self {
        Self { store, max_bytes, footers: None, entries: Mutex::default() }
    }

    /// Shares footers with the queries: whoever looks for a trace then reads its rows.
    pub(crate) fn with_footers(self, footers: Arc<FileMetadataCache>) -> Self {
        Self { footers: Some(footers), ..self }
    }

    async fn read(&self, file: &DataFile) -> Result<TraceIndex> {
        let reader = DataFileReader::new(&self.store, file).with_footers(self.footers.clone());
        TraceIndex::read(reader, file).await
    }

    /// The index of a file.
    pub(crate) async fn of(&self, file: &DataFile) -> Result<Arc<TraceIndex>> {
        if let Some(index) = self.entries().used(file).index.clone() {
            return Ok(index);
        }
        let index = Arc::new(self.read(file).await?);
        let mut entries = self.entries();
        entries.used(file).index = Some(Arc::clone(&index));
        entries.make_room(self.max_bytes);
        Ok(index)
    }

    /// The keys of a file.
    pub(crate) async fn keys(&self, file: &DataFile) -> Result<Arc<TraceKeys>> {
        let known = {
            let mut entries = self.entries();
            let entry = entries.used(file);
            if let Some(keys) = &entry.keys {
                return Ok(Arc::clone(keys));
            }
            entry.index.clone()
        };
        let index = match known {
            Some(index) => index,
            // Not kept: most files are never asked for more than their keys.
            None => Arc::new(self.read(file).await?),
        };
        let keys = Arc::new(TraceKeys::new(&index.keys()));
        let mut entries = self.entries();
        entries.used(file).keys = Some(Arc::clone(&keys));
        entries.make_room(self.max_bytes);
        Ok(keys)
    }

    /// Reads what is not known yet of `files`, in their order, as long as there is room; says of how many.
    ///
    /// Nothing is forgotten for it, and what was asked for is kept longer than what is read here. The error is of the
    /// first file that cannot be read; the others are read all the same.
    pub(crate) async fn read_ahead(&self, files: &[&DataFile]) -> Result<usize> {
        let mut read = 0;
        let mut failed = None;
        for file in files {
            if self.entries().is_full {
                break;
            }
            if self.entries().knows(file) {
                continue;
            }
            let index = match self.read(file).await {
                Ok(index) => index,
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            let keys = TraceKeys::new(&index.keys());
            read += usize::from(self.entries().keep_if_room(file, keys, index, self.max_bytes));
        }
        failed.map_or(Ok(read), Err)
    }

    /// The runs of the traces in `keys`, which are sorted, in one file.
    pub(crate) async fn runs_in(&self, file: &DataFile, keys: &[u64]) -> Result<Vec<TraceRun>> {
        let keys = self.keys(file).await?.among(keys);
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.of(file).await?.runs_in(&keys).into_iter().copied().collect())
    }

    /// The keys of the traces that lie in both of two files, sorted, each once.
    pub(crate) async fn shared(&self, fresh: &DataFile, other: &DataFile) -> Result<Arc<[u64]>> {
        {
            let mut entries = self.entries();
            let number = entries.used(other).number;
            if let Some(shared) = entries.used(fresh).shared.get(&number) {
                return Ok(Arc::clone(shared));
            }
        }
        let keys = self.of(fresh).await?.keys();
        let mut shared: Vec<u64> =
            self.runs_in(other, &keys).await?.iter().map(|run| run.key).collect();
        shared.dedup();
        let shared: Arc<[u64]> = shared.into();
        let mut entries = self.entries();
        let number = entries.used(other).number;
        entries.used(fresh).shared.insert(number, Arc::clone(&shared));
        Ok(shared)
    }

    /// Forgets the files that are not part of the table any more.
    pub(crate) fn keep_only(&self, files: &[DataFile]) {
        let kept: HashSet<&Path> = files.iter().map(|file| &file.path).collect();
        let mut entries = self.entries();
        let known = entries.of_file.len();
        entries.of_file.retain(|path, _| kept.contains(path));
        if entries.of_file.len() < known {
            entries.is_full = false;
            let kept: HashSet<u64> = entries.of_file.values().map(|entry| entry.number).collect();
            for entry in entries.of_file.values_mut() {
                entry.shared.retain(|other, _| kept.contains(other));
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // A poisoned lock still holds whole indexes.
        self.entries.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Entry {
    fn index_bytes(&self) -> usize {
        self.index.as_ref().map_or(0, |index| index.bytes())
    }

    fn key_bytes(&self) -> usize {
        self.keys.as_ref().map_or(0, |keys| keys.bytes())
    }
}

impl Entries {
    /// The entry of a file, new if there is none.
    fn used(&mut self, file: &DataFile) -> &mut Entry {
        self.uses += 1;
        if !self.of_file.contains_key(&file.path) {
            self.next_number += 1;
            let entry = Entry { number: self.next_number, ..Entry::default() };
            self.of_file.insert(file.path.clone(), entry);
        }
        let entry = self.of_file.get_mut(&file.path).expect("it was there or is now");
        entry.last_use = self.uses;
        entry
    }

    fn knows(&self, file: &DataFile) -> bool {
        self.of_file.get(&file.path).is_some_and(|entry| entry.keys.is_some())
    }

    /// Keeps what nobody has asked for yet; the index only if half of `max_bytes` has room for it. False if there is
    /// no room for the keys.
    fn keep_if_room(
        &mut self,
        file: &DataFile,
        keys: TraceKeys,
        index: TraceIndex,
        max_bytes: usize,
    ) -> bool {
        let of_indexes: usize = self.of_file.values().map(Entry::index_bytes).sum();
        let all = of_indexes + self.of_file.values().map(Entry::key_bytes).sum::<usize>();
        if all + keys.bytes() > max_bytes {
            self.is_full = true;
            return false;
        }
        let has_room = of_indexes + index.bytes() <= max_bytes / 2
            && all + keys.bytes() + index.bytes() <= max_bytes;
        let is_new = !self.of_file.contains_key(&file.path);
        let entry = self.used(file);
        if is_new {
            entry.last_use = 0;
        }
        entry.keys = Some(Arc::new(keys));
        if has_room {
            entry.index = Some(Arc::new(index));
        }
        true
    }

    /// Forgets indexes until they fill no more than half of `max_bytes`, the least recently used first;
    /// then keys, until all is below it.
    fn make_room(&mut self, max_bytes: usize) {
        let mut of_indexes: usize = self.of_file.values().map(Entry::index_bytes).sum();
        while of_indexes > max_bytes / 2 {
            let with_index = self.of_file.values_mut().filter(|entry| entry.index.is_some());
            let Some(oldest) = with_index.min_by_key(|entry| entry.last_use) else { break };
            of_indexes -= oldest.index_bytes();
            oldest.index = None;
        }
        let mut all: usize =
            of_indexes + self.of_file.values().map(Entry::key_bytes).sum::<usize>();
        // All keys are asked for in turn, so the oldest are the next: any others are better.
        for entry in self.of_file.values_mut() {
            if all <= max_bytes {
                break;
            }
            all -= entry.key_bytes();
            if entry.keys.take().is_some() && !self.has_warned {
                self.has_warned = true;
                tracing::warn!(
                    max_bytes,
                    "what is known of the traces of this lake does not fit in memory, and will be \
                     read again and again; raise the setting `engine.trace_index_bytes`"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
