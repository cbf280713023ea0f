//! A record batch that is known to hold rows of the stored `spans` table.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::error::{Error, Result};
use crate::received::{received_column, received_schema, stored_rows};

/// Rows of the stored `spans` table: every column of [`crate::spans::stored_schema`] in that order,
/// in the form of [`crate::received`].
#[derive(Debug, Clone, PartialEq)]
pub struct SpanBatch(RecordBatch);

impl SpanBatch {
    /// Takes rows that have the stored schema, or that of [`crate::received`].
    ///
    /// # Errors
    ///
    /// [`Error::Batch`] names the first column that differs.
    pub fn try_new(batch: RecordBatch) -> Result<Self> {
        let (expected, actual) = (received_schema(), batch.schema());
        if Arc::ptr_eq(&expected, &actual) {
            return Ok(Self(batch));
        }
        if actual.fields().len() != expected.fields().len() {
            let reason =
                format!("{} columns instead of {}", actual.fields().len(), expected.fields().len());
            return Err(Error::Batch { reason });
        }
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (column, (have, want)) in
            batch.columns().iter().zip(actual.fields().iter().zip(expected.fields().iter()))
        {
            let received = (have.name() == want.name())
                .then(|| received_column(column, want.data_type()).ok())
                .flatten();
            let Some(received) = received else {
                let reason = format!(
                    "column `{}` of type {} instead of `{}` of type {}",
                    have.name(),
                    have.data_type(),
                    want.name(),
                    want.data_type()
                );
                return Err(Error::Batch { reason });
            };
            columns.push(received);
        }
        let batch = RecordBatch::try_new(expected, columns);
        batch.map(Self).map_err(|error| Error::Batch { reason: error.to_string() })
    }

    /// The rows, under [`received_schema`].
    pub fn as_received(&self) -> &RecordBatch {
        &self.0
    }

    /// The rows by value, under [`received_schema`].
    pub fn into_received(self) -> RecordBatch {
        self.0
    }

    /// The rows under the stored schema: what they share is repeated on each of them.
    pub fn to_stored(&self) -> RecordBatch {
        stored_rows(&self.0).expect("the types were checked when the batch was made")
    }

    /// Number of spans.
    pub fn num_rows(&self) -> usize {
        self.0.num_rows()
    }
}
