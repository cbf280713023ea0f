//! Questions about spans and edges that rollups answer.
//!
//! The rule looks for an aggregation over `spans` or `edges` that asks for nothing but what rollups have:
//!
//! ```text
//! question   groups and filters are about dimensions and stretches of time   else it is left alone
//! time       which buckets are wholly inside or outside of every bound
//! rows       those buckets from rollups; what is cut, fresh or in memory from spans
//! measures   count(*) becomes sum(span_count), p99(duration_ns) a quantile of merged sketches, ...
//! ```
//!
//! Rows of spans and rows of rollups are put together before they are counted, so the answer is the
//! same as from spans alone.

mod measures;
mod one_value;
mod question;
mod rollup_rows;
mod rows;
mod tables;
mod time;

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::logical_plan::{Aggregate, Distinct};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use measures::Measures;
use question::Question;
pub(crate) use rows::Counted;
pub(crate) use tables::Buckets;

/// The rule. It must come before views are put in, and after constants are worked out.
#[derive(Debug, Default)]
pub(crate) struct UseRollups;

impl OptimizerRule for UseRollups {
    fn name(&self) -> &str {
        "spanlake_use_rollups"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let asked = match &plan {
            LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, .. }) => {
                (Arc::clone(input), group_expr.clone(), aggr_expr.clone())
            }
            // What is distinct is what it can be grouped by.
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let columns = input.schema().iter().map(|field| Expr::Column(Column::from(field)));
                (Arc::clone(input), columns.collect(), Vec::new())
            }
            _ => return Ok(Transformed::no(plan)),
        };
        let (input, groups, aggregates) = asked;
        match answer(&input, &groups, &aggregates, plan.schema(), config)? {
            Some(answer) => Ok(Transformed::yes(answer)),
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// The same columns as `schema`, by way of rollups; `None` if they cannot tell, or would not help.
fn answer(
    input: &LogicalPlan,
    groups: &[Expr],
    aggregates: &[Expr],
    schema: &DFSchema,
    config: &dyn OptimizerConfig,
) -> Result<Option<LogicalPlan>> {
    let Some(functions) = config.function_registry() else { return Ok(None) };
    let Some(question) = Question::read(input, groups, aggregates)? else { return Ok(None) };
    let mut measures = Measures::new(functions, &question.aggregates);
    let mut answers = Vec::with_capacity(question.aggregates.len());
    for aggregate in &question.aggregates {
        let Some(answer) = measures.answer(aggregate)? else { return Ok(None) };
        answers.push(answer);
    }
    let Some(rows) = rows::of(&question.counted, &question.times)? else { return Ok(None) };
    let mut counted = LogicalPlanBuilder::from(rows);
    if let Some(filter) = conjunction(question.filters) {
        counted = counted.filter(filter)?;
    }
    let names = |at: usize| Column::from_name(format!("group_{at}"));
    let groups = question.groups.into_iter().enumerate();
    let groups: Vec<Expr> =
        groups.map(|(at, group)| group.unalias().alias(names(at).name)).collect();
    let group_columns: Vec<Expr> = (0..groups.len()).map(|at| Expr::Column(names(at))).collect();
    let counted = counted.aggregate(groups, measures.into_aggregates())?;
    let columns = group_columns.into_iter().chain(answers);
    let named = columns
        .zip(schema.iter())
        .map(|(column, (table, field))| column.alias_qualified(table.cloned(), field.name()));
    Ok(Some(counted.project(named.collect::<Vec<_>>())?.build()?))
}
