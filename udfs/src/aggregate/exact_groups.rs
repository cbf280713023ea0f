//! All values of a group: the accumulators behind `percentile_nearest` and its bounds.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::StateFieldsArgs;
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::argument::Weights;
use super::sketch_groups::passes;
use super::values::{from_keys, to_keys};
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

/// The state between aggregation steps: the values as keys, and their weights if
/// the call has any.
pub(super) fn state_fields(args: &StateFieldsArgs<'_>, is_weighted: bool) -> Vec<FieldRef> {
    let list = |name: &str, items: DataType| {
        let items = Field::new_list_field(items, true);
        Arc::new(Field::new_list(format_state_name(args.name, name), items, true))
    };
    let mut fields = vec![list("values", DataType::Int64)];
    if is_weighted {
        fields.push(list("weights", DataType::Float64));
    }
    fields
}

/// What one group has seen. `weights` stays empty in calls without weights.
#[derive(Debug, Default)]
struct Seen {
    keys: Vec<i64>,
    weights: Vec<f64>,
}

impl Seen {
    fn answer(&mut self, rank: Rank) -> Option<i64> {
        if let Rank::Nearest(q) = rank
            && !self.weights.is_empty()
        {
            let keys = self.keys.iter().copied();
            let mut pairs: Vec<(i64, f64)> = keys.zip(self.weights.iter().copied()).collect();
            return nearest_rank::weighted(&mut pairs, i64::cmp, q);
        }
        let at = rank.position(self.keys.len())?;
        Some(*self.keys.select_nth_unstable(at).1)
    }

    fn heap_size(&self) -> usize {
        self.keys.capacity() * size_of::<i64>() + self.weights.capacity() * size_of::<f64>()
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

    fn push(&mut self, group: usize, key: i64, weight: f64) {
        let seen = &mut self.groups[group];
        let before = seen.heap_size();
        seen.keys.push(key);
        if self.question.weight.is_some() {
            seen.weights.push(weight);
        }
        self.heap_size += seen.heap_size() - before;
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
            Some(at) => Weights::read(self.question.function, arguments, at)?,
            None => Weights::One,
        };
        for row in (0..keys.len()).filter(|row| keys.is_valid(*row)) {
            let weight = weights.get(row);
            if let Some(group) = group_of(row).filter(|_| weight > 0.0) {
                self.push(group, keys.value(row), weight);
            }
        }
        Ok(())
    }

    fn merge_rows(&mut self, states: &[ArrayRef], group_of: impl Fn(usize) -> usize) {
        let lists = states[0].as_list::<i32>();
        let weight_lists = states.get(1).map(|weights| weights.as_list::<i32>());
        for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
            let keys = lists.value(row);
            let weights = weight_lists.map(|lists| lists.value(row));
            let weights = weights.as_ref().map(|weights| weights.as_primitive::<Float64Type>());
            for (i, key) in keys.as_primitive::<Int64Type>().values().iter().enumerate() {
                self.push(group_of(row), *key, weights.map_or(1.0, |weights| weights.value(i)));
            }
        }
    }

    fn encode(&self, groups: &[Seen]) -> Result<Vec<ArrayRef>> {
        let lengths = || OffsetBuffer::from_lengths(groups.iter().map(|seen| seen.keys.len()));
        let list = |items: ArrayRef| -> Result<ArrayRef> {
            let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
            Ok(Arc::new(ListArray::try_new(field, lengths(), items, None)?))
        };
        let keys = groups.iter().flat_map(|seen| seen.keys.iter().copied());
        let mut states = vec![list(Arc::new(Int64Array::from_iter_values(keys)))?];
        if self.question.weight.is_some() {
            let weights = groups.iter().flat_map(|seen| seen.weights.iter().copied());
            states.push(list(Arc::new(Float64Array::from_iter_values(weights)))?);
        }
        Ok(states)
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
        self.encode(&groups)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, Seen::default);
        self.merge_rows(values, |row| group_indices[row]);
        Ok(())
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
        let states = self.0.encode(&self.0.groups)?;
        states.iter().map(|state| ScalarValue::try_from_array(state, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_rows(states, |_| 0);
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + GroupsAccumulator::size(&self.0)
    }
}
