//! A rule of the optimizer: several percentiles of one column share one sketch.
//!
//! ```text
//! Aggregate: p50(x), p99(x), count(*)
//!
//! Projection: shared['0.5'] AS p50(x), shared['0.99'] AS p99(x), count(*)
//!   Aggregate: shared_percentiles(x) AS shared, count(*)
//! ```
//!
//! The answers are the same to the last bit, since each percentile had a sketch of the same values;
//! they take one sketch of memory and time, not one each.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result, internal_datafusion_err};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, AggregateUDF, Expr, LogicalPlan, Projection};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::aggregate::shared_percentiles::{SharedPercentiles, percentile_field, sharable};

/// The rule. It belongs behind those of DataFusion: constants are folded then.
///
/// ```
/// use std::sync::Arc;
/// use datafusion::prelude::SessionContext;
///
/// let mut session = SessionContext::new();
/// udfs::register_all(&mut session).expect("a new session takes functions");
/// session.add_optimizer_rule(Arc::new(udfs::SharePercentiles));
/// ```
#[derive(Debug, Default)]
pub struct SharePercentiles;

/// Percentiles of the same values.
struct Sharing {
    arguments: Vec<Expr>,
    filter: Option<Box<Expr>>,
    qs: Vec<f64>,
    /// How many calls there are: two of one q are two.
    calls: usize,
}

/// What becomes of one aggregate.
enum Place {
    /// It stays, at that position.
    Kept(usize),
    /// It is the quantile q of the sharing at that position.
    Shared(usize, f64),
}

impl OptimizerRule for SharePercentiles {
    fn name(&self) -> &str {
        "spanlake_share_percentiles"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        let sharings = sharings(&aggregate.aggr_expr);
        if sharings.is_empty() {
            return Ok(Transformed::no(plan));
        }
        share(aggregate, &sharings).map(Transformed::yes)
    }
}

/// The percentiles among aggregates of which two or more are of the same values.
fn sharings(aggregates: &[Expr]) -> Vec<Sharing> {
    let mut sharings: Vec<Sharing> = Vec::new();
    for call in aggregates.iter().filter_map(call) {
        let Some((q, arguments)) = sharable(call) else { continue };
        let filter = &call.params.filter;
        let same = |s: &&mut Sharing| s.arguments == arguments && s.filter == *filter;
        match sharings.iter_mut().find(same) {
            Some(sharing) => {
                sharing.calls += 1;
                if !sharing.qs.contains(&q) {
                    sharing.qs.push(q);
                }
            }
            None => {
                let filter = filter.clone();
                sharings.push(Sharing { arguments, filter, qs: vec![q], calls: 1 });
            }
        }
    }
    sharings.retain(|sharing| sharing.calls > 1);
    sharings
}

fn call(aggregate: &Expr) -> Option<&AggregateFunction> {
    match aggregate {
        Expr::AggregateFunction(call) => Some(call),
        Expr::Alias(alias) => call(&alias.expr),
        _ => None,
    }
}

/// The aggregate with one sketch for each sharing, below a projection to the columns that it had.
fn share(aggregate: &Aggregate, sharings: &[Sharing]) -> Result<LogicalPlan> {
    let mut kept = Vec::new();
    let mut places = Vec::new();
    for expression in &aggregate.aggr_expr {
        places.push(match shared_place(expression, sharings) {
            Some(place) => place,
            None => {
                kept.push(expression.clone());
                Place::Kept(kept.len() - 1)
            }
        });
    }
    let first_shared = kept.len();
    kept.extend(sharings.iter().map(|sharing| {
        let function = AggregateUDF::from(SharedPercentiles::new(&sharing.qs));
        let (arguments, filter) = (sharing.arguments.clone(), sharing.filter.clone());
        let function = Arc::new(function);
        Expr::AggregateFunction(AggregateFunction::new_udf(
            function,
            arguments,
            false,
            filter,
            vec![],
            None,
        ))
    }));
    let count = kept.len();
    let input = Arc::clone(&aggregate.input);
    let below = Aggregate::try_new(input, aggregate.group_expr.clone(), kept)?;
    let old = &aggregate.schema;
    // Groups come first, with one column more if there are grouping sets.
    let groups = old.fields().len().checked_sub(places.len());
    let first = below.schema.fields().len().checked_sub(count);
    let (Some(groups), Some(first)) = (groups, first) else {
        return Err(internal_datafusion_err!("an aggregate has fewer columns than expressions"));
    };
    let column = |at: usize| Expr::Column(Column::from(below.schema.qualified_field(at)));
    let mut columns: Vec<Expr> = (0..groups).map(column).collect();
    for (at, place) in places.iter().enumerate() {
        columns.push(match place {
            Place::Kept(kept) => column(first + kept),
            Place::Shared(sharing, q) => {
                let (qualifier, field) = old.qualified_field(groups + at);
                let shared = column(first + first_shared + sharing);
                let percentile = get_field(shared, percentile_field(*q));
                percentile.alias_qualified(qualifier.cloned(), field.name())
            }
        });
    }
    let below = Arc::new(LogicalPlan::Aggregate(below));
    Ok(LogicalPlan::Projection(Projection::try_new(columns, below)?))
}

fn shared_place(aggregate: &Expr, sharings: &[Sharing]) -> Option<Place> {
    let call = call(aggregate)?;
    let (q, arguments) = sharable(call)?;
    let same = |s: &Sharing| s.arguments == arguments && s.filter == call.params.filter;
    sharings.iter().position(same).map(|at| Place::Shared(at, q))
}
