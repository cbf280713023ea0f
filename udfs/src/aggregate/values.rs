//! Column values as numbers that percentiles work on, and back.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, UInt64Array};
use datafusion::arrow::compute::{can_cast_types, cast};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::common::{Result, plan_err};

/// The type of a sketch percentile of `given`, and of its argument.
pub(super) fn coerce_for_sketch(function: &str, given: &DataType) -> Result<DataType> {
    match given {
        _ if given.is_integer() => Ok(given.clone()),
        DataType::Duration(_) => Ok(given.clone()),
        _ if given.is_numeric() || *given == DataType::Null => Ok(DataType::Float64),
        _ => plan_err!("{function}: x must be a number or a Duration, not {given}"),
    }
}

/// Numbers for a sketch. Beyond 2^53 integers lose their last digits.
pub(super) fn to_numbers(column: &ArrayRef) -> Result<Float64Array> {
    let column = match column.data_type() {
        DataType::Duration(_) => &cast(column, &DataType::Int64)?,
        _ => column,
    };
    Ok(cast(column, &DataType::Float64)?.as_primitive().clone())
}

/// Numbers from a sketch, rounded where the type asks for it.
pub(super) fn from_numbers(numbers: &[Option<f64>], to: &DataType) -> Result<ArrayRef> {
    let numbers = numbers.iter().copied();
    let column: ArrayRef = match to {
        // `as` stops at the ends of the range, where a cast would give NULL.
        DataType::UInt64 => {
            Arc::new(UInt64Array::from_iter(numbers.map(|x| x.map(|x| x.round() as u64))))
        }
        _ if to.is_integer() || matches!(to, DataType::Duration(_)) => {
            Arc::new(Int64Array::from_iter(numbers.map(|x| x.map(|x| x.round() as i64))))
        }
        _ => Arc::new(Float64Array::from_iter(numbers)),
    };
    Ok(cast(&column, to)?)
}

/// The type of an exact percentile of `given`, and of its argument.
pub(super) fn coerce_for_keys(function: &str, given: &DataType) -> Result<DataType> {
    match given {
        _ if given.is_decimal() || *given == DataType::Null => Ok(DataType::Float64),
        _ if given.is_numeric() => Ok(given.clone()),
        _ if given.is_temporal()
            && can_cast_types(given, &DataType::Int64)
            && can_cast_types(&DataType::Int64, given) =>
        {
            Ok(given.clone())
        }
        _ => plan_err!("{function}: x must be a number, a time or a Duration, not {given}"),
    }
}

/// Integers in the order of the values, from which the values can be had back.
/// NULL and NaN become NULL.
pub(super) fn to_keys(column: &ArrayRef) -> Result<Int64Array> {
    let given = column.data_type();
    if *given == DataType::UInt64 {
        let key = |x: u64| (x ^ SIGN).cast_signed();
        return Ok(column.as_primitive::<UInt64Type>().unary(key));
    }
    if given.is_floating() {
        let floats = cast(column, &DataType::Float64)?;
        let floats = floats.as_primitive::<Float64Type>();
        let key = |x: f64| (!x.is_nan()).then(|| float_key(x.to_bits().cast_signed()));
        return Ok(floats.unary_opt(key));
    }
    Ok(cast(column, &DataType::Int64)?.as_primitive().clone())
}

/// The values of keys that [`to_keys`] made from a column of type `to`.
pub(super) fn from_keys(keys: &[Option<i64>], to: &DataType) -> Result<ArrayRef> {
    let keys = keys.iter().copied();
    let column: ArrayRef = if *to == DataType::UInt64 {
        Arc::new(UInt64Array::from_iter(keys.map(|key| key.map(|key| key.cast_unsigned() ^ SIGN))))
    } else if to.is_floating() {
        let float = |key: i64| f64::from_bits(float_key(key).cast_unsigned());
        Arc::new(Float64Array::from_iter(keys.map(|key| key.map(float))))
    } else {
        Arc::new(keys.collect::<datafusion::arrow::array::PrimitiveArray<Int64Type>>())
    };
    Ok(cast(&column, to)?)
}

const SIGN: u64 = 1 << 63;

/// The order of `f64::total_cmp` as that of an integer; its own inverse.
fn float_key(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}
