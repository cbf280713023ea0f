//! Columns that only assembled files have: the tree columns of each span, and on one
//! row of each trace a summary of the whole trace.
//!
//! A file is assembled when every trace in it lies in it as a whole, its rows side by
//! side. So what follows from the tree is computed once, when the file is written.
//! The tree columns have the names and types of [`crate::tree`].

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::spans::stored_schema;
use crate::tree::tree_fields;

/// Smallest start of the trace. The summary columns hold a value on one row of each trace.
pub const TRACE_START_UNIX_NANO: &str = "trace_start_unix_nano";
/// Largest end of the trace.
pub const TRACE_END_UNIX_NANO: &str = "trace_end_unix_nano";
/// Number of spans, exact copies left out.
pub const TRACE_SPAN_COUNT: &str = "trace_span_count";
/// Number of failed spans, exact copies left out.
pub const TRACE_ERROR_COUNT: &str = "trace_error_count";
/// The services, sorted.
pub const TRACE_SERVICES: &str = "trace_services";
/// Greatest depth.
pub const TRACE_MAX_DEPTH: &str = "trace_max_depth";
/// Whether there is a root and every other span's parent is there.
pub const TRACE_IS_CONNECTED: &str = "trace_is_connected";
/// Number of spans whose parent is not there.
pub const TRACE_ORPHAN_COUNT: &str = "trace_orphan_count";

/// The summary columns, in order. All are NULL but on one row of each trace.
pub fn summary_fields() -> Vec<Field> {
    let item = Arc::new(Field::new("element", DataType::Utf8, true));
    vec![
        Field::new(TRACE_START_UNIX_NANO, DataType::Int64, true),
        Field::new(TRACE_END_UNIX_NANO, DataType::Int64, true),
        Field::new(TRACE_SPAN_COUNT, DataType::Int64, true),
        Field::new(TRACE_ERROR_COUNT, DataType::Int64, true),
        Field::new(TRACE_SERVICES, DataType::List(item), true),
        Field::new(TRACE_MAX_DEPTH, DataType::Int32, true),
        Field::new(TRACE_IS_CONNECTED, DataType::Boolean, true),
        Field::new(TRACE_ORPHAN_COUNT, DataType::Int64, true),
    ]
}

/// All columns that a file may have: stored, tree, summary.
pub fn assembled_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let stored = stored_schema();
        let mut fields: Vec<Arc<Field>> = stored.fields().iter().cloned().collect();
        fields.extend(tree_fields().iter().cloned());
        fields.extend(summary_fields().into_iter().map(Arc::new));
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}
