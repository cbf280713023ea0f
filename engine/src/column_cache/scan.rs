//! Scans the columns of a file that are in memory, and reads those that are not.

use std::fmt;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions,
};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::FilterBuilder;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::{
    ParquetAccessPlan, ParquetRowSelection, RowGroupAccess, RowGroupAccessPlanFilter,
    apply_file_schema_type_coercions,
};
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::physical_expr::projection::{ProjectionExprs, Projector};
use datafusion::physical_expr::simplifier::PhysicalExprSimplifier;
use datafusion::physical_expr::utils::reassign_expr_columns;
use datafusion::physical_expr_adapter::PhysicalExprAdapterFactory;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

use super::ColumnCache;
use super::column::{Column, read_as};
use super::files::{Footer, Place};
use super::filter::{Filter, Passing};

/// One partition of a scan.
pub(super) struct Scan {
    pub(super) cache: Arc<ColumnCache>,
    pub(super) readers: Arc<dyn ParquetFileReaderFactory>,
    pub(super) adapters: Arc<dyn PhysicalExprAdapterFactory>,
    /// Of the table.
    pub(super) schema: SchemaRef,
    /// Over `schema`.
    pub(super) predicate: Option<Arc<dyn PhysicalExpr>>,
    /// Over `schema`.
    pub(super) projection: ProjectionExprs,
    /// Of the answer.
    pub(super) output: SchemaRef,
    pub(super) batch_rows: usize,
    pub(super) partition: usize,
    pub(super) metrics: ExecutionPlanMetricsSet,
    /// Row groups that were scanned here.
    pub(super) row_groups: Count,
    /// For the last file: the next one mostly has the same columns.
    pub(super) last: Mutex<Option<Arc<FileScan>>>,
}

/// What is asked of files with certain columns.
#[derive(Debug)]
pub(super) struct FileScan {
    /// Of the file.
    schema: SchemaRef,
    filter: Filter,
    /// Numbers of the columns of the answer among those of the file, ascending.
    columns: Vec<usize>,
    /// Of these columns.
    read: SchemaRef,
    projector: Projector,
}

/// A file that is scanned.
struct Opened {
    scan: Arc<Scan>,
    file: PartitionedFile,
    metadata: Arc<ParquetMetaData>,
    of_file: Arc<FileScan>,
}

/// A row group of it.
struct Group {
    index: usize,
    rows: usize,
    /// `None` for all rows.
    wanted: Option<BooleanBuffer>,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("predicate", &self.predicate).finish_non_exhaustive()
    }
}

impl Scan {
    /// The rows of a file; `None` if it has to be read otherwise.
    pub(super) async fn open(
        self: &Arc<Self>,
        file: &PartitionedFile,
    ) -> Result<Option<BoxStream<'static, Result<RecordBatch>>>> {
        let footer = self.footer(file).await?;
        let Some(of_file) = self.of_file(&footer.schema)? else { return Ok(None) };
        let metadata = Arc::clone(&footer.metadata);
        let groups = groups_of(file, &metadata)?;
        let opened = Opened { scan: Arc::clone(self), file: file.clone(), metadata, of_file };
        let missing = groups.iter().map(|group| opened.missing_bytes(group)).sum();
        if missing > 0 && !self.cache.make_room(missing) {
            return Ok(None);
        }
        let opened = Arc::new(opened);
        let batches = stream::iter(groups).then(move |group| {
            let opened = Arc::clone(&opened);
            async move { opened.rows_of(group).await.map(stream::iter) }
        });
        Ok(Some(batches.try_flatten().boxed()))
    }

    async fn footer(&self, file: &PartitionedFile) -> Result<Arc<Footer>> {
        let path = &file.object_meta.location;
        if let Some(footer) = self.cache.footer(path) {
            return Ok(footer);
        }
        let reader = &mut self.reader(file)?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let read = ArrowReaderMetadata::load_async(reader, options).await?;
        let (metadata, schema) = (Arc::clone(read.metadata()), Arc::clone(read.schema()));
        let footer = Arc::new(Footer { metadata, schema });
        self.cache.add_footer(path, &footer);
        Ok(footer)
    }

    fn reader(&self, file: &PartitionedFile) -> Result<Box<dyn AsyncFileReader>> {
        Ok(self.readers.create_reader(self.partition, file.clone(), None, &self.metrics)?)
    }

    /// What is asked of a file with this schema; `None` if that needs a column that is not kept.
    fn of_file(&self, schema: &SchemaRef) -> Result<Option<Arc<FileScan>>> {
        let schema = match apply_file_schema_type_coercions(&self.schema, schema) {
            Some(coerced) => Arc::new(coerced),
            None => Arc::clone(schema),
        };
        let mut last = self.last.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(last) = last.as_ref().filter(|last| last.schema == schema) {
            return Ok(Some(Arc::clone(last)));
        }
        let adapter = self.adapters.create(Arc::clone(&self.schema), Arc::clone(&schema))?;
        let simplifier = PhysicalExprSimplifier::new(&schema);
        let adapted = |expr| simplifier.simplify(adapter.rewrite(expr)?);
        let predicate = self.predicate.clone().map(adapted).transpose()?;
        let projection = self.projection.clone().try_map_exprs(adapted)?;
        let filter = Filter::new(predicate.as_ref(), &schema)?;
        let mut columns = projection.column_indices();
        columns.sort_unstable();
        columns.dedup();
        let mut needed = filter.columns().iter().chain(&columns);
        if needed.any(|column| read_as(schema.field(*column).data_type()).is_none()) {
            return Ok(None);
        }
        let read = Arc::new(schema.project(&columns)?);
        let projection = projection.try_map_exprs(|expr| reassign_expr_columns(expr, &read))?;
        let projector = projection.make_projector(&read)?;
        let of_file = Arc::new(FileScan { schema, filter, columns, read, projector });
        *last = Some(Arc::clone(&of_file));
        Ok(Some(of_file))
    }
}

