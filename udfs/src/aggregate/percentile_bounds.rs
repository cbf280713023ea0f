//! `percentile_low(x, q [, confidence])`, `percentile_high(x, q [, confidence])`: how sure a
//! percentile is.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, DocSection, Documentation, GroupsAccumulator, Signature,
    Volatility,
};

use super::argument::{constant, q};
use super::exact_groups::{ExactAccumulator, ExactGroups, Question, Rank, state_fields};
use super::values::coerce_for_keys;

/// Position of the confidence among the arguments.
const CONFIDENCE: usize = 2;

const DEFAULT_CONFIDENCE: f64 = 0.95;

pub(super) fn all() -> impl Iterator<Item = PercentileBound> {
    [Side::Low, Side::High].into_iter().map(|side| PercentileBound {
        side,
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: side.document(),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    Low,
    High,
}

/// The bound on one side.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PercentileBound {
    side: Side,
    signature: Signature,
    documentation: Documentation,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Low => "percentile_low",
            Self::High => "percentile_high",
        }
    }

    fn document(self) -> Documentation {
        let section = DocSection { label: "Percentile Functions", ..DocSection::default() };
        let (name, side, other, shown) = match self {
            Self::Low => ("percentile_low", "lower", "percentile_high", "983 "),
            Self::High => ("percentile_high", "upper", "percentile_low", "997 "),
        };
        let description = format!(
            "Returns the {side} end of a confidence interval for the q-quantile: what the quantile \
             would be if there were endless values like these. It assumes nothing about their \
             distribution, only that they are independent: it is the value whose rank the binomial \
             distribution says, so always one of the values. `percentile_low` and \
             `percentile_high` together hold with the given confidence, each with half of the rest \
             beyond it. NULL if there are too few values for such a bound: the upper one of p99 at \
             95 % takes 368, that of p99.9 takes 3,688. NULL and NaN are ignored. Keeps every value, as \
             `percentile_nearest` does."
        );
        let line = "-----";
        let sql_example = format!(
            "```sql\n> SELECT {name}(value, 0.99) AS p99 FROM generate_series(1, 1000);\n\
             +{line}+\n| p99 |\n+{line}+\n| {shown}|\n+{line}+\n```"
        );
        Documentation::builder(section, description, format!("{name}(x, q [, confidence])"))
            .with_sql_example(sql_example)
            .with_argument(
                "x",
                "Numbers, timestamps, dates or Durations; the result has the same type. Decimals \
                 give DOUBLE.",
            )
            .with_argument("q", "A constant from 0 to 1.")
            .with_argument("confidence", "A constant above 0 and below 1; 0.95 if not given.")
            .with_related_udf(other)
            .with_related_udf("percentile_nearest")
            .build()
    }
}

impl PercentileBound {
    fn question(&self, args: &AccumulatorArgs<'_>) -> Result<Question> {
        let function = self.side.name();
        if args.is_distinct {
            return plan_err!("{function} does not take DISTINCT");
        }
        let q = q(function, args)?;
        let confidence = if args.exprs.len() > CONFIDENCE {
            match constant(function, "confidence", args, CONFIDENCE)? {
                ScalarValue::Float64(Some(given)) if given > 0.0 && given < 1.0 => given,
                ScalarValue::Float64(Some(given)) => {
                    return plan_err!(
                        "{function}: confidence must be above 0 and below 1, not {given}"
                    );
                }
                _ => return plan_err!("{function}: confidence must be a number, not NULL"),
            }
        } else {
            DEFAULT_CONFIDENCE
        };
        let rank = match self.side {
            Side::Low => Rank::Low(q, confidence),
            Side::High => Rank::High(q, confidence),
        };
        Ok(Question { function, rank, weight: None, return_type: args.return_type().clone() })
    }
}

impl AggregateUDFImpl for PercentileBound {
    fn name(&self) -> &str {
        self.side.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name();
        let [x, numbers @ ..] = arg_types else {
            return plan_err!("{name} takes (x, q [, confidence]), not 0 arguments");
        };
        if !(1..=2).contains(&numbers.len()) {
            return plan_err!(
                "{name} takes (x, q [, confidence]), not {} arguments",
                arg_types.len()
            );
        }
        for (argument, given) in ["q", "confidence"].iter().zip(numbers) {
            if !(given.is_numeric() || *given == DataType::Null) {
                return plan_err!("{name}: {argument} must be a number, not {given}");
            }
        }
        let mut types = vec![coerce_for_keys(name, x)?];
        types.resize(arg_types.len(), DataType::Float64);
        Ok(types)
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        coerce_for_keys(self.name(), &arg_types[0])
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args))
    }

    fn accumulator(&self, acc_args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(ExactAccumulator::new(self.question(&acc_args)?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(ExactGroups::new(self.question(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
