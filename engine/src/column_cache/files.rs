//! Which columns are kept, and which of them was not used for longest.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::file::metadata::ParquetMetaData;
use object_store::path::Path;

use super::column::Column;

/// Where a column lies in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) row_group: usize,
    /// Number of the column among those of the file, or a hash of an attribute.
    pub(super) column: u64,
}

/// What a file says of itself.
#[derive(Debug)]
pub(super) struct Footer {
    pub(super) metadata: Arc<ParquetMetaData>,
    /// Its columns, worked out from `metadata`.
    pub(super) schema: SchemaRef,
}

/// Columns by file and place.
#[derive(Debug, Default)]
pub(super) struct Files {
    of_file: HashMap<Path, OfFile>,
    bytes: usize,
    /// Counts uses: the smallest is the oldest.
    uses: u64,
}

/// What is kept of a file: a footer only together with columns, or until the next tidying.
#[derive(Debug, Default)]
struct OfFile {
    footer: Option<Arc<Footer>>,
    columns: HashMap<Place, Entry>,
}

#[derive(Debug)]
struct Entry {
    column: Arc<Column>,
    last_use: u64,
}

impl Files {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.of_file.is_empty()
    }

    pub(super) fn footer(&self, file: &Path) -> Option<Arc<Footer>> {
        self.of_file.get(file)?.footer.clone()
    }

    pub(super) fn add_footer(&mut self, file: &Path, footer: &Arc<Footer>) {
        let of_file = self.of_file.entry(file.clone()).or_default();
        if of_file.footer.replace(Arc::clone(footer)).is_none() {
            self.bytes += footer.metadata.memory_size();
        }
    }

    pub(super) fn has(&self, file: &Path, place: Place) -> bool {
        self.of_file.get(file).is_some_and(|of_file| of_file.columns.contains_key(&place))
    }

    pub(super) fn used(&mut self, file: &Path, place: Place) -> Option<Arc<Column>> {
        self.uses += 1;
        let entry = self.of_file.get_mut(file)?.columns.get_mut(&place)?;
        entry.last_use = self.uses;
        Some(Arc::clone(&entry.column))
    }

    pub(super) fn add(&mut self, file: &Path, place: Place, column: &Arc<Column>) {
        self.uses += 1;
        self.bytes += column.bytes();
        let entry = Entry { column: Arc::clone(column), last_use: self.uses };
        let of_file = self.of_file.entry(file.clone()).or_default();
        if let Some(before) = of_file.columns.insert(place, entry) {
            self.bytes -= before.column.bytes();
        }
    }

    /// Forgets those that were not used for longest until the others fill no more than `bytes`.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        let mut uses: Vec<(u64, usize)> = self.entries().collect();
        uses.sort_unstable();
        let mut left = self.bytes;
        let oldest_kept = uses.iter().find(|(_, of_column)| {
            let is_kept = left <= bytes;
            left -= if is_kept { 0 } else { *of_column };
            is_kept
        });
        let oldest_kept = oldest_kept.map_or(u64::MAX, |(last_use, _)| *last_use);
        for of_file in self.of_file.values_mut() {
            of_file.columns.retain(|_, entry| entry.last_use >= oldest_kept);
        }
        self.tidy();
    }

    /// Forgets all files but those that are wanted.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(&Path) -> bool) {
        self.of_file.retain(|path, _| is_wanted(path));
        self.tidy();
    }

    fn tidy(&mut self) {
        self.of_file.retain(|_, of_file| !of_file.columns.is_empty());
        let footers = self.of_file.values().filter_map(|of_file| of_file.footer.as_ref());
        let of_footers: usize = footers.map(|footer| footer.metadata.memory_size()).sum();
        self.bytes = of_footers + self.entries().map(|(_, bytes)| bytes).sum::<usize>();
    }

    /// The last use and the bytes of each.
    fn entries(&self) -> impl Iterator<Item = (u64, usize)> {
        let all = self.of_file.values().flat_map(|of_file| of_file.columns.values());
        all.map(|entry| (entry.last_use, entry.column.bytes()))
    }
}
