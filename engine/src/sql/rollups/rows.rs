//! The rows that are counted: those of rollups, and of spans where there are none.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, Result, ScalarValue, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::{TableType, provider_as_source};
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::utils::{conjunction, disjunction};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, cast, col, lit,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use object_store::path::Path;
use schema::rollups::{
    BUCKET_NS, DURATION, DURATION_MAX_NS, DURATION_MIN_NS, DURATION_SUM_NS, OPERATION_TEXTS,
    SPAN_COUNT, START_TIME,
};
use schema::spans::{DURATION_NS, SAMPLE_WEIGHT, START_TIME_UNIX_NANO};

use super::one_value::one_value;
use super::time::{ALL_TIME, Times};
use crate::paths;
use crate::read::{Divided, Files, StoredSpans, parquet_of_lake};
use crate::rollup::{Level, READ_SCHEMA};
use crate::snapshot::DataFile;

/// The columns that are counted, in order: those of a rollup but for the length of its buckets.
fn columns() -> impl Iterator<Item = &'static str> {
    let measures = [SPAN_COUNT, DURATION_SUM_NS, DURATION_MIN_NS, DURATION_MAX_NS, DURATION];
    let dimensions = [START_TIME].into_iter().chain(OPERATION_TEXTS).chain([SAMPLE_WEIGHT]);
    dimensions.chain(measures)
}

/// The rows of a snapshot, from rollups wherever they serve; `None` if spans would do as well.
pub(super) fn of(divided: &Arc<Divided>, times: &Times) -> Result<Option<LogicalPlan>> {
    if divided.rollups().is_none() {
        return Ok(None);
    }
    let sources = sources(divided, times);
    let spans_of = |is_rollup: bool| -> f64 {
        sources.iter().filter(|s| s.level.is_some() == is_rollup).map(|s| s.spans).sum()
    };
    let (by_rollup, by_span) = (spans_of(true), spans_of(false));
    // A span is made a row of a rollup, which costs more than counting it.
    if by_rollup == 0.0 || by_rollup < by_span {
        return Ok(None);
    }
    put_together(divided, sources).map(Some)
}

/// All rows of a snapshot, from rollups where there are any.
pub(super) fn all(divided: &Arc<Divided>, times: &Times) -> Result<LogicalPlan> {
    if divided.rollups().is_none() {
        return span_rows(divided, &Files::All, slice::from_ref(&ALL_TIME))?.build();
    }
    put_together(divided, sources(divided, times))
}

/// Some rows of a snapshot, all from one kind of place.
#[derive(Debug)]
struct Source {
    /// The rollups that have them; `None` for spans.
    level: Option<Level>,
    files: Files,
    windows: Vec<Range<i64>>,
    /// About how many spans they stand for.
    spans: f64,
}

/// Where the rows of a snapshot are: each row in one of them.
fn sources(divided: &Divided, times: &Times) -> Vec<Source> {
    let snapshot = divided.snapshot();
    let mut by_levels: BTreeMap<Vec<Level>, Vec<&DataFile>> = BTreeMap::new();
    for file in snapshot.files.iter() {
        let is_usable = |level: &Level| *level <= times.longest && file.rollup.has(*level);
        let levels = Level::COARSE_TO_FINE.into_iter().filter(is_usable).collect();
        by_levels.entry(levels).or_default().push(file);
    }
    let bare = by_levels.remove(&Vec::new()).unwrap_or_default();
    let mut sources = Vec::new();
    let mut covered = HashSet::new();
    for (levels, files) in by_levels {
        let paths: HashSet<Path> = files.iter().map(|file| file.path.clone()).collect();
        covered.extend(paths.iter().cloned());
        let paths = Files::Only(Arc::new(paths));
        let windows = times.split(&levels);
        let places = levels.into_iter().map(Some).chain([None]);
        for (level, windows) in places.zip(windows) {
            let spans = files.iter().map(|file| spans_in(file, &windows)).sum();
            if spans > 0.0 {
                sources.push(Source { level, files: paths.clone(), windows, spans });
            }
        }
    }
    let windows = vec![times.range_ns.clone()];
    let spans: f64 = bare.iter().map(|file| spans_in(file, &windows)).sum();
    let spans = spans + snapshot.memory_rows() as f64;
    if spans > 0.0 {
        let files = Files::AllBut(Arc::new(covered));
        sources.push(Source { level: None, files, windows, spans });
    }
    sources
}

