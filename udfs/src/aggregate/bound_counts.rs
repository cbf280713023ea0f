//! Counts between given bounds: the accumulator behind `histogram` with a list of bounds.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::function::StateFieldsArgs;
use datafusion::logical_expr::utils::format_state_name;

use super::argument::Weights;
use super::values::to_numbers;
use crate::bins::histograms;
use crate::sketch::Bin;

/// The state between aggregation steps: the counts, one more than bounds.
pub(super) fn state_fields(args: &StateFieldsArgs<'_>) -> Vec<FieldRef> {
    let counts = Field::new_list_field(DataType::Float64, true);
    vec![Arc::new(Field::new_list(format_state_name(args.name, "counts"), counts, true))]
}

/// Counts of one group.
#[derive(Debug)]
pub(super) struct BoundCounts {
    function: &'static str,
    /// Ascending.
    bounds: Vec<f64>,
    /// Number i is up to bound i, and above the bound before; the last is above all.
    counts: Vec<f64>,
    /// Position of the weight among the arguments.
    weight: usize,
}

impl BoundCounts {
    pub(super) fn new(function: &'static str, bounds: Vec<f64>, weight: usize) -> Self {
        let counts = vec![0.0; bounds.len() + 1];
        Self { function, bounds, counts, weight }
    }
}

impl Accumulator for BoundCounts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let numbers = to_numbers(&values[0])?;
        let weights = Weights::read(self.function, values, self.weight)?;
        for row in (0..numbers.len()).filter(|row| numbers.is_valid(*row)) {
            let value = numbers.value(row);
            if !value.is_nan() {
                let at = self.bounds.partition_point(|bound| *bound < value);
                self.counts[at] += weights.get(row);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let lower = std::iter::once(f64::NEG_INFINITY).chain(self.bounds.iter().copied());
        let upper = self.bounds.iter().copied().chain([f64::INFINITY]);
        let bins = lower.zip(upper).zip(&self.counts);
        let bins = bins.map(|((lower, upper), count)| Bin { lower, upper, count: *count });
        let has_values = self.counts.iter().any(|count| *count > 0.0);
        ScalarValue::try_from_array(&histograms(&[has_values.then(|| bins.collect())])?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let field = Arc::new(Field::new_list_field(DataType::Float64, true));
        let counts = Arc::new(Float64Array::from(self.counts.clone()));
        let lengths = OffsetBuffer::from_lengths([counts.len()]);
        Ok(vec![ScalarValue::List(Arc::new(ListArray::try_new(field, lengths, counts, None)?))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for counts in states[0].as_list::<i32>().iter().flatten() {
            let counts = counts.as_primitive::<Float64Type>();
            if counts.len() != self.counts.len() {
                return exec_err!("{}: counts of other bounds", self.function);
            }
            self.counts.iter_mut().zip(counts.values()).for_each(|(sum, count)| *sum += count);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + (self.bounds.capacity() + self.counts.capacity()) * size_of::<f64>()
    }
}
