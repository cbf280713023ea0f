//! Times in UTC, beside DataFusion's own rounding of times that have a zone.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, TimestampNanosecondArray, TimestampSecondArray};
use datafusion::arrow::datatypes::Field;
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::functions::datetime::date_trunc::DateTruncFunc;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl};
use proptest::prelude::*;

use super::DateTrunc;

const UNITS: [&str; 10] = [
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
];

fn truncated(function: &dyn ScalarUDFImpl, unit: &str, times: &ArrayRef) -> ArrayRef {
    let arguments = ScalarFunctionArgs {
        args: vec![
            ColumnarValue::Scalar(ScalarValue::from(unit)),
            ColumnarValue::Array(Arc::clone(times)),
        ],
        arg_fields: Vec::new(),
        number_rows: times.len(),
        return_field: Arc::new(Field::new("time", times.data_type().clone(), true)),
        config_options: Arc::new(ConfigOptions::new()),
    };
    function.invoke_with_args(arguments).unwrap().into_array(times.len()).unwrap()
}

proptest! {
    /// Scenario: times of two centuries, and none, in several zones, rounded to each unit.
    /// Guarantees: type and values are those of DataFusion's function.
    #[test]
    fn same_as_the_general_one(
        seconds in prop::collection::vec(prop::option::of(-3_000_000_000_i64..4_000_000_000), 0..20),
        nanos in 0_i64..1_000_000_000,
        zone in prop::sample::select(vec![None, Some("UTC"), Some("+00:00"), Some("+02:00"), Some("Asia/Kolkata")]),
    ) {
        let of_seconds = TimestampSecondArray::from(seconds.clone()).with_timezone_opt(zone);
        let of_nanos = seconds.iter().map(|at| at.map(|at| at * 1_000_000_000 + nanos));
        let of_nanos = of_nanos.collect::<TimestampNanosecondArray>().with_timezone_opt(zone);
        for times in [Arc::new(of_seconds) as ArrayRef, Arc::new(of_nanos)] {
            for unit in UNITS {
                let found = truncated(&DateTrunc::default(), unit, &times);
                prop_assert_eq!(&found, &truncated(&DateTruncFunc::new(), unit, &times), "{}", unit);
            }
        }
    }
}