/// Whether a file has so few rows of interest that they are better read one by one.
pub(super) fn has_few_rows(file: &PartitionedFile) -> bool {
    let selection =
        file.extensions.get::<ParquetRowSelection>().map(ParquetRowSelection::selection);
    selection.is_some_and(|rows| rows.row_count() < rows.skipped_row_count() / 8)
}

/// The row groups that are read, in file order.
fn groups_of(file: &PartitionedFile, metadata: &ParquetMetaData) -> Result<Vec<Group>> {
    let groups = metadata.row_groups();
    let selection =
        file.extensions.get::<ParquetRowSelection>().map(ParquetRowSelection::selection);
    let access = match selection {
        None => ParquetAccessPlan::new_all(groups.len()),
        Some(rows) => ParquetAccessPlan::try_new_from_overall_row_selection(rows.clone(), groups)?,
    };
    let mut access = RowGroupAccessPlanFilter::new(access);
    if let Some(range) = &file.range {
        access.prune_by_range(groups, range);
    }
    let access = access.build().into_inner().into_iter().enumerate();
    let group = |(index, access): (usize, _)| {
        let rows = groups[index].num_rows() as usize;
        let wanted = match access {
            RowGroupAccess::Skip => return None,
            RowGroupAccess::Scan => None,
            RowGroupAccess::Selection(selection) => {
                let mut wanted = BooleanBufferBuilder::new(rows);
                for part in selection.iter() {
                    wanted.append_n(part.row_count, !part.skip);
                }
                Some(wanted.finish())
            }
        };
        Some(Group { index, rows, wanted })
    };
    Ok(access.filter_map(group).collect())
}

impl Opened {
    fn path(&self) -> &Path {
        &self.file.object_meta.location
    }

    /// About how many bytes the columns of a row group take that are not kept yet.
    fn missing_bytes(&self, group: &Group) -> usize {
        let FileScan { schema, filter, columns, .. } = &*self.of_file;
        let chunks = self.metadata.row_group(group.index);
        let leaves = self.metadata.file_metadata().schema_descr();
        let missing = |column: &usize| {
            let place = Place { row_group: group.index, column: *column };
            if self.scan.cache.has(self.path(), place) {
                return 0;
            }
            let data_type = schema.field(*column).data_type();
            if let Some(width) = data_type.primitive_width() {
                return width * group.rows;
            }
            let of_column = (0..leaves.num_columns())
                .filter(|leaf| leaves.get_column_root_idx(*leaf) == *column)
                .map(|leaf| chunks.column(leaf));
            // Codes of four bytes, and the values that they stand for.
            let bytes = of_column.map(|leaf| leaf.uncompressed_size() + 4 * leaf.num_values());
            bytes.sum::<i64>() as usize
        };
        let mut all: Vec<usize> = filter.columns().iter().chain(columns).copied().collect();
        all.sort_unstable();
        all.dedup();
        all.iter().map(missing).sum()
    }

    /// The answer's rows of a row group.
    async fn rows_of(
        &self,
        group: Group,
    ) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>> + Send>> {
        let of_file = &self.of_file;
        let columns = self.columns(group.index, of_file.filter.columns()).await?;
        let passing = of_file.filter.passing(&columns, group.rows, group.wanted)?;
        self.scan.row_groups.add(1);
        if matches!(passing, Passing::None) {
            return Ok(Box::new(std::iter::empty()));
        }
        let columns = self.columns(group.index, &of_file.columns).await?;
        let answer = Answer {
            scan: Arc::clone(&self.scan),
            of_file: Arc::clone(of_file),
            columns,
            rows: group.rows,
        };
        Ok(match passing {
            Passing::These(passing) => Box::new(answer.those(passing)),
            Passing::All | Passing::None => Box::new(answer.all()),
        })
    }