/// About how many spans of a file start in some windows; 0 only if there are none.
fn spans_in(file: &DataFile, windows: &[Range<i64>]) -> f64 {
    let rows = file.rows.map_or(f64::MAX, |rows| rows as f64);
    let Some((first, last)) = file.start_time_range else {
        return if windows.is_empty() { 0.0 } else { rows };
    };
    let nanos = (last as f64 - first as f64).max(1.0);
    let overlap = |window: &Range<i64>| {
        let (start, end) = (window.start.max(first), window.end.min(last.saturating_add(1)));
        if start < end {
            ((end as f64 - start as f64) / nanos).clamp(f64::EPSILON, 1.0)
        } else {
            0.0
        }
    };
    rows * windows.iter().map(overlap).sum::<f64>().min(1.0)
}

/// The rows of all sources, with [`columns`].
fn put_together(divided: &Arc<Divided>, sources: Vec<Source>) -> Result<LogicalPlan> {
    let mut all: Option<LogicalPlanBuilder> = None;
    for source in sources {
        let rows = match source.level {
            Some(level) => rollup_rows(divided, level, &source)?,
            None => span_rows(divided, &source.files, &source.windows)?,
        };
        all = Some(match all {
            Some(all) => all.union(rows.build()?)?,
            None => rows,
        });
    }
    match all {
        Some(all) => all.build(),
        None => span_rows(divided, &Files::Only(Arc::default()), &[])?.build(),
    }
}

fn rollup_rows(
    divided: &Arc<Divided>,
    level: Level,
    source: &Source,
) -> Result<LogicalPlanBuilder> {
    let mut files = Vec::new();
    for file in divided.snapshot().files.iter() {
        if source.files.has(file) && spans_in(file, &source.windows) > 0.0 {
            files.push(file.clone());
        }
    }
    let name = format!("operations_{}", level.suffix());
    let rows: Arc<dyn TableProvider> =
        Arc::new(RollupRows { divided: Arc::clone(divided), level, files });
    let rows = LogicalPlanBuilder::scan(name, provider_as_source(rows), None)?;
    let utc = Some(Arc::from("UTC"));
    let time = |ns| lit(ScalarValue::TimestampNanosecond(Some(ns), utc.clone()));
    starting_in(rows, START_TIME, time, &source.windows)?
        .project(columns().map(|name| Expr::Column(Column::from_name(name)).alias(name)))
}

fn span_rows(
    divided: &Arc<Divided>,
    files: &Files,
    windows: &[Range<i64>],
) -> Result<LogicalPlanBuilder> {
    let rows: Arc<dyn TableProvider> =
        Arc::new(StoredSpans::of_files(Arc::clone(divided), files.clone()));
    let rows = LogicalPlanBuilder::scan("spans", provider_as_source(rows), None)?;
    let rows = starting_in(rows, START_TIME_UNIX_NANO, lit, windows)?;
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let column = |name: &'static str| match name {
        START_TIME => cast(col(START_TIME_UNIX_NANO), utc.clone()),
        SAMPLE_WEIGHT => coalesce(vec![col(SAMPLE_WEIGHT), lit(1.0)]),
        SPAN_COUNT => lit(1_i64),
        DURATION_SUM_NS | DURATION_MIN_NS | DURATION_MAX_NS => col(DURATION_NS),
        DURATION => one_value(col(DURATION_NS)),
        stored => col(stored),
    };
    rows.project(columns().map(|name| column(name).alias(name)))
}

