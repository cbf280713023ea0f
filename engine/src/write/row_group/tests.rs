//! Files of our writer beside those of the Parquet crate: rows, chosen rows, bounds.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, MapArray, RecordBatch, StringArray,
    StructArray,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema, SchemaRef};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::statistics::Statistics;
use proptest::prelude::*;

use super::RowGroupWriter;

/// Keys and values of a map, by their place among the texts.
type Entries = Vec<(usize, Option<usize>)>;

/// What a file is made of.
#[derive(Debug, Clone)]
struct Case {
    texts: Vec<String>,
    /// One per row and batch; the place in `texts`, or NULL.
    flat: Vec<Option<usize>>,
    maps: Vec<Option<Entries>>,
    page_rows: usize,
    page_bytes: usize,
    dictionary_bytes: usize,
    row_groups: usize,
    skipped: Vec<bool>,
}

fn cases() -> impl Strategy<Value = Case> {
    let texts = prop_oneof![
        Just(vec!["only".to_owned()]),
        Just(vec![String::new(), "a".into(), "ä".repeat(50), "\u{10ffff}".repeat(30)]),
        prop::collection::vec("[a-z]{0,12}", 1..300),
    ];
    (texts, 0..700_usize).prop_flat_map(|(texts, rows)| {
        let text = 0..texts.len();
        // Values that follow themselves, as they do in a clustered file.
        let value = prop_oneof![1 => Just(None), 6 => text.clone().prop_map(Some)];
        let runs = (value.clone(), prop_oneof![3 => Just(1_usize), 1 => 1..40_usize]);
        let flat = prop::collection::vec(runs, rows).prop_map(move |runs| {
            let values = runs.into_iter().flat_map(|(value, times)| vec![value; times]);
            values.take(rows).collect::<Vec<_>>()
        });
        let entries = prop::collection::vec((text, value), 0..6);
        let map = prop_oneof![1 => Just(None), 5 => entries.prop_map(Some)];
        let maps = prop::collection::vec(map, rows);
        let limits = (1..300_usize, 1..5000_usize, prop_oneof![Just(0), Just(200), Just(1 << 20)]);
        (flat, maps, limits, 1..4_usize, prop::collection::vec(any::<bool>(), rows)).prop_map(
            move |(flat, maps, (page_rows, page_bytes, dictionary_bytes), row_groups, skipped)| {
                let texts = texts.clone();
                Case {
                    texts,
                    flat,
                    maps,
                    page_rows,
                    page_bytes,
                    dictionary_bytes,
                    row_groups,
                    skipped,
                }
            },
        )
    })
}

impl Case {
    fn text(&self, codes: &[Option<usize>]) -> ArrayRef {
        let codes: Int32Array = codes.iter().map(|code| code.map(|code| code as i32)).collect();
        let texts = Arc::new(StringArray::from_iter_values(&self.texts));
        Arc::new(DictionaryArray::<Int32Type>::new(codes, texts))
    }

    fn map(&self) -> ArrayRef {
        let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let fields = Fields::from(vec![
            Field::new("key", text.clone(), false),
            Field::new("value", text, true),
        ]);
        let all = || self.maps.iter().flatten().flatten();
        let keys = self.text(&all().map(|(key, _)| Some(*key)).collect::<Vec<_>>());
        let values = self.text(&all().map(|(_, value)| *value).collect::<Vec<_>>());
        let lengths = self.maps.iter().map(|map| map.as_ref().map_or(0, Vec::len));
        let nulls: NullBuffer = self.maps.iter().map(Option::is_some).collect();
        let entries = StructArray::new(fields.clone(), vec![keys, values], None);
        let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
        let offsets = OffsetBuffer::from_lengths(lengths);
        Arc::new(MapArray::new(field, offsets, entries, Some(nulls), false))
    }

