//! `risk_ratio`, `prevalence_ratio` and `jensen_shannon`: how two groups differ in what they have.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Volatility,
};

/// What a function is, in one place.
#[derive(Debug)]
struct Declared {
    name: &'static str,
    about: &'static str,
    arguments: &'static [(&'static str, &'static str)],
    /// A call and its result.
    example: (&'static str, &'static str),
    related: &'static str,
    of: fn(&[f64]) -> f64,
}

const COUNTS: &[(&str, &str)] = &[
    ("a", "How many of the first have it: a count or a sum of weights. NULL in, NULL out."),
    ("of_a", "How many the first are."),
    ("b", "How many of the second have it."),
    ("of_b", "How many the second are."),
];

const FUNCTIONS: &[Declared] = &[
    Declared {
        name: "risk_ratio",
        about: "Returns how much more likely it is to be one of the first with something than without: if `a` of `of_a` bad ones and `b` of `of_b` good ones have it, `(a / (a + b)) / (c / (c + d))` with c and d those that do not. 0 if all have it or none has, infinite if all bad ones have it and a good one does not.",
        arguments: COUNTS,
        example: ("round(risk_ratio(150, 200, 980, 9800), 2)", "23.55"),
        related: "prevalence_ratio",
        of: |counts| risk_ratio(counts[0], counts[1], counts[2], counts[3]),
    },
    Declared {
        name: "prevalence_ratio",
        about: "Returns how much more often the first have something than the second: `(a / of_a) / (b / of_b)`, with one for `b` if it is zero, so that it stays finite. 0 if there is nobody to ask.",
        arguments: COUNTS,
        example: ("prevalence_ratio(10, 25, 1, 25)", "10.0"),
        related: "risk_ratio",
        of: |counts| prevalence_ratio(counts[0], counts[1], counts[2], counts[3]),
    },
    Declared {
        name: "jensen_shannon",
        about: "Returns the part that one value has in the divergence of two distributions (Jensen-Shannon, base 2): `p` and `q` are its shares of them. The sum over all values is the divergence, from 0 for equal ones to 1 for those that have no value in common.",
        arguments: &[
            ("p", "The value's share of one distribution, from 0 to 1. NULL in, NULL out."),
            ("q", "Its share of the other."),
        ],
        example: ("round(jensen_shannon(0.75, 0.1) + jensen_shannon(0.25, 0.9), 5)", "0.34357"),
        related: "cohens_h",
        of: |shares| jensen_shannon(shares[0], shares[1]),
    },
];

pub(super) fn all() -> impl Iterator<Item = Shares> {
    FUNCTIONS.iter().enumerate().map(|(place, declared)| {
        let numbers = vec![DataType::Float64; declared.arguments.len()];
        Shares {
            place,
            name: declared.name,
            signature: Signature::exact(numbers, Volatility::Immutable),
            documentation: document(declared),
        }
    })
}

/// A function of numbers that are not negative.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Shares {
    /// Its place among [`FUNCTIONS`].
    place: usize,
    name: &'static str,
    signature: Signature,
    documentation: Documentation,
}

impl ScalarUDFImpl for Shares {
    fn name(&self) -> &str {
        self.name
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
        let rows = args.number_rows;
        let columns = args.args.into_iter().map(|arg| arg.into_array(rows));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let columns: Vec<&Float64Array> =
            columns.iter().map(|column| column.as_primitive::<Float64Type>()).collect();
        let mut numbers = vec![0.0; columns.len()];
        let mut answers = Vec::with_capacity(rows);
        for row in 0..rows {
            if columns.iter().any(|column| column.is_null(row)) {
                answers.push(None);
                continue;
            }
            for (number, column) in numbers.iter_mut().zip(&columns) {
                *number = column.value(row);
                if !(*number >= 0.0 && number.is_finite()) {
                    return exec_err!("{}: nothing may be negative, one is {number}", self.name);
                }
            }
            answers.push(Some((FUNCTIONS[self.place].of)(&numbers)));
        }
        Ok(ColumnarValue::Array(Arc::new(Float64Array::from(answers))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// With the rules of MacroBase for what cannot be divided (semantics.md 7.1).
fn risk_ratio(a: f64, of_a: f64, b: f64, of_b: f64) -> f64 {
    // Sums of weights may be off by their last bits.
    let (c, d) = ((of_a - a).max(0.0), (of_b - b).max(0.0));
    match () {
        () if a == 0.0 || c + d == 0.0 => 0.0,
        () if c == 0.0 => f64::INFINITY,
        () => (a / (a + b)) / (c / (c + d)),
    }
}

fn prevalence_ratio(a: f64, of_a: f64, b: f64, of_b: f64) -> f64 {
    let b = if b == 0.0 { 1.0 } else { b };
    if of_a == 0.0 || of_b == 0.0 { 0.0 } else { (a / of_a) / (b / of_b) }
}

fn jensen_shannon(p: f64, q: f64) -> f64 {
    let part =
        |share: f64| if share > 0.0 { 0.5 * share * (2.0 * share / (p + q)).log2() } else { 0.0 };
    part(p) + part(q)
}

fn document(declared: &Declared) -> Documentation {
    let section = DocSection { label: "Statistics Functions", ..DocSection::default() };
    let names: Vec<&str> = declared.arguments.iter().map(|(name, _)| *name).collect();
    let syntax = format!("{}({})", declared.name, names.join(", "));
    let (call, result) = declared.example;
    let line = "-".repeat(result.len() + 2);
    let example = format!(
        "```sql\n> SELECT {call} AS x;\n+{line}+\n| x{} |\n+{line}+\n| {result} |\n+{line}+\n```",
        " ".repeat(result.len() - 1)
    );
    let mut builder =
        Documentation::builder(section, declared.about, syntax).with_sql_example(example);
    for (name, about) in declared.arguments {
        builder = builder.with_argument(*name, *about);
    }
    builder.with_related_udf(declared.related).build()
}
