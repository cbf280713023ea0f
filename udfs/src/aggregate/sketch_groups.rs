//! A sketch per group: the accumulators behind `p50` ... `p999`, `quantile` and `sketch`.
//!
//! Encoded sketches come from rollups, and from one step of an aggregation to the next. Most groups then see
//! one of them, and what is asked of it is to be handed on: it is kept as it came, and read when another one
//! comes, or when the group is asked for its answer.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray,
};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, internal_err};
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
    groups: Groups,
    /// What the sketches have allocated, kept up to date because `size` is called
    /// for every batch.
    heap_size: usize,
}

#[derive(Debug, Default)]
struct Groups {
    seen: Vec<Seen>,
    /// Sketches as they came, of groups that saw no other.
    encoded: Vec<u8>,
}

/// What a group has seen.
#[derive(Debug)]
enum Seen {
    /// Values, several sketches, or nothing.
    Sketch(Sketch),
    /// One sketch, which lies there among those that are encoded. Nobody has looked into it.
    Encoded(Range<usize>),
}

impl Default for Seen {
    fn default() -> Self {
        Self::Sketch(Sketch::default())
    }
}

impl Groups {
    fn take(&mut self, emit_to: EmitTo) -> Self {
        let EmitTo::First(_) = emit_to else { return std::mem::take(self) };
        let mut taken = Self { seen: emit_to.take_needed(&mut self.seen), encoded: Vec::new() };
        for seen in &mut taken.seen {
            if let Seen::Encoded(range) = seen {
                let start = taken.encoded.len();
                taken.encoded.extend_from_slice(&self.encoded[range.clone()]);
                *range = start..taken.encoded.len();
            }
        }
        // Groups that stay are mostly younger than those that go.
        let starts = self.seen.iter().filter_map(|seen| match seen {
            Seen::Encoded(range) => Some(range.start),
            Seen::Sketch(_) => None,
        });
        let gone = starts.min().unwrap_or(self.encoded.len());
        self.encoded.drain(..gone);
        for seen in &mut self.seen {
            if let Seen::Encoded(range) = seen {
                *range = range.start - gone..range.end - gone;
            }
        }
        taken
    }

    /// An encoded sketch for each.
    fn states(&self) -> BinaryArray {
        // Most have one value.
        let bytes = self.encoded.len() + self.seen.len() * 10;
        let mut states = BinaryBuilder::with_capacity(self.seen.len(), bytes);
        let mut bytes = Vec::new();
        for seen in &self.seen {
            match seen {
                Seen::Sketch(sketch) => {
                    bytes.clear();
                    sketch.encode_state(&mut bytes);
                    states.append_value(&bytes);
                }
                Seen::Encoded(range) => states.append_value(&self.encoded[range.clone()]),
            }
        }
        states.finish()
    }

    fn heap_size(&self) -> usize {
        let of_sketch = |seen: &Seen| match seen {
            Seen::Sketch(sketch) => sketch.heap_size(),
            Seen::Encoded(_) => 0,
        };
        self.seen.iter().map(of_sketch).sum()
    }
}

impl SketchGroups {
    pub(super) fn new(question: Question) -> Self {
        Self { question, groups: Groups::default(), heap_size: 0 }
    }

    fn read(&self, bytes: &[u8]) -> Result<Sketch> {
        let function = self.question.function;
        Sketch::decode(bytes).map_err(|error| exec_datafusion_err!("{function}: {error}"))
    }

    /// The sketch of a group, to be changed.
    fn change<T>(&mut self, group: usize, change: impl FnOnce(&mut Sketch) -> T) -> Result<T> {
        if let Seen::Encoded(range) = &self.groups.seen[group] {
            let sketch = self.read(&self.groups.encoded[range.clone()])?;
            self.heap_size += sketch.heap_size();
            self.groups.seen[group] = Seen::Sketch(sketch);
        }
        let Seen::Sketch(sketch) = &mut self.groups.seen[group] else {
            return internal_err!("a sketch was not read");
        };
        let before = sketch.heap_size();
        let changed = change(sketch);
        self.heap_size += sketch.heap_size();
        self.heap_size -= before;
        Ok(changed)
    }

