//! The tree columns: what a span's place in its trace says about it.
//!
//! They are computed from whole traces (semantics.md sections 1, 2.4, 8.2 and 8.4) by
//! the `span_tree` function and shown by the `spans` table.

use arrow::datatypes::{DataType, Field, Fields};

/// Duration not covered by any child.
pub const SELF_TIME_NS: &str = "self_time_ns";
/// Time in which the span itself bounds the response.
pub const CRITICAL_PATH_NS: &str = "critical_path_ns";

/// One tree column: its name, type, and a sentence for the reference.
#[derive(Debug, Clone)]
pub struct TreeColumn {
    /// The SQL name.
    pub name: &'static str,
    /// The SQL type.
    pub data_type: DataType,
    /// What the value means.
    pub doc: &'static str,
}

const fn column(name: &'static str, data_type: DataType, doc: &'static str) -> TreeColumn {
    TreeColumn { name, data_type, doc }
}

/// All tree columns, in the order of the `span_tree` struct.
pub const TREE_COLUMNS: &[TreeColumn] = &[
    column("depth", DataType::Int32, "Number of ancestors; 0 for a root."),
    column("child_count", DataType::Int32, "Number of direct children."),
    column("subtree_size", DataType::Int32, "Number of spans in the subtree, this one included."),
    column(
        "nested_left",
        DataType::Int32,
        "Nested-set number on entering the span; ancestors enclose it.",
    ),
    column("nested_right", DataType::Int32, "Nested-set number on leaving the span."),
    column(SELF_TIME_NS, DataType::Int64, "Duration not covered by any child, in nanoseconds."),
    column(
        CRITICAL_PATH_NS,
        DataType::Int64,
        "Time in which this span itself bounds the response; sums to the root duration over a trace.",
    ),
    column("parent_service_name", DataType::Utf8, "Service of the parent span; NULL for a root."),
    column("parent_span_name", DataType::Utf8, "Name of the parent span; NULL for a root."),
    column("root_service_name", DataType::Utf8, "Service of the trace's primary root."),
    column("root_span_name", DataType::Utf8, "Name of the trace's primary root."),
    column("is_root", DataType::Boolean, "The span has no parent."),
    column("is_entry", DataType::Boolean, "The span is where a request enters its service."),
    column("error_origin", DataType::Boolean, "The span failed and none of its children did."),
    column("is_primary_root", DataType::Boolean, "The one span that names its trace."),
    column(
        "is_orphan",
        DataType::Boolean,
        "The parent is not in the trace, or was cut from a cycle.",
    ),
    column("is_duplicate", DataType::Boolean, "An exact copy of another row; it takes no time."),
    column(
        "shape",
        DataType::Int64,
        "Hash of the call tree below; equal shapes call the same operations.",
    ),
    column(
        "is_paired",
        DataType::Boolean,
        "The caller and the receiver of a call are both there: the span is a client with a server \
         below it or a producer with a consumer, or such a server or consumer.",
    ),
    column("is_parent_failed", DataType::Boolean, "The parent span failed."),
    column(
        "is_first_error",
        DataType::Boolean,
        "Of the errors that led to a failed root, the one that came first.",
    ),
    column(
        "is_decisive_error",
        DataType::Boolean,
        "The error that a failed root ended with: from the root down, always the failed child that ended last.",
    ),
];

/// The fields of the `span_tree` struct, all nullable.
pub fn tree_fields() -> Fields {
    TREE_COLUMNS.iter().map(|c| Field::new(c.name, c.data_type.clone(), true)).collect()
}
