//! Which rows of a row group pass a predicate.
//!
//! What asks about one text column is asked once per value and looked up by code; the rest is asked row by
//! row, of those rows that are still there.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions,
};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::{FilterBuilder, prep_null_mask_filter};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::common::cast::as_boolean_array;
use datafusion::physical_expr::split_conjunction;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_plan::PhysicalExpr;

use super::column::{Coded, Column};

/// Rows that are asked about at a time: their columns fit in the processor's cache.
const ROWS_AT_A_TIME: usize = 16 << 10;
/// Of fewer than a fourth of the rows, copies are made before they are asked about.
const SPARSE: usize = 4;

/// A predicate over columns of a file.
#[derive(Debug)]
pub(super) struct Filter {
    conjuncts: Vec<Conjunct>,
    /// Numbers of the columns that it needs, among those of the file.
    columns: Vec<usize>,
}

#[derive(Debug)]
struct Conjunct {
    /// Over `schema`.
    expr: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
    /// Where its columns are among those of the filter.
    columns: Vec<usize>,
}

/// The rows of a row group that pass.
#[derive(Debug)]
pub(super) enum Passing {
    All,
    None,
    These(BooleanBuffer),
}

/// What a conjunct says about the values of a column.
enum ByValue {
    All,
    None,
    These(Vec<bool>),
}

impl Filter {
    /// `predicate` is over `file`.
    pub(super) fn new(predicate: Option<&Arc<dyn PhysicalExpr>>, file: &Schema) -> Result<Self> {
        let mut all: Vec<&Arc<dyn PhysicalExpr>> = Vec::new();
        // The planner may hand on a filter more than once.
        for conjunct in predicate.map(split_conjunction).unwrap_or_default() {
            if !all.contains(&conjunct) {
                all.push(conjunct);
            }
        }
        let columns_of = |expr: &Arc<dyn PhysicalExpr>| {
            let mut columns: Vec<usize> =
                collect_columns(expr).iter().map(|column| column.index()).collect();
            columns.sort_unstable();
            columns
        };
        let mut columns: Vec<usize> = all.iter().flat_map(|expr| columns_of(expr)).collect();
        columns.sort_unstable();
        columns.dedup();
        let conjuncts = all.into_iter().map(|expr| {
            let of_file = columns_of(expr);
            let schema = Arc::new(file.project(&of_file)?);
            let position = |column| columns.partition_point(|other| other < column);
            Ok(Conjunct {
                expr: reassign_expr_columns(Arc::clone(expr), &schema)?,
                schema,
                columns: of_file.iter().map(position).collect(),
            })
        });
        Ok(Self { conjuncts: conjuncts.collect::<Result<_>>()?, columns })
    }

    /// Numbers of the columns that it needs, among those of the file, ascending.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Those of `rows` rows that pass, or of the `wanted` ones among them. `columns` are in the order of
    /// [`Self::columns`].
    pub(super) fn passing(
        &self,
        columns: &[Arc<Column>],
        rows: usize,
        wanted: Option<BooleanBuffer>,
    ) -> Result<Passing> {
        let mut mask = wanted;
        let mut by_row = Vec::new();
        for conjunct in &self.conjuncts {
            let (wanted, coded) = match *conjunct.columns {
                [] => (conjunct.of_no_column()?, None),
                [one] => match &*columns[one] {
                    // As many values as rows are asked about row by row, and by then there may be fewer.
                    Column::Coded(coded) if coded.values().len() * 2 <= rows => {
                        (conjunct.of_values(coded.values())?, Some(coded))
                    }
                    _ => {
                        by_row.push(conjunct);
                        continue;
                    }
                },
                _ => {
                    by_row.push(conjunct);
                    continue;
                }
            };
            match (wanted, coded) {
                (ByValue::None, _) => return Ok(Passing::None),
                (ByValue::These(values), Some(coded)) => mask = Some(and(mask, coded, &values)),
                (ByValue::All | ByValue::These(_), _) => {}
            }
        }
        if !by_row.is_empty() {
            let mut kept = BooleanBufferBuilder::new(rows);
            for first in (0..rows).step_by(ROWS_AT_A_TIME) {
                let part = Rows { first, count: ROWS_AT_A_TIME.min(rows - first) };
                let mut passing = match &mask {
                    Some(mask) => mask.slice(first, part.count),
                    None => BooleanBuffer::new_set(part.count),
                };
                for conjunct in &by_row {
                    passing = conjunct.among(columns, part, passing)?;
                }
                kept.append_buffer(&passing);
            }
            mask = Some(kept.finish());
        }
        Ok(match mask.map(|mask| (mask.count_set_bits(), mask)) {
            None => Passing::All,
            Some((0, _)) => Passing::None,
            Some((all, _)) if all == rows => Passing::All,
            Some((_, mask)) => Passing::These(mask),
        })
    }
}

/// A part of the rows of a row group.
#[derive(Debug, Clone, Copy)]
struct Rows {
    first: usize,
    count: usize,
}

fn and(mask: Option<BooleanBuffer>, coded: &Coded, values: &[bool]) -> BooleanBuffer {
    let matching = coded.matching(values);
    match mask {
        Some(mask) => &mask & &matching,
        None => matching,
    }
}

impl Conjunct {
    /// The answer for all rows, where no column is asked about.
    fn of_no_column(&self) -> Result<ByValue> {
        let passes = self.evaluate(Vec::new(), 1)?.value(0);
        Ok(if passes { ByValue::All } else { ByValue::None })
    }

    fn of_values(&self, values: &ArrayRef) -> Result<ByValue> {
        let wanted = self.evaluate(vec![Arc::clone(values)], values.len())?;
        Ok(match wanted.true_count() {
            0 => ByValue::None,
            all if all == values.len() => ByValue::All,
            _ => ByValue::These(wanted.values().iter().collect()),
        })
    }

    /// Of the rows that passed until now, those that pass this one too.
    fn among(
        &self,
        columns: &[Arc<Column>],
        rows: Rows,
        passing: BooleanBuffer,
    ) -> Result<BooleanBuffer> {
        let count = passing.count_set_bits();
        if count == 0 {
            return Ok(passing);
        }
        let columns = self.columns.iter().map(|at| &columns[*at]);
        if count * SPARSE > rows.count {
            let arrays = columns.map(|column| column.slice(rows.first, rows.count));
            let result = self.evaluate(arrays.collect::<Result<_>>()?, rows.count)?;
            return Ok(&passing & result.values());
        }
        let filter = FilterBuilder::new(&BooleanArray::from(passing.clone())).optimize().build();
        let arrays = columns.map(|column| column.filtered(rows.first, rows.count, &filter));
        let result = self.evaluate(arrays.collect::<Result<_>>()?, count)?;
        let mut kept = BooleanBufferBuilder::new(rows.count);
        kept.append_n(rows.count, false);
        for (row, passes) in passing.set_indices().zip(result.values()) {
            kept.set_bit(row, passes);
        }
        Ok(kept.finish())
    }

    /// Without NULLs: they do not pass.
    fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<BooleanArray> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        let result = self.expr.evaluate(&batch)?.into_array(rows)?;
        let result = as_boolean_array(&result)?;
        Ok(if result.null_count() > 0 { prep_null_mask_filter(result) } else { result.clone() })
    }
}

#[cfg(test)]
mod tests;
