//! `binomial_tail(k, n, p)`: how probable so many successes, or more, are by chance.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;

use crate::chance::binomial_tail;

const NAME: &str = "binomial_tail";

/// Beyond it, counts have gaps.
const MOST: f64 = 9_007_199_254_740_992.0;

#[user_doc(
    doc_section(label = "Statistics Functions"),
    description = "Returns the probability that at least k of n independent trials succeed, if each does with probability p: how surprising k errors of n calls are where a share of p is usual. Exact to about ten digits, also far out.",
    syntax_example = "binomial_tail(k, n, p)",
    sql_example = r#"```sql
> SELECT round(binomial_tail(5, 100, 0.01), 7) AS probability;
+-------------+
| probability |
+-------------+
| 0.0034323   |
+-------------+
```"#,
    argument(
        name = "k",
        description = "How many succeeded, rounded to a whole number. NULL in, NULL out."
    ),
    argument(
        name = "n",
        description = "Of how many, rounded to a whole number. NULL in, NULL out."
    ),
    argument(name = "p", description = "A probability from 0 to 1. NULL in, NULL out."),
    related_udf(name = "wilson_low"),
    related_udf(name = "wilson_high")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BinomialTail {
    signature: Signature,
}

impl Default for BinomialTail {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for BinomialTail {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [k, n, p] = arg_types else {
            return plan_err!("{NAME} takes (k, n, p), not {} arguments", arg_types.len());
        };
        for (name, given) in [("k", k), ("n", n), ("p", p)] {
            if !(given.is_numeric() || *given == DataType::Null) {
                return plan_err!("{NAME}: {name} must be a number, not {given}");
            }
        }
        Ok(vec![DataType::Float64; 3])
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [k, n, p] = take_function_args(NAME, args.args)?;
        let k = k.into_array(args.number_rows)?;
        let n = n.into_array(args.number_rows)?;
        let p = p.into_array(args.number_rows)?;
        let [k, n, p] = [&k, &n, &p].map(|column| column.as_primitive::<Float64Type>());
        let mut tails = Vec::with_capacity(args.number_rows);
        for row in 0..args.number_rows {
            if k.is_null(row) || n.is_null(row) || p.is_null(row) {
                tails.push(None);
                continue;
            }
            let (k, n, p) = (k.value(row), n.value(row), p.value(row));
            if !(0.0..=1.0).contains(&p) {
                return exec_err!("{NAME}: p must be from 0 to 1, not {p}");
            }
            if !(0.0..MOST).contains(&n) {
                return exec_err!("{NAME}: n must be from 0 to 2^53, it is {n}");
            }
            if !k.is_finite() {
                return exec_err!("{NAME}: k must be a number, it is {k}");
            }
            // Weights make counts that are not whole.
            let (k, n) = (k.round().clamp(0.0, MOST) as u64, n.round() as u64);
            tails.push(Some(binomial_tail(k, n, p)));
        }
        Ok(ColumnarValue::Array(Arc::new(Float64Array::from(tails))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
