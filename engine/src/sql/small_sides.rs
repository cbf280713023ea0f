//! Joins keep their smaller side in memory, and look up the rows of the other one there.
//!
//! DataFusion takes a fifth of the rows to pass any filter it knows nothing about, so of two filtered scans of one
//! table either may end up in memory: the few spans with many children, or all their children. Here a
//! filter is tried on columns in memory first (`share_that_passes`). A side of few rows is kept as a whole and not
//! divided: then the rows of the other side need not be handed to other threads, and the filter that the join
//! sends down to them asks one table, not first which one.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::unnest::UnnestExec;

use crate::column_cache::share_that_passes;

/// Of fewer rows no filter is tried: whichever are kept, that takes no time.
const FEW_ROWS: usize = 1000;

/// The rule. It comes right after the one that chooses the sides of joins.
#[derive(Debug, Default)]
pub(crate) struct SmallSides;

/// `rules` with this one among them.
pub(crate) fn with_small_sides(
    mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>,
) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let chosen = rules.iter().position(|rule| rule.name() == "join_selection");
    rules.insert(chosen.map_or(0, |at| at + 1), Arc::new(SmallSides));
    rules
}

impl PhysicalOptimizerRule for SmallSides {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        options: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let chosen = match plan.downcast_ref::<HashJoinExec>() {
                Some(join) => with_small_side(join, options)?,
                None => None,
            };
            Ok(chosen.map_or_else(|| Transformed::no(plan), Transformed::yes))
        })
        .data()
    }

    fn name(&self) -> &str {
        "small_sides"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The join with its smaller side in memory; `None` if nothing changes.
fn with_small_side(
    join: &HashJoinExec,
    options: &ConfigOptions,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let most = options.optimizer.hash_join_single_partition_threshold_rows;
    // The sides of `NOT IN` mean different things.
    if join.null_aware || !options.optimizer.join_reordering {
        return Ok(None);
    }
    let (left, right) = (rows(join.left(), options)?, rows(join.right(), options)?);
    let is_few = |rows: Option<usize>| rows.is_some_and(|rows| rows <= most);
    let is_more = |one: Option<usize>, other: Option<usize>| match (one, other) {
        (Some(one), Some(other)) => one > other,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    if is_few(right) && is_more(left, right) && join.join_type().supports_swap() {
        return join.swap_inputs(PartitionMode::CollectLeft).map(Some);
    }
    if is_few(left) && !is_more(left, right) && *join.partition_mode() != PartitionMode::CollectLeft
    {
        let builder = join.builder().with_partition_mode(PartitionMode::CollectLeft);
        return Ok(Some(Arc::new(builder.build()?)));
    }
    Ok(None)
}

/// About how many rows there are, or how many at most; `None` if nothing tells.
fn rows(plan: &Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Option<usize>> {
    let of_child = |at: usize| match plan.children().get(at) {
        Some(child) => rows(child, options),
        None => Ok(None),
    };
    let all = if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        passing(filter, filter.input(), options)?
    } else if plan.is::<DataSourceExec>() {
        let statistics = StatisticsContext::new().compute(&**plan, &StatisticsArgs::new())?;
        statistics.num_rows.get_value().copied()
    } else if plan.is::<UnionExec>() {
        let parts = plan.children().into_iter().map(|part| rows(part, options));
        parts.sum::<Result<Option<usize>>>()?
    } else if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        match join.join_type() {
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => of_child(0)?,
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => of_child(1)?,
            _ => None,
        }
    } else {
        match plan.cardinality_effect() {
            CardinalityEffect::Equal | CardinalityEffect::LowerEqual => of_child(0)?,
            // Lists mostly have few elements: a wrong guess costs time only.
            _ if plan.is::<UnnestExec>() => of_child(0)?,
            _ => None,
        }
    };
    Ok(match (all, plan.fetch()) {
        (Some(all), Some(fetched)) => Some(all.min(fetched)),
        (all, fetched) => all.or(fetched),
    })
}

/// Those of `plan` that pass the filter.
fn passing(
    filter: &FilterExec,
    plan: &Arc<dyn ExecutionPlan>,
    options: &ConfigOptions,
) -> Result<Option<usize>> {
    if plan.is::<UnionExec>() {
        let parts = plan.children().into_iter().map(|part| passing(filter, part, options));
        return parts.sum();
    }
    let Some(all) = rows(plan, options)? else { return Ok(None) };
    let source = plan.downcast_ref::<DataSourceExec>();
    let scan = source.and_then(|source| source.data_source().downcast_ref::<FileScanConfig>());
    let Some(scan) = scan.filter(|_| all > FEW_ROWS) else { return Ok(Some(all)) };
    let share = share_that_passes(scan, filter.predicate(), options)?;
    Ok(Some(share.map_or(all, |share| (share * all as f64).ceil() as usize)))
}
