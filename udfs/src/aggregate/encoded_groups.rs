//! Aggregates whose state is bytes between the steps of a query: what DataFusion wants, for any of them.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::sketch_groups::passes;
use crate::encoding::Damaged;

/// What an aggregate knows of one group.
pub(super) trait State: Debug + Default + Send + Sync + 'static {
    /// Of the function.
    const NAME: &'static str;

    /// Adds the rows of a batch. `group_of` says where a row goes, if anywhere.
    fn add_rows(
        states: &mut [Self],
        arguments: &[ArrayRef],
        group_of: impl Fn(usize) -> Option<usize>,
    ) -> Result<()>;

    /// Appends all of it to `bytes`.
    fn encode(&self, bytes: &mut Vec<u8>);

    /// Adds what is in `bytes`.
    fn merge_encoded(&mut self, bytes: &[u8]) -> Result<(), Damaged>;

    /// The answers, one per group.
    fn answers(states: &[Self]) -> Result<ArrayRef>;

    /// Bytes of memory beside its own size, about.
    fn heap_size(&self) -> usize;
}

/// States by group index.
#[derive(Debug, Default)]
pub(super) struct Groups<S>(Vec<S>);

impl<S: State> Groups<S> {
    fn merge_rows(&mut self, states: &ArrayRef, group_of: impl Fn(usize) -> usize) -> Result<()> {
        let states = states.as_binary::<i32>();
        for row in (0..states.len()).filter(|row| states.is_valid(*row)) {
            self.0[group_of(row)]
                .merge_encoded(states.value(row))
                .map_err(|_| exec_datafusion_err!("{}: a state is damaged", S::NAME))?;
        }
        Ok(())
    }
}

fn encode<S: State>(states: &[S]) -> ArrayRef {
    let mut all = BinaryBuilder::new();
    let mut bytes = Vec::new();
    for state in states {
        bytes.clear();
        state.encode(&mut bytes);
        all.append_value(&bytes);
    }
    Arc::new(all.finish())
}

impl<S: State> GroupsAccumulator for Groups<S> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.resize_with(total_num_groups, S::default);
        let group_of = |row| passes(opt_filter, row).then(|| group_indices[row]);
        S::add_rows(&mut self.0, values, group_of)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        S::answers(&emit_to.take_needed(&mut self.0))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![encode(&emit_to.take_needed(&mut self.0))])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.resize_with(total_num_groups, S::default);
        self.merge_rows(&values[0], |row| group_indices[row])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut each = Self(Vec::new());
        let groups: Vec<usize> = (0..values[0].len()).collect();
        each.update_batch(values, &groups, opt_filter, groups.len())?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        let heap = self.0.iter().map(S::heap_size).sum::<usize>();
        self.0.capacity() * size_of::<S>() + heap
    }
}

/// A single group, for windows and for aggregations without GROUP BY.
#[derive(Debug)]
pub(super) struct One<S>(Groups<S>);

impl<S: State> Default for One<S> {
    fn default() -> Self {
        Self(Groups(vec![S::default()]))
    }
}

impl<S: State> Accumulator for One<S> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        S::add_rows(&mut self.0.0, values, |_| Some(0))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&S::answers(&self.0.0)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::try_from_array(&encode(&self.0.0), 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_rows(&states[0], |_| 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + GroupsAccumulator::size(&self.0)
    }
}
