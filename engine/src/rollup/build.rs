//! Counts the spans of a file while it is assembled.

use std::array;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::arrow::error::ArrowError;
use schema::rollups::{OPERATION_TEXTS, operations_schema};
use schema::spans::{DURATION_NS, SAMPLE_WEIGHT, START_TIME_UNIX_NANO};

use super::calls::Calls;
use super::codes::Codes;
use super::groups::{Groups, texts};
use super::{Rollup, Subject};
use crate::error::{Error, Result};
use crate::text_dictionary::TextDictionary;

const TEXTS: usize = OPERATION_TEXTS.len();

/// The rollups of a file, while rows are added to the file.
#[derive(Debug)]
pub(crate) struct RollupBuilder {
    columns: [Codes; TEXTS],
    texts: [TextDictionary; TEXTS],
    operations: Groups<TEXTS>,
    calls: Calls,
}

impl Default for RollupBuilder {
    fn default() -> Self {
        let columns = OPERATION_TEXTS.map(Codes::new);
        let (texts, operations, calls) = Default::default();
        Self { columns, texts, operations, calls }
    }
}

/// What is measured of each row of a batch.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) starts_ns: Int64Array,
    pub(super) durations_ns: Int64Array,
    weights: Option<Float64Array>,
}

impl Measured {
    fn of(rows: &RecordBatch) -> Result<Self> {
        let integers = |name: &str| {
            let column = rows.column_by_name(name);
            let column = column.and_then(|column| column.as_primitive_opt::<Int64Type>());
            column.cloned().ok_or_else(|| Error::Internal(format!("a file without {name}")))
        };
        let weights = rows.column_by_name(SAMPLE_WEIGHT).map(AsArray::as_primitive::<Float64Type>);
        Ok(Self {
            starts_ns: integers(START_TIME_UNIX_NANO)?,
            durations_ns: integers(DURATION_NS)?,
            weights: weights.cloned(),
        })
    }

    pub(super) fn weight(&self, row: usize) -> Option<f64> {
        let weights = self.weights.as_ref().filter(|weights| weights.is_valid(row));
        weights.map(|weights| weights.value(row))
    }
}

impl RollupBuilder {
    /// Adds rows in the form in which they are written: text is dictionary-encoded, tree columns are there,
    /// and a column that is missing is NULL.
    pub(crate) fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        let measured = Measured::of(rows)?;
        for column in &mut self.columns {
            column.read(rows)?;
        }
        for row in 0..rows.num_rows() {
            let mut codes = [0; TEXTS];
            let columns = self.columns.iter_mut().zip(&mut self.texts);
            for (code, (column, texts)) in codes.iter_mut().zip(columns) {
                *code = column.get(row, texts)?;
            }
            let (start_ns, weight) = (measured.starts_ns.value(row), measured.weight(row));
            self.operations.add(start_ns, codes, weight, measured.durations_ns.value(row));
        }
        self.calls.add(rows, &measured)
    }

    /// The rollups, with each level that has at most one row for `spans_per_row` spans or calls; with all if
    /// that is 0.
    pub(crate) fn finish(self, spans_per_row: u64) -> Result<Rollup> {
        let Self { mut texts, operations, calls, .. } = self;
        let texts: [ArrayRef; TEXTS] = array::from_fn(|at| Arc::new(texts[at].take_texts()) as _);
        let columns = |keys: &[_]| dimensions(keys, &texts);
        let operations = operations.levels(spans_per_row, &operations_schema(), columns);
        let mut rollup = Rollup::default();
        rollup.add(Subject::Operations, &operations.map_err(arrow)?)?;
        rollup.add(Subject::Edges, &calls.finish(spans_per_row).map_err(arrow)?)?;
        Ok(rollup)
    }
}

fn dimensions(
    keys: &[super::groups::Key<TEXTS>],
    values: &[ArrayRef; TEXTS],
) -> Result<Vec<ArrayRef>, ArrowError> {
    let column = |at: usize| texts(keys.iter().map(|key| key.codes[at]), &values[at]);
    (0..TEXTS).map(column).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn arrow(error: ArrowError) -> Error {
    Error::Internal(format!("rolling up spans: {error}"))
}
