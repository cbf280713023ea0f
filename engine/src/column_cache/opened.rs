//! A file that is scanned: its columns from memory, and what is missing read once.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileMetrics;
use datafusion::datasource::physical_plan::parquet::RowGroupAccessPlanFilter;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use futures::TryStreamExt;
use object_store::path::Path;

use super::answer::Answer;
use super::column::{Column, read_as};
use super::files::Place;
use super::filter::Passing;
use super::question::FileScan;
use super::row_groups::Group;
use super::scan::Scan;

/// A file that is scanned.
pub(super) struct Opened {
    pub(super) scan: Arc<Scan>,
    pub(super) file: PartitionedFile,
    pub(super) metadata: Arc<ParquetMetaData>,
    pub(super) of_file: Arc<FileScan>,
}

impl Opened {
    fn path(&self) -> &Path {
        &self.file.object_meta.location
    }

    /// About how many bytes the columns of a row group take that are not kept yet.
    pub(super) fn missing_bytes(&self, group: &Group) -> usize {
        let FileScan { schema, filter, columns, .. } = &*self.of_file;
        let chunks = self.metadata.row_group(group.index);
        let leaves = self.metadata.file_metadata().schema_descr();
        let missing = |column: &usize| {
            if self.scan.cache.has(self.path(), self.place(group.index, *column)) {
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
        let wanted = filter.columns().iter().chain(columns);
        let mut all: Vec<usize> = wanted.map(|column| self.of_file.stored(*column)).collect();
        all.sort_unstable();
        all.dedup();
        all.iter().map(missing).sum()
    }

    /// Takes out the row groups in which no row passes, as far as their bounds tell.
    pub(super) fn prune(&self, access: &mut RowGroupAccessPlanFilter) {
        let Some(predicate) = &self.of_file.predicate else { return };
        let schema = Arc::clone(&self.of_file.schema);
        // One that bounds say nothing about takes out nothing.
        let builder = PruningPredicateBuilder::new().with_file_schema(schema);
        let Some(predicate) = builder.build(Arc::clone(predicate)) else { return };
        let scan = &self.scan;
        let metrics = ParquetFileMetrics::new(scan.partition, self.path().as_ref(), &scan.metrics);
        access.prune_by_statistics(
            &self.of_file.schema,
            self.metadata.file_metadata().schema_descr(),
            self.metadata.row_groups(),
            &predicate,
            &metrics,
        );
    }

    /// The answer's rows of a row group.
    pub(super) async fn rows_of(
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
        let kept = |column: &usize| {
            let data_type = self.of_file.schema.field(*column).data_type();
            self.scan.cache.get(self.path(), self.place(row_group, *column), data_type)
        };
        let mut columns: Vec<Option<Arc<Column>>> = wanted.iter().map(kept).collect();
        let missing = wanted.iter().zip(&columns).filter(|(_, kept)| kept.is_none());
        let missing: Vec<usize> = missing.map(|(column, _)| *column).collect();
        let (stored, attributes): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|column| self.of_file.attribute(*column).is_none());
        let mut found = Vec::new();
        if !stored.is_empty() {
            found = self.read(row_group, &stored).await?;
        }
        for column in attributes {
            found.push(self.of_attribute(row_group, column).await?);
        }
        // Those of the file come before the others.
        let mut found = found.into_iter();
        for (number, column) in wanted.iter().zip(&mut columns) {
            if column.is_none()
                && let Some(found) = found.next()
            {
                self.scan.cache.add(self.path(), self.place(row_group, *number), &found);
                *column = Some(found);
            }
        }
        let missing = || DataFusionError::Internal("a column was not read".into());
        columns.into_iter().map(|column| column.ok_or_else(missing)).collect()
    }

    /// The values of an attribute that is no column of the file, from its map.
    async fn of_attribute(&self, row_group: usize, column: usize) -> Result<Arc<Column>> {
        let missing = || DataFusionError::Internal("an attribute has no map".into());
        let attribute = self.of_file.attribute(column).ok_or_else(missing)?;
        // A map is no attribute, so this goes no deeper.
        let maps = Box::pin(self.columns(row_group, &[attribute.map])).await?;
        let maps = maps.first().ok_or_else(missing)?;
        Ok(Arc::new(maps.of_key(&attribute.key)?))
    }

    fn place(&self, row_group: usize, column: usize) -> Place {
        Place { row_group, column: self.of_file.id(column) }
    }

    async fn read(&self, row_group: usize, columns: &[usize]) -> Result<Vec<Arc<Column>>> {
        let schema = &self.of_file.file;
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
