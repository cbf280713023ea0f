//! Reads the files of a snapshot.

mod stored_spans;

pub(crate) use stored_spans::{LAKE_URL, StoredSpans};
