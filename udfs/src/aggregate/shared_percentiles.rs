//! Several percentiles of one column from one sketch, as a struct. No function of SQL: rules of the optimizer put
//! it into plans, [`SharePercentiles`](crate::share_percentiles::SharePercentiles) for one.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, GroupsAccumulator, Signature, Volatility,
};

use super::percentiles::Percentile;
use super::quantile::Quantile;
use super::sketch_groups::{Answer, Question, Rows, SketchAccumulator, SketchGroups, state_fields};
use super::values::{coerce_for_sketch, from_numbers};

const NAME: &str = "shared_percentiles";

/// The percentiles of `(x [, weight])`, where x are values, or sketches of them.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SharedPercentiles {
    /// The bits of each q, because functions are compared and hashed.
    qs: Vec<u64>,
    /// The type of the values that sketches are of; `None` if x are values.
    sketches_of: Option<DataType>,
    signature: Signature,
}

/// The percentiles `qs` of all values that sketches have seen, of type `values`: an aggregate of
/// `(sketch [, weight])`. It gives a struct, of which [`percentile_field`] names the fields.
pub fn percentiles_of_sketches(qs: &[f64], values: DataType) -> AggregateUDF {
    let sketches_of = Some(values);
    AggregateUDF::from(SharedPercentiles { sketches_of, ..SharedPercentiles::new(qs) })
}

/// The name of the field that holds the quantile q.
pub fn percentile_field(q: f64) -> String {
    q.to_string()
}

impl SharedPercentiles {
    pub(crate) fn new(qs: &[f64]) -> Self {
        let qs = qs.iter().map(|q| q.to_bits()).collect();
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { qs, sketches_of: None, signature }
    }

    fn qs(&self) -> impl Iterator<Item = f64> {
        self.qs.iter().map(|q| f64::from_bits(*q))
    }

    fn question(&self, args: &AccumulatorArgs<'_>) -> Result<Question> {
        let answer = Answer::Quantiles(self.qs().collect(), args.return_type().clone());
        let rows = match self.sketches_of {
            None => Rows::Values { weight: 1 },
            Some(_) => Rows::Sketches,
        };
        Ok(Question { function: NAME, rows, answer })
    }
}

/// A percentile that can be had from a sketch which others share: q, and the arguments of the
/// sketch. `None` for all other functions, and for calls that are wrong, which say so themselves.
pub(crate) fn sharable(call: &AggregateFunction) -> Option<(f64, Vec<Expr>)> {
    let params = &call.params;
    if params.distinct || !params.order_by.is_empty() || params.null_treatment.is_some() {
        return None;
    }
    let function = call.func.inner();
    if let Some(percentile) = function.downcast_ref::<Percentile>() {
        return Some((percentile.q(), params.args.clone()));
    }
    function.downcast_ref::<Quantile>()?;
    let [x, Expr::Literal(ScalarValue::Float64(Some(q)), _), weight @ ..] = params.args.as_slice()
    else {
        return None;
    };
    let of_sketch = || std::iter::once(x).chain(weight).cloned().collect();
    (0.0..=1.0).contains(q).then(|| (*q, of_sketch()))
}

impl AggregateUDFImpl for SharedPercentiles {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The calls that it stands for were coerced.
    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let [x, ..] = arg_types else { return internal_err!("{NAME} has no argument") };
        let number = match &self.sketches_of {
            None => coerce_for_sketch(NAME, x)?,
            Some(values) => values.clone(),
        };
        let field = |q: f64| Field::new(percentile_field(q), number.clone(), true);
        Ok(DataType::Struct(self.qs().map(field).collect::<Fields>()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args))
    }

    fn accumulator(&self, acc_args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SketchAccumulator::new(self.question(&acc_args)?)))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(SketchGroups::new(self.question(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// Answers by percentile, then group, as a column of structs.
pub(super) fn columns_of(answers: &[Vec<Option<f64>>], return_type: &DataType) -> Result<ArrayRef> {
    let DataType::Struct(fields) = return_type else {
        return internal_err!("{NAME} returns a struct, not {return_type}");
    };
    let columns = answers
        .iter()
        .zip(fields)
        .map(|(numbers, field)| from_numbers(numbers, field.data_type()))
        .collect::<Result<Vec<_>>>()?;
    let structs = StructArray::try_new(fields.clone(), columns, None)?;
    Ok(Arc::new(structs))
}
