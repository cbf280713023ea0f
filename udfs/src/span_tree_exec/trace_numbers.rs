//! Traces numbered in the order in which they are met.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

/// Bytes of the trace ids of OpenTelemetry.
const TRACE_ID_BYTES: i32 = 16;

/// A number for each trace id, from 0. NULL is a trace like any other, as it is for a window.
pub(super) struct TraceNumbers {
    known: Box<dyn GroupValues>,
    buffer: Vec<usize>,
}

impl TraceNumbers {
    /// Whether ids of this type can be numbered so that equal numbers mean what `PARTITION BY` takes for equal.
    pub(super) fn takes(id: &DataType) -> bool {
        match id {
            DataType::Dictionary(_, values) => Self::takes(values),
            DataType::FixedSizeBinary(_) => true,
            _ => id.is_integer() || id.is_string() || id.is_binary(),
        }
    }

    pub(super) fn try_new(id: &DataType) -> Result<Self> {
        let key = match id {
            DataType::FixedSizeBinary(TRACE_ID_BYTES) => DataType::Decimal128(38, 0),
            other => other.clone(),
        };
        let schema = Arc::new(Schema::new(vec![Field::new("trace_id", key, true)]));
        let known = new_group_values(schema, &GroupOrdering::None)?;
        Ok(Self { known, buffer: Vec::new() })
    }

    /// Appends the number of each row's trace.
    pub(super) fn append(&mut self, ids: &ArrayRef, numbers: &mut Vec<u32>) -> Result<()> {
        self.known.intern(&[as_key(ids)?], &mut self.buffer)?;
        // There are no more traces than rows, and rows are counted in 32 bits.
        numbers.extend(self.buffer.iter().map(|number| *number as u32));
        Ok(())
    }

    /// The number of traces.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        self.known.size() + size_of::<usize>() * self.buffer.capacity()
    }
}

/// Ids of 16 bytes as 128-bit numbers, which have a grouping of their own; others as they are.
fn as_key(ids: &ArrayRef) -> Result<ArrayRef> {
    if *ids.data_type() != DataType::FixedSizeBinary(TRACE_ID_BYTES) {
        return Ok(Arc::clone(ids));
    }
    let bytes = ids.as_fixed_size_binary();
    let number = |row| {
        let id = bytes.value(row).try_into();
        id.map(i128::from_le_bytes).map_err(|_| exec_datafusion_err!("a trace id is not 16 bytes"))
    };
    let numbers: Vec<i128> = (0..bytes.len()).map(number).collect::<Result<_>>()?;
    Ok(Arc::new(Decimal128Array::try_new(numbers.into(), bytes.nulls().cloned())?))
}
