//! The pages of a row group that have chosen rows, fetched at once; dictionaries from memory where they are there.

mod packed;

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use datafusion::parquet::arrow::FieldLevels;
use datafusion::parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, RowGroups, RowSelection, RowSelector,
};
use datafusion::parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::page_index::offset_index::PageLocation;
use datafusion::parquet::file::reader::{ChunkReader, Length};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
use datafusion::physical_plan::metrics::Count;
use object_store::ObjectStore;
use object_store::path::Path;

use super::ColumnCache;

/// A file of which some rows are read.
pub(super) struct File {
    pub(super) cache: Arc<ColumnCache>,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) path: Path,
    /// With the offsets of pages, if the file has them.
    pub(super) metadata: Arc<ParquetMetaData>,
    /// Numbers of the columns that are read, as the file stores them.
    pub(super) leaves: Vec<usize>,
    /// How these make up the columns of an answer.
    pub(super) fields: FieldLevels,
    pub(super) bytes_read: Count,
}

/// What is needed of a row group, in memory.
struct Pages {
    file: Arc<File>,
    row_group: usize,
    fetched: Arc<Fetched>,
    /// By the number of the column.
    dictionaries: HashMap<usize, Page>,
}

impl Pages {
    /// Fetches what the chosen rows of a row group need.
    async fn fetch(file: &Arc<File>, row_group: usize, chosen: &RowSelection) -> Result<Self> {
        let needed = as_read(chosen);
        let mut ranges = Vec::new();
        let mut dictionaries = HashMap::new();
        for leaf in &file.leaves {
            let (begin, length) = file.metadata.row_group(row_group).column(*leaf).byte_range();
            let Some(pages) = file.pages(row_group, *leaf) else {
                ranges.push(begin..begin + length);
                continue;
            };
            if let Some(end) = end_of_dictionary(begin, pages) {
                match file.cache.dictionary(&file.path, begin) {
                    Some(page) => _ = dictionaries.insert(*leaf, page),
                    None => ranges.push(begin..end),
                }
            }
            ranges.extend(needed.scan_ranges(pages));
        }
        ranges.sort_unstable_by_key(|range| range.start);
        let parts = file.store.get_ranges(&file.path, &ranges).await?;
        file.bytes_read.add(parts.iter().map(Bytes::len).sum());
        let fetched = ranges.iter().map(|range| range.start).zip(parts).collect();
        let file = Arc::clone(file);
        Ok(Self { file, row_group, fetched: Arc::new(Fetched(fetched)), dictionaries })
    }

    fn reader(&self, leaf: usize) -> Result<Reader> {
        let file = &self.file;
        let column = file.metadata.row_group(self.row_group).column(leaf);
        let locations = file.pages(self.row_group, leaf);
        let (begin, _) = column.byte_range();
        let stored = packed::as_stored(column);
        let has_dictionary = locations.is_some_and(|it| end_of_dictionary(begin, it).is_some());
        let dictionary = match self.dictionaries.get(&leaf) {
            Some(page) => Dictionary::Known(page.clone()),
            // One that is not unpacked here is part of all that was fetched, and would keep it.
            None if has_dictionary && stored.is_some() => {
                Dictionary::New { file: Arc::clone(file), begin }
            }
            None => Dictionary::Absent,
        };
        let fetched = Arc::clone(&self.fetched);
        let locations = locations.map(<[_]>::to_vec);
        let as_read = stored.as_ref().unwrap_or(column);
        let mut pages = SerializedPageReader::new(fetched, as_read, self.num_rows(), locations)?;
        if matches!(dictionary, Dictionary::Known(_)) {
            pages.skip_next_page()?;
        }
        Ok(Reader { pages, is_packed: stored.is_some(), dictionary })
    }
}

