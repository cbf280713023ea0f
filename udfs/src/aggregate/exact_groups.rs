//! All values of a group: the accumulators behind `percentile_nearest` and its bounds.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray};
use datafusion::arrow::buffer::{Buffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::function::StateFieldsArgs;
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::argument::Weights;
use super::sketch_groups::passes;
use super::values::{from_keys, to_keys};
use crate::kept_values::KeptValues;
use crate::{binomial_ranks, nearest_rank};

/// What a call asks.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) function: &'static str,
    pub(super) rank: Rank,
    /// Position of the weight among the arguments, if the call has one.
    pub(super) weight: Option<usize>,
    pub(super) return_type: DataType,
}

/// Which of the sorted values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rank {
    /// The nearest rank of q.
    Nearest(f64),
    /// The bound of the quantile q from below, with a confidence.
    Low(f64, f64),
    /// The bound from above.
    High(f64, f64),
}

impl Rank {
    /// The position from 0 among `n` sorted values; `None` if there is none.
    fn position(self, n: usize) -> Option<usize> {
        let rank = match self {
            Self::Nearest(q) => return (n > 0).then(|| nearest_rank::position(q, n)),
            Self::Low(q, confidence) => binomial_ranks::bounds(n as u64, q, confidence).0,
            Self::High(q, confidence) => binomial_ranks::bounds(n as u64, q, confidence).1,
        };
        rank.and_then(|rank| usize::try_from(rank - 1).ok())
    }
}

/// The state between aggregation steps: the values, with their weights if the call has any, as
/// bytes. Long, because those of all groups together may be more than 2 GiB.
pub(super) fn state_fields(args: &StateFieldsArgs<'_>) -> Vec<FieldRef> {
    let name = format_state_name(args.name, "values");
    vec![Arc::new(Field::new(name, DataType::LargeBinary, true))]
}

/// What one group has seen.
#[derive(Debug, Default)]
struct Seen {
    /// In calls without weights.
    values: KeptValues,
    /// In calls with weights.
    weighted: Vec<(i64, f64)>,
}

/// Bytes of a value and its weight in a state.
const PAIR: usize = size_of::<i64>() + size_of::<f64>();

impl Seen {
    fn answer(&mut self, rank: Rank) -> Option<i64> {
        if let Rank::Nearest(q) = rank
            && !self.weighted.is_empty()
        {
            return nearest_rank::weighted(&mut self.weighted, i64::cmp, q);
        }
        self.values.select(rank.position(self.values.len())?)
    }

    fn heap_size(&self) -> usize {
        self.values.heap_size() + self.weighted.capacity() * size_of::<(i64, f64)>()
    }

    /// Appends all that it has seen, and forgets it.
    fn drain_into(&mut self, is_weighted: bool, bytes: &mut Vec<u8>) {
        if !is_weighted {
            return self.values.drain_into(bytes);
        }
        for (value, weight) in std::mem::take(&mut self.weighted) {
            bytes.extend(value.to_le_bytes());
            bytes.extend(weight.to_le_bytes());
        }
    }

    /// Adds what [`drain_into`](Self::drain_into) wrote; `None` if it did not write these bytes.
    fn merge_encoded(&mut self, is_weighted: bool, bytes: &[u8]) -> Option<()> {
        if !is_weighted {
            return self.values.merge_encoded(bytes);
        }
        let (pairs, []) = bytes.as_chunks::<PAIR>() else { return None };
        for pair in pairs {
            let (value, weight) = pair.split_first_chunk()?;
            let weight = f64::from_le_bytes(weight.try_into().ok()?);
            self.weighted.push((i64::from_le_bytes(*value), weight));
        }
        Some(())
    }
}

/// Values by group index.
#[derive(Debug)]
pub(super) struct ExactGroups {
    question: Question,
    groups: Vec<Seen>,
    /// As in the sketch accumulator.
    heap_size: usize,
}

impl ExactGroups {
    pub(super) fn new(question: Question) -> Self {
        Self { question, groups: Vec::new(), heap_size: 0 }
    }

