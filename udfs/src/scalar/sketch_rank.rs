//! `sketch_rank(s, x)`: the share of what a sketch has seen that is not above a value.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;

use crate::sketch_columns::{coerce_sketch, numbers};

const NAME: &str = "sketch_rank";

#[user_doc(
    doc_section(label = "Percentile Functions"),
    description = "Returns the share, from 0 to 1, of the values that are at most x: exact for up to 128 values; else it is the exact share for some value within 0.55 % of x.",
    syntax_example = "sketch_rank(s, x)",
    sql_example = r#"```sql
> SELECT sketch_rank(sketch(x), 250) AS share FROM (VALUES (100), (200), (300), (400)) AS t(x);
+-------+
| share |
+-------+
| 0.5   |
+-------+
```"#,
    argument(name = "s", description = "Sketches, from `sketch` or `sketch_merge`."),
    argument(
        name = "x",
        description = "A number, in the unit of the values. NULL and NaN give NULL."
    ),
    related_udf(name = "sketch"),
    related_udf(name = "sketch_quantile")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SketchRank {
    signature: Signature,
}

impl Default for SketchRank {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SketchRank {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [s, x] = arg_types else {
            return plan_err!("{NAME} takes (s, x), not {} arguments", arg_types.len());
        };
        if !(x.is_numeric() || *x == DataType::Null) {
            return plan_err!("{NAME}: x must be a number, not {x}");
        }
        Ok(vec![coerce_sketch(NAME, s)?, DataType::Float64])
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [sketches, x] = take_function_args(NAME, args.args)?;
        let sketches = sketches.into_array(args.number_rows)?;
        let x = x.into_array(args.number_rows)?;
        let x = x.as_primitive::<Float64Type>();
        let answers = numbers(NAME, &sketches, |row, sketch| {
            let x = x.is_valid(row).then(|| x.value(row));
            Ok(x.and_then(|x| sketch.rank(x)))
        })?;
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
