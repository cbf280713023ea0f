//! The stored rows of one snapshot as tables: plain Parquet scans that DataFusion can plan, prune
//! and ship, and the rows in memory beside them.

use std::collections::HashSet;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, DFSchema, Result, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetRowSelection,
};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use datafusion::parquet::arrow::arrow_reader::RowSelection;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use object_store::path::Path;
use schema::assembled::assembled_schema;
use schema::received::received_schema;
use schema::spans::{START_TIME_UNIX_NANO, TRACE_ID, stored_schema};

use crate::column_cache::{ColumnCache, with_column_cache};
use crate::paths;
use crate::read::attribute_columns::AttributeColumns;
use crate::read::division::{Divided, Part};
use crate::snapshot::{DataFile, Layout, MemoryChunk};
use crate::trace_index::trace_key;

/// The URL under which a session finds the store of the lake.
pub(crate) const LAKE_URL: &str = "lake://spans";

/// Stored rows of a snapshot: all, or those of one [`Part`].
#[derive(Debug)]
pub(crate) struct StoredSpans {
    divided: Arc<Divided>,
    part: Part,
    /// Of all files of the part, those whose rows count.
    files: Files,
    schema: SchemaRef,
}

/// Some of the files of a snapshot.
#[derive(Debug, Clone)]
pub(crate) enum Files {
    /// All, and the rows in memory.
    All,
    /// These, without the rows in memory.
    Only(Arc<HashSet<Path>>),
    /// All others, and the rows in memory.
    AllBut(Arc<HashSet<Path>>),
}

impl Files {
    pub(crate) fn has(&self, file: &DataFile) -> bool {
        match self {
            Self::All => true,
            Self::Only(files) => files.contains(&file.path),
            Self::AllBut(files) => !files.contains(&file.path),
        }
    }
}

static STORED: LazyLock<SchemaRef> = LazyLock::new(|| with_views(&stored_schema()));
static ASSEMBLED: LazyLock<SchemaRef> = LazyLock::new(|| with_views(&assembled_schema()));

/// The columns with text as views: a value then points into the dictionary of its page, and neither reading
/// nor filtering copies it. Answers have plain text again.
fn with_views(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows of a file that are read.
struct FileRows<'a> {
    file: &'a DataFile,
    /// `None` for all.
    ranges: Option<Vec<Range<usize>>>,
}

impl FileRows<'_> {
    /// How many they are, if that is known.
    fn chosen(&self) -> Option<usize> {
        match &self.ranges {
            None => self.file.rows.map(|rows| rows as usize),
            Some(ranges) => Some(ranges.iter().map(ExactSizeIterator::len).sum()),
        }
    }
}

impl StoredSpans {
    pub(crate) fn new(divided: Arc<Divided>, part: Part) -> Self {
        let schema = match part {
            Part::Assembled => &*ASSEMBLED,
            Part::All | Part::Fresh => &*STORED,
        };
        Self { divided, part, files: Files::All, schema: Arc::clone(schema) }
    }

    /// All rows of some files.
    pub(crate) fn of_files(divided: Arc<Divided>, files: Files) -> Self {
        Self { files, ..Self::new(divided, Part::All) }
    }

    /// The rows of the same part in some of the files: `assembled` for rows whose tree columns are stored,
    /// `fresh` for all others.
    pub(crate) fn of_part_in(&self, assembled: &Files, fresh: &Files) -> Self {
        let files = if self.part == Part::Assembled { assembled } else { fresh };
        Self { files: files.clone(), ..Self::new(Arc::clone(&self.divided), self.part) }
    }

    /// The rows of the same part of another snapshot; `None` if these are of some files only.
    pub(crate) fn all_in(&self, divided: &Arc<Divided>) -> Option<Self> {
        let is_all = matches!(self.files, Files::All);
        is_all.then(|| Self::new(Arc::clone(divided), self.part))
    }

    pub(crate) fn divided(&self) -> &Arc<Divided> {
        &self.divided
    }

    /// About which share of the fresh rows may pass filters on the start time; 1 if nothing is known.
    pub(crate) fn share_in(&self, filters: &[Expr]) -> f64 {
        let starts = wanted_starts(filters);
        let snapshot = self.divided.snapshot();
        let fresh = snapshot.files.iter().filter(|file| file.layout != Layout::Assembled);
        // Rows in memory are new, as questions about some time mostly are.
        let (mut inside, mut all) = (snapshot.memory_rows() as f64, snapshot.memory_rows() as f64);
        for file in fresh {
            let rows = file.rows.unwrap_or_default() as f64;
            all += rows;
            inside += rows * share_of_file(file, &starts);
        }
        if all > 0.0 { inside / all } else { 1.0 }
    }

