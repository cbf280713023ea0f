//! `sketch_count(s)`, `sketch_sum(s)`, `sketch_min(s)`, `sketch_max(s)`: what a sketch knows exactly;
//! `sketch_scale(s)`, `sketch_error(s)`: how exact it is.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::sketch::Sketch;
use crate::sketch_columns::{coerce_sketch, numbers};

/// `(name, fact, in words, result of the example)`.
const FACTS: [(&str, Fact, &str, &str); 6] = [
    (
        "sketch_count",
        Fact::Count,
        "number of values, or the sum of their weights, that a sketch has seen, exactly",
        "3.0",
    ),
    (
        "sketch_sum",
        Fact::Sum,
        "sum of the values, each times its weight, that a sketch has seen, exactly",
        "600.0",
    ),
    ("sketch_min", Fact::Min, "smallest value that a sketch has seen, exactly", "100.0"),
    ("sketch_max", Fact::Max, "largest value that a sketch has seen, exactly", "300.0"),
    (
        "sketch_scale",
        Fact::Scale,
        "scale of the buckets of a sketch, as OpenTelemetry counts scales: 6, unless it was made \
         coarser or came from elsewhere; buckets grow by a factor of 2^(2^-scale)",
        "6.0",
    ),
    (
        "sketch_error",
        Fact::Error,
        "largest error of percentiles of a sketch, as a share of the exact value: 0 for up to 128 \
         values, else 0.0054 at scale 6",
        "0.0",
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fact {
    Count,
    Sum,
    Min,
    Max,
    Scale,
    Error,
}

pub(super) fn all() -> impl Iterator<Item = SketchFact> {
    FACTS.into_iter().map(|(name, fact, words, example)| SketchFact {
        name,
        fact,
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: document(name, words, example),
    })
}

/// One exact number of a sketch.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SketchFact {
    name: &'static str,
    fact: Fact,
    signature: Signature,
    documentation: Documentation,
}

impl Fact {
    fn of(self, sketch: &Sketch) -> Option<f64> {
        match self {
            Self::Count => Some(sketch.count()),
            Self::Sum => Some(sketch.sum()).filter(|sum| !sum.is_nan()),
            Self::Min => sketch.min(),
            Self::Max => sketch.max(),
            Self::Scale => Some(sketch.scale().into()),
            Self::Error => Some(sketch.relative_error()),
        }
    }
}

impl ScalarUDFImpl for SketchFact {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [s] = arg_types else {
            return plan_err!("{} takes one argument, not {}", self.name, arg_types.len());
        };
        Ok(vec![coerce_sketch(self.name, s)?])
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [sketches] = take_function_args(self.name, args.args)?;
        let sketches = sketches.into_array(args.number_rows)?;
        let facts = numbers(self.name, &sketches, |_, sketch| Ok(self.fact.of(sketch)))?;
        Ok(ColumnarValue::Array(Arc::new(facts)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn document(name: &str, words: &str, example: &str) -> Documentation {
    let section = DocSection { label: "Percentile Functions", ..DocSection::default() };
    let description = format!("Returns the {words}.");
    let width = example.len();
    let line = "-".repeat(width + 2);
    let sql_example = format!(
        "```sql\n> SELECT {name}(sketch(x)) AS x FROM (VALUES (100), (200), (300)) AS t(x);\n\
         +{line}+\n| {:width$} |\n+{line}+\n| {example} |\n+{line}+\n```",
        "x"
    );
    Documentation::builder(section, description, format!("{name}(s)"))
        .with_sql_example(sql_example)
        .with_argument("s", "Sketches, from `sketch` or `sketch_merge`. NULL in, NULL out.")
        .with_related_udf("sketch")
        .build()
}
