//! A record batch that is known to hold rows of the stored `spans` table.

use arrow::array::RecordBatch;

use crate::error::{Error, Result};
use crate::spans;

/// Rows of the stored `spans` table: every column of [`spans::stored_schema`], in
/// that order and of that type.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanBatch(RecordBatch);

impl SpanBatch {
    /// Checks that `batch` has the stored schema.
    ///
    /// # Errors
    ///
    /// [`Error::Batch`] names the first column that differs.
    pub fn try_new(batch: RecordBatch) -> Result<Self> {
        let expected = spans::stored_schema();
        let actual = batch.schema();
        if actual.fields().len() != expected.fields().len() {
            let reason =
                format!("{} columns instead of {}", actual.fields().len(), expected.fields().len());
            return Err(Error::Batch { reason });
        }
        for (have, want) in actual.fields().iter().zip(expected.fields()) {
            if have.name() != want.name() || have.data_type() != want.data_type() {
                let reason = format!(
                    "column `{}` of type {} instead of `{}` of type {}",
                    have.name(),
                    have.data_type(),
                    want.name(),
                    want.data_type()
                );
                return Err(Error::Batch { reason });
            }
        }
        Ok(Self(batch))
    }

    /// The rows.
    pub fn as_record_batch(&self) -> &RecordBatch {
        &self.0
    }

    /// The rows, by value.
    pub fn into_record_batch(self) -> RecordBatch {
        self.0
    }

    /// Number of spans.
    pub fn num_rows(&self) -> usize {
        self.0.num_rows()
    }
}
