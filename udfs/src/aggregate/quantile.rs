//! `quantile(x, q [, weight])`: any percentile, from the sketch.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, GroupsAccumulator, Signature, Volatility,
};
use datafusion_macros::user_doc;

use super::argument::{WEIGHT_OF_QUANTILE, coerce_q_and_weight, q};
use super::sketch_groups::{Answer, Question, Rows, SketchAccumulator, SketchGroups, state_fields};
use super::values::coerce_for_sketch;

const NAME: &str = "quantile";

#[user_doc(
    doc_section(label = "Percentile Functions"),
    description = "Returns the q-quantile (nearest rank) of a column: exact for up to 128 values, else within 0.55 % of the exact value, however the data is split and merged. NULL and NaN are ignored; no values give NULL. Integers and Durations keep their type and are rounded; other numbers give DOUBLE.",
    syntax_example = "quantile(x, q [, weight])",
    sql_example = r#"```sql
> SELECT quantile(x, 0.95) AS plain, quantile(x, 0.95, w) AS weighted
  FROM (VALUES (120, 10), (80, 10), (900, 1), (1500, 1), (100, 10)) AS t(x, w);
+-------+----------+
| plain | weighted |
+-------+----------+
| 1500  | 900      |
+-------+----------+
```"#,
    argument(name = "x", description = "Numbers, or Durations."),
    argument(name = "q", description = "A constant from 0 to 1."),
    argument(
        name = "weight",
        description = "How many observations a row stands for, such as `sample_weight`. NULL and 0 count for nothing; a negative weight is an error."
    ),
    related_udf(name = "percentile_nearest"),
    related_udf(name = "sketch")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Quantile {
    signature: Signature,
}

impl Default for Quantile {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn question(args: &AccumulatorArgs<'_>) -> Result<Question> {
    if args.is_distinct {
        return plan_err!("{NAME} does not take DISTINCT");
    }
    let answer = Answer::Quantile(q(NAME, args)?, args.return_type().clone());
    let rows = Rows::Values { weight: WEIGHT_OF_QUANTILE };
    Ok(Question { function: NAME, rows, answer })
}

impl AggregateUDFImpl for Quantile {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let rest = coerce_q_and_weight(NAME, arg_types)?;
        Ok([vec![coerce_for_sketch(NAME, &arg_types[0])?], rest].concat())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        coerce_for_sketch(NAME, &arg_types[0])
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
