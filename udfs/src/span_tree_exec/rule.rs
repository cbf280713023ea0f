//! The rule that puts the operator in the place of the window.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::window::{StandardWindowExpr, WindowExpr};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::windows::{WindowAggExec, WindowUDFExpr};

use super::SpanTreeExec;
use super::trace_numbers::TraceNumbers;
use crate::window::SpanTree;

/// Replaces a window that computes exactly `span_tree(...) OVER (PARTITION BY one_column)`.
///
/// If a projection above reads fields of the struct only, no others are computed.
///
/// The rule must come before those that give a window the order it asks for; [`with_span_tree_rule`] puts
/// it there.
#[derive(Debug, Default)]
pub struct SpanTreeRule;

/// A list of rules with [`SpanTreeRule`] as its first.
///
/// ```
/// use datafusion::execution::SessionStateBuilder;
/// use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
/// use datafusion::prelude::SessionContext;
///
/// let rules = udfs::with_span_tree_rule(PhysicalOptimizer::new().rules);
/// let state = SessionStateBuilder::new()
///     .with_default_features()
///     .with_physical_optimizer_rules(rules)
///     .build();
/// let mut session = SessionContext::new_with_state(state);
/// udfs::register_all(&mut session).expect("a new session takes functions");
/// ```
pub fn with_span_tree_rule(
    mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>,
) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    rules.insert(0, Arc::new(SpanTreeRule));
    rules
}

impl PhysicalOptimizerRule for SpanTreeRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let replaced = match plan.downcast_ref::<WindowAggExec>() {
                Some(window) => operator(window)?,
                None => match plan.downcast_ref::<ProjectionExec>() {
                    Some(projection) => narrow(projection)?,
                    None => None,
                },
            };
            Ok(replaced.map_or_else(|| Transformed::no(plan), Transformed::yes))
        })
        .data()
    }

    fn name(&self) -> &str {
        "span_tree_operator"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The operator for a window; `None` if the window is of another kind.
fn operator(window: &WindowAggExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let [expression] = window.window_expr() else { return Ok(None) };
    let ([trace_id], []) = (expression.partition_by(), expression.order_by()) else {
        return Ok(None);
    };
    let Some(function) = span_tree(expression) else { return Ok(None) };
    let input = window.input();
    if !TraceNumbers::takes(&trace_id.data_type(&input.schema())?) {
        return Ok(None);
    }
    let operator = SpanTreeExec::try_new(
        Arc::clone(input),
        function.args().to_vec(),
        Arc::clone(trace_id),
        &expression.field()?,
        window.partition_keys().is_empty(),
    )?;
    Ok(Some(Arc::new(operator)))
}

fn span_tree(expression: &Arc<dyn WindowExpr>) -> Option<&WindowUDFExpr> {
    let standard = expression.as_any().downcast_ref::<StandardWindowExpr>()?;
    let function = standard.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>()?;
    function.fun().inner().is::<SpanTree>().then_some(function)
}

/// The projection over an operator that computes only what the projection reads; `None` if it reads all.
fn narrow(projection: &ProjectionExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(operator) = projection.input().downcast_ref::<SpanTreeExec>() else {
        return Ok(None);
    };
    let mut used = BTreeSet::new();
    let mut as_a_whole = false;
    for output in projection.expr() {
        output.expr.apply(|part| {
            if let Some(field) = field_of_tree(part, operator) {
                used.insert(field.to_owned());
                return Ok(TreeNodeRecursion::Jump);
            }
            as_a_whole |= is_tree(part, operator);
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    if as_a_whole || used.is_empty() || used.len() == operator.tree_columns().len() {
        return Ok(None);
    }
    let names: Vec<&str> = used.iter().map(String::as_str).collect();
    let narrowed = operator.with_tree_columns(&names)?;
    let projection = ProjectionExec::try_new(projection.expr().to_vec(), Arc::new(narrowed))?;
    Ok(Some(Arc::new(projection)))
}

/// The name in `get_field(tree, 'name')`.
fn field_of_tree<'a>(part: &'a Arc<dyn PhysicalExpr>, operator: &SpanTreeExec) -> Option<&'a str> {
    let call = part.downcast_ref::<ScalarFunctionExpr>()?;
    let [tree, name] = call.args() else { return None };
    let name = name.downcast_ref::<Literal>()?.value().try_as_str()??;
    (call.fun().name() == "get_field" && is_tree(tree, operator)).then_some(name)
}

fn is_tree(part: &Arc<dyn PhysicalExpr>, operator: &SpanTreeExec) -> bool {
    part.downcast_ref::<Column>().is_some_and(|column| column.index() == operator.tree_position())
}
