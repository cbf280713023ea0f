//! Trees of fresh spans, of those traces only that a question may be about.
//!
//! A question about some time needs the trees of all traces with a span of that time, and no others:
//!
//! ```text
//! Filter: start_time_unix_nano >= t, ...
//!   Window: span_tree(...) PARTITION BY trace_id
//!     fresh
//!
//! Filter: start_time_unix_nano >= t, ...
//!   Window: span_tree(...) PARTITION BY trace_id
//!     RightSemi Join: trace_id
//!       Filter: start_time_unix_nano >= t
//!         fresh
//!       fresh
//! ```
//!
//! A trace goes in as a whole or not at all, so its tree is the same; one without any such span had no rows
//! above the filter.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, JoinType, Result, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::logical_plan::{Filter, Window};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, Cast, Expr, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, lit,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use schema::spans::{START_TIME_UNIX_NANO, TRACE_ID};

use crate::read::StoredSpans;

/// Above this share of the spans, choosing traces takes longer than computing them all.
const SELECTIVE: f64 = 0.5;
/// The spans of the time in question.
const TOUCHED: &str = "touched";

/// The rule. It belongs right behind the one that brings predicates down.
#[derive(Debug)]
pub(crate) struct FreshTraces;

impl OptimizerRule for FreshTraces {
    fn name(&self) -> &str {
        "spanlake_fresh_traces"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = &plan else { return Ok(Transformed::no(plan)) };
        let LogicalPlan::Window(window) = filter.input.as_ref() else {
            return Ok(Transformed::no(plan));
        };
        let Some(traces) = touched_traces(filter, window)? else {
            return Ok(Transformed::no(plan));
        };
        let window = Window::try_new(window.window_expr.clone(), Arc::new(traces))?;
        let input = Arc::new(LogicalPlan::Window(window));
        let filter = Filter::try_new(filter.predicate.clone(), input)?;
        Ok(Transformed::yes(LogicalPlan::Filter(filter)))
    }
}

/// The rows of a window over fresh spans whose traces have a span that passes the bounds on the time;
/// `None` if that would not be worth it.
fn touched_traces(filter: &Filter, window: &Window) -> Result<Option<LogicalPlan>> {
    let LogicalPlan::TableScan(scan) = window.input.as_ref() else { return Ok(None) };
    let provider = source_as_provider(&scan.source)?;
    let Some(fresh) = provider.downcast_ref::<StoredSpans>() else { return Ok(None) };
    if !window.window_expr.iter().all(is_by_trace) {
        return Ok(None);
    }
    let conditions = split_conjunction(&filter.predicate);
    let bounds: Vec<Expr> = conditions.into_iter().filter_map(bound).collect();
    if fresh.share_in(&bounds) > SELECTIVE {
        return Ok(None);
    }
    let Some(bounds) = conjunction(bounds) else { return Ok(None) };
    let key = Column::new(Some(scan.table_name.clone()), TRACE_ID);
    let touched = LogicalPlanBuilder::from(window.input.as_ref().clone())
        .filter(bounds)?
        .project([Expr::Column(key.clone())])?
        .alias(TOUCHED)?;
    let touched_key = Column::new(Some(TOUCHED), TRACE_ID);
    let whole = window.input.as_ref().clone();
    let keys = (vec![touched_key], vec![key]);
    Ok(Some(touched.join(whole, JoinType::RightSemi, keys, None)?.build()?))
}

/// A comparison of the start time with a constant, in nanoseconds as they are stored; `None` for anything else.
fn bound(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (start, op, ns) = match (start(left), start(right)) {
                (Some(start), None) => (start, *op, nanos(right)?),
                (None, Some(start)) => (start, op.swap()?, nanos(left)?),
                _ => return None,
            };
            let is_bound = matches!(
                op,
                Operator::Gt | Operator::GtEq | Operator::Lt | Operator::LtEq | Operator::Eq
            );
            is_bound.then(|| binary_expr(start.clone(), op, lit(ns)))
        }
        Expr::Between(Between { expr, negated: false, low, high }) => {
            Some(start(expr)?.clone().between(lit(nanos(low)?), lit(nanos(high)?)))
        }
        _ => None,
    }
}

/// The stored start time, which may be a timestamp by now.
fn start(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Column(column) => (column.name == START_TIME_UNIX_NANO).then_some(expr),
        Expr::Cast(Cast { expr, field }) => {
            let is_same = matches!(
                field.data_type(),
                DataType::Int64 | DataType::Timestamp(TimeUnit::Nanosecond, _)
            );
            start(expr).filter(|_| is_same)
        }
        _ => None,
    }
}

fn nanos(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::TimestampNanosecond(ns, _) | ScalarValue::Int64(ns), _) => *ns,
        _ => None,
    }
}

/// Whether a window function sees one whole trace at a time.
fn is_by_trace(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_by_trace(&alias.expr),
        Expr::WindowFunction(call) => {
            let is_id = |expr: &Expr| matches!(expr, Expr::Column(c) if c.name == TRACE_ID);
            call.params.order_by.is_empty()
                && matches!(call.params.partition_by.as_slice(), [key] if is_id(key))
        }
        _ => false,
    }
}
