//! `percentile_nearest(x, q [, weight])`: the exact nearest-rank percentile.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, GroupsAccumulator, Signature, Volatility,
};
use datafusion_macros::user_doc;

use super::argument::{WEIGHT_OF_QUANTILE, coerce_q_and_weight, q};
use super::exact_groups::{ExactAccumulator, ExactGroups, Question, Rank, state_fields};
use super::values::coerce_for_keys;

const NAME: &str = "percentile_nearest";

#[user_doc(
    doc_section(label = "Percentile Functions"),
    description = "Returns the exact q-quantile of a column by nearest rank: of n sorted values, number `max(1, ceil(q * n))`; with weights, the smallest value whose weights up to and including it reach q of the total. The result is always one of the values. NULL and NaN are ignored; no values give NULL. Keeps every value, in two to three bytes per duration where a group has many, 16 with weights; where all groups together do not fit into memory they go to disk. See `quantile` for the sketch.",
    syntax_example = "percentile_nearest(x, q [, weight])",
    sql_example = r#"```sql
> SELECT percentile_nearest(x, 0.4) AS p40, percentile_nearest(x, 0.5) AS p50
  FROM (VALUES (15), (20), (35), (40), (50)) AS t(x);
+-----+-----+
| p40 | p50 |
+-----+-----+
| 20  | 35  |
+-----+-----+
```"#,
    argument(
        name = "x",
        description = "Numbers, timestamps, dates or Durations; the result has the same type. Decimals give DOUBLE."
    ),
    argument(name = "q", description = "A constant from 0 to 1."),
    argument(
        name = "weight",
        description = "How many observations a row stands for, such as `sample_weight`. NULL and 0 count for nothing; a negative weight is an error."
    ),
    related_udf(name = "quantile"),
    related_udf(name = "percentile_low"),
    related_udf(name = "percentile_high")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PercentileNearest {
    signature: Signature,
}

impl Default for PercentileNearest {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn question(args: &AccumulatorArgs<'_>) -> Result<Question> {
    if args.is_distinct {
        return plan_err!("{NAME} does not take DISTINCT");
    }
    let weight = (args.exprs.len() > WEIGHT_OF_QUANTILE).then_some(WEIGHT_OF_QUANTILE);
    let rank = Rank::Nearest(q(NAME, args)?);
    Ok(Question { function: NAME, rank, weight, return_type: args.return_type().clone() })
}

impl AggregateUDFImpl for PercentileNearest {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let rest = coerce_q_and_weight(NAME, arg_types)?;
        Ok([vec![coerce_for_keys(NAME, &arg_types[0])?], rest].concat())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        coerce_for_keys(NAME, &arg_types[0])
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args))
    }

    fn accumulator(&self, acc_args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(ExactAccumulator::new(question(&acc_args)?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(ExactGroups::new(question(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
