//! `fisher_greater(a, of_a, b, of_b)`: Fisher's exact test, one-sided.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;

use crate::hypergeometric::at_least;

const NAME: &str = "fisher_greater";

#[user_doc(
    doc_section(label = "Statistics Functions"),
    description = "Returns the p-value of Fisher's exact test, one-sided: if `a` of `of_a` and `b` of `of_b` have something, the chance that `a` or more of the first would, were it spread over both by accident. Exact, also for chances as small as 1e-300 and for millions of rows.",
    syntax_example = "fisher_greater(a, of_a, b, of_b)",
    sql_example = r#"```sql
> SELECT round(fisher_greater(110, 200, 4900, 9800), 4) AS p;
+--------+
| p      |
+--------+
| 0.0919 |
+--------+
```"#,
    argument(
        name = "a",
        description = "How many of the first have it. Fractions, as of weights, are rounded."
    ),
    argument(name = "of_a", description = "How many the first are."),
    argument(name = "b", description = "How many of the second have it."),
    argument(name = "of_b", description = "How many the second are."),
    related_udf(name = "cohens_h")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FisherGreater {
    signature: Signature,
}

impl Default for FisherGreater {
    fn default() -> Self {
        let counts = vec![DataType::Float64; 4];
        Self { signature: Signature::exact(counts, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for FisherGreater {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = take_function_args::<4, _>(NAME, args.args)?;
        let mut columns = Vec::with_capacity(arrays.len());
        for array in arrays {
            columns.push(array.into_array(args.number_rows)?);
        }
        let columns: Vec<&Float64Array> =
            columns.iter().map(|column| column.as_primitive::<Float64Type>()).collect();
        let answers: Float64Array = (0..args.number_rows)
            .map(|row| {
                if columns.iter().any(|column| column.is_null(row)) {
                    return Ok(None);
                }
                let mut counts = [0; 4];
                for (count, column) in counts.iter_mut().zip(&columns) {
                    *count = whole(column.value(row))?;
                }
                let [a, of_a, b, of_b] = counts;
                if a > of_a || b > of_b {
                    return exec_err!("{NAME}: {a} of {of_a} and {b} of {of_b} cannot be");
                }
                Ok(Some(at_least(a, of_a, b, of_b)))
            })
            .collect::<Result<_>>()?;
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// Above this a double is no exact count any more.
const MOST: f64 = 9_007_199_254_740_992.0 / 4.0;

fn whole(count: f64) -> Result<u64> {
    if (0.0..=MOST).contains(&count) {
        Ok(count.round() as u64)
    } else {
        exec_err!("{NAME}: a count is from 0 to {MOST}, not {count}")
    }
}
