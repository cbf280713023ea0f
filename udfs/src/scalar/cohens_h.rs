//! `cohens_h(a, b)`: how different two shares are.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;

const NAME: &str = "cohens_h";

#[user_doc(
    doc_section(label = "Statistics Functions"),
    description = "Returns how far one share is above another, as Cohen's h: `2 asin(sqrt(a)) - 2 asin(sqrt(b))`, from -pi to pi. The same step means the same anywhere between 0 and 1: 0.2 is small, 0.5 medium, 0.8 large.",
    syntax_example = "cohens_h(a, b)",
    sql_example = r#"```sql
> SELECT round(cohens_h(0.75, 0.1), 4) AS h;
+--------+
| h      |
+--------+
| 1.4509 |
+--------+
```"#,
    argument(name = "a", description = "A share from 0 to 1. NULL and NaN give NULL."),
    argument(name = "b", description = "Another one."),
    related_udf(name = "fisher_greater")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CohensH {
    signature: Signature,
}

impl Default for CohensH {
    fn default() -> Self {
        let shares = vec![DataType::Float64, DataType::Float64];
        Self { signature: Signature::exact(shares, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for CohensH {
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
        let [a, b] = take_function_args(NAME, args.args)?;
        let (a, b) = (a.into_array(args.number_rows)?, b.into_array(args.number_rows)?);
        let (a, b) = (a.as_primitive::<Float64Type>(), b.as_primitive::<Float64Type>());
        let answers: Float64Array =
            a.iter().zip(b).map(|(a, b)| between(a, b)).collect::<Result<_>>()?;
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

fn between(a: Option<f64>, b: Option<f64>) -> Result<Option<f64>> {
    let (Some(a), Some(b)) = (angle(a)?, angle(b)?) else { return Ok(None) };
    Ok(Some(a - b))
}

fn angle(share: Option<f64>) -> Result<Option<f64>> {
    match share {
        None => Ok(None),
        Some(share) if share.is_nan() => Ok(None),
        Some(share) if (0.0..=1.0).contains(&share) => Ok(Some(2.0 * share.sqrt().asin())),
        Some(share) => exec_err!("{NAME}: a share is from 0 to 1, not {share}"),
    }
}
