//! The rollups as tables: `operations_1m`, `operations_1h`, `operations_1d`, and `edges_1m` and so on.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, Result, ScalarValue, exec_datafusion_err};
use datafusion::datasource::TableType;
use datafusion::functions::expr_fn::{coalesce, date_bin};
use datafusion::functions_aggregate::expr_fn::{max, min, sum};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    AggregateUDF, Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder,
    TableProviderFilterPushDown, cast, col, lit,
};
use datafusion::physical_plan::ExecutionPlan;
use schema::rollups::{
    CALLS, DURATION, DURATION_MAX_NS, DURATION_MIN_NS, DURATION_SUM_NS, ERRORS, IS_FAILED,
    SPAN_COUNT, START_TIME,
};
use schema::spans::{SAMPLE_WEIGHT, STATUS_CODE};

use super::rows::{self, Counted};
use super::time::Times;
use crate::rollup::{Level, Subject};
use crate::sql::parts_of_plans::part_of_plan;

/// Calls, errors and durations by stretches of time: one row for each operation, kind, status, version and
/// environment, or for each caller, callee and kind of connection. Counted anew from what is stored and what
/// is fresh.
#[derive(Debug)]
pub(crate) struct Buckets {
    counted: Counted,
    level: Level,
}

/// The start of a bucket before it is `start_time`. DataFusion 55 brings a filter on a group below the aggregation
/// by its name, and a filter on buckets must not become one on spans.
const BUCKET: &str = "bucket";

static OPERATIONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let measures = [SPAN_COUNT, DURATION_SUM_NS, DURATION_MIN_NS, DURATION_MAX_NS];
    schema_of(Subject::Operations, &measures)
});

static EDGES: LazyLock<SchemaRef> = LazyLock::new(|| schema_of(Subject::Edges, &[]));

fn schema_of(subject: Subject, integers: &[&str]) -> SchemaRef {
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let mut fields = vec![Field::new(START_TIME, utc, true)];
    fields.extend(shown(subject).map(|name| Field::new(name, DataType::Utf8View, true)));
    fields.extend([CALLS, ERRORS].map(|name| Field::new(name, DataType::Float64, true)));
    fields.extend(integers.iter().map(|name| Field::new(*name, DataType::Int64, true)));
    fields.push(Field::new(DURATION, DataType::Binary, true));
    Arc::new(Schema::new(fields))
}

/// The dimensions that have a column: of edges, errors are counted beside all calls.
fn shown(subject: Subject) -> impl Iterator<Item = &'static str> {
    subject.dimensions().iter().copied().filter(|name| *name != IS_FAILED)
}

impl Buckets {
    /// The tables, with their names.
    pub(crate) fn all(counted: &Counted) -> [(String, Arc<dyn TableProvider>); 3] {
        Level::COARSE_TO_FINE.map(|level| {
            let table = Self { counted: counted.clone(), level };
            (counted.subject.table_of(level), Arc::new(table) as _)
        })
    }

    fn plan(&self, merge: Arc<AggregateUDF>, filters: &[Expr]) -> Result<LogicalPlan> {
        let subject = self.counted.subject;
        let rows = rows::all(&self.counted, &Times::of_buckets(self.level, filters))?;
        let stride = ScalarValue::new_interval_mdn(0, 0, self.level.nanos());
        let epoch = ScalarValue::TimestampNanosecond(Some(0), Some("UTC".into()));
        let bucket = date_bin(lit(stride), col(START_TIME), lit(epoch));
        let mut groups = vec![bucket.alias(BUCKET)];
        groups.extend(shown(subject).map(col));
        let calls = || cast(col(SPAN_COUNT), DataType::Float64) * col(SAMPLE_WEIGHT);
        let is_error = match subject {
            Subject::Operations => col(STATUS_CODE).eq(lit("error")),
            Subject::Edges => col(IS_FAILED),
        };
        let errors = sum(calls()).filter(is_error).build()?;
        // A span counts as often in the sketch as in `calls`.
        let weighted = vec![col(DURATION), col(SAMPLE_WEIGHT)];
        let merged = AggregateFunction::new_udf(merge, weighted, false, None, vec![], None);
        let measures = [
            (CALLS, sum(calls())),
            (ERRORS, errors),
            (SPAN_COUNT, sum(col(SPAN_COUNT))),
            (DURATION_SUM_NS, sum(col(DURATION_SUM_NS))),
            (DURATION_MIN_NS, min(col(DURATION_MIN_NS))),
            (DURATION_MAX_NS, max(col(DURATION_MAX_NS))),
            (DURATION, Expr::AggregateFunction(merged)),
        ];
        let counted = LogicalPlanBuilder::from(rows)
            .aggregate(groups, measures.map(|(name, measure)| measure.alias(name)))?;
        let schema = self.schema();
        let columns = schema.fields().iter().map(|field| {
            let name = field.name().as_str();
            let column = Expr::Column(Column::from_name(name));
            match name {
                START_TIME => Expr::Column(Column::from_name(BUCKET)).alias(START_TIME),
                ERRORS => coalesce(vec![column, lit(0.0)]).alias(ERRORS),
                name => cast(column, field.data_type().clone()).alias(name),
            }
        });
        let counted = counted.project(columns.collect::<Vec<_>>())?;
        // Named as in the query, so that its filters mean these columns.
        let mut named = counted.alias(subject.table_of(self.level))?;
        if let Some(filter) = conjunction(filters.iter().cloned()) {
            named = named.filter(unqualified(filter)?)?;
        }
        named.build()
    }
}

#[async_trait]
impl TableProvider for Buckets {
    fn schema(&self) -> SchemaRef {
        Arc::clone(match self.counted.subject {
            Subject::Operations => &OPERATIONS,
            Subject::Edges => &EDGES,
        })
    }

    fn table_type(&self) -> TableType {
        TableType::View
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
        let merge = state.aggregate_functions().get("sketch_merge");
        let merge = merge.ok_or_else(|| exec_datafusion_err!("there is no sketch_merge"))?;
        let rows = LogicalPlanBuilder::from(self.plan(Arc::clone(merge), filters)?);
        let schema = self.schema();
        let all = (0..schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let columns =
            wanted.iter().map(|at| Expr::Column(Column::from_name(schema.field(*at).name())));
        let rows = rows.project(columns.collect::<Vec<_>>())?.build()?;
        part_of_plan(state, &rows).await
    }
}

/// The same with columns by their names only.
fn unqualified(filter: Expr) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
    filter
        .transform_up(|expr| {
            Ok(match expr {
                Expr::Column(column) => {
                    Transformed::yes(Expr::Column(Column::from_name(column.name)))
                }
                other => Transformed::no(other),
            })
        })
        .data()
}