    fn take(&mut self, emit_to: EmitTo) -> Groups {
        let taken = self.groups.take(emit_to);
        self.heap_size -= taken.heap_size();
        taken
    }

    fn answer(&self, groups: &Groups) -> Result<ArrayRef> {
        let sketches = groups.seen.iter().map(|seen| match seen {
            Seen::Sketch(sketch) => Ok(Cow::Borrowed(sketch)),
            Seen::Encoded(range) => self.read(&groups.encoded[range.clone()]).map(Cow::Owned),
        });
        match &self.question.answer {
            Answer::Quantile(q, return_type) => {
                let answers = sketches.map(|sketch| Ok(sketch?.quantile(*q)));
                from_numbers(&answers.collect::<Result<Vec<_>>>()?, return_type)
            }
            Answer::Quantiles(qs, return_type) => {
                let mut answers: Vec<Vec<Option<f64>>> =
                    vec![Vec::with_capacity(groups.seen.len()); qs.len()];
                for sketch in sketches {
                    let sketch = sketch?;
                    for (answers, q) in answers.iter_mut().zip(qs) {
                        answers.push(sketch.quantile(*q));
                    }
                }
                columns_of(&answers, return_type)
            }
            Answer::Sketch => {
                let mut answers = BinaryBuilder::with_capacity(groups.seen.len(), 0);
                let mut bytes = Vec::new();
                for sketch in sketches {
                    let sketch = sketch?;
                    bytes.clear();
                    sketch.encode(&mut bytes);
                    answers.append_option((!sketch.is_empty()).then_some(&bytes));
                }
                Ok(Arc::new(answers.finish()))
            }
            Answer::Histogram(scale) => {
                let bins = sketches.map(|sketch| {
                    let sketch = sketch?;
                    Ok((!sketch.is_empty()).then(|| sketch.histogram(*scale)))
                });
                histograms(&bins.collect::<Result<Vec<_>>>()?)
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
                self.change(group, |sketch| sketch.add_weighted(value, weight))?;
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
            let Groups { seen, encoded } = &mut self.groups;
            let is_first = matches!(&seen[group], Seen::Sketch(sketch) if sketch.is_untouched());
            if is_first && weight == 1.0 {
                let start = encoded.len();
                encoded.extend_from_slice(states.value(row));
                seen[group] = Seen::Encoded(start..encoded.len());
                continue;
            }
            self.change(group, |sketch| sketch.merge_encoded(states.value(row), weight))?
                .map_err(|error| exec_datafusion_err!("{function}: {error}"))?;
        }
        Ok(())
    }
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
        self.groups.seen.resize_with(total_num_groups, Seen::default);
        self.add_rows(values, |row| passes(opt_filter, row).then(|| group_indices[row]))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let taken = self.take(emit_to);
        self.answer(&taken)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.take(emit_to).states())])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.seen.resize_with(total_num_groups, Seen::default);
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
        let Groups { seen, encoded } = &self.groups;
        seen.capacity() * size_of::<Seen>() + encoded.capacity() + self.heap_size
    }
}

/// A single group, for windows and for aggregations without GROUP BY.
#[derive(Debug)]
pub(super) struct SketchAccumulator(SketchGroups);

impl SketchAccumulator {
    pub(super) fn new(question: Question) -> Self {
        let mut groups = SketchGroups::new(question);
        groups.groups.seen.push(Seen::default());
        Self(groups)
    }
}

impl Accumulator for SketchAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.add_rows(values, |_| Some(0))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.0.answer(&self.0.groups)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::try_from_array(&self.0.groups.states(), 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_rows(&states[0], &Weights::One, |_| Some(0))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + GroupsAccumulator::size(&self.0)
    }
}

#[cfg(test)]
mod tests;
