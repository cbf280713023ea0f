//! `date_trunc` of times in UTC by arithmetic.
//!
//! DataFusion rounds times that have a zone one by one, and asks the zone for its offset at each; times without one
//! it divides. All times of a lake are in UTC, where both are the same.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    ArrowTimestampType, DataType, FieldRef, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::Result;
use datafusion::functions::datetime::date_trunc::DateTruncFunc;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

/// DataFusion's function, which gets times without their zone where that is UTC.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct DateTrunc {
    general: DateTruncFunc,
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.general.name()
    }

    fn aliases(&self) -> &[String] {
        self.general.aliases()
    }

    fn signature(&self) -> &Signature {
        self.general.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.general.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        self.general.return_field_from_args(arguments)
    }

    fn invoke_with_args(&self, mut arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(ColumnarValue::Array(times)) = arguments.args.get_mut(1) else {
            return self.general.invoke_with_args(arguments);
        };
        let Some((unit, zone)) = unit_of_utc(times.data_type()) else {
            return self.general.invoke_with_args(arguments);
        };
        *times = in_zone(times, unit, None);
        Ok(match self.general.invoke_with_args(arguments)? {
            ColumnarValue::Array(times) => ColumnarValue::Array(in_zone(&times, unit, Some(zone))),
            scalar => scalar,
        })
    }

    fn output_ordering(&self, arguments: &[ExprProperties]) -> Result<SortProperties> {
        self.general.output_ordering(arguments)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.general.documentation()
    }
}

/// Unit and zone of times in UTC.
fn unit_of_utc(data_type: &DataType) -> Option<(TimeUnit, Arc<str>)> {
    match data_type {
        DataType::Timestamp(unit, Some(zone)) if matches!(&**zone, "UTC" | "+00:00") => {
            Some((*unit, Arc::clone(zone)))
        }
        _ => None,
    }
}

/// The same numbers in another zone.
fn in_zone(times: &ArrayRef, unit: TimeUnit, zone: Option<Arc<str>>) -> ArrayRef {
    fn of<T: ArrowTimestampType>(times: &ArrayRef, zone: Option<Arc<str>>) -> ArrayRef {
        Arc::new(times.as_primitive::<T>().clone().with_timezone_opt(zone))
    }
    match unit {
        TimeUnit::Second => of::<TimestampSecondType>(times, zone),
        TimeUnit::Millisecond => of::<TimestampMillisecondType>(times, zone),
        TimeUnit::Microsecond => of::<TimestampMicrosecondType>(times, zone),
        TimeUnit::Nanosecond => of::<TimestampNanosecondType>(times, zone),
    }
}

#[cfg(test)]
mod tests;
