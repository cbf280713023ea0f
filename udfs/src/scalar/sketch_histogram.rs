//! `sketch_histogram(s [, buckets])`: the buckets of a sketch, for charts.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;

use crate::bins::{DEFAULT_PER_DOUBLING, histogram_type, histograms, scale};
use crate::sketch::Sketch;
use crate::sketch_columns::coerce_sketch;

const NAME: &str = "sketch_histogram";

#[user_doc(
    doc_section(label = "Percentile Functions"),
    description = "Returns how many values a sketch has seen by bucket, as `histogram` does: a list of (lower, upper, count), from below, without empty ones. Counts are exact. A sketch that is coarser than asked for gives the buckets that it has.",
    syntax_example = "sketch_histogram(s [, buckets])",
    sql_example = r#"```sql
> SELECT sketch_histogram(sketch(x), 1) AS h FROM (VALUES (100), (120), (300)) AS t(x);
+-------------------------------------------------------------------------------------+
| h                                                                                   |
+-------------------------------------------------------------------------------------+
| [{lower: 64.0, upper: 128.0, count: 2.0}, {lower: 256.0, upper: 512.0, count: 1.0}] |
+-------------------------------------------------------------------------------------+
```"#,
    argument(
        name = "s",
        description = "Sketches, from `sketch` or `sketch_merge`. NULL in, NULL out."
    ),
    argument(
        name = "buckets",
        description = "How many per doubling of the value: 1, 2, 4, 8, 16, 32 or 64; 4 if not given."
    ),
    related_udf(name = "histogram"),
    related_udf(name = "sketch")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SketchHistogram {
    signature: Signature,
}

impl Default for SketchHistogram {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SketchHistogram {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types {
            [s] => Ok(vec![coerce_sketch(NAME, s)?]),
            [s, buckets] if buckets.is_integer() || *buckets == DataType::Null => {
                Ok(vec![coerce_sketch(NAME, s)?, DataType::Int64])
            }
            [_, buckets] => plan_err!("{NAME}: buckets must be a whole number, not {buckets}"),
            _ => plan_err!("{NAME} takes (s [, buckets]), not {} arguments", arg_types.len()),
        }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(histogram_type())
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let [sketches, rest @ ..] = columns.as_slice() else {
            return plan_err!("{NAME} takes (s [, buckets])");
        };
        let sketches = sketches.as_binary::<i32>();
        let buckets = rest.first().map(|buckets| buckets.as_primitive::<Int64Type>());
        let histogram = |row: usize| {
            if sketches.is_null(row) || buckets.is_some_and(|buckets| buckets.is_null(row)) {
                return Ok(None);
            }
            let per_doubling = buckets.map_or(DEFAULT_PER_DOUBLING, |buckets| buckets.value(row));
            let scale = scale(NAME, per_doubling)?;
            let sketch = Sketch::decode(sketches.value(row))
                .map_err(|error| exec_datafusion_err!("{NAME}: {error}"))?;
            Ok(Some(sketch.histogram(scale)))
        };
        let rows = (0..sketches.len()).map(histogram).collect::<Result<Vec<_>>>()?;
        Ok(ColumnarValue::Array(histograms(&rows)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