    fn rows(&self) -> RecordBatch {
        let number: Int64Array = (0..self.flat.len() as i64).map(Some).collect();
        let flat = self.text(&self.flat);
        let required =
            self.text(&self.flat.iter().map(|code| code.or(Some(0))).collect::<Vec<_>>());
        let columns: Vec<(&str, ArrayRef, bool)> = vec![
            ("number", Arc::new(number), false),
            ("flat", flat, true),
            ("map", self.map(), true),
            ("required", required, false),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
    }

    fn properties(&self) -> WriterProperties {
        WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("a level")))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_data_page_row_count_limit(self.page_rows)
            .set_data_page_size_limit(self.page_bytes)
            .set_dictionary_page_size_limit(self.dictionary_bytes)
            .set_column_index_truncate_length(Some(16))
            .set_statistics_truncate_length(Some(16))
            .set_write_batch_size(1)
            .build()
    }

    fn groups(&self) -> Vec<RecordBatch> {
        let rows = self.rows();
        let size = rows.num_rows().div_ceil(self.row_groups).max(1);
        (0..rows.num_rows())
            .step_by(size)
            .map(|from| rows.slice(from, size.min(rows.num_rows() - from)))
            .collect()
    }
}

fn plain(rows: &RecordBatch) -> RecordBatch {
    let plain_schema = plain_schema(&rows.schema());
    let columns = rows.columns().iter().zip(plain_schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type()).expect("text"));
    RecordBatch::try_new(Arc::clone(&plain_schema), columns.collect()).expect("the same columns")
}

fn plain_schema(schema: &Schema) -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let entry = Fields::from(vec![text("key", false), text("value", true)]);
    let entries = Arc::new(Field::new("entries", DataType::Struct(entry), false));
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "number" => field.as_ref().clone(),
            "map" => Field::new("map", DataType::Map(Arc::clone(&entries), false), true),
            name => text(name, field.is_nullable()),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn read(file: Vec<u8>, selection: Option<&[bool]>) -> (RecordBatch, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader =
        ParquetRecordBatchReaderBuilder::try_new_with_options(bytes::Bytes::from(file), options);
    let mut reader = reader.expect("a Parquet file").with_batch_size(97);
    let (metadata, schema) = (Arc::clone(reader.metadata()), Arc::clone(reader.schema()));
    if let Some(skipped) = selection {
        let selectors = skipped.iter().map(|skip| RowSelector { row_count: 1, skip: *skip });
        reader = reader.with_row_selection(RowSelection::from_iter(selectors));
    }
    let batches: Vec<_> =
        reader.build().expect("a reader").collect::<Result<_, _>>().expect("rows");
    (concat_batches(&schema, &batches).expect("one schema"), metadata)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_hold_what_the_writer_of_the_parquet_crate_writes(case in cases()) {
        let rows = case.rows();
        let mut ours = RowGroupWriter::new(rows.schema(), &case.properties()).expect("a file");
        let expected_rows: Vec<RecordBatch> = case.groups().iter().map(plain).collect();
        let schema = plain_schema(&rows.schema());
        let mut theirs =
            ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(case.properties()))
                .expect("a file");
        for (group, expected) in case.groups().iter().zip(&expected_rows) {
            ours.write(group).expect("a row group");
            theirs.write(expected).expect("rows");
            theirs.flush().expect("a row group");
        }
        let (ours, theirs) = (ours.finish().expect("a file"), theirs.into_inner().expect("a file"));

        let expected = concat_batches(&schema, &expected_rows).expect("one schema");
        let (read_rows, metadata) = read(ours.clone(), None);
        prop_assert_eq!(plain(&read_rows), expected.clone());
        let (selected, _) = read(ours, Some(&case.skipped));
        let (expected, their_metadata) = read(theirs, Some(&case.skipped));
        prop_assert_eq!(plain(&selected), plain(&expected));

        for (group, their_group) in metadata.row_groups().iter().zip(their_metadata.row_groups()) {
            for (chunk, their_chunk) in group.columns().iter().zip(their_group.columns()) {
                prop_assert_eq!(chunk.num_values(), their_chunk.num_values());
                if chunk.column_path().string().starts_with("map") {
                    continue;
                }
                let (bounds, their_bounds) = (chunk.statistics(), their_chunk.statistics());
                let of = |s: Option<&Statistics>| {
                    s.map(|s| {
                        let bounds = (s.min_bytes_opt().map(<[u8]>::to_vec), s.max_bytes_opt().map(<[u8]>::to_vec));
                        (bounds, s.null_count_opt(), s.min_is_exact(), s.max_is_exact())
                    })
                };
                prop_assert_eq!(of(bounds), of(their_bounds), "{}", chunk.column_path());
            }
        }
    }
}