    /// Columns of a row group by their numbers, which ascend.
    async fn columns(&self, row_group: usize, wanted: &[usize]) -> Result<Vec<Arc<Column>>> {
        let cache = &self.scan.cache;
        let kept = |column: &usize| {
            let place = Place { row_group, column: *column };
            cache.get(self.path(), place, self.of_file.schema.field(*column).data_type())
        };
        let mut columns: Vec<Option<Arc<Column>>> = wanted.iter().map(kept).collect();
        let missing = wanted.iter().zip(&columns).filter(|(_, kept)| kept.is_none());
        let missing: Vec<usize> = missing.map(|(column, _)| *column).collect();
        if !missing.is_empty() {
            let mut read = self.read(row_group, &missing).await?.into_iter();
            for (number, column) in wanted.iter().zip(&mut columns) {
                if column.is_none()
                    && let Some(read) = read.next()
                {
                    cache.add(self.path(), Place { row_group, column: *number }, &read);
                    *column = Some(read);
                }
            }
        }
        let missing = || DataFusionError::Internal("a column was not read".into());
        columns.into_iter().map(|column| column.ok_or_else(missing)).collect()
    }

    async fn read(&self, row_group: usize, columns: &[usize]) -> Result<Vec<Arc<Column>>> {
        let schema = &self.of_file.schema;
        let fields = schema.fields().iter().enumerate().map(|(number, field)| {
            match read_as(field.data_type()).filter(|_| columns.contains(&number)) {
                Some(read) => Field::clone(field).with_data_type(read).into(),
                None => Arc::clone(field),
            }
        });
        let options = ArrowReaderOptions::new()
            .with_schema(Arc::new(Schema::new(fields.collect::<Vec<_>>())));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(&self.metadata), options)?;
        let leaves = self.metadata.file_metadata().schema_descr();
        let mask = ProjectionMask::roots(leaves, columns.iter().copied());
        let rows = self.metadata.row_group(row_group).num_rows() as usize;
        let reader = self.scan.reader(&self.file)?;
        let batches = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata)
            .with_projection(mask)
            .with_row_groups(vec![row_group])
            .with_batch_size(rows)
            .build()?;
        let batches: Vec<RecordBatch> = batches.try_collect().await?;
        let [batch] = &*batches else {
            return Err(DataFusionError::Internal("a row group is read as one batch".into()));
        };
        let types = columns.iter().map(|number| schema.field(*number).data_type());
        let columns = batch.columns().iter().zip(types);
        columns.map(|(read, data_type)| Ok(Arc::new(Column::new(read, data_type)?))).collect()
    }
}

/// The columns of the answer in a row group.
struct Answer {
    scan: Arc<Scan>,
    of_file: Arc<FileScan>,
    columns: Vec<Arc<Column>>,
    rows: usize,
}

impl Answer {
    /// All rows.
    fn all(self) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        let at_a_time = self.scan.batch_rows;
        (0..self.rows).step_by(at_a_time).map(move |first| {
            let rows = at_a_time.min(self.rows - first);
            let columns = self.columns.iter().map(|column| column.slice(first, rows));
            self.batch(columns.collect::<Result<_>>()?, rows)
        })
    }

    /// The rows that pass.
    fn those(self, passing: BooleanBuffer) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        /// Small batches cost more to hand on than to gather.
        const BATCHES_AT_A_TIME: usize = 4;
        let batch_rows = self.scan.batch_rows;
        let is_few = passing.count_set_bits() <= batch_rows;
        let at_a_time = if is_few { self.rows } else { batch_rows * BATCHES_AT_A_TIME };
        (0..self.rows).step_by(at_a_time).flat_map(move |first| {
            let rows = at_a_time.min(self.rows - first);
            let batch = self.passing(first, rows, passing.slice(first, rows));
            let (error, batch) = match batch {
                Ok(batch) => (None, batch),
                Err(error) => (Some(Err(error)), None),
            };
            let parts = batch.into_iter().flat_map(move |batch| {
                let firsts = (0..batch.num_rows()).step_by(batch_rows);
                firsts.map(move |first| {
                    Ok(batch.slice(first, batch_rows.min(batch.num_rows() - first)))
                })
            });
            error.into_iter().chain(parts)
        })
    }

    fn passing(
        &self,
        first: usize,
        rows: usize,
        passing: BooleanBuffer,
    ) -> Result<Option<RecordBatch>> {
        let count = passing.count_set_bits();
        if count == 0 {
            return Ok(None);
        }
        let filter = FilterBuilder::new(&BooleanArray::from(passing)).optimize().build();
        let columns = self.columns.iter().map(|column| column.filtered(first, rows, &filter));
        self.batch(columns.collect::<Result<_>>()?, count).map(Some)
    }

    fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let read = Arc::clone(&self.of_file.read);
        let batch = RecordBatch::try_new_with_options(read, columns, &options)?;
        let batch = self.of_file.projector.project_batch(&batch)?;
        if batch.schema_ref() == &self.scan.output {
            return Ok(batch);
        }
        // The same columns; what is said of NULLs may differ.
        let output = Arc::clone(&self.scan.output);
        Ok(RecordBatch::try_new_with_options(output, batch.columns().to_vec(), &options)?)
    }
}