    fn change<T>(&mut self, group: usize, change: impl FnOnce(&mut Seen) -> T) -> T {
        let seen = &mut self.groups[group];
        let before = seen.heap_size();
        let changed = change(seen);
        self.heap_size += seen.heap_size();
        self.heap_size -= before;
        changed
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Seen> {
        let taken = emit_to.take_needed(&mut self.groups);
        self.heap_size -= taken.iter().map(Seen::heap_size).sum::<usize>();
        taken
    }

    fn answer(question: &Question, groups: &mut [Seen]) -> Result<ArrayRef> {
        let answers: Vec<Option<i64>> =
            groups.iter_mut().map(|seen| seen.answer(question.rank)).collect();
        from_keys(&answers, &question.return_type)
    }

    /// Adds the rows of a batch. `group_of` says where a row goes, if anywhere.
    fn add_rows(
        &mut self,
        arguments: &[ArrayRef],
        group_of: impl Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let keys = to_keys(&arguments[0])?;
        let weights = match self.question.weight {
            Some(at) => Some(Weights::read(self.question.function, arguments, at)?),
            None => None,
        };
        for row in (0..keys.len()).filter(|row| keys.is_valid(*row)) {
            let Some(group) = group_of(row) else { continue };
            let key = keys.value(row);
            match weights.as_ref().map(|weights| weights.get(row)) {
                None => self.change(group, |seen| seen.values.push(key)),
                Some(weight) if weight > 0.0 => {
                    self.change(group, |seen| seen.weighted.push((key, weight)));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn merge_rows(&mut self, states: &[ArrayRef], group_of: impl Fn(usize) -> usize) -> Result<()> {
        let states = states[0].as_binary::<i64>();
        let (function, is_weighted) = (self.question.function, self.question.weight.is_some());
        for row in (0..states.len()).filter(|row| states.is_valid(*row)) {
            self.change(group_of(row), |seen| seen.merge_encoded(is_weighted, states.value(row)))
                .ok_or_else(|| internal_datafusion_err!("{function}: the state is none of ours"))?;
        }
        Ok(())
    }

    fn encode(&self, groups: Vec<Seen>) -> Result<ArrayRef> {
        let mut bytes = Vec::new();
        let mut lengths = Vec::with_capacity(groups.len());
        for mut seen in groups {
            let before = bytes.len();
            seen.drain_into(self.question.weight.is_some(), &mut bytes);
            lengths.push(bytes.len() - before);
        }
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(LargeBinaryArray::try_new(offsets, Buffer::from_vec(bytes), None)?))
    }
}

impl GroupsAccumulator for ExactGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, Seen::default);
        self.add_rows(values, |row| passes(opt_filter, row).then(|| group_indices[row]))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let mut groups = self.take(emit_to);
        Self::answer(&self.question, &mut groups)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.take(emit_to);
        Ok(vec![self.encode(groups)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, Seen::default);
        self.merge_rows(values, |row| group_indices[row])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut each = ExactGroups::new(self.question.clone());
        let groups: Vec<usize> = (0..values[0].len()).collect();
        each.update_batch(values, &groups, opt_filter, groups.len())?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Seen>() + self.heap_size
    }
}

/// A single group, for windows and for aggregations without GROUP BY.
#[derive(Debug)]
pub(super) struct ExactAccumulator(ExactGroups);

impl ExactAccumulator {
    pub(super) fn new(question: Question) -> Self {
        let mut groups = ExactGroups::new(question);
        groups.groups.push(Seen::default());
        Self(groups)
    }
}

impl Accumulator for ExactAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.add_rows(values, |_| Some(0))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let ExactGroups { question, groups, .. } = &mut self.0;
        ScalarValue::try_from_array(&ExactGroups::answer(question, groups)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let is_weighted = self.0.question.weight.is_some();
        let mut bytes = Vec::new();
        self.0.change(0, |seen| seen.drain_into(is_weighted, &mut bytes));
        Ok(vec![ScalarValue::LargeBinary(Some(bytes))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_rows(states, |_| 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + GroupsAccumulator::size(&self.0)
    }
}
