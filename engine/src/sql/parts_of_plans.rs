//! The plan of a table that is itself a query: a part of the plan of each statement that reads it.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;

/// Plans `rows`, which come to stand in the plan of a statement.
///
/// The physical rules go over the whole of that plan, so they do not go over this part before: they take time, and a
/// join that has handed down a filter once must not have its sides swapped by what a rule thinks the second time.
pub(crate) async fn part_of_plan(
    state: &dyn Session,
    rows: &LogicalPlan,
) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(state) = state.as_any().downcast_ref::<SessionState>() else {
        return internal_err!("a statement is planned in a session of another kind");
    };
    let state = SessionStateBuilder::new_from_existing(state.clone())
        .with_physical_optimizer_rules(Vec::new())
        .build();
    state.create_physical_plan(rows).await
}
