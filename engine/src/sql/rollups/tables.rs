//! The rollups as tables: `operations_1m`, `operations_1h`, `operations_1d`.

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
    CALLS, DURATION, DURATION_MAX_NS, DURATION_MIN_NS, DURATION_SUM_NS, ERRORS, OPERATION_TEXTS,
    SPAN_COUNT, START_TIME,
};
use schema::spans::{SAMPLE_WEIGHT, STATUS_CODE};

use super::rows;
use super::time::Times;
use crate::read::Divided;
use crate::rollup::Level;

/// Calls, errors and durations of every operation, by stretches of time; one row for each operation, kind,
/// status, version and environment. Counted anew from what is stored and what is fresh.
#[derive(Debug)]
pub(crate) struct Operations {
    divided: Arc<Divided>,
    level: Level,
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let mut fields = vec![Field::new(START_TIME, utc, true)];
    fields.extend(OPERATION_TEXTS.map(|name| Field::new(name, DataType::Utf8View, true)));
    fields.extend([CALLS, ERRORS].map(|name| Field::new(name, DataType::Float64, true)));
    let measures = [SPAN_COUNT, DURATION_SUM_NS, DURATION_MIN_NS, DURATION_MAX_NS];
    fields.extend(measures.map(|name| Field::new(name, DataType::Int64, true)));
    fields.push(Field::new(DURATION, DataType::Binary, true));
    Arc::new(Schema::new(fields))
});

impl Operations {
    /// The tables over a snapshot, with their names.
    pub(crate) fn all(divided: &Arc<Divided>) -> [(&'static str, Arc<dyn TableProvider>); 3] {
        let table = |level| Arc::new(Self { divided: Arc::clone(divided), level }) as _;
        [
            ("operations_1m", table(Level::Minute)),
            ("operations_1h", table(Level::Hour)),
            ("operations_1d", table(Level::Day)),
        ]
    }

    fn plan(&self, merge: Arc<AggregateUDF>, filters: &[Expr]) -> Result<LogicalPlan> {
        let rows = rows::all(&self.divided, &Times { longest: self.level, ..Times::default() })?;
        let stride = ScalarValue::new_interval_mdn(0, 0, self.level.nanos());
        let epoch = ScalarValue::TimestampNanosecond(Some(0), Some("UTC".into()));
        let bucket = date_bin(lit(stride), col(START_TIME), lit(epoch));
        let mut groups = vec![bucket.alias(START_TIME)];
        groups.extend(OPERATION_TEXTS.map(col));
        let calls = || cast(col(SPAN_COUNT), DataType::Float64) * col(SAMPLE_WEIGHT);
        let errors = sum(calls()).filter(col(STATUS_CODE).eq(lit("error"))).build()?;
        let merged =
            AggregateFunction::new_udf(merge, vec![col(DURATION)], false, None, vec![], None);
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
        let columns = SCHEMA.fields().iter().map(|field| {
            let name = field.name().as_str();
            let column = Expr::Column(Column::from_name(name));
            match name {
                ERRORS => coalesce(vec![column, lit(0.0)]).alias(ERRORS),
                name => column.alias(name),
            }
        });
        let counted = counted.project(columns.collect::<Vec<_>>())?;
        // Named as in the query, so that its filters mean these columns.
        let mut named = counted.alias(format!("operations_{}", self.level.suffix()))?;
        if let Some(filter) = conjunction(filters.iter().cloned()) {
            named = named.filter(unqualified(filter)?)?;
        }
        named.build()
    }
}

#[async_trait]
impl TableProvider for Operations {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&SCHEMA)
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
        let all = (0..SCHEMA.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let columns =
            wanted.iter().map(|at| Expr::Column(Column::from_name(SCHEMA.field(*at).name())));
        let rows = rows.project(columns.collect::<Vec<_>>())?.build()?;
        state.create_physical_plan(&rows).await
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
