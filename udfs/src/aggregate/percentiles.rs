//! `p50(x)` ... `p999(x)`: fixed percentiles from the sketch.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, DocSection, Documentation, GroupsAccumulator, Signature,
    Volatility,
};

use super::argument::WEIGHT_OF_QUANTILE;
use super::sketch_groups::{Answer, Question, Rows, SketchAccumulator, SketchGroups, state_fields};
use super::values::coerce_for_sketch;

/// `(name, q, in words, result of the example)`.
const PERCENTILES: [(&str, f64, &str, i64); 6] = [
    ("p50", 0.5, "median", 200),
    ("p75", 0.75, "75th percentile", 400),
    ("p90", 0.9, "90th percentile", 900),
    ("p95", 0.95, "95th percentile", 5000),
    ("p99", 0.99, "99th percentile", 5000),
    ("p999", 0.999, "99.9th percentile", 5000),
];

pub(super) fn all() -> impl Iterator<Item = Percentile> {
    PERCENTILES.into_iter().map(|(name, q, words, example)| Percentile {
        name,
        q: q.to_bits(),
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: document(name, words, example),
    })
}

/// One fixed percentile.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Percentile {
    name: &'static str,
    /// The bits of q, because functions are compared and hashed.
    q: u64,
    signature: Signature,
    documentation: Documentation,
}

impl Percentile {
    pub(super) fn q(&self) -> f64 {
        f64::from_bits(self.q)
    }

    fn question(&self, args: &AccumulatorArgs<'_>) -> Result<Question> {
        if args.is_distinct {
            return plan_err!(
                "{} does not take DISTINCT together with other aggregates",
                self.name
            );
        }
        let answer = Answer::Quantile(self.q(), args.return_type().clone());
        // It has one argument, so there is no weight anywhere.
        let rows = Rows::Values { weight: WEIGHT_OF_QUANTILE };
        Ok(Question { function: self.name, rows, answer })
    }
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [x] = arg_types else {
            return plan_err!("{} takes one argument, not {}", self.name, arg_types.len());
        };
        Ok(vec![coerce_for_sketch(self.name, x)?])
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        coerce_for_sketch(self.name, &arg_types[0])
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args))
    }

    fn accumulator(&self, acc_args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SketchAccumulator::new(self.question(&acc_args)?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(SketchGroups::new(self.question(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn document(name: &str, words: &str, example: i64) -> Documentation {
    let section = DocSection { label: "Percentile Functions", ..DocSection::default() };
    let description = format!(
        "Returns the {words} (nearest rank) of a column: exact for up to 128 values, else \
         within 0.55 % of the exact value, however the data is split and merged. NULL and NaN \
         are ignored; no values give NULL. Integers and Durations keep their type and are \
         rounded; other numbers give DOUBLE."
    );
    let width = name.len().max(example.to_string().len());
    let line = "-".repeat(width + 2);
    let sql_example = format!(
        "```sql\n> SELECT {name}(x) AS {name} FROM (VALUES (100), (120), (150), (180), (200), (250), \
         (300), (400), (900), (5000)) AS t(x);\n+{line}+\n| {name:width$} |\n+{line}+\n\
         | {example:<width$} |\n+{line}+\n```"
    );
    Documentation::builder(section, description, format!("{name}(x)"))
        .with_sql_example(sql_example)
        .with_argument("x", "Numbers, or Durations.")
        .with_related_udf("quantile")
        .with_related_udf("percentile_nearest")
        .build()
}
