//! A column chunk of text that is dictionary-encoded already.
//!
//! The writer of the Parquet crate hashes the text of every row to find its place in the
//! dictionary of the chunk, also where the rows already say which entry of a dictionary they
//! have. Here a row is looked up by number, and only entries are looked at as text.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, Int32Array, StringArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::parquet::basic::{Encoding, PageType, Type};
use datafusion::parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use datafusion::parquet::schema::types::ColumnDescPtr;

use zstd::bulk::Compressor;

use super::bounds::{Bounds, Written};
use super::packed;

/// The values of a chunk.
#[derive(Debug)]
pub(super) struct TextColumn<'a> {
    /// For each value the entry of `texts`.
    pub(super) codes: &'a Int32Array,
    pub(super) texts: &'a StringArray,
    pub(super) rows: Rows<'a>,
}

/// Which values a row has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows<'a> {
    /// One each, which may be NULL.
    Flat,
    /// Those of the entries of a map, from offset to offset.
    Map { offsets: &'a [i32], nulls: Option<&'a NullBuffer>, is_nullable: bool },
}

/// A chunk as it stands in the file, and what the footer says of it.
pub(super) type EncodedChunk = (Bytes, ColumnCloseResult);

/// Encodes a whole chunk.
///
/// # Errors
///
/// [`ParquetError`] if a page exceeds 2 GiB or cannot be compressed.
pub(super) fn encode(
    descr: &ColumnDescPtr,
    properties: &WriterProperties,
    column: &TextColumn<'_>,
    compressor: &mut Compressor<'static>,
) -> Result<EncodedChunk> {
    let values = Values::new(column);
    let is_dictionary = properties.dictionary_enabled(descr.path())
        && values.is_dictionary_smaller(properties.column_dictionary_page_size_limit(descr.path()));
    let mut sink = TrackedWrite::new(Vec::new());
    let mut chunk =
        ChunkWriter::new(descr, properties, &values, is_dictionary, compressor, &mut sink);
    if is_dictionary {
        chunk.write_dictionary()?;
    }
    match column.rows {
        Rows::Flat if is_dictionary => chunk.write_flat_rows(column.codes)?,
        _ => chunk.write_rows(column)?,
    }
    let close = chunk.close()?;
    Ok((sink.into_inner()?.into(), close))
}

/// The values that are there, as numbers of those that occur.
#[derive(Debug)]
struct Values<'a> {
    texts: &'a StringArray,
    /// The entries of `texts` that occur, in the order in which they first do.
    entries: Vec<u32>,
    /// For each value its place in `entries`.
    places: Vec<u32>,
}

impl<'a> Values<'a> {
    fn new(column: &TextColumn<'a>) -> Self {
        const UNSEEN: u32 = u32::MAX;
        let mut place_of = vec![UNSEEN; column.texts.len()];
        let mut entries = Vec::new();
        let mut places = Vec::with_capacity(column.codes.len());
        let mut add = |at: usize| {
            let code = column.codes.value(at) as usize;
            if place_of[code] == UNSEEN {
                place_of[code] = entries.len() as u32;
                entries.push(code as u32);
            }
            places.push(place_of[code]);
        };
        match (column.rows, column.codes.nulls()) {
            (Rows::Flat, None) => (0..column.codes.len()).for_each(&mut add),
            (Rows::Flat, Some(nulls)) => nulls.valid_indices().for_each(&mut add),
            (Rows::Map { .. }, _) => {
                for row in 0..column.row_count() {
                    let Slots::Values(slots) = column.slots(row) else { continue };
                    slots.filter(|at| column.codes.is_valid(*at)).for_each(&mut add);
                }
            }
        }
        Self { texts: column.texts, entries, places }
    }

    fn text(&self, place: u32) -> &'a str {
        self.texts.value(self.entries[place as usize] as usize)
    }

    fn bits(&self) -> u8 {
        packed::bits_for(self.entries.len().saturating_sub(1) as u32)
    }

    /// Whether a dictionary of at most `limit` bytes makes the chunk smaller, before compression
    /// and if long texts repeat as often as short ones.
    fn is_dictionary_smaller(&self, limit: usize) -> bool {
        let texts = 0..self.entries.len() as u32;
        let dictionary: usize = texts.map(|place| self.text(place).len() + size_of::<u32>()).sum();
        let plain = self.places.len() * dictionary / self.entries.len().max(1);
        let places = self.places.len() * usize::from(self.bits()) / 8;
        dictionary <= limit && dictionary + places <= plain
    }
}

