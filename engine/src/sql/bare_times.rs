//! Compares stored times with literals as they are stored.
//!
//! SQL shows times as timestamps: `CAST(start_time_unix_nano AS TIMESTAMP)`. A comparison of that with a literal is
//! one of two whole numbers, which files and row groups have bounds of. DataFusion makes the same of it, but only
//! when it comes by again: until then the cast of two bounds was a common subexpression with a projection of its own,
//! which keeps files from being left out and attributes from being read one by one.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::sql::conditions::schema_of_conditions;
use crate::sql::hex_ids::is_comparison;

/// The optimizer rule.
#[derive(Debug)]
pub(crate) struct BareTimes;

impl OptimizerRule for BareTimes {
    fn name(&self) -> &str {
        "spanlake_bare_times"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        // Elsewhere nothing is left out by it.
        let Some(schema) = schema_of_conditions(&plan)? else { return Ok(Transformed::no(plan)) };
        plan.map_expressions(|expr| expr.transform_up(|expr| Ok(compare_numbers(expr, &schema))))
    }
}

fn compare_numbers(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = &expr else {
        return Transformed::no(expr);
    };
    if !is_comparison(*op) {
        return Transformed::no(expr);
    }
    let (left, right) = match (stored(left, schema), stored(right, schema)) {
        (Some(column), None) => (Some(column.clone()), nanoseconds(right)),
        (None, Some(column)) => (nanoseconds(left), Some(column.clone())),
        _ => return Transformed::no(expr),
    };
    let (Some(left), Some(right)) = (left, right) else { return Transformed::no(expr) };
    let compared = BinaryExpr { left: Box::new(left), op: *op, right: Box::new(right) };
    Transformed::yes(Expr::BinaryExpr(compared))
}

/// The whole number that `expr` makes nanoseconds of.
fn stored<'a>(expr: &'a Expr, schema: &DFSchema) -> Option<&'a Expr> {
    let Expr::Cast(Cast { expr, field }) = expr else { return None };
    let is_time = matches!(field.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _));
    let is_number = || expr.get_type(schema).is_ok_and(|given| given == DataType::Int64);
    (is_time && matches!(**expr, Expr::Column(_)) && is_number()).then_some(expr)
}

fn nanoseconds(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Literal(ScalarValue::TimestampNanosecond(Some(nanos), _), _) => {
            Some(Expr::Literal(ScalarValue::Int64(Some(*nanos)), None))
        }
        _ => None,
    }
}
