//! A sketch per group: the accumulators behind `p50` ... `p999`, `quantile` and `sketch`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::function::StateFieldsArgs;
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::argument::Weights;
use super::shared_percentiles::columns_of;
use super::values::{from_numbers, to_numbers};
use crate::bins::histograms;
use crate::sketch::Sketch;

/// What a call puts into its sketches, and asks of them.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) function: &'static str,
    pub(super) rows: Rows,
    pub(super) answer: Answer,
}

/// What the rows are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows {
    /// Values, with a weight if there is an argument at that place.
    Values {
        /// Position of the weight among the arguments.
        weight: usize,
    },
    /// Encoded sketches, with a weight if there is a second argument.
    Sketches,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// The quantile q, in that type.
    Quantile(f64, DataType),
    /// Several quantiles, as a struct of that type.
    Quantiles(Vec<f64>, DataType),
    /// The sketch itself, encoded; NULL if it has seen no value.
    Sketch,
    /// Counts by bucket of that scale; NULL without values.
    Histogram(i8),
}

/// The state between aggregation steps: one encoded sketch.
pub(super) fn state_fields(args: &StateFieldsArgs<'_>) -> Vec<FieldRef> {
    let name = format_state_name(args.name, "sketch");
    vec![Arc::new(Field::new(name, DataType::Binary, true))]
}

/// Sketches by group index.
#[derive(Debug)]
pub(super) struct SketchGroups {
    question: Question,
    sketches: Vec<Sketch>,
    /// What the sketches have allocated, kept up to date because `size` is called
    /// for every batch.
    heap_size: usize,
}

impl SketchGroups {
    pub(super) fn new(question: Question) -> Self {
        Self { question, sketches: Vec::new(), heap_size: 0 }
    }

    fn change<T>(&mut self, group: usize, change: impl FnOnce(&mut Sketch) -> T) -> T {
        let sketch = &mut self.sketches[group];
        let before = sketch.heap_size();
        let changed = change(sketch);
        self.heap_size += sketch.heap_size();
        self.heap_size -= before;
        changed
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Sketch> {
        let taken = emit_to.take_needed(&mut self.sketches);
        self.heap_size -= taken.iter().map(Sketch::heap_size).sum::<usize>();
        taken
    }

    fn answer<'a>(&self, sketches: impl IntoIterator<Item = &'a Sketch>) -> Result<ArrayRef> {
        match &self.question.answer {
            Answer::Quantile(q, return_type) => {
                let quantile = |sketch: &Sketch| sketch.quantile(*q);
                let answers: Vec<Option<f64>> = sketches.into_iter().map(quantile).collect();
                from_numbers(&answers, return_type)
            }
            Answer::Quantiles(qs, return_type) => {
                let mut answers: Vec<Vec<Option<f64>>> = vec![Vec::new(); qs.len()];
                for sketch in sketches {
                    for (answers, q) in answers.iter_mut().zip(qs) {
                        answers.push(sketch.quantile(*q));
                    }
                }
                columns_of(&answers, return_type)
            }
            Answer::Sketch => {
                let seen = |sketch: &'a Sketch| (!sketch.is_empty()).then_some(sketch);
                Ok(encode(sketches.into_iter().map(seen), Sketch::encode))
            }
            Answer::Histogram(scale) => {
                let bins = |sketch: &Sketch| (!sketch.is_empty()).then(|| sketch.histogram(*scale));
                histograms(&sketches.into_iter().map(bins).collect::<Vec<_>>())
            }
        }
    }

    /// Adds the rows of a batch. `group_of` says where a row goes, if anywhere.
    fn add_rows(
        &mut self,
        arguments: &[ArrayRef],
        group_of: impl Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let Rows::Values { weight } = self.question.rows else {
            let weights = Weights::read(self.question.function, arguments, 1)?;
            return self.merge_rows(&arguments[0], &weights, group_of);
        };
        let values = to_numbers(&arguments[0])?;
        let weights = Weights::read(self.question.function, arguments, weight)?;
        for row in 0..values.len() {
            if let Some(group) = group_of(row).filter(|_| values.is_valid(row)) {
                let (value, weight) = (values.value(row), weights.get(row));
                self.change(group, |sketch| sketch.add_weighted(value, weight));
            }
        }
        Ok(())
    }

    /// Adds sketches. `group_of` says where one goes, if anywhere.
    fn merge_rows(
        &mut self,
        states: &ArrayRef,
        weights: &Weights,
        group_of: impl Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let states = states.as_binary::<i32>();
        for row in (0..states.len()).filter(|row| states.is_valid(*row)) {
            let Some(group) = group_of(row) else { continue };
            let (function, weight) = (self.question.function, weights.get(row));
            self.change(group, |sketch| sketch.merge_encoded(states.value(row), weight))
                .map_err(|error| exec_datafusion_err!("{function}: {error}"))?;
        }
        Ok(())
    }
}

fn encode<'a>(
    sketches: impl Iterator<Item = Option<&'a Sketch>>,
    encode: fn(&Sketch, &mut Vec<u8>),
) -> ArrayRef {
    // Most have one value.
    let groups = sketches.size_hint().0;
    let mut states = BinaryBuilder::with_capacity(groups, groups * 10);
    let mut bytes = Vec::new();
    for sketch in sketches {
        bytes.clear();
        if let Some(sketch) = sketch {
            encode(sketch, &mut bytes);
        }
        states.append_option(sketch.map(|_| &bytes));
    }
    Arc::new(states.finish())
}

/// Whether a filter, if there is one, lets the row pass.
pub(super) fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

impl GroupsAccumulator for SketchGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.sketches.resize_with(total_num_groups, Sketch::default);
        self.add_rows(values, |row| passes(opt_filter, row).then(|| group_indices[row]))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sketches = self.take(emit_to);
        self.answer(&sketches)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![encode(self.take(emit_to).iter().map(Some), Sketch::encode_state)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.sketches.resize_with(total_num_groups, Sketch::default);
        self.merge_rows(&values[0], &Weights::One, |row| Some(group_indices[row]))
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut each = SketchGroups::new(self.question.clone());
        let groups: Vec<usize> = (0..values[0].len()).collect();
        each.update_batch(values, &groups, opt_filter, groups.len())?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.sketches.capacity() * size_of::<Sketch>() + self.heap_size
    }
}

/// A single group, for windows and for aggregations without GROUP BY.
#[derive(Debug)]
pub(super) struct SketchAccumulator(SketchGroups);

impl SketchAccumulator {
    pub(super) fn new(question: Question) -> Self {
        let mut groups = SketchGroups::new(question);
        groups.sketches.push(Sketch::default());
        Self(groups)
    }
}

impl Accumulator for SketchAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.add_rows(values, |_| Some(0))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.0.answer(&self.0.sketches)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = encode(self.0.sketches.iter().map(Some), Sketch::encode_state);
        Ok(vec![ScalarValue::try_from_array(&state, 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_rows(&states[0], &Weights::One, |_| Some(0))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + GroupsAccumulator::size(&self.0)
    }
}
