//! `wilson_low(k, n [, z])` and `wilson_high(k, n [, z])`: between what a share may lie.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::chance::wilson;

/// Of 95 %, both sides.
const USUAL_Z: f64 = 1.959_963_984_540_054;

/// `(name, whether it is the upper end, in words, result of the example)`.
const ENDS: [(&str, bool, &str, &str); 2] =
    [("wilson_low", false, "lower", "0.0215"), ("wilson_high", true, "upper", "0.1118")];

pub(super) fn all() -> impl Iterator<Item = Wilson> {
    ENDS.into_iter().map(|(name, is_high, words, example)| Wilson {
        name,
        is_high,
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: document(name, words, example),
    })
}

/// One end of the interval.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Wilson {
    name: &'static str,
    is_high: bool,
    signature: Signature,
    documentation: Documentation,
}

impl ScalarUDFImpl for Wilson {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name;
        if !(2..=3).contains(&arg_types.len()) {
            return plan_err!("{name} takes (k, n [, z]), not {} arguments", arg_types.len());
        }
        for (argument, given) in ["k", "n", "z"].into_iter().zip(arg_types) {
            if !(given.is_numeric() || *given == DataType::Null) {
                return plan_err!("{name}: {argument} must be a number, not {given}");
            }
        }
        Ok(vec![DataType::Float64; arg_types.len()])
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = self.name;
        let rows = args.number_rows;
        let columns = args.args.into_iter().map(|arg| arg.into_array(rows));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let columns: Vec<&Float64Array> =
            columns.iter().map(|column| column.as_primitive::<Float64Type>()).collect();
        let mut ends = Vec::with_capacity(rows);
        for row in 0..rows {
            if columns.iter().any(|column| column.is_null(row)) {
                ends.push(None);
                continue;
            }
            let (k, n) = (columns[0].value(row), columns[1].value(row));
            let z = columns.get(2).map_or(USUAL_Z, |z| z.value(row));
            if !(k >= 0.0 && k <= n) {
                return exec_err!("{name}: k must be from 0 to n, it is {k} of {n}");
            }
            if !(z >= 0.0 && z.is_finite()) {
                return exec_err!("{name}: z must not be negative, it is {z}");
            }
            ends.push(wilson(k, n, z).map(|(low, high)| if self.is_high { high } else { low }));
        }
        Ok(ColumnarValue::Array(Arc::new(Float64Array::from(ends))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn document(name: &str, words: &str, example: &str) -> Documentation {
    let section = DocSection { label: "Statistics Functions", ..DocSection::default() };
    let description = format!(
        "Returns the {words} end of Wilson's interval for a share of which k of n were seen: it holds for \
         few values and for shares near 0 and 1, too. NULL if n is 0."
    );
    let other = if name == "wilson_low" { "wilson_high" } else { "wilson_low" };
    let line = "-".repeat(example.len() + 2);
    let example = format!(
        "```sql\n> SELECT round({name}(5, 100), 4) AS x;\n+{line}+\n| x{} |\n+{line}+\n| {example} |\n+{line}+\n```",
        " ".repeat(example.len() - 1)
    );
    Documentation::builder(section, description, format!("{name}(k, n [, z])"))
        .with_sql_example(example)
        .with_argument("k", "How many, from 0 to n. NULL in, NULL out.")
        .with_argument("n", "Of how many. NULL in, NULL out.")
        .with_argument(
            "z",
            "How many standard deviations the interval takes to each side; 1.96, which is 95 %, if not given.",
        )
        .with_related_udf(other)
        .with_related_udf("binomial_tail")
        .build()
}
