//! DataFusion's rule that brings `attributes['key']` down to the scan, where it does so rightly.
//!
//! Version 55 makes two mistakes with projections that give an expression the name of a column that they read:
//!
//! - Of `upper(x) AS x` it takes the output for the same as the input, since the names are, and leaves `upper`
//!   out.
//! - It puts the column beside its alias in `t.x AS x`, and fails, as `x` then means two.
//!
//! So nothing is brought down through such a projection.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Expr, LogicalPlan, Projection};
use datafusion::optimizer::extract_leaf_expressions::PushDownLeafProjections;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The optimizer rule.
#[derive(Debug, Default)]
pub(crate) struct LeafProjections {
    rule: PushDownLeafProjections,
}

impl OptimizerRule for LeafProjections {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if matches!(plan, LogicalPlan::Projection(_)) && plan.exists(|node| Ok(renames(node)))? {
            return Ok(Transformed::no(plan));
        }
        self.rule.rewrite(plan, config)
    }
}

/// Whether it is a projection that gives something the name of a column that it reads.
fn renames(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Projection(Projection { expr, input, .. }) = plan else { return false };
    let mut made = expr.iter().filter(|expr| !matches!(expr, Expr::Column(_)));
    made.any(|expr| input.schema().has_column_with_unqualified_name(&expr.qualified_name().1))
}
