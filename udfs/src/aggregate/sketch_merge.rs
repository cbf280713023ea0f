//! `sketch_merge(s [, weight])`: several sketches as one.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, GroupsAccumulator, Signature, Volatility,
};
use datafusion_macros::user_doc;

use super::sketch_groups::{Answer, Question, Rows, SketchAccumulator, SketchGroups, state_fields};
use crate::sketch_columns::coerce_sketch;

const NAME: &str = "sketch_merge";

#[user_doc(
    doc_section(label = "Percentile Functions"),
    description = "Returns one sketch of all values that the given ones have seen. Nothing is lost: the result does not depend on how values were divided among sketches, nor on the order of merging. NULL is ignored; no sketches give NULL.",
    syntax_example = "sketch_merge(s [, weight])",
    sql_example = r#"```sql
> SELECT sketch_quantile(sketch_merge(s), 0.5) AS median
  FROM (SELECT sketch(x) AS s FROM (VALUES (1, 10), (1, 20), (2, 30)) AS t(g, x) GROUP BY g);
+--------+
| median |
+--------+
| 20.0   |
+--------+
```"#,
    argument(name = "s", description = "Sketches, from `sketch` or `sketch_merge`."),
    argument(
        name = "weight",
        description = "How many observations each value of a sketch stands for. NULL and 0 count for nothing; a negative weight is an error."
    ),
    related_udf(name = "sketch")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SketchMerge {
    signature: Signature,
}

impl Default for SketchMerge {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn question(args: &AccumulatorArgs<'_>) -> Result<Question> {
    if args.is_distinct {
        return plan_err!("{NAME} does not take DISTINCT");
    }
    Ok(Question { function: NAME, rows: Rows::Sketches, answer: Answer::Sketch })
}

impl AggregateUDFImpl for SketchMerge {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let (s, weight) = match arg_types {
            [s] => (s, None),
            [s, weight] => (s, Some(weight)),
            _ => {
                return plan_err!("{NAME} takes (s [, weight]), not {} arguments", arg_types.len());
            }
        };
        let mut types = vec![coerce_sketch(NAME, s)?];
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
