//! What is counted, in terms of the columns of a rollup.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::functions::core::expr_fn::{coalesce, get_field};
use datafusion::functions_aggregate::expr_fn::{max, min, sum};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{AggregateUDF, Cast, Expr, col, lit};
use schema::rollups::{
    CLIENT_SERVICE, CONNECTION_TYPE, DURATION, DURATION_MAX_NS, DURATION_MIN_NS, DURATION_SUM_NS,
    SERVER_SERVICE, SPAN_COUNT, START_TIME,
};
use schema::spans::{
    DURATION_NS, SAMPLE_WEIGHT, SERVICE_NAME, SPAN_ID, SPAN_KIND, SPAN_NAME, STATUS_CODE, TRACE_ID,
};
use udfs::{percentile_field, percentiles_of_sketches};

use super::time::is_duration;
use crate::rollup::Subject;

/// Columns that are never NULL: counting one counts the rows.
fn never_null(subject: Subject) -> &'static [&'static str] {
    match subject {
        Subject::Operations => &[
            TRACE_ID,
            SPAN_ID,
            START_TIME,
            DURATION_NS,
            SERVICE_NAME,
            SPAN_NAME,
            SPAN_KIND,
            STATUS_CODE,
        ],
        Subject::Edges => &[
            TRACE_ID,
            SPAN_ID,
            START_TIME,
            DURATION_NS,
            CLIENT_SERVICE,
            SERVER_SERVICE,
            CONNECTION_TYPE,
            SPAN_NAME,
        ],
    }
}

/// The aggregates over rollups that answers are made of.
pub(super) struct Measures<'a> {
    functions: &'a dyn FunctionRegistry,
    percentiles: Vec<Percentiles<'a>>,
    aggregates: Vec<Expr>,
}

/// Percentiles of the same durations.
#[derive(Debug)]
struct Percentiles<'a> {
    weight: &'a [Expr],
    filter: Option<&'a Expr>,
    qs: Vec<f64>,
}

/// What of an aggregate must be a matter of operations and time: its arguments, unless it is a measure of
/// all spans or of their durations, and its filter. `None` if rollups cannot answer it.
pub(super) fn parts(subject: Subject, aggregate: &Expr) -> Option<(&[Expr], Option<&Expr>)> {
    let Expr::AggregateFunction(call) = aggregate else {
        return match aggregate {
            Expr::Alias(alias) => parts(subject, &alias.expr),
            _ => None,
        };
    };
    let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } = &call.params;
    if !order_by.is_empty() || null_treatment.is_some() {
        return None;
    }
    let is_never_null = |arg: &Expr| match arg {
        Expr::Column(column) => never_null(subject).contains(&column.name.as_str()),
        Expr::Literal(value, _) => !value.is_null(),
        _ => false,
    };
    let arguments = match (call.func.name(), args.as_slice(), distinct) {
        ("count", [arg], false) if is_never_null(arg) => &[][..],
        ("sum", [arg], false) if is_weight(arg) => &[],
        ("sum" | "min" | "max" | "sketch", [arg], false) if is_duration(arg) => &[],
        ("sketch", [arg, weight], false) if is_duration(arg) && is_weight(weight) => &[],
        ("avg", [arg], false) if is_duration(uncast(arg)) => &[],
        (name, [arg, ..], false) if fixed_quantile(name, args).is_some() && is_duration(arg) => &[],
        // These do not mind how often a value comes.
        ("min" | "max", [_], _) | ("count", [_], true) => args.as_slice(),
        _ => return None,
    };
    Some((arguments, filter.as_deref()))
}

fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(Cast { expr, .. }) => expr,
        other => other,
    }
}

fn is_weight(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == SAMPLE_WEIGHT)
}

/// The constant quantile that a function of durations asks for, each counted once or by its weight.
fn fixed_quantile(function: &str, args: &[Expr]) -> Option<f64> {
    match (function, args) {
        ("p50", [_]) => Some(0.5),
        ("p75", [_]) => Some(0.75),
        ("p90", [_]) => Some(0.9),
        ("p95", [_]) => Some(0.95),
        ("p99", [_]) => Some(0.99),
        ("p999", [_]) => Some(0.999),
        ("quantile", [_, Expr::Literal(ScalarValue::Float64(q), _), weight @ ..])
            if weight.iter().all(is_weight) =>
        {
            q.filter(|q| (0.0..=1.0).contains(q))
        }
        _ => None,
    }
}

/// The percentile that a call asks for: q, and the arguments that are a weight.
fn percentile(call: &AggregateFunction) -> Option<(f64, &[Expr])> {
    let args = call.params.args.as_slice();
    Some((fixed_quantile(call.func.name(), args)?, args.get(2..).unwrap_or_default()))
}

