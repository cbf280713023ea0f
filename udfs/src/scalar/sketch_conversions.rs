//! `sketch_to_otlp(s)`, `sketch_from_otlp(bytes)`, `sketch_to_ddsketch(s)`,
//! `sketch_from_ddsketch(bytes)`: sketches as others write and read them.

use std::fmt::Display;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::common::{DataFusionError, Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::sketch::{Sketch, ddsketch, otlp};
use crate::sketch_columns::{coerce_bytes, coerce_sketch};

/// Where to, or where from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Conversion {
    ToOtlp,
    FromOtlp,
    ToDdSketch,
    FromDdSketch,
}

pub(super) fn all() -> impl Iterator<Item = SketchConversion> {
    use Conversion::{FromDdSketch, FromOtlp, ToDdSketch, ToOtlp};
    [ToOtlp, FromOtlp, ToDdSketch, FromDdSketch].into_iter().map(|conversion| SketchConversion {
        conversion,
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: conversion.document(),
    })
}

/// One direction of one format.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SketchConversion {
    conversion: Conversion,
    signature: Signature,
    documentation: Documentation,
}

impl Conversion {
    fn name(self) -> &'static str {
        match self {
            Self::ToOtlp => "sketch_to_otlp",
            Self::FromOtlp => "sketch_from_otlp",
            Self::ToDdSketch => "sketch_to_ddsketch",
            Self::FromDdSketch => "sketch_from_ddsketch",
        }
    }

    fn takes_sketch(self) -> bool {
        matches!(self, Self::ToOtlp | Self::ToDdSketch)
    }

    /// Converts one value; `None` for an empty one of others, which is no sketch in SQL.
    fn convert(self, given: &[u8]) -> Result<Option<Vec<u8>>> {
        let encoded = |sketch: Sketch| {
            let mut bytes = Vec::new();
            sketch.encode(&mut bytes);
            (!sketch.is_empty()).then_some(bytes)
        };
        let decoded = || Sketch::decode(given).map_err(|error| self.error(error));
        match self {
            Self::ToOtlp => otlp::encode(&decoded()?).map(Some).map_err(|error| self.error(error)),
            Self::FromOtlp => otlp::decode(given).map(encoded).map_err(|error| self.error(error)),
            Self::ToDdSketch => Ok(Some(ddsketch::encode(&decoded()?))),
            Self::FromDdSketch => {
                ddsketch::decode(given).map(encoded).map_err(|error| self.error(error))
            }
        }
    }

    fn error(self, error: impl Display) -> DataFusionError {
        exec_datafusion_err!("{}: {error}", self.name())
    }

    fn document(self) -> Documentation {
        let section = DocSection { label: "Percentile Functions", ..DocSection::default() };
        let (description, example, shown, argument, related) = match self {
            Self::ToOtlp => (
                "Returns the protobuf of an OTLP `ExponentialHistogramDataPoint` with the buckets \
                 of a sketch, its count, smallest and largest value, and its sum unless some value \
                 is negative. Lost are the up to 128 values that a sketch is exact for, of which \
                 only their buckets stay, and parts of counts, which are whole numbers there: they \
                 are rounded by largest remainder, which keeps their sum. Times and attributes are \
                 left to the metric that it is put into.",
                "encode(sketch_to_otlp(sketch(x)), 'hex') AS point FROM (VALUES (100.0)) AS t(x)",
                "+----------------------------------------------------------------------------------------------+\n\
                 | point                                                                                        |\n\
                 +----------------------------------------------------------------------------------------------+\n\
                 | 210100000000000000290000000000005940300c420608d206120101610000000000005940690000000000005940 |\n\
                 +----------------------------------------------------------------------------------------------+",
                ("s", "Sketches, from `sketch` or `sketch_merge`. NULL in, NULL out."),
                "sketch_from_otlp",
            ),
            Self::FromOtlp => (
                "Returns the sketch of an OTLP `ExponentialHistogramDataPoint` in protobuf; NULL \
                 if it counts nothing. A scale above 6 is lowered to 6 without loss beyond the \
                 wider buckets; one below stays, and percentiles are as inexact as \
                 `sketch_error` says. What the point does not say is NULL afterwards: \
                 `sketch_sum`, `sketch_min`, `sketch_max`. Values that it counts as zero are \
                 zero, whatever its `zero_threshold`. A point that contradicts itself is an error.",
                "round(sketch_quantile(sketch_from_otlp(sketch_to_otlp(sketch(x))), 0.5), 1) AS median \
                 FROM (VALUES (100), (200), (300)) AS t(x)",
                "+--------+\n\
                 | median |\n\
                 +--------+\n\
                 | 200.6  |\n\
                 +--------+",
                ("bytes", "Protobuf. NULL in, NULL out."),
                "sketch_to_otlp",
            ),
            Self::ToDdSketch => (
                "Returns the protobuf of a Datadog `DDSketch` with the buckets of a sketch: gamma \
                 is 2^(1/64), indexOffset 0, interpolation NONE, and bucket i begins at gamma^i, \
                 as in Go and Java. Lost are sum, smallest and largest value, and the up to 128 \
                 values that a sketch is exact for. The Python package `ddsketch` numbers buckets \
                 one higher: there, quantiles read as too small by 1.1 % unless indexOffset is \
                 set to -1.",
                "encode(sketch_to_ddsketch(sketch(x)), 'hex') AS dd FROM (VALUES (100.0)) AS t(x)",
                "+----------------------------------------------------------+\n\
                 | dd                                                       |\n\
                 +----------------------------------------------------------+\n\
                 | 0a09096180773e9a2cf03f120d1208000000000000f03f18d2061a00 |\n\
                 +----------------------------------------------------------+",
                ("s", "Sketches, from `sketch` or `sketch_merge`. NULL in, NULL out."),
                "sketch_from_ddsketch",
            ),
            Self::FromDdSketch => (
                "Returns the sketch of a Datadog `DDSketch` in protobuf; NULL if it counts \
                 nothing. Its gamma must be 2^(2^-s) for a whole s from -10 to 20, 2^(1/64) for \
                 instance, its indexOffset whole, and its interpolation NONE; bucket i begins at \
                 gamma^i, as in Go and Java. `sketch_sum`, `sketch_min` and `sketch_max` are NULL \
                 afterwards. What the Python package `ddsketch` writes reads as too large by a \
                 factor of gamma unless indexOffset is set to 1.",
                "round(sketch_quantile(sketch_from_ddsketch(sketch_to_ddsketch(sketch(x))), 0.5), 1) AS median \
                 FROM (VALUES (100), (200), (300)) AS t(x)",
                "+--------+\n\
                 | median |\n\
                 +--------+\n\
                 | 200.6  |\n\
                 +--------+",
                ("bytes", "Protobuf. NULL in, NULL out."),
                "sketch_to_ddsketch",
            ),
        };
        let syntax = format!("{}({})", self.name(), argument.0);
        Documentation::builder(section, description, syntax)
            .with_sql_example(format!("```sql\n> SELECT {example};\n{shown}\n```"))
            .with_argument(argument.0, argument.1)
            .with_related_udf(related)
            .with_related_udf("sketch")
            .build()
    }
}

impl ScalarUDFImpl for SketchConversion {
    fn name(&self) -> &str {
        self.conversion.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name();
        let [given] = arg_types else {
            return plan_err!("{name} takes one argument, not {}", arg_types.len());
        };
        if self.conversion.takes_sketch() {
            return Ok(vec![coerce_sketch(name, given)?]);
        }
        Ok(vec![coerce_bytes(given).map_or_else(
            || plan_err!("{name}: bytes must have the type Binary, not {given}"),
            Ok,
        )?])
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [given] = take_function_args(self.name(), args.args)?;
        let given = given.into_array(args.number_rows)?;
        let given = given.as_binary::<i32>();
        let mut converted = BinaryBuilder::new();
        for row in 0..given.len() {
            let value = given.is_valid(row).then(|| given.value(row));
            let value = value.map(|value| self.conversion.convert(value)).transpose()?;
            converted.append_option(value.flatten());
        }
        Ok(ColumnarValue::Array(Arc::new(converted.finish()) as ArrayRef))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
