//! Columns of sketches: what the functions share that take one.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, plan_err};

use crate::sketch::Sketch;

/// The type of a sketch, whatever kind of bytes is given.
pub(crate) fn coerce_sketch(function: &str, given: &DataType) -> Result<DataType> {
    coerce_bytes(given).map_or_else(
        || plan_err!("{function}: s must be a sketch, which has the type Binary, not {given}"),
        Ok,
    )
}

/// The type of bytes, whatever kind of them is given; `None` if it is no kind of bytes.
pub(crate) fn coerce_bytes(given: &DataType) -> Option<DataType> {
    match given {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::Null => {
            Some(DataType::Binary)
        }
        _ => None,
    }
}

/// One number per sketch; NULL for NULL, and where there is no answer.
///
/// # Errors
///
/// If some bytes are no sketch, and as `ask`, which gets the row and its sketch.
pub(crate) fn numbers(
    function: &str,
    sketches: &ArrayRef,
    ask: impl Fn(usize, &Sketch) -> Result<Option<f64>>,
) -> Result<Float64Array> {
    let sketches = sketches.as_binary::<i32>();
    let number = |row: usize| {
        if sketches.is_null(row) {
            return Ok(None);
        }
        let sketch = Sketch::decode(sketches.value(row))
            .map_err(|error| exec_datafusion_err!("{function}: {error}"))?;
        ask(row, &sketch)
    };
    (0..sketches.len()).map(number).collect()
}
