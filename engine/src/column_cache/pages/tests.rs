//! Chosen rows beside those that the Parquet crate reads, twice: the second time with dictionaries from memory.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int64Array, MapBuilder, RecordBatch, StringArray, StringBuilder,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use datafusion::parquet::arrow::{ArrowWriter, ProjectionMask, parquet_to_arrow_field_levels};
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::parquet::file::properties::{WriterProperties, WriterVersion};
use datafusion::physical_plan::metrics::Count;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use proptest::prelude::*;
use tokio::runtime;

use super::File;
use crate::column_cache::ColumnCache;

/// A file, and what is read of it.
#[derive(Debug, Clone)]
struct Case {
    /// One per row: a number, a text and the length of a map are made of it.
    rows: Vec<u16>,
    page_rows: usize,
    row_groups: usize,
    dictionary_bytes: usize,
    has_page_index: bool,
    compression: Compression,
    version: WriterVersion,
    columns: Vec<usize>,
    /// Runs of rows, the first of which is left out or not.
    runs: Vec<usize>,
    skip: bool,
    batch_rows: usize,
    cache_bytes: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let file = (
        prop::collection::vec(any::<u16>(), 1..5000),
        prop_oneof![1..20_usize, 100..3000_usize],
        1..4_usize,
        prop_oneof![Just(0), Just(300), Just(1 << 20)],
        prop::bool::weighted(0.9),
        prop_oneof![
            4 => Just(Compression::ZSTD(ZstdLevel::try_new(1).expect("a level"))),
            1 => Just(Compression::UNCOMPRESSED),
        ],
        prop_oneof![2 => Just(WriterVersion::PARQUET_1_0), 1 => Just(WriterVersion::PARQUET_2_0)],
    );
    let run = prop_oneof![4 => 1..5_usize, 2 => 1..60_usize, 1 => 1..1500_usize];
    let read = (
        prop::sample::subsequence(vec![0, 1, 2, 3], 0..=4),
        prop::collection::vec(run, 0..30),
        any::<bool>(),
        prop_oneof![1..10_usize, Just(8192)],
        prop_oneof![Just(0), Just(8 << 10), Just(1 << 30)],
    );
    (file, read).prop_map(|(file, read)| {
        let (rows, page_rows, row_groups, dictionary_bytes, ..) = file;
        let (.., has_page_index, compression, version) = file;
        let (columns, runs, skip, batch_rows, cache_bytes) = read;
        Case {
            rows,
            page_rows,
            row_groups,
            dictionary_bytes,
            has_page_index,
            compression,
            version,
            columns,
            runs,
            skip,
            batch_rows,
            cache_bytes,
        }
    })
}

impl Case {
    fn batch(&self) -> RecordBatch {
        let numbers = self.rows.iter().map(|row| (row % 7 > 0).then_some(i64::from(*row)));
        let numbers: Int64Array = numbers.collect();
        let texts = self.rows.iter().map(|row| (row % 5 > 0).then(|| format!("text {}", row % 40)));
        let texts: StringArray = texts.collect();
        let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for row in &self.rows {
            for entry in 0..row % 6 {
                maps.keys().append_value(format!("key {entry}"));
                maps.values().append_option((row % 3 > 0).then(|| format!("{}", row % 1000)));
            }
            maps.append(row % 11 > 0).expect("as many keys as values");
        }
        let alone: StringArray = self.rows.iter().map(|row| Some(format!("{row:x}"))).collect();
        let columns: [(&str, ArrayRef, bool); 4] = [
            ("numbers", Arc::new(numbers), true),
            ("texts", Arc::new(texts), true),
            ("maps", Arc::new(maps.finish()), true),
            ("alone", Arc::new(alone), false),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
    }

    fn written(&self) -> Vec<u8> {
        let batch = self.batch();
        let properties = WriterProperties::builder()
            .set_compression(self.compression)
            .set_writer_version(self.version)
            .set_data_page_row_count_limit(self.page_rows)
            .set_dictionary_page_size_limit(self.dictionary_bytes)
            .set_write_batch_size(1)
            .set_offset_index_disabled(!self.has_page_index)
            .set_max_row_group_row_count(Some(batch.num_rows().div_ceil(self.row_groups)))
            .build();
        let mut written = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut written, batch.schema(), Some(properties))
            .expect("a schema that Parquet has");
        writer.write(&batch).expect("memory");
        writer.close().expect("memory");
        written
    }