/// What a row has in a column.
enum Slots {
    /// Nothing, with the level that says which of the groups around it is missing.
    Missing(u32),
    /// These values, which may be NULL.
    Values(std::ops::Range<usize>),
}

impl TextColumn<'_> {
    fn row_count(&self) -> usize {
        match self.rows {
            Rows::Flat => self.codes.len(),
            Rows::Map { offsets, .. } => offsets.len() - 1,
        }
    }

    fn slots(&self, row: usize) -> Slots {
        match self.rows {
            Rows::Flat => Slots::Values(row..row + 1),
            Rows::Map { nulls, .. } if nulls.is_some_and(|nulls| nulls.is_null(row)) => {
                Slots::Missing(0)
            }
            Rows::Map { offsets, is_nullable, .. } => {
                let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
                let is_empty = from == to;
                if is_empty { Slots::Missing(is_nullable.into()) } else { Slots::Values(from..to) }
            }
        }
    }
}

/// Rows that are not written yet.
#[derive(Debug, Default)]
struct OpenPage {
    rows: usize,
    levels: Levels,
    values: usize,
    nulls: usize,
    text_bytes: usize,
}

/// Which slots of a page have a value.
#[derive(Debug)]
enum Levels {
    EachSlot {
        repetition: Vec<u32>,
        definition: Vec<u32>,
    },
    /// One slot for each row; `None` if all have a value.
    Flat(Option<NullBuffer>),
}

impl Default for Levels {
    fn default() -> Self {
        Self::EachSlot { repetition: Vec::new(), definition: Vec::new() }
    }
}

struct ChunkWriter<'a, 's> {
    compressor: &'s mut Compressor<'static>,
    descr: &'a ColumnDescPtr,
    properties: &'a WriterProperties,
    values: &'a Values<'a>,
    is_dictionary: bool,
    pages: SerializedPageWriter<'s, Vec<u8>>,
    statistics: EnabledStatistics,
    offset_index: OffsetIndexBuilder,
    column_index: ColumnIndexBuilder,
    /// For each entry the page that it was last seen in, counted from 1.
    seen_in: Vec<u32>,
    bounds: Bounds<'a>,
    /// Values that are in pages.
    written: usize,
    slots: usize,
    rows: usize,
    nulls: usize,
    data_pages: u32,
    data_page_offset: Option<u64>,
    dictionary_page_offset: Option<u64>,
    compressed: usize,
    uncompressed: usize,
}

impl<'a, 's> ChunkWriter<'a, 's> {
    fn new(
        descr: &'a ColumnDescPtr,
        properties: &'a WriterProperties,
        values: &'a Values<'a>,
        is_dictionary: bool,
        compressor: &'s mut Compressor<'static>,
        sink: &'s mut TrackedWrite<Vec<u8>>,
    ) -> Self {
        Self {
            compressor,
            descr,
            properties,
            values,
            is_dictionary,
            pages: SerializedPageWriter::new(sink),
            statistics: properties.statistics_enabled(descr.path()),
            offset_index: OffsetIndexBuilder::new(),
            column_index: ColumnIndexBuilder::new(Type::BYTE_ARRAY),
            seen_in: vec![0; values.entries.len()],
            bounds: Bounds::default(),
            written: 0,
            slots: 0,
            rows: 0,
            nulls: 0,
            data_pages: 0,
            data_page_offset: None,
            dictionary_page_offset: None,
            compressed: 0,
            uncompressed: 0,
        }
    }

