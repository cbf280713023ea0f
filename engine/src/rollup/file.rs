//! Rollups as objects of the store.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use schema::rollups::{BUCKET_NS, edges_schema, operations_schema};

use super::{Level, Levels, RollupParts, Subject};
use crate::error::{Error, Result};
use crate::paths;

/// Rows of a row group of minutes: what a query about one hour has to read at least.
const ROW_GROUP_ROWS: usize = 32 << 10;
const ZSTD_LEVEL: i32 = 3;

/// The columns of a rollup while it is read: text as views, as everywhere in reading. All may be NULL, as
/// far as planning knows: what is lost is computed by expressions.
pub(crate) fn read_schema(subject: Subject) -> &'static SchemaRef {
    static OPERATIONS: LazyLock<SchemaRef> = LazyLock::new(|| while_read(&operations_schema()));
    static EDGES: LazyLock<SchemaRef> = LazyLock::new(|| while_read(&edges_schema()));
    match subject {
        Subject::Operations => &OPERATIONS,
        Subject::Edges => &EDGES,
    }
}

fn while_read(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let field = field.as_ref().clone().with_nullable(true);
        match field.data_type() {
            DataType::Utf8 => field.with_data_type(DataType::Utf8View),
            _ => field,
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rollups of a data file, as Parquet in memory. Days and hours are small and read as a whole; minutes
/// are an object of their own, of which a query reads parts.
#[derive(Debug, Default)]
pub(crate) struct Rollup {
    pub(crate) parts: RollupParts,
    objects: Vec<(Subject, [Option<Vec<u8>>; 2])>,
}

impl Rollup {
    pub(super) fn add(&mut self, subject: Subject, levels: &[(Level, RecordBatch)]) -> Result<()> {
        let mut parts = Levels::default();
        levels.iter().for_each(|(level, _)| parts.add(*level));
        let of = |is_wanted: fn(Level) -> bool| {
            let rows = levels.iter().filter(move |(level, _)| is_wanted(*level));
            encode(rows.map(|(_, rows)| rows)).map_err(parquet)
        };
        let coarse = of(|level| level != Level::Minute)?;
        let minutes = of(|level| level == Level::Minute)?;
        parts.minute_bytes = minutes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        self.parts.set(subject, parts);
        self.objects.push((subject, [coarse, minutes]));
        Ok(())
    }

    /// Stores the rollups of the table's file `file`. What is there after an error is in nobody's way.
    pub(crate) async fn put(self, store: &dyn ObjectStore, file: &Path) -> Result<()> {
        for (subject, objects) in self.objects {
            for (path, bytes) in paths::rollup(subject, file).iter().zip(objects) {
                if let Some(bytes) = bytes {
                    store.put(path, bytes.into()).await?;
                }
            }
        }
        Ok(())
    }
}

/// Deletes the rollups of the table's file `file`, if there are any.
pub(crate) async fn delete(store: &dyn ObjectStore, file: &Path) -> Result<()> {
    for path in Subject::ALL.into_iter().flat_map(|subject| paths::rollup(subject, file)) {
        match store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A Parquet file with the rows of each level in row groups of their own; `None` without levels.
fn encode<'a>(
    levels: impl Iterator<Item = &'a RecordBatch>,
) -> Result<Option<Vec<u8>>, ParquetError> {
    let mut writer: Option<ArrowWriter<Vec<u8>>> = None;
    for rows in levels {
        let properties = WriterProperties::builder()
            .set_created_by(concat!("spanlake ", env!("CARGO_PKG_VERSION")).into())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer = match &mut writer {
            Some(writer) => writer,
            none => none.insert(ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties))?),
        };
        writer.write(rows)?;
        writer.flush()?;
    }
    writer.map(ArrowWriter::into_inner).transpose()
}

/// Days and hours of a file.
#[derive(Debug)]
pub(crate) struct Coarse {
    days: RecordBatch,
    hours: RecordBatch,
}

impl Coarse {
    /// Reads those of the table's file `file`.
    pub(super) async fn read(
        store: &dyn ObjectStore,
        subject: Subject,
        file: &Path,
    ) -> Result<Self> {
        let [path, _] = paths::rollup(subject, file);
        let bytes = store.get(&path).await?.bytes().await?;
        Self::decode(bytes, read_schema(subject)).map_err(|e| Error::Corrupt {
            path: path.to_string(),
            reason: format!("{e}; delete it, and what it says is computed from the spans"),
        })
    }

    fn decode(bytes: Bytes, read_schema: &SchemaRef) -> Result<Self, ParquetError> {
        // Every column as it is in the file, but for text.
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?;
        let fields = reader.schema().fields().iter().map(|field| {
            let read = read_schema.field_with_name(field.name())?;
            Ok(read.clone().with_nullable(field.is_nullable()))
        });
        let schema = Schema::new(fields.collect::<Result<Vec<_>, ArrowError>>()?);
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options)?;
        let nullable = |rows: Result<RecordBatch, ArrowError>| {
            RecordBatch::try_new(Arc::clone(read_schema), rows?.columns().to_vec())
        };
        let batches = reader.build()?.map(nullable).collect::<Result<Vec<_>, _>>()?;
        let rows = concat_batches(read_schema, &batches)?;
        let missing = || ParquetError::General(format!("it has no column {BUCKET_NS}"));
        let buckets = rows.column_by_name(BUCKET_NS).ok_or_else(missing)?;
        let buckets = buckets.as_primitive::<Int64Type>().values();
        let days = buckets.partition_point(|nanos| *nanos == Level::Day.nanos());
        Ok(Self { days: rows.slice(0, days), hours: rows.slice(days, rows.num_rows() - days) })
    }

    /// The rows of a level; `None` for minutes.
    pub(crate) fn rows(&self, level: Level) -> Option<&RecordBatch> {
        match level {
            Level::Day => Some(&self.days),
            Level::Hour => Some(&self.hours),
            Level::Minute => None,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        // Both are slices of the same memory.
        self.days.get_array_memory_size()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn parquet(error: ParquetError) -> Error {
    Error::Internal(format!("encoding a rollup: {error}"))
}
