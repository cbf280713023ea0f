//! Columns of data files in memory, decoded once and scanned many times.
//!
//! ```text
//! scan of a file     asked for these columns before?   no   Parquet, as ever
//!                                                      yes  from here; what is missing is read
//! row group          filter   text by its dictionary, once per value; all else by row
//!                    rows     those that pass, gathered from the columns of the answer
//! ```
//!
//! A dashboard, a report or an incident asks the same columns again and again, and most of the time of such
//! a question is decompressing and decoding them. So a column that two scans asked for is kept as it is
//! decoded, text as codes into the values of its row group. A file never changes: nothing in here gets
//! wrong, and what there is no room for is read as if this were not there. Nested columns are not kept. Of
//! the little that a look-up of one trace reads, the dictionaries are: see `few_rows`.

mod answer;
mod codes;
mod column;
mod dictionaries;
mod few_rows;
mod files;
mod filter;
mod maps;
mod morsels;
mod opened;
mod pages;
mod question;
mod row_groups;
mod sample;
mod scan;
mod source;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::parquet::column::page::Page;
use object_store::path::Path;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::paths;
use crate::snapshot::DataFile;
use column::Column;
use dictionaries::Dictionaries;
use few_rows::Readable;
use files::{Files, Footer, Place};
pub(crate) use sample::share_that_passes;
pub(crate) use source::with_column_cache;

/// Columns by file, row group and number, within a bound.
#[derive(Debug)]
pub(crate) struct ColumnCache {
    max_bytes: usize,
    scans: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: Files,
    /// The scan that was the last to ask for a column of a file, by a hash of both. Where two share a hash,
    /// a column is kept a scan too early.
    asked: HashMap<u64, u64>,
    /// Files of which a few rows were read lately.
    readable: HashMap<Path, Readable>,
    /// That look-ups read lately.
    dictionaries: Dictionaries,
    /// How often there was no room.
    refused: u64,
}

impl ColumnCache {
    /// Keeps about `max_bytes`.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, scans: AtomicU64::default(), state: Mutex::default() }
    }

    /// A number for a scan that is planned.
    fn next_scan(&self) -> u64 {
        self.scans.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether an earlier scan asked for all of these columns of a file. Notes that this one does.
    fn asked_before(&self, scan: u64, file: &Path, columns: &[String]) -> bool {
        /// Beyond it all are forgotten: 50 MB.
        const MOST: usize = 1 << 20;
        let seed = xxh3_64_with_seed(file.as_ref().as_bytes(), 0);
        let mut state = self.state();
        if state.asked.len() > MOST {
            state.asked.clear();
        }
        let mut before = true;
        for column in columns {
            let key = xxh3_64_with_seed(column.as_bytes(), seed);
            // A scan asks for parts of a file one by one.
            before &= *state.asked.entry(key).or_insert(scan) != scan;
        }
        before
    }

    /// A column of a row group, in `data_type`.
    fn get(&self, file: &Path, place: Place, data_type: &DataType) -> Option<Arc<Column>> {
        self.state().files.used(file, place).filter(|column| column.data_type() == data_type)
    }

    fn footer(&self, file: &Path) -> Option<Arc<Footer>> {
        self.state().files.footer(file)
    }

    fn add_footer(&self, file: &Path, footer: &Arc<Footer>) {
        self.state().files.add_footer(file, footer);
    }

    /// A file of which a few rows were read before, by the same table.
    fn readable(&self, file: &Path, table: &SchemaRef) -> Option<Readable> {
        self.state().readable.get(file).filter(|readable| readable.is_of(table)).cloned()
    }

    fn add_readable(&self, file: &Path, readable: &Readable) {
        /// Beyond it all are forgotten: 20 MB.
        const MOST: usize = 256;
        let mut state = self.state();
        if state.readable.len() >= MOST {
            state.readable.clear();
        }
        state.readable.insert(file.clone(), readable.clone());
    }

    /// The dictionary page that begins there in a file.
    fn dictionary(&self, file: &Path, begin: u64) -> Option<Page> {
        self.state().dictionaries.get(file, begin)
    }

    /// Dictionaries have an eighth of the room that columns have, beside it.
    fn add_dictionary(&self, file: &Path, begin: u64, page: &Page) {
        let max_bytes = self.max_bytes / 8;
        self.state().dictionaries.add(file, begin, page.clone(), max_bytes);
    }

    fn has(&self, file: &Path, place: Place) -> bool {
        self.state().files.has(file, place)
    }

    fn add(&self, file: &Path, place: Place, column: &Arc<Column>) {
        self.state().files.add(file, place, column);
    }

    /// Makes room for `bytes` more, and says whether there is any.
    ///
    /// A lake that is larger than the room, scanned as a whole again and again, would have each column
    /// thrown out just before it is asked for. So only one refusal in sixteen throws out what was not used
    /// for longest: what is kept then is of use, and changes with what is asked.
    fn make_room(&self, bytes: usize) -> bool {
        const REFUSALS: u64 = 16;
        let mut state = self.state();
        if state.files.bytes() + bytes <= self.max_bytes {
            return true;
        }
        state.refused += 1;
        if bytes > self.max_bytes / 4 || !state.refused.is_multiple_of(REFUSALS) {
            return false;
        }
        // More than is asked for, since looking for the oldest looks at all.
        state.files.shrink_to(self.max_bytes - self.max_bytes / 16 - bytes);
        true
    }

    /// Forgets the files that are not part of the table any more.
    pub(crate) fn keep_only(&self, files: &[DataFile]) {
        let mut state = self.state();
        if state.files.is_empty() && state.readable.is_empty() && state.dictionaries.is_empty() {
            return;
        }
        let kept: HashSet<Path> = files.iter().map(|file| paths::in_lake(&file.path)).collect();
        state.files.retain(|path| kept.contains(path));
        state.readable.retain(|path, _| kept.contains(path));
        state.dictionaries.retain(|path| kept.contains(path));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock still holds whole columns.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

#[cfg(test)]
mod tests;