impl File {
    /// Fetches what the chosen rows of a row group need, and reads them in batches.
    pub(super) async fn rows(
        self: &Arc<Self>,
        row_group: usize,
        chosen: RowSelection,
        batch_rows: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<>> {
        let pages = Pages::fetch(self, row_group, &chosen).await?;
        let rows = batch_rows.min(chosen.row_count());
        ParquetRecordBatchReader::try_new_with_row_groups(&self.fields, &pages, rows, Some(chosen))
    }

    /// Where the pages of a column are; `None` if the file does not say.
    fn pages(&self, row_group: usize, leaf: usize) -> Option<&[PageLocation]> {
        let offsets = self.metadata.offset_index()?.get(row_group)?.get(leaf)?;
        Some(offsets.page_locations().as_slice()).filter(|pages| !pages.is_empty())
    }
}

/// The first page of data is not at the beginning of a column that has a dictionary.
fn end_of_dictionary(begin: u64, pages: &[PageLocation]) -> Option<u64> {
    let end = pages.first()?.offset as u64;
    (end > begin).then_some(end)
}

/// The rows whose pages the reader asks for when it reads the chosen ones.
///
/// It skips what is between rows that are far apart, but decodes it where runs of rows are short: 32 rows on
/// average, in this version. From the first to the last row all pages are fetched well before that.
fn as_read(chosen: &RowSelection) -> RowSelection {
    const SHORT: usize = 1024;
    let runs: Vec<RowSelector> = chosen.iter().copied().collect();
    let is_chosen = |run: &RowSelector| !run.skip && run.row_count > 0;
    let (Some(first), Some(last)) =
        (runs.iter().position(is_chosen), runs.iter().rposition(is_chosen))
    else {
        return chosen.clone();
    };
    let rows = |runs: &[RowSelector]| -> usize { runs.iter().map(|run| run.row_count).sum() };
    let (before, between) = (rows(&runs[..first]), rows(&runs[first..=last]));
    if between >= SHORT * (last - first + 1) {
        return chosen.clone();
    }
    vec![RowSelector::skip(before), RowSelector::select(between)].into()
}

impl RowGroups for Pages {
    fn num_rows(&self) -> usize {
        self.file.metadata.row_group(self.row_group).num_rows() as usize
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>> {
        Ok(Box::new(Chunk(Some(self.reader(leaf)?))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.file.metadata.row_group(self.row_group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.file.metadata
    }
}

/// A column of one row group.
struct Chunk(Option<Reader>);

impl Iterator for Chunk {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(Ok(Box::new(self.0.take()?)))
    }
}

impl PageIterator for Chunk {}

/// Pages of a column.
struct Reader {
    /// Without the dictionary, where that is known.
    pages: SerializedPageReader<Fetched>,
    /// Whether its pages are still compressed.
    is_packed: bool,
    dictionary: Dictionary,
}

enum Dictionary {
    /// Or already read.
    Absent,
    Known(Page),
    /// To be kept once it is read.
    New {
        file: Arc<File>,
        begin: u64,
    },
}

impl Reader {
    fn next_of_file(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        if self.is_packed { page.map(packed::unpacked).transpose() } else { Ok(page) }
    }
}

impl PageReader for Reader {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        match std::mem::replace(&mut self.dictionary, Dictionary::Absent) {
            Dictionary::Absent => self.next_of_file(),
            Dictionary::Known(page) => Ok(Some(page)),
            Dictionary::New { file, begin } => {
                let page = self.next_of_file()?;
                if let Some(page @ Page::DictionaryPage { .. }) = &page {
                    file.cache.add_dictionary(&file.path, begin, page);
                }
                Ok(page)
            }
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        match self.dictionary {
            Dictionary::Known(_) => {
                Ok(Some(PageMetadata { num_rows: None, num_levels: None, is_dict: true }))
            }
            _ => self.pages.peek_next_page(),
        }
    }

    fn skip_next_page(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.dictionary, Dictionary::Absent) {
            Dictionary::Known(_) => Ok(()),
            _ => self.pages.skip_next_page(),
        }
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        match self.dictionary {
            Dictionary::Known(_) => Ok(false),
            _ => self.pages.at_record_boundary(),
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// Parts of a file, ascending, by where they begin.
struct Fetched(Vec<(u64, Bytes)>);

impl Fetched {
    /// What was fetched from `begin` on.
    fn from(&self, begin: u64) -> Result<Bytes> {
        let after = self.0.partition_point(|(start, _)| *start <= begin);
        let part = self.0[..after].last();
        let part = part.filter(|(start, bytes)| begin < start + bytes.len() as u64);
        let not_fetched = || ParquetError::General(format!("byte {begin} was not fetched"));
        let (start, bytes) = part.ok_or_else(not_fetched)?;
        Ok(bytes.slice((begin - start) as usize..))
    }
}

impl Length for Fetched {
    fn len(&self) -> u64 {
        self.0.last().map_or(0, |(start, bytes)| start + bytes.len() as u64)
    }
}

impl ChunkReader for Fetched {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.from(start).map(Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(ParquetError::General(format!(
                "{length} bytes at {start} were not fetched"
            )));
        }
        Ok(bytes.slice(..length))
    }
}

#[cfg(test)]
mod tests;
