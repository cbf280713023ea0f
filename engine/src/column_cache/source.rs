//! A Parquet source that has a [`ColumnCache`] before it.

use std::fmt;
use std::sync::{Arc, Mutex};

use datafusion::arrow::datatypes::Schema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::datasource::physical_plan::{
    FileOpener, FileScanConfig, FileSource, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, PhysicalSortExpr, ScalarFunctionExpr,
};
use datafusion::physical_plan::filter_pushdown::FilterPushdownPropagation;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder};
use datafusion::physical_plan::{DisplayFormatType, PhysicalExpr, SortOrderPushdownResult};
use datafusion_datasource::morsel::Morselizer;
use object_store::ObjectStore;
use schema::assembled::attribute_column;

use super::ColumnCache;
use super::column::read_as;
use super::morsels::Morsels;
use super::question::Question;
use super::row_groups::has_few_rows;
use super::scan::Scan;
use crate::read::wanted_attribute;

/// Rows of a batch until the plan says otherwise.
const BATCH_ROWS: usize = 8192;

/// Scans from memory what is there, and is else as the Parquet source that it stands before.
#[derive(Clone)]
pub(super) struct CachedSource {
    parquet: Arc<dyn FileSource>,
    pub(super) cache: Arc<ColumnCache>,
    readers: Arc<dyn ParquetFileReaderFactory>,
    /// Number of the scan.
    number: u64,
    batch_rows: usize,
}

/// `parquet` with a cache before it, if there is one.
pub(crate) fn with_column_cache(
    parquet: ParquetSource,
    cache: Option<Arc<ColumnCache>>,
) -> Arc<dyn FileSource> {
    let readers = parquet.parquet_file_reader_factory().cloned();
    let (Some(cache), Some(readers)) = (cache, readers) else { return Arc::new(parquet) };
    let number = cache.next_scan();
    let parquet = Arc::new(parquet);
    Arc::new(CachedSource { parquet, cache, readers, number, batch_rows: BATCH_ROWS })
}

impl CachedSource {
    fn before(&self, parquet: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self { parquet, ..self.clone() })
    }

    /// What is asked for; `None` if the file does not have all of it.
    fn wanted(&self) -> Result<Option<Wanted>> {
        let table = self.parquet.table_schema();
        if !table.table_partition_cols().is_empty() || !table.virtual_columns().is_empty() {
            return Ok(None);
        }
        let mut wanted = Wanted { is_kept: true, ..Wanted::default() };
        let mut is_in_file = true;
        self.parquet.apply_expressions(&mut |expr| {
            is_in_file &= wanted.add(expr, table.file_schema())?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        wanted.columns.sort_unstable();
        wanted.columns.dedup();
        wanted.attributes.sort_unstable();
        wanted.attributes.dedup();
        Ok(is_in_file.then_some(wanted))
    }

    /// What is asked for, and what tells its columns from others if all of them may be kept; `None` if files do
    /// not have all of it.
    pub(super) fn question(
        &self,
        config: &FileScanConfig,
    ) -> Result<Option<(Question, Option<Vec<String>>)>> {
        let adapters = config.expr_adapter_factory.clone();
        let projection = self.parquet.projection().cloned();
        let (Some(adapters), Some(projection), Some(wanted)) =
            (adapters, projection, self.wanted()?)
        else {
            return Ok(None);
        };
        let table = self.parquet.table_schema();
        let question = Question {
            adapters,
            schema: Arc::clone(table.file_schema()),
            predicate: self.parquet.filter(),
            output: Arc::new(projection.project_schema(table.table_schema())?),
            projection,
            attributes: wanted.attributes,
            last: Mutex::default(),
        };
        Ok(Some((question, wanted.is_kept.then_some(wanted.columns))))
    }
}

/// The columns that a scan asks for.
#[derive(Debug, Default)]
struct Wanted {
    /// What tells them from others.
    columns: Vec<String>,
    /// Maps and keys of those that are attributes.
    attributes: Vec<(String, String)>,
    /// Whether all of them are columns that may be kept.
    is_kept: bool,
}

impl Wanted {
    /// Adds the columns of `expr`; false if it asks for more than columns.
    fn add(&mut self, expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<bool> {
        let mut is_in_file = true;
        expr.apply(|expr| {
            if let Some((map, key)) = wanted_attribute(expr) {
                self.columns.push(attribute_column(&map, &key));
                self.attributes.push((map, key));
                return Ok(TreeNodeRecursion::Jump);
            }
            if let Some(column) = expr.downcast_ref::<Column>() {
                self.is_kept &= read_as(schema.field(column.index()).data_type()).is_some();
                self.columns.push(column.name().to_owned());
            }
            // The one function whose value only the opening of a file knows.
            let call = expr.downcast_ref::<ScalarFunctionExpr>();
            is_in_file &= call.is_none_or(|call| call.name() != "input_file_name");
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(is_in_file)
    }
}

impl FileSource for CachedSource {
    fn create_file_opener(
        &self,
        _: Arc<dyn ObjectStore>,
        _: &FileScanConfig,
        _: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        internal_err!("files are opened by morsels")
    }

    fn create_morselizer(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        let parquet = self.parquet.create_morselizer(Arc::clone(&store), config, partition)?;
        let Some((question, columns)) = self.question(config)? else { return Ok(parquet) };
        let metrics = self.parquet.metrics().clone();
        let scan = Scan {
            cache: Arc::clone(&self.cache),
            readers: Arc::clone(&self.readers),
            store,
            question,
            batch_rows: self.batch_rows,
            partition,
            row_groups: MetricBuilder::new(&metrics).counter("row_groups_in_memory", partition),
            metrics,
        };
        let parquet = Arc::from(parquet);
        Ok(Box::new(Morsels { scan: Arc::new(scan), number: self.number, columns, parquet }))
    }

    fn table_schema(&self) -> &TableSchema {
        self.parquet.table_schema()
    }

    fn with_batch_size(&self, batch_rows: usize) -> Arc<dyn FileSource> {
        let parquet = self.parquet.with_batch_size(batch_rows);
        Arc::new(Self { parquet, batch_rows, ..self.clone() })
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.parquet.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.parquet.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.parquet.metrics()
    }

    fn file_type(&self) -> &str {
        self.parquet.file_type()
    }

    fn fmt_extra(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parquet.fmt_extra(format, f)
    }

    fn supports_repartitioning(&self) -> bool {
        self.parquet.supports_repartitioning()
    }

    fn repartitioned(
        &self,
        target_partitions: usize,
        min_size: usize,
        ordering: Option<LexOrdering>,
        config: &FileScanConfig,
    ) -> Result<Option<FileScanConfig>> {
        // A few rows are sooner read than a file is opened for each part of it.
        if config.file_groups.iter().flat_map(FileGroup::iter).all(has_few_rows) {
            return Ok(None);
        }
        self.parquet.repartitioned(target_partitions, min_size, ordering, config)
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let mut pushed = self.parquet.try_pushdown_filters(filters, config)?;
        pushed.updated_node = pushed.updated_node.map(|parquet| self.before(parquet));
        Ok(pushed)
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        let pushed = self.parquet.try_pushdown_sort(order, properties)?;
        Ok(pushed.map(|parquet| self.before(parquet)))
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.parquet.reorder_files(files)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let pushed = self.parquet.try_pushdown_projection(projection)?;
        Ok(pushed.map(|parquet| self.before(parquet)))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.parquet.apply_expressions(f)
    }
}