impl<'a> Percentiles<'a> {
    /// Those that some aggregates ask for. They share a sketch, which is read once and not written again.
    fn among(aggregates: &'a [Expr]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for aggregate in aggregates {
            let Expr::AggregateFunction(call) = unalias(aggregate) else { continue };
            let Some((q, weight)) = percentile(call) else { continue };
            let filter = call.params.filter.as_deref();
            match all.iter_mut().find(|known| known.are_of(weight, filter)) {
                Some(known) if known.qs.contains(&q) => {}
                Some(known) => known.qs.push(q),
                None => all.push(Self { weight, filter, qs: vec![q] }),
            }
        }
        all
    }

    fn are_of(&self, weight: &[Expr], filter: Option<&Expr>) -> bool {
        self.weight == weight && self.filter == filter
    }
}

fn unalias(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unalias(&alias.expr),
        other => other,
    }
}

impl<'a> Measures<'a> {
    /// Of what `aggregates` ask for.
    pub(super) fn new(functions: &'a dyn FunctionRegistry, aggregates: &'a [Expr]) -> Self {
        Self { functions, percentiles: Percentiles::among(aggregates), aggregates: Vec::new() }
    }

    /// The aggregates that answers refer to, by name.
    pub(super) fn into_aggregates(self) -> Vec<Expr> {
        self.aggregates
    }

    /// The column that has an aggregate over rollups.
    fn column(&mut self, aggregate: Expr) -> Expr {
        let at = self.aggregates.iter().position(|known| known.clone().unalias() == aggregate);
        let at = at.unwrap_or_else(|| {
            let name = format!("measure_{}", self.aggregates.len());
            self.aggregates.push(aggregate.alias(name));
            self.aggregates.len() - 1
        });
        Expr::Column(Column::from_name(format!("measure_{at}")))
    }

    /// What an aggregate over spans is over rollups; `None` if it cannot be told.
    pub(super) fn answer(&mut self, aggregate: &Expr) -> Result<Option<Expr>> {
        let call = match aggregate {
            Expr::Alias(alias) => return self.answer(&alias.expr),
            Expr::AggregateFunction(call) => call,
            _ => return Ok(None),
        };
        let AggregateFunctionParams { args, distinct, filter, .. } = &call.params;
        let filtered = |expr: Expr| match expr {
            Expr::AggregateFunction(mut call) => {
                call.params.filter.clone_from(filter);
                Expr::AggregateFunction(call)
            }
            other => other,
        };
        let [arg, ..] = args.as_slice() else { return Ok(None) };
        let name = call.func.name();
        let answer = match name {
            _ if !is_duration(uncast(arg)) => match (name, distinct) {
                ("count", false) => self.count(&filtered),
                ("sum", false) => {
                    let spans = cast(col(SPAN_COUNT), DataType::Float64);
                    self.column(filtered(sum(spans * col(SAMPLE_WEIGHT))))
                }
                _ => self.column(aggregate.clone()),
            },
            "count" => self.count(&filtered),
            "sum" => self.column(filtered(sum(col(DURATION_SUM_NS)))),
            "min" => self.column(filtered(min(col(DURATION_MIN_NS)))),
            "max" => self.column(filtered(max(col(DURATION_MAX_NS)))),
            "avg" => {
                let sums = self.column(filtered(sum(col(DURATION_SUM_NS))));
                let spans = self.column(filtered(sum(col(SPAN_COUNT))));
                cast(sums, DataType::Float64) / cast(spans, DataType::Float64)
            }
            "sketch" => {
                let merged = over_sketches(self.functions.udaf("sketch_merge")?, &args[1..]);
                self.column(filtered(merged))
            }
            _ => {
                let Some((q, weight)) = percentile(call) else { return Ok(None) };
                let mut known = self.percentiles.iter();
                let Some(shared) = known.find(|known| known.are_of(weight, filter.as_deref()))
                else {
                    return Ok(None);
                };
                let function = percentiles_of_sketches(&shared.qs, DataType::Int64);
                let shared = self.column(filtered(over_sketches(Arc::new(function), weight)));
                get_field(shared, percentile_field(q))
            }
        };
        Ok(Some(answer))
    }

    /// Nothing counted is 0, where a sum of nothing is NULL.
    fn count(&mut self, filtered: &dyn Fn(Expr) -> Expr) -> Expr {
        let spans = self.column(filtered(sum(col(SPAN_COUNT))));
        coalesce(vec![spans, lit(0_i64)])
    }
}

/// What a function says of all durations, each as often as `weight` says if there is one.
fn over_sketches(function: Arc<AggregateUDF>, weight: &[Expr]) -> Expr {
    let args = [col(DURATION)].into_iter().chain(weight.iter().cloned()).collect();
    Expr::AggregateFunction(AggregateFunction::new_udf(function, args, false, None, vec![], None))
}

fn cast(expr: Expr, to: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), to))
}
