//! What is unique in a row is not in the rows that UNNEST makes of it.
//!
//! DataFusion 55 takes what identifies a row before UNNEST for what identifies one behind it
//! (<https://github.com/apache/datafusion/pull/24787>). Above `GROUP BY`, whose groups are unique, it then
//! leaves out columns of ORDER BY and GROUP BY, and rows of joins. So UNNEST is given rows of which nothing is said to
//! be unique, by a step that only the planner sees.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef, FunctionalDependencies, Result, internal_err};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, Unnest, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

/// The optimizer rule. It comes before those that look at what is unique.
#[derive(Debug, Default)]
pub(crate) struct RepeatedKeys;

impl OptimizerRule for RepeatedKeys {
    fn name(&self) -> &str {
        "repeated_keys"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let mut is_repeated = false;
        plan.apply_with_subqueries(|node| {
            is_repeated |= repeats_keys(node);
            Ok(if is_repeated { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if !is_repeated {
            return Ok(Transformed::no(plan));
        }
        plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Unnest(unnest) if has_keys(&unnest.input) => {
                let Unnest { input, exec_columns, options, .. } = unnest;
                let node = Arc::new(Rows::try_new(Arc::unwrap_or_clone(input))?);
                let rows = Arc::new(LogicalPlan::Extension(Extension { node }));
                let unnest = Unnest::try_new(rows, exec_columns, options)?;
                Ok(Transformed::yes(LogicalPlan::Unnest(unnest)))
            }
            // What is above does not know of them either.
            other => other.recompute_schema().map(Transformed::yes),
        })
    }
}

fn repeats_keys(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Unnest(unnest) if has_keys(&unnest.input))
}

fn has_keys(plan: &LogicalPlan) -> bool {
    plan.schema().functional_dependencies().iter().next().is_some()
}

/// Whether this is the step that the rule puts in: it hands on all columns as they are.
pub(super) fn is_rows(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Extension(extension) => extension.node.as_any().is::<Rows>(),
        _ => false,
    }
}

/// The rows of its input, of which nothing is said to be unique.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Rows {
    input: LogicalPlan,
    schema: DFSchemaRef,
}

impl Rows {
    fn try_new(input: LogicalPlan) -> Result<Self> {
        let schema = DFSchema::clone(input.schema());
        let schema = schema.with_functional_dependencies(FunctionalDependencies::empty())?;
        Ok(Self { input, schema: Arc::new(schema) })
    }
}

impl PartialOrd for Rows {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for Rows {
    fn name(&self) -> &str {
        "Rows"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        HashSet::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows: none of them unique")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([input]) = <[LogicalPlan; 1]>::try_from(inputs) else {
            return internal_err!("rows come from one input");
        };
        Self::try_new(input)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![output_columns.to_vec()])
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}

/// DataFusion's planner, which leaves out the steps of this rule.
#[derive(Debug)]
pub(crate) struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(LeftOut)]);
        planner.create_physical_plan(plan, state).await
    }
}

struct LeftOut;

#[async_trait]
impl ExtensionPlanner for LeftOut {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        Ok(inputs.first().filter(|_| node.as_any().is::<Rows>()).cloned())
    }
}
