//! Reads the files of a snapshot.

mod attribute_columns;
mod division;
mod stored_spans;

pub(crate) use attribute_columns::wanted_attribute;
pub(crate) use division::{Divided, Part};
pub(crate) use stored_spans::{Files, LAKE_URL, StoredSpans, parquet_of_lake};
