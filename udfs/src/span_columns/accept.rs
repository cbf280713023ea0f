//! Which types the span columns may have.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};

/// The names of the arguments, in order.
pub const ARGUMENTS: [&str; 10] = [
    "span_id",
    "parent_span_id",
    "start_time",
    "duration_ns",
    "span_kind",
    "status_code",
    "service_name",
    "span_name",
    "flags",
    "service_instance_id",
];

/// How many of [`ARGUMENTS`] must be given.
pub const REQUIRED_ARGUMENTS: usize = 8;

pub(super) const SPAN_ID: usize = 0;
pub(super) const PARENT_SPAN_ID: usize = 1;
pub(super) const START_TIME: usize = 2;
pub(super) const DURATION: usize = 3;
pub(super) const SPAN_KIND: usize = 4;
pub(super) const STATUS_CODE: usize = 5;
pub(super) const SERVICE_NAME: usize = 6;
pub(super) const SPAN_NAME: usize = 7;
pub(super) const FLAGS: usize = 8;
pub(super) const INSTANCE: usize = 9;

/// Checks the argument types of `function` and returns those to cast to. Accepted
/// types stay as they are, because a cast would be paid for each trace.
pub(crate) fn coerce(function: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    if !(REQUIRED_ARGUMENTS..=ARGUMENTS.len()).contains(&types.len()) {
        return plan_err!(
            "{function} takes {REQUIRED_ARGUMENTS} to {} arguments ({}), not {}",
            ARGUMENTS.len(),
            ARGUMENTS.join(", "),
            types.len()
        );
    }
    let coerce_one = |(i, given): (usize, &DataType)| match given {
        DataType::Null => Ok(null_type(i)),
        _ if is_accepted(i, given) => Ok(given.clone()),
        _ => plan_err!(
            "{function}: argument {}, {}, has type {given}; it takes {}",
            i + 1,
            ARGUMENTS[i],
            accepted(i)
        ),
    };
    types.iter().enumerate().map(coerce_one).collect()
}

fn is_accepted(argument: usize, given: &DataType) -> bool {
    match argument {
        SPAN_ID | PARENT_SPAN_ID => {
            is_text(given) || matches!(given, DataType::FixedSizeBinary(_)) || given.is_integer()
        }
        START_TIME => matches!(given, DataType::Timestamp(..)) || given.is_integer(),
        DURATION => matches!(given, DataType::Duration(_)) || given.is_integer(),
        SPAN_KIND => is_text(given) || given.is_integer(),
        STATUS_CODE => is_text(given) || given.is_integer() || *given == DataType::Boolean,
        FLAGS => given.is_integer(),
        _ => is_text(given),
    }
}

/// Text of any encoding; bytes count, because some writers leave out the mark.
fn is_text(given: &DataType) -> bool {
    match given {
        DataType::Dictionary(_, values) => is_text(values),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
        _ => given.is_string(),
    }
}

fn accepted(argument: usize) -> &'static str {
    match argument {
        SPAN_ID | PARENT_SPAN_ID => "8 bytes, hex text, other text, or an integer",
        START_TIME => "a timestamp, or nanoseconds as BIGINT",
        DURATION => "nanoseconds as BIGINT, or a Duration (cast other numbers to BIGINT)",
        SPAN_KIND => "text such as 'server', or the OTLP number",
        STATUS_CODE => "text such as 'error', the OTLP number, or a boolean",
        FLAGS => "an integer",
        _ => "text",
    }
}

fn null_type(argument: usize) -> DataType {
    match argument {
        START_TIME | DURATION | FLAGS => DataType::Int64,
        _ => DataType::Utf8,
    }
}
