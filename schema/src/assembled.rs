//! Columns that only assembled files have: the tree columns of each span, and on one
//! row of each trace a summary of the whole trace.
//!
//! A file is assembled when every trace in it lies in it as a whole, its rows side by
//! side. So what follows from the tree is computed once, when the file is written.
//! The tree columns have the names and types of [`crate::tree`], but for two that repeat what
//! other columns say: most spans have no children, and then self time is duration; and most
//! bound the response either all of that time or never. Only what differs is stored.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::spans::{DURATION_NS, stored_schema};
use crate::tree::{CRITICAL_PATH_NS, SELF_TIME_NS, tree_fields};

/// Time that children cover, in the place of `self_time_ns`; NULL if it is none.
pub const CHILD_TIME_NS: &str = "child_time_ns";
/// `critical_path_ns` where it is not `self_time_ns`, else NULL.
pub const PARTIAL_CRITICAL_PATH_NS: &str = "partial_critical_path_ns";
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

/// The tree columns as assembled files have them, in the order of [`tree_fields`].
pub fn stored_tree_fields() -> Vec<Field> {
    let renamed = |name: &str| match name {
        SELF_TIME_NS => CHILD_TIME_NS.to_owned(),
        CRITICAL_PATH_NS => PARTIAL_CRITICAL_PATH_NS.to_owned(),
        same => same.to_owned(),
    };
    let fields = tree_fields();
    fields.iter().map(|field| field.as_ref().clone().with_name(renamed(field.name()))).collect()
}

/// SQL that makes the tree column `name` of what is stored.
pub fn tree_column_sql(name: &str) -> String {
    let self_time = format!("{DURATION_NS} - coalesce({CHILD_TIME_NS}, 0)");
    match name {
        SELF_TIME_NS => format!("{self_time} AS {SELF_TIME_NS}"),
        CRITICAL_PATH_NS => {
            format!("coalesce({PARTIAL_CRITICAL_PATH_NS}, {self_time}) AS {CRITICAL_PATH_NS}")
        }
        stored => stored.to_owned(),
    }
}

/// All columns that a file may have: stored, tree, summary.
pub fn assembled_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let stored = stored_schema();
        let mut fields: Vec<Arc<Field>> = stored.fields().iter().cloned().collect();
        fields.extend(stored_tree_fields().into_iter().map(Arc::new));
        fields.extend(summary_fields().into_iter().map(Arc::new));
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// Name of the column that has the values of one key of a map of attributes, in files in which the key
/// is frequent: the SQL that it answers. It is no column of the table: the map has these values, too.
pub fn attribute_column(map: &str, key: &str) -> String {
    format!("{map}['{key}']")
}