    fn write_dictionary(&mut self) -> Result<()> {
        let mut body = Vec::new();
        for place in 0..self.values.entries.len() as u32 {
            append_plain(self.values.text(place), &mut body);
        }
        let page = Page::DictionaryPage {
            buf: self.compress(&body)?,
            num_values: self.values.entries.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let spec = self.write_page(page, body.len())?;
        self.dictionary_page_offset = Some(spec.offset);
        Ok(())
    }

    /// Rows of one slot each, in pages of which only the number of rows is limited.
    fn write_flat_rows(&mut self, codes: &Int32Array) -> Result<()> {
        let limit = self.properties.data_page_row_count_limit().max(1);
        let mut from = 0;
        while from < codes.len() || self.data_pages == 0 {
            let rows = limit.min(codes.len() - from);
            let validity = codes.nulls().map(|nulls| nulls.slice(from, rows));
            let nulls = validity.as_ref().map_or(0, NullBuffer::null_count);
            let levels = Levels::Flat(validity);
            let page = OpenPage { rows, levels, values: rows - nulls, nulls, text_bytes: 0 };
            self.write_data_page(&page)?;
            from += rows;
        }
        Ok(())
    }

    fn write_rows(&mut self, column: &TextColumn<'_>) -> Result<()> {
        let (row_limit, byte_limit) =
            (self.properties.data_page_row_count_limit(), self.properties.data_page_size_limit());
        let present = self.descr.max_def_level() as u32;
        let mut page = OpenPage::default();
        let (mut repetition, mut definition) = (Vec::new(), Vec::new());
        for row in 0..column.row_count() {
            match column.slots(row) {
                Slots::Missing(level) => {
                    repetition.push(0);
                    definition.push(level);
                    page.nulls += 1;
                }
                Slots::Values(slots) => {
                    let first = slots.start;
                    for at in slots {
                        repetition.push(u32::from(at != first));
                        if column.codes.is_valid(at) {
                            definition.push(present);
                            if !self.is_dictionary {
                                let place = self.values.places[self.written + page.values];
                                page.text_bytes += self.values.text(place).len();
                            }
                            page.values += 1;
                        } else {
                            definition.push(present - 1);
                            page.nulls += 1;
                        }
                    }
                }
            }
            page.rows += 1;
            if page.rows >= row_limit || page.text_bytes >= byte_limit {
                page.levels = Levels::EachSlot {
                    repetition: std::mem::take(&mut repetition),
                    definition: std::mem::take(&mut definition),
                };
                self.write_data_page(&std::mem::take(&mut page))?;
            }
        }
        if page.rows > 0 || self.data_pages == 0 {
            page.levels = Levels::EachSlot { repetition, definition };
            self.write_data_page(&page)?;
        }
        Ok(())
    }

    fn write_data_page(&mut self, page: &OpenPage) -> Result<()> {
        let places = &self.values.places[self.written..self.written + page.values];
        let mut body = Vec::new();
        let slots = match &page.levels {
            Levels::EachSlot { repetition, definition } => {
                append_levels(repetition, self.descr.max_rep_level(), &mut body);
                append_levels(definition, self.descr.max_def_level(), &mut body);
                definition.len()
            }
            Levels::Flat(validity) => {
                if self.descr.max_def_level() > 0 {
                    with_length(&mut body, |body| {
                        packed::append_bits(validity.as_ref(), page.rows, body);
                    });
                }
                page.rows
            }
        };
        let encoding = if self.is_dictionary {
            let bits = self.values.bits();
            body.push(bits);
            packed::append(places, bits, &mut body);
            Encoding::RLE_DICTIONARY
        } else {
            body.reserve(page.text_bytes + size_of_val(places));
            places.iter().for_each(|place| append_plain(self.values.text(*place), &mut body));
            Encoding::PLAIN
        };
        let encoded = Page::DataPage {
            buf: self.compress(&body)?,
            num_values: slots as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = self.write_page(encoded, body.len())?;
        self.data_page_offset.get_or_insert(spec.offset);
        self.offset_index.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
        self.offset_index.append_row_count(page.rows as i64);
        self.data_pages += 1;
        self.add_bounds(places, page.nulls);
        self.written += page.values;
        self.slots += slots;
        self.rows += page.rows;
        self.nulls += page.nulls;
        Ok(())
    }

    fn add_bounds(&mut self, places: &[u32], nulls: usize) {
        if self.statistics == EnabledStatistics::None {
            return;
        }
        let mut bounds = Bounds::default();
        for place in places {
            let seen_in = &mut self.seen_in[*place as usize];
            if *seen_in != self.data_pages {
                *seen_in = self.data_pages;
                bounds.add(self.values.text(*place));
            }
        }
        self.bounds.and(bounds);
        if self.statistics == EnabledStatistics::Page {
            let limit = self.properties.column_index_truncate_length();
            let (smallest, largest) = bounds.written(limit).unzip();
            let is_null_page = smallest.is_none();
            let bytes = |bound: Option<Written>| bound.map_or_else(Vec::new, |b| b.text);
            self.column_index.append(is_null_page, bytes(smallest), bytes(largest), nulls as i64);
        }
    }

    fn compress(&mut self, body: &[u8]) -> Result<Bytes> {
        let too_large = || ParquetError::General("a page of text exceeds 2 GiB".into());
        i32::try_from(body.len()).map_err(|_| too_large())?;
        let compressed = self.compressor.compress(body);
        Ok(compressed.map_err(|error| ParquetError::External(Box::new(error)))?.into())
    }

    fn write_page(&mut self, page: Page, uncompressed_size: usize) -> Result<PageWriteSpec> {
        let spec = self.pages.write_page(CompressedPage::new(page, uncompressed_size))?;
        self.compressed += spec.compressed_size;
        self.uncompressed += spec.uncompressed_size;
        Ok(spec)
    }

    fn close(mut self) -> Result<ColumnCloseResult> {
        self.pages.close()?;
        let data_encoding =
            if self.is_dictionary { Encoding::RLE_DICTIONARY } else { Encoding::PLAIN };
        let mut encodings = vec![Encoding::PLAIN, Encoding::RLE];
        let mut encoding_stats = vec![PageEncodingStats {
            page_type: PageType::DATA_PAGE,
            encoding: data_encoding,
            count: self.data_pages as i32,
        }];
        if self.is_dictionary {
            encodings.push(data_encoding);
            encoding_stats.insert(
                0,
                PageEncodingStats {
                    page_type: PageType::DICTIONARY_PAGE,
                    encoding: Encoding::PLAIN,
                    count: 1,
                },
            );
        }
        let mut metadata = ColumnChunkMetaData::builder(Arc::clone(self.descr))
            .set_compression(self.properties.compression(self.descr.path()))
            .set_encodings(encodings)
            .set_page_encoding_stats(encoding_stats)
            .set_total_compressed_size(self.compressed as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_num_values(self.slots as i64)
            .set_data_page_offset(self.data_page_offset.unwrap_or_default() as i64)
            .set_dictionary_page_offset(self.dictionary_page_offset.map(|at| at as i64));
        if self.statistics != EnabledStatistics::None {
            let limit = self.properties.statistics_truncate_length();
            metadata = metadata.set_statistics(self.bounds.statistics(limit, self.nulls as u64));
        }
        let has_column_index = self.statistics == EnabledStatistics::Page;
        Ok(ColumnCloseResult {
            bytes_written: self.compressed as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: has_column_index.then(|| self.column_index.build()).transpose()?,
            offset_index: Some(self.offset_index.build()),
        })
    }
}

fn append_plain(text: &str, body: &mut Vec<u8>) {
    body.extend_from_slice(&(text.len() as u32).to_le_bytes());
    body.extend_from_slice(text.as_bytes());
}

/// Levels with their length before them; nothing where there is only one level.
fn append_levels(levels: &[u32], largest: i16, body: &mut Vec<u8>) {
    if largest > 0 {
        let bits = packed::bits_for(largest as u32);
        with_length(body, |body| packed::append(levels, bits, body));
    }
}

/// Appends something, and before it how many bytes it takes.
fn with_length(body: &mut Vec<u8>, append: impl FnOnce(&mut Vec<u8>)) {
    let at = body.len();
    body.extend_from_slice(&[0; 4]);
    append(body);
    let length = (body.len() - at - 4) as u32;
    body[at..at + 4].copy_from_slice(&length.to_le_bytes());
}