    /// The files that have rows of this part that `filters` may let through, and which rows.
    async fn files(&self, filters: &[Expr]) -> Result<Vec<FileRows<'_>>> {
        let starts = wanted_starts(filters);
        if let Some(traces) = wanted_traces(filters) {
            return self.files_of_traces(&traces, &starts).await;
        }
        let mut files = self.files_of_part().await?;
        files.retain(|rows| may_start_in(rows.file, &starts));
        Ok(files)
    }

    /// As [`Self::files_of_part`], of some traces only: whether others are late need not be known.
    async fn files_of_traces(
        &self,
        traces: &[u64],
        starts: &RangeInclusive<i64>,
    ) -> Result<Vec<FileRows<'_>>> {
        let fresh = match self.part {
            Part::All => Vec::new(),
            Part::Assembled | Part::Fresh => self.divided.fresh_among(traces).await?,
        };
        let mut settled = traces.to_vec();
        settled.retain(|key| fresh.binary_search(key).is_err());
        let mut files = Vec::new();
        let files_of_snapshot = self.divided.snapshot().files.iter();
        // The index of a file that is out of question need not be read.
        let may_have = |file: &&DataFile| self.files.has(file) && may_start_in(file, starts);
        for file in files_of_snapshot.filter(may_have) {
            let is_assembled = file.layout == Layout::Assembled;
            let wanted = match (self.part, is_assembled) {
                (Part::All, _) | (Part::Fresh, false) => traces,
                (Part::Assembled, true) => &settled,
                (Part::Fresh, true) => &fresh,
                (Part::Assembled, false) => continue,
            };
            // The rows of a file can be chosen only if their number is known, as it is of our own.
            if file.rows.is_none() && !is_assembled {
                files.push(FileRows { file, ranges: None });
                continue;
            }
            let ranges = self.divided.rows_of(file, wanted).await?;
            if !ranges.is_empty() {
                files.push(FileRows { file, ranges: Some(ranges) });
            }
        }
        Ok(files)
    }

    async fn files_of_part(&self) -> Result<Vec<FileRows<'_>>> {
        let files = self.divided.snapshot().files.iter().filter(|file| self.files.has(file));
        if self.part == Part::All {
            return Ok(files.map(|file| FileRows { file, ranges: None }).collect());
        }
        let late = self.divided.late().await?;
        let mut parts = Vec::new();
        for file in files {
            let late = late.get(&file.path);
            let ranges = match (file.layout == Layout::Assembled, self.part == Part::Assembled) {
                (true, true) => late.map(|late| late.complement()),
                (true, false) => match late {
                    Some(late) => Some(late.ranges().to_vec()),
                    None => continue,
                },
                (false, true) => continue,
                (false, false) => None,
            };
            parts.push(FileRows { file, ranges });
        }
        Ok(parts)
    }

    fn partitioned_file(&self, rows: &FileRows<'_>) -> PartitionedFile {
        let FileRows { file, ranges } = rows;
        let path = paths::in_lake(&file.path).to_string();
        let mut statistics = self.statistics_of(file);
        let part = PartitionedFile::new(path, file.size_bytes);
        match ranges {
            None => part.with_statistics(Arc::new(statistics)),
            Some(ranges) => {
                statistics.num_rows = rows.chosen().map_or(Precision::Absent, Precision::Exact);
                statistics = statistics.to_inexact();
                let total = file.rows.unwrap_or_default() as usize;
                let selection =
                    RowSelection::from_consecutive_ranges(ranges.iter().cloned(), total);
                part.with_statistics(Arc::new(statistics))
                    .with_extension(ParquetRowSelection::new(selection))
            }
        }
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

    fn statistics_of_files(&self, files: &[FileRows<'_>]) -> Statistics {
        let mut all = Statistics::new_unknown(&self.schema);
        let rows: Option<usize> = files.iter().map(FileRows::chosen).sum();
        if let Some(rows) = rows {
            let is_whole = files.iter().all(|rows| rows.ranges.is_none());
            all.num_rows = if is_whole { Precision::Exact(rows) } else { Precision::Inexact(rows) };
        }
        let bytes: u64 = files.iter().map(|rows| rows.file.size_bytes).sum();
        all.total_byte_size = Precision::Inexact(bytes as usize);
        all
    }

    /// The rows in memory, of some traces only if `traces` says so, in at most `partitions` parts; `None`
    /// if there are none.
    fn scan_memory(
        &self,
        partitions: usize,
        projection: Option<&Vec<usize>>,
        traces: Option<&[u64]>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if self.part == Part::Assembled || matches!(self.files, Files::Only(_)) {
            return Ok(None);
        }
        // What is not wanted is left out here: below a filter, all text of all rows would be written out.
        let wanted = |chunk: &Arc<MemoryChunk>| match traces {
            None => Ok(Some(chunk.batch().clone())),
            Some(keys) => chunk.rows_of(keys),
        };
        let chunks = self.divided.snapshot().memory.iter();
        let batches: Vec<RecordBatch> =
            chunks.filter_map(|chunk| wanted(chunk).transpose()).collect::<Result<_, _>>()?;
        if batches.is_empty() {
            return Ok(None);
        }
        let rows_in_memory: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let rows_per_part = rows_in_memory.div_ceil(partitions.max(1));
        let mut parts = vec![Vec::new()];
        let mut rows = 0;
        for batch in batches {
            if rows >= rows_per_part {
                parts.push(Vec::new());
                rows = 0;
            }
            rows += batch.num_rows();
            if let Some(part) = parts.last_mut() {
                part.push(batch);
            }
        }
        let rows =
            MemorySourceConfig::try_new_exec(&parts, received_schema(), projection.cloned())?;
        let received = rows.schema();
        let stored = self.projected_schema(projection)?;
        let columns = received.fields().iter().zip(stored.fields()).enumerate();
        // Batch by batch: what rows share is repeated on each of them.
        let columns = columns.map(|(at, (received, stored))| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(received.name(), at));
            let cast = |column, to: &DataType| -> Arc<dyn PhysicalExpr> {
                Arc::new(CastExpr::new(column, to.clone(), None))
            };
            let column = match (received.data_type(), stored.data_type()) {
                (received, stored) if received == stored => column,
                // By way of plain text: Arrow takes a NULL in a dictionary for an empty view.
                (DataType::Dictionary(_, text), view @ DataType::Utf8View) => {
                    cast(cast(column, text), view)
                }
                (_, stored) => cast(column, stored),
            };
            (column, stored.name().clone())
        });
        let columns: Vec<_> = columns.collect();
        Ok(Some(Arc::new(ProjectionExec::try_new(columns, rows)?)))
    }

    fn projected_schema(&self, projection: Option<&Vec<usize>>) -> Result<SchemaRef> {
        Ok(match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => Arc::clone(&self.schema),
        })
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

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let traces = wanted_traces(filters);
        let partitions = state.config().target_partitions();
        let memory = self.scan_memory(partitions, projection, traces.as_deref())?;
        let files = self.files(filters).await?;
        match (files.is_empty(), memory) {
            (true, None) => Ok(Arc::new(EmptyExec::new(self.projected_schema(projection)?))),
            (true, Some(memory)) => Ok(memory),
            (false, None) => self.scan_files(state, &files, projection, filters, limit),
            (false, Some(memory)) => {
                let files = self.scan_files(state, &files, projection, filters, limit)?;
                UnionExec::try_new(vec![files, memory])
            }
        }
    }
}

