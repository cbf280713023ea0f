//! Rollups as a table of buckets, which is read when a query runs.

use std::collections::HashSet;
use std::slice;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, cast, col, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use object_store::path::Path;
use schema::rollups::BUCKET_NS;

use super::rows::{Counted, span_rows};
use super::time::ALL_TIME;
use crate::paths;
use crate::read::{Files, parquet_of_lake};
use crate::rollup::{Level, Subject, read_schema};
use crate::snapshot::DataFile;
use crate::sql::parts_of_plans::part_of_plan;

/// The rows of one level of the rollups of some files.
#[derive(Debug)]
pub(super) struct RollupRows {
    pub(super) counted: Counted,
    pub(super) level: Level,
    pub(super) files: Vec<DataFile>,
}

#[async_trait]
impl TableProvider for RollupRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(read_schema(self.counted.subject))
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
        let Counted { subject, divided, .. } = &self.counted;
        let Some(rollups) = divided.rollups() else {
            return internal_err!("rollups are asked for, and there are none");
        };
        // Late spans change the trees of the traces that they belong to, and these the edges.
        let late = match subject {
            Subject::Operations => None,
            Subject::Edges => Some(divided.late().await?),
        };
        let mut lost = HashSet::new();
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        let mut parts = vec![Vec::new(); state.config().target_partitions().max(1)];
        let mut minutes = Vec::new();
        for (at, file) in self.files.iter().enumerate() {
            if late.is_some_and(|late| late.contains_key(&file.path)) {
                lost.insert(file.path.clone());
                continue;
            }
            let found = if self.level == Level::Minute {
                rollups.has_minutes(*subject, file).await.map(|()| minutes.push(file))
            } else {
                let part = at % parts.len();
                let rows = rollups.of(*subject, file).await;
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
        let (url, parquet) = parquet_of_lake(state, read_schema(self.counted.subject), filters)?;
        let subject = self.counted.subject;
        let all = files.iter().map(|file| {
            let [_, minutes] = paths::rollup(subject, &file.path);
            PartitionedFile::new(minutes.to_string(), file.rollup.minute_bytes(subject))
        });
        let groups = FileGroup::new(all.collect()).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(url, Arc::new(parquet))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// What was counted in files whose rollup is lost or not right any more, row by row, in the form of
    /// rollups.
    async fn scan_spans(
        &self,
        state: &dyn Session,
        files: HashSet<Path>,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = Files::Only(Arc::new(files));
        let schema = self.schema();
        let columns = schema.fields().iter().map(|field| match field.name().as_str() {
            BUCKET_NS => lit(self.level.nanos()).alias(BUCKET_NS),
            name => cast(col(name), field.data_type().clone()).alias(name),
        });
        let rows = span_rows(&self.counted, &files, slice::from_ref(&ALL_TIME))?
            .project(columns.collect::<Vec<_>>())?;
        let mut rows = rows.alias(self.counted.subject.table_of(self.level))?;
        if let Some(filter) = conjunction(filters.iter().cloned()) {
            rows = rows.filter(filter)?;
        }
        let all = (0..schema.fields().len()).collect();
        let names = projection.unwrap_or(&all).iter().map(|at| schema.field(*at).name().as_str());
        let rows = rows.project(names.map(col).collect::<Vec<_>>())?;
        part_of_plan(state, &rows.build()?).await
    }
}
