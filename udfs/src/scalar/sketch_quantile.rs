//! `sketch_quantile(s, q)`: a percentile of a sketch.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;

use crate::sketch_columns::{coerce_sketch, numbers};

const NAME: &str = "sketch_quantile";

#[user_doc(
    doc_section(label = "Percentile Functions"),
    description = "Returns the q-quantile (nearest rank) of what a sketch has seen: exact for up to 128 values, else within 0.55 % of the exact value.",
    syntax_example = "sketch_quantile(s, q)",
    sql_example = r#"```sql
> SELECT sketch_quantile(s, 0.5) AS p50, sketch_quantile(s, 0.99) AS p99
  FROM (SELECT sketch(value) AS s FROM generate_series(1, 100));
+------+------+
| p50  | p99  |
+------+------+
| 50.0 | 99.0 |
+------+------+
```"#,
    argument(name = "s", description = "Sketches, from `sketch` or `sketch_merge`."),
    argument(name = "q", description = "From 0 to 1. NULL gives NULL."),
    related_udf(name = "sketch"),
    related_udf(name = "sketch_rank")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SketchQuantile {
    signature: Signature,
}

impl Default for SketchQuantile {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SketchQuantile {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [s, q] = arg_types else {
            return plan_err!("{NAME} takes (s, q), not {} arguments", arg_types.len());
        };
        if !(q.is_numeric() || *q == DataType::Null) {
            return plan_err!("{NAME}: q must be a number, not {q}");
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
        let [sketches, q] = take_function_args(NAME, args.args)?;
        let sketches = sketches.into_array(args.number_rows)?;
        let q = q.into_array(args.number_rows)?;
        let q = q.as_primitive::<Float64Type>();
        let answers = numbers(NAME, &sketches, |row, sketch| {
            if q.is_null(row) {
                return Ok(None);
            }
            match q.value(row) {
                q if (0.0..=1.0).contains(&q) => Ok(sketch.quantile(q)),
                q => exec_err!("{NAME}: q must be from 0 to 1, not {q}"),
            }
        })?;
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