impl StoredSpans {
    fn scan_files(
        &self,
        state: &dyn Session,
        files: &[FileRows<'_>],
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The planner keeps the filters above the scan, and then brings them down to it: once is enough. It does
        // not bring down those of nested columns, of which a file may know better: see `AttributeColumns`.
        let is_nested = |name: &str| {
            self.schema.field_with_name(name).is_ok_and(|field| field.data_type().is_nested())
        };
        let names_nested =
            |filter: &&Expr| filter.column_refs().iter().any(|column| is_nested(&column.name));
        let filters: Vec<_> = filters.iter().filter(names_nested).cloned().collect();
        let (url, parquet) = parquet_of_lake(state, &self.schema, &filters)?;
        let all = files.iter().map(|rows| self.partitioned_file(rows)).collect();
        let groups = FileGroup::new(all).split_files(state.config().target_partitions());
        let source = with_column_cache(parquet, state.config().get_extension::<ColumnCache>());
        let config = FileScanConfigBuilder::new(url, source)
            .with_file_groups(groups)
            .with_statistics(self.statistics_of_files(files))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_expr_adapter(Some(Arc::new(AttributeColumns)))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// The store of the lake, and a source of Parquet files in it that leaves out what `filters` do not let
/// through.
pub(crate) fn parquet_of_lake(
    state: &dyn Session,
    schema: &SchemaRef,
    filters: &[Expr],
) -> Result<(ObjectStoreUrl, ParquetSource)> {
    let url = ObjectStoreUrl::parse(LAKE_URL)?;
    let mut parquet = ParquetSource::new(Arc::clone(schema))
        .with_table_parquet_options(state.table_options().parquet.clone());
    if let Some(predicate) = conjunction(filters.to_vec()) {
        let schema = DFSchema::try_from(Arc::clone(schema))?;
        parquet = parquet.with_predicate(state.create_physical_expr(predicate, &schema)?);
    }
    let runtime = state.runtime_env();
    let reader = CachedParquetFileReaderFactory::new(
        runtime.object_store(&url)?,
        runtime.cache_manager.get_file_metadata_cache(),
    );
    Ok((url, parquet.with_parquet_file_reader_factory(Arc::new(reader))))
}

/// The keys of the only traces that `filters` let through, sorted; `None` if they may be any.
fn wanted_traces(filters: &[Expr]) -> Option<Vec<u64>> {
    let is_id = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == TRACE_ID);
    let key = |expr: &Expr| match expr {
        Expr::Literal(ScalarValue::FixedSizeBinary(_, Some(id)), _) => Some(trace_key(id)),
        _ => None,
    };
    filters.iter().find_map(|filter| {
        let mut keys = match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_id(left) => {
                vec![key(right)?]
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_id(right) => {
                vec![key(left)?]
            }
            Expr::InList(InList { expr, list, negated: false }) if is_id(expr) => {
                list.iter().map(key).collect::<Option<Vec<_>>>()?
            }
            _ => return None,
        };
        keys.sort_unstable();
        keys.dedup();
        Some(keys)
    })
}

/// Whether a file may have spans that start in a range.
fn may_start_in(file: &DataFile, starts: &RangeInclusive<i64>) -> bool {
    let range = file.start_time_range;
    range.is_none_or(|(first, last)| first <= *starts.end() && last >= *starts.start())
}

/// About which share of a file's spans start in a range.
fn share_of_file(file: &DataFile, starts: &RangeInclusive<i64>) -> f64 {
    let Some((first, last)) = file.start_time_range else { return 1.0 };
    let (from, to) = (first.max(*starts.start()), last.min(*starts.end()));
    if from > to {
        return 0.0;
    }
    (to as f64 - from as f64 + 1.0) / (last as f64 - first as f64 + 1.0)
}

/// The start times that `filters` let through, or more. Files outside are left out here: the scan would
/// look at each of them anew, and a lake has many.
fn wanted_starts(filters: &[Expr]) -> RangeInclusive<i64> {
    let nanos = |expr: &Expr| match expr {
        Expr::Literal(ScalarValue::Int64(nanos), _) => *nanos,
        _ => None,
    };
    let is_start =
        |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == START_TIME_UNIX_NANO);
    let (mut first, mut last) = (i64::MIN, i64::MAX);
    for filter in filters {
        let (op, bound) = match filter {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_start(left) => {
                (Some(*op), nanos(right))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_start(right) => {
                (op.swap(), nanos(left))
            }
            Expr::Between(Between { expr, negated: false, low, high }) if is_start(expr) => {
                first = first.max(nanos(low).unwrap_or(first));
                last = last.min(nanos(high).unwrap_or(last));
                continue;
            }
            _ => continue,
        };
        match (op, bound) {
            (Some(Operator::Gt | Operator::GtEq), Some(bound)) => first = first.max(bound),
            (Some(Operator::Lt | Operator::LtEq), Some(bound)) => last = last.min(bound),
            (Some(Operator::Eq), Some(bound)) => {
                (first, last) = (first.max(bound), last.min(bound))
            }
            _ => {}
        }
    }
    first..=last
}

#[cfg(test)]
mod tests;