    /// Of as many rows as the file has.
    fn chosen(&self) -> RowSelection {
        let (mut left, mut skip) = (self.rows.len(), self.skip);
        let mut runs = Vec::new();
        for run in self.runs.iter().chain([&self.rows.len()]) {
            let row_count = left.min(*run);
            runs.push(RowSelector { row_count, skip });
            (left, skip) = (left - row_count, !skip);
        }
        runs.into()
    }
}

/// What the Parquet crate reads.
fn expected(case: &Case, written: &[u8], metadata: ArrowReaderMetadata) -> RecordBatch {
    let schema = Arc::new(metadata.schema().project(&case.columns).expect("columns of the file"));
    let mask = mask(case, metadata.metadata());
    let bytes = bytes::Bytes::copy_from_slice(written);
    let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata)
        .with_projection(mask)
        .with_row_selection(case.chosen())
        .build()
        .expect("a file that was just written");
    let batches: Vec<RecordBatch> = batches.map(|batch| batch.expect("rows")).collect();
    concat_batches(&schema, &batches).expect("one schema")
}

fn mask(case: &Case, metadata: &ParquetMetaData) -> ProjectionMask {
    ProjectionMask::roots(metadata.file_metadata().schema_descr(), case.columns.iter().copied())
}

/// What is read here, and how many bytes of the file that took.
async fn found(
    case: &Case,
    written: &[u8],
    metadata: &ArrowReaderMetadata,
    cache: &Arc<ColumnCache>,
) -> (RecordBatch, usize) {
    let store = Arc::new(InMemory::new());
    let path = Path::from("a.parquet");
    store.put(&path, PutPayload::from(written.to_vec())).await.expect("memory");
    let stored = metadata.metadata().file_metadata().schema_descr();
    let mask = mask(case, metadata.metadata());
    let fields = Some(metadata.schema().fields());
    let bytes_read = Count::new();
    let file = Arc::new(File {
        cache: Arc::clone(cache),
        store,
        path,
        metadata: Arc::clone(metadata.metadata()),
        leaves: (0..stored.num_columns()).filter(|leaf| mask.leaf_included(*leaf)).collect(),
        fields: parquet_to_arrow_field_levels(stored, mask, fields).expect("columns of the file"),
        bytes_read: bytes_read.clone(),
    });
    let (mut chosen, mut batches) = (case.chosen(), Vec::new());
    for (number, row_group) in metadata.metadata().row_groups().iter().enumerate() {
        let chosen = chosen.split_off(row_group.num_rows() as usize);
        let rows = file.rows(number, chosen, case.batch_rows).await.expect("rows");
        batches.extend(rows.map(|batch| batch.expect("rows")));
    }
    assert!(batches.iter().all(|batch| batch.num_rows() <= case.batch_rows));
    let schema = Arc::new(metadata.schema().project(&case.columns).expect("columns of the file"));
    (concat_batches(&schema, &batches).expect("one schema"), bytes_read.value())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Scenario: any rows of any columns of a file with small pages, of one row group or more, with dictionaries that
    /// are too small or not there, with the offsets of pages or without, and with room for dictionaries or none.
    /// Guarantees: the rows of the Parquet crate's own reader, also the second time, which reads no more.
    #[test]
    fn as_the_parquet_crate(case in cases()) {
        let written = case.written();
        let policy = match case.has_page_index {
            true => PageIndexPolicy::Required,
            false => PageIndexPolicy::Optional,
        };
        let options = ArrowReaderOptions::new().with_page_index_policy(policy);
        let bytes = bytes::Bytes::from(written.clone());
        let metadata = ArrowReaderMetadata::load(&bytes, options).expect("just written");
        let expected = expected(&case, &written, metadata.clone());
        let cache = Arc::new(ColumnCache::new(case.cache_bytes));
        let runtime = runtime::Builder::new_current_thread().build().expect("a runtime");
        let (first, first_bytes) = runtime.block_on(found(&case, &written, &metadata, &cache));
        prop_assert_eq!(&first, &expected);
        let (second, second_bytes) = runtime.block_on(found(&case, &written, &metadata, &cache));
        prop_assert_eq!(&second, &expected);
        prop_assert!(second_bytes <= first_bytes);
        prop_assert!(cache.state().dictionaries.bytes() <= case.cache_bytes / 8);
    }
}
