//! The arguments that percentile functions share: a constant q, and a weight.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::logical_expr::function::AccumulatorArgs;

/// Position of q among the arguments.
const Q: usize = 1;

/// Position of the weight among the arguments of a quantile.
pub(super) const WEIGHT_OF_QUANTILE: usize = 2;

/// The constant argument at a position of a call.
pub(super) fn constant(
    function: &str,
    name: &str,
    args: &AccumulatorArgs<'_>,
    at: usize,
) -> Result<ScalarValue> {
    let no_rows = RecordBatch::new_empty(Arc::new(Schema::empty()));
    // A column cannot be evaluated without columns: what can is a constant.
    match args.exprs.get(at).map(|constant| constant.evaluate(&no_rows)) {
        Some(Ok(ColumnarValue::Scalar(constant))) => Ok(constant),
        _ => plan_err!("{function}: {name} must be a constant"),
    }
}

/// The constant q of a call.
pub(super) fn q(function: &str, args: &AccumulatorArgs<'_>) -> Result<f64> {
    match constant(function, "q", args, Q)?.cast_to(&DataType::Float64)? {
        ScalarValue::Float64(Some(q)) if (0.0..=1.0).contains(&q) => Ok(q),
        ScalarValue::Float64(Some(q)) => plan_err!("{function}: q must be from 0 to 1, not {q}"),
        _ => plan_err!("{function}: q must be a number from 0 to 1, not NULL"),
    }
}

/// Checks `(x, q [, weight])` and returns the types of q and weight to cast to.
pub(super) fn coerce_q_and_weight(function: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    let is_number = |given: &DataType| given.is_numeric() || *given == DataType::Null;
    if !(2..=3).contains(&types.len()) {
        return plan_err!("{function} takes (x, q [, weight]), not {} arguments", types.len());
    }
    for (name, given) in ["q", "weight"].iter().zip(&types[Q..]) {
        if !is_number(given) {
            return plan_err!("{function}: {name} must be a number, not {given}");
        }
    }
    Ok(vec![DataType::Float64; types.len() - 1])
}

/// The weight of each row.
pub(super) enum Weights {
    /// Every row counts once.
    One,
    /// A row counts as its weight says; NULL and 0 count for nothing.
    Each(Float64Array),
}

impl Weights {
    /// Reads the weights of a batch, if the call has any at that place.
    pub(super) fn read(function: &str, arguments: &[ArrayRef], at: usize) -> Result<Weights> {
        let Some(column) = arguments.get(at) else { return Ok(Weights::One) };
        let weights = cast(column, &DataType::Float64)?;
        let weights = weights.as_primitive::<Float64Type>();
        let is_wrong = |weight: f64| weight < 0.0 || !weight.is_finite();
        if let Some(weight) = weights.iter().flatten().find(|weight| is_wrong(*weight)) {
            return exec_err!("{function}: a weight must be finite and not negative, not {weight}");
        }
        Ok(Weights::Each(weights.clone()))
    }

    pub(super) fn get(&self, row: usize) -> f64 {
        match self {
            Weights::One => 1.0,
            Weights::Each(weights) if weights.is_valid(row) => weights.value(row),
            Weights::Each(_) => 0.0,
        }
    }
}
