//! `sketch(x [, weight])`: a column as one value that answers any percentile.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, GroupsAccumulator, Signature, Volatility,
};
use datafusion_macros::user_doc;

use super::sketch_groups::{Answer, Question, Rows, SketchAccumulator, SketchGroups, state_fields};
use super::values::coerce_for_sketch;

const NAME: &str = "sketch";

#[user_doc(
    doc_section(label = "Percentile Functions"),
    description = "Returns a summary of a column that answers any percentile: keep one per group and minute, merge them as you like, and ask later. Percentiles from it are exact for up to 128 values, else within 0.55 % of the exact value, however often it was merged; count, sum, smallest and largest value are exact. Beyond 128 values it has the buckets of an OpenTelemetry exponential histogram of scale 6. NULL and NaN are ignored; no values give NULL.",
    syntax_example = "sketch(x [, weight])",
    sql_example = r#"```sql
> SELECT sketch_quantile(sketch(x), 0.9) AS p90, sketch_count(sketch(x)) AS n
  FROM (VALUES (100), (120), (150), (180), (200), (250), (300), (400), (900), (5000)) AS t(x);
+-------+------+
| p90   | n    |
+-------+------+
| 900.0 | 10.0 |
+-------+------+
```"#,
    argument(name = "x", description = "Numbers, or Durations."),
    argument(
        name = "weight",
        description = "How many observations a row stands for, such as `sample_weight`. NULL and 0 count for nothing; a negative weight is an error."
    ),
    related_udf(name = "sketch_merge"),
    related_udf(name = "sketch_quantile")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SketchOf {
    signature: Signature,
}

impl Default for SketchOf {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn question(args: &AccumulatorArgs<'_>) -> Result<Question> {
    if args.is_distinct {
        return plan_err!("{NAME} does not take DISTINCT");
    }
    Ok(Question { function: NAME, rows: Rows::Values { weight: 1 }, answer: Answer::Sketch })
}

impl AggregateUDFImpl for SketchOf {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let (x, weight) = match arg_types {
            [x] => (x, None),
            [x, weight] => (x, Some(weight)),
            _ => {
                return plan_err!("{NAME} takes (x [, weight]), not {} arguments", arg_types.len());
            }
        };
        let mut types = vec![coerce_for_sketch(NAME, x)?];
        if let Some(weight) = weight {
            if !(weight.is_numeric() || *weight == DataType::Null) {
                return plan_err!("{NAME}: weight must be a number, not {weight}");
            }
            types.push(DataType::Float64);
        }
        Ok(types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args))
    }

    fn accumulator(&self, acc_args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SketchAccumulator::new(question(&acc_args)?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(SketchGroups::new(question(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
