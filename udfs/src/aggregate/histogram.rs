//! `histogram(x [, buckets [, weight]])`: how many values lie in which bucket.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, GroupsAccumulator, Signature, Volatility,
};
use datafusion_macros::user_doc;

use super::argument::constant;
use super::bound_counts::{BoundCounts, state_fields as bound_state_fields};
use super::sketch_groups::{Answer, Question, Rows, SketchAccumulator, SketchGroups, state_fields};
use super::values::coerce_for_sketch;
use crate::bins::{DEFAULT_PER_DOUBLING, histogram_type, scale};

const NAME: &str = "histogram";

/// Position of the buckets among the arguments.
const BUCKETS: usize = 1;

/// Position of the weight among the arguments.
const WEIGHT: usize = 2;

#[user_doc(
    doc_section(label = "Percentile Functions"),
    description = "Returns how many values lie in which bucket: a list of (lower, upper, count), from below; a value on a bound belongs to the bucket below it. Buckets grow with the value unless bounds are given, and are the same in every group, so that groups by time make a heat map: `unnest` the list. Buckets by doubling are left out where they are empty; of negative values they mirror those of positive ones, and zero has its own. With bounds all are returned, the first from -inf, the last to inf. Counts are exact. NULL and NaN are ignored; no values give NULL.",
    syntax_example = "histogram(x [, buckets [, weight]])",
    sql_example = r#"```sql
> SELECT minute, unnest(histogram(x, 1)) AS bucket
  FROM (VALUES (1, 100), (1, 120), (1, 300), (2, 128)) AS t(minute, x) GROUP BY minute ORDER BY minute;
+--------+------------------------------------------+
| minute | bucket                                   |
+--------+------------------------------------------+
| 1      | {lower: 64.0, upper: 128.0, count: 2.0}  |
| 1      | {lower: 256.0, upper: 512.0, count: 1.0} |
| 2      | {lower: 64.0, upper: 128.0, count: 1.0}  |
+--------+------------------------------------------+
```"#,
    argument(name = "x", description = "Numbers, or Durations."),
    argument(
        name = "buckets",
        description = "How many per doubling of the value: 1, 2, 4, 8, 16, 32 or 64; 4 if not given. Or a constant list of bounds, ascending."
    ),
    argument(
        name = "weight",
        description = "How many observations a row stands for, such as `sample_weight`. NULL and 0 count for nothing; a negative weight is an error."
    ),
    related_udf(name = "sketch_histogram"),
    related_udf(name = "sketch")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Histogram {
    signature: Signature,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

/// Which buckets.
enum Buckets {
    Scale(i8),
    Bounds(Vec<f64>),
}

fn has_bounds(buckets: Option<&DataType>) -> bool {
    matches!(buckets, Some(DataType::List(_)))
}

fn buckets(args: &AccumulatorArgs<'_>) -> Result<Buckets> {
    if args.is_distinct {
        return plan_err!("{NAME} does not take DISTINCT");
    }
    if args.exprs.len() <= BUCKETS {
        return scale(NAME, DEFAULT_PER_DOUBLING).map(Buckets::Scale);
    }
    match constant(NAME, "buckets", args, BUCKETS)? {
        ScalarValue::Int64(Some(per_doubling)) => scale(NAME, per_doubling).map(Buckets::Scale),
        ScalarValue::List(list) if list.iter().any(|bounds| bounds.is_some()) => {
            let bounds = list.value(0);
            let bounds: Option<Vec<f64>> = bounds.as_primitive::<Float64Type>().iter().collect();
            match bounds {
                Some(bounds)
                    if !bounds.is_empty()
                        && bounds.iter().all(|bound| bound.is_finite())
                        && bounds.is_sorted_by(|a, b| a < b) =>
                {
                    Ok(Buckets::Bounds(bounds))
                }
                _ => plan_err!("{NAME}: bounds must be numbers, each above the one before"),
            }
        }
        _ => plan_err!("{NAME}: buckets must not be NULL"),
    }
}

fn question(scale: i8) -> Question {
    let rows = Rows::Values { weight: WEIGHT };
    Question { function: NAME, rows, answer: Answer::Histogram(scale) }
}

impl AggregateUDFImpl for Histogram {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [x, rest @ ..] = arg_types else {
            return plan_err!("{NAME} takes (x [, buckets [, weight]]), not 0 arguments");
        };
        let mut types = vec![coerce_for_sketch(NAME, x)?];
        match rest {
            [] => {}
            [buckets, weight @ ..] if weight.len() <= 1 => {
                types.push(match buckets {
                    DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
                        DataType::new_list(DataType::Float64, true)
                    }
                    _ if buckets.is_integer() || *buckets == DataType::Null => DataType::Int64,
                    _ => {
                        return plan_err!(
                            "{NAME}: buckets must be a whole number or a list of bounds, \
                             not {buckets}"
                        );
                    }
                });
                for weight in weight {
                    if !(weight.is_numeric() || *weight == DataType::Null) {
                        return plan_err!("{NAME}: weight must be a number, not {weight}");
                    }
                    types.push(DataType::Float64);
                }
            }
            _ => {
                return plan_err!(
                    "{NAME} takes (x [, buckets [, weight]]), not {} arguments",
                    arg_types.len()
                );
            }
        }
        Ok(types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(histogram_type())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if has_bounds(args.input_fields.get(BUCKETS).map(|field| field.data_type())) {
            return Ok(bound_state_fields(&args));
        }
        Ok(state_fields(&args))
    }

    fn accumulator(&self, acc_args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(match buckets(&acc_args)? {
            Buckets::Scale(scale) => Box::new(SketchAccumulator::new(question(scale))),
            Buckets::Bounds(bounds) => Box::new(BoundCounts::new(NAME, bounds, WEIGHT)),
        })
    }

    /// Bounds have an accumulator per group: it is a list of counts.
    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        let fields = args.expr_fields;
        !args.is_distinct && !has_bounds(fields.get(BUCKETS).map(|field| field.data_type()))
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match buckets(&args)? {
            Buckets::Scale(scale) => Ok(Box::new(SketchGroups::new(question(scale)))),
            Buckets::Bounds(_) => plan_err!("{NAME}: bounds have an accumulator per group"),
        }
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