/// Those rows of which a time is in one of some windows.
fn starting_in(
    rows: LogicalPlanBuilder,
    column: &str,
    time: impl Fn(i64) -> Expr,
    windows: &[Range<i64>],
) -> Result<LogicalPlanBuilder> {
    let inside = |window: &Range<i64>| {
        let from = (window.start > i64::MIN).then(|| col(column).gt_eq(time(window.start)));
        let to = (window.end < i64::MAX).then(|| col(column).lt(time(window.end)));
        conjunction(from.into_iter().chain(to)).unwrap_or_else(|| lit(true))
    };
    match disjunction(windows.iter().map(inside)) {
        Some(filter) => rows.filter(filter),
        None => rows.filter(lit(false)),
    }
}

/// The rows of one level of the rollups of some files.
#[derive(Debug)]
struct RollupRows {
    divided: Arc<Divided>,
    level: Level,
    files: Vec<DataFile>,
}

#[async_trait]
impl TableProvider for RollupRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&READ_SCHEMA)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(rollups) = self.divided.rollups() else {
            return internal_err!("rollups are asked for, and there are none");
        };
        let mut lost = HashSet::new();
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        let mut parts = vec![Vec::new(); state.config().target_partitions().max(1)];
        let mut minutes = Vec::new();
        for (at, file) in self.files.iter().enumerate() {
            let found = if self.level == Level::Minute {
                rollups.has_minutes(file).await.map(|()| minutes.push(file))
            } else {
                let part = at % parts.len();
                let rows = rollups.of(file).await;
                rows.map(|rows| parts[part].extend(rows.rows(self.level).cloned()))
            };
            if let Err(error) = found {
                let path = file.path.as_ref();
                tracing::warn!(path, %error, "the rollup of a file cannot be read: its spans are");
                lost.insert(file.path.clone());
            }
        }
        parts.retain(|part: &Vec<RecordBatch>| !part.is_empty());
        if !parts.is_empty() {
            let columns = projection.cloned();
            plans.push(MemorySourceConfig::try_new_exec(&parts, self.schema(), columns)?);
        }
        if !minutes.is_empty() {
            plans.push(self.scan_minutes(state, &minutes, projection, filters)?);
        }
        if !lost.is_empty() || plans.is_empty() {
            plans.push(self.scan_spans(state, lost, projection, filters).await?);
        }
        match <[_; 1]>::try_from(plans) {
            Ok([plan]) => Ok(plan),
            Err(plans) => UnionExec::try_new(plans),
        }
    }
}

impl RollupRows {
    /// Minutes are many: they are read as the query goes on, and only those row groups that it needs.
    fn scan_minutes(
        &self,
        state: &dyn Session,
        files: &[&DataFile],
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (url, parquet) = parquet_of_lake(state, &READ_SCHEMA, filters)?;
        let all = files.iter().map(|file| {
            let [_, minutes] = paths::rollup(&file.path);
            PartitionedFile::new(minutes.to_string(), file.rollup.minute_bytes())
        });
        let groups = FileGroup::new(all.collect()).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(url, Arc::new(parquet))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// The spans of files whose rollup is lost, in the form of rollups.
    async fn scan_spans(
        &self,
        state: &dyn Session,
        files: HashSet<Path>,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = Files::Only(Arc::new(files));
        let rows = span_rows(&self.divided, &files, slice::from_ref(&ALL_TIME))?;
        let mut rows = rows.alias(format!("operations_{}", self.level.suffix()))?;
        let filters = filters.iter().filter(|filter| !filter.column_refs().iter().any(is_bucket));
        if let Some(filter) = conjunction(filters.cloned()) {
            rows = rows.filter(filter)?;
        }
        let schema = self.schema();
        let all = (0..schema.fields().len()).collect();
        let names = projection.unwrap_or(&all).iter().map(|at| schema.field(*at).name().as_str());
        let columns = names.map(|name| match name {
            BUCKET_NS => lit(self.level.nanos()).alias(BUCKET_NS),
            name => col(name).alias(name),
        });
        let rows = rows.project(columns.collect::<Vec<_>>())?;
        state.create_physical_plan(&rows.build()?).await
    }
}

fn is_bucket(column: &&Column) -> bool {
    column.name == BUCKET_NS
}
