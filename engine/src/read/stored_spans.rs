//! The stored rows of one snapshot as a table: plain Parquet scans that DataFusion can plan, prune
//! and ship, and the rows in memory beside them.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, DFSchema, Result, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use schema::spans::{START_TIME_UNIX_NANO, TRACE_ID, stored_schema};

use crate::paths;
use crate::snapshot::{DataFile, Snapshot};

/// The URL under which a session finds the store of the lake.
pub(crate) const LAKE_URL: &str = "lake://spans";

/// The stored form of the `spans` table.
#[derive(Debug)]
pub(crate) struct StoredSpans {
    snapshot: Snapshot,
    schema: SchemaRef,
}

impl StoredSpans {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot, schema: stored_schema() }
    }

    /// The order in which each file lies; `None` if some file is not ours and may lie otherwise.
    fn file_order(&self) -> Result<Option<LexOrdering>> {
        if !self.snapshot.files.iter().all(|file| file.sorted_by_trace) {
            return Ok(None);
        }
        let keys = [TRACE_ID, START_TIME_UNIX_NANO]
            .into_iter()
            .map(|key| Ok(PhysicalSortExpr::new_default(col(key, &self.schema)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(LexOrdering::new(keys))
    }

    fn partitioned_file(&self, file: &DataFile) -> PartitionedFile {
        let path = paths::in_lake(&file.path).to_string();
        PartitionedFile::new(path, file.size_bytes)
            .with_statistics(Arc::new(self.statistics_of(file)))
    }

    /// What the log says about a file, for pruning and for the planner.
    fn statistics_of(&self, file: &DataFile) -> Statistics {
        let mut statistics = Statistics::new_unknown(&self.schema);
        if let Some(rows) = file.rows {
            statistics.num_rows = Precision::Exact(rows as usize);
        }
        statistics.total_byte_size = Precision::Inexact(file.size_bytes as usize);
        if let Some((min, max)) = file.start_time_range
            && let Ok(index) = self.schema.index_of(START_TIME_UNIX_NANO)
        {
            statistics.column_statistics[index] = ColumnStatistics {
                null_count: Precision::Exact(0),
                min_value: Precision::Exact(ScalarValue::Int64(Some(min))),
                max_value: Precision::Exact(ScalarValue::Int64(Some(max))),
                ..ColumnStatistics::new_unknown()
            };
        }
        statistics
    }

    fn statistics_of_all(&self) -> Statistics {
        let mut all = self.statistics_of_files();
        let in_memory = Precision::Exact(self.snapshot.memory_rows());
        all.num_rows = all.num_rows.add(&in_memory);
        all
    }

    fn statistics_of_files(&self) -> Statistics {
        let mut all = Statistics::new_unknown(&self.schema);
        let rows: Option<u64> = self.snapshot.files.iter().map(|file| file.rows).sum();
        if let Some(rows) = rows {
            all.num_rows = Precision::Exact(rows as usize);
        }
        let bytes: u64 = self.snapshot.files.iter().map(|file| file.size_bytes).sum();
        all.total_byte_size = Precision::Inexact(bytes as usize);
        all
    }

    /// The rows in memory, in at most `partitions` parts; `None` if there are none.
    fn scan_memory(
        &self,
        partitions: usize,
        projection: Option<&Vec<usize>>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let chunks = &self.snapshot.memory;
        if chunks.is_empty() {
            return Ok(None);
        }
        let rows_per_part = self.snapshot.memory_rows().div_ceil(partitions.max(1));
        let mut parts = vec![Vec::new()];
        let mut rows = 0;
        for chunk in chunks.iter() {
            if rows >= rows_per_part {
                parts.push(Vec::new());
                rows = 0;
            }
            rows += chunk.rows();
            if let Some(part) = parts.last_mut() {
                part.push(chunk.batch().clone());
            }
        }
        let schema = Arc::clone(&self.schema);
        Ok(Some(MemorySourceConfig::try_new_exec(&parts, schema, projection.cloned())?))
    }
}

#[async_trait]
impl TableProvider for StoredSpans {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // The scan prunes files, row groups and pages; a filter above it sees the rest.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.statistics_of_all())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let memory = self.scan_memory(state.config().target_partitions(), projection)?;
        match (self.snapshot.files.is_empty(), memory) {
            (true, None) => {
                let schema = match projection {
                    Some(projection) => Arc::new(self.schema.project(projection)?),
                    None => Arc::clone(&self.schema),
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            (true, Some(memory)) => Ok(memory),
            (false, None) => self.scan_files(state, projection, filters, limit),
            // A query that needs the order of the files has the planner sort the rows in memory
            // only, and merge.
            (false, Some(memory)) => {
                let files = self.scan_files(state, projection, filters, limit)?;
                UnionExec::try_new(vec![files, memory])
            }
        }
    }
}

impl StoredSpans {
    fn scan_files(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let url = ObjectStoreUrl::parse(LAKE_URL)?;
        let mut parquet = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(state.table_options().parquet.clone());
        if let Some(predicate) = conjunction(filters.to_vec()) {
            let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
            parquet = parquet.with_predicate(state.create_physical_expr(predicate, &schema)?);
        }
        let runtime = state.runtime_env();
        let reader = CachedParquetFileReaderFactory::new(
            runtime.object_store(&url)?,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let parquet = parquet.with_parquet_file_reader_factory(Arc::new(reader));
        // One group per file keeps each file's order; the planner merges or repartitions as the query needs.
        let groups = self
            .snapshot
            .files
            .iter()
            .map(|file| FileGroup::new(vec![self.partitioned_file(file)]))
            .collect();
        let config = FileScanConfigBuilder::new(url, Arc::new(parquet))
            .with_file_groups(groups)
            .with_statistics(self.statistics_of_files())
            .with_output_ordering(self.file_order()?.into_iter().collect())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
