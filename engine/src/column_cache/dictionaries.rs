//! The values that the pages of a column are codes of, decompressed once and used by many look-ups.

use std::collections::HashMap;

use datafusion::parquet::column::page::Page;
use object_store::path::Path;

/// Dictionary pages by file and by where they begin in it, within a bound.
///
/// A look-up of forty rows needs a page of codes of each column, and the values of its whole row group: for the
/// map `attributes` up to a megabyte. Next to that everything else that it reads is small.
#[derive(Debug, Default)]
pub(super) struct Dictionaries {
    of_file: HashMap<Path, HashMap<u64, Page>>,
    bytes: usize,
}

impl Dictionaries {
    pub(super) fn is_empty(&self) -> bool {
        self.of_file.is_empty()
    }

    pub(super) fn get(&self, file: &Path, begin: u64) -> Option<Page> {
        self.of_file.get(file)?.get(&begin).cloned()
    }

    /// Forgets all others if there is no room for this one among them, and this one if it has no room alone.
    pub(super) fn add(&mut self, file: &Path, begin: u64, page: Page, max_bytes: usize) {
        let bytes = bytes_of(&page);
        if self.bytes + bytes > max_bytes {
            self.of_file.clear();
            self.bytes = 0;
        }
        if bytes > max_bytes {
            return;
        }
        let of_file = self.of_file.entry(file.clone()).or_default();
        if of_file.insert(begin, page).is_none() {
            self.bytes += bytes;
        }
    }

    /// Forgets all files but those that are wanted.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(&Path) -> bool) {
        self.of_file.retain(|path, _| is_wanted(path));
        self.bytes = self.of_file.values().flat_map(HashMap::values).map(bytes_of).sum();
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Of the values, and of what keeps them.
fn bytes_of(page: &Page) -> usize {
    page.buffer().len() + 256
}
