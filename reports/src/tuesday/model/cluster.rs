//! Kinds of slow traces: the part of the contract that tells a mixture of problems from one.

use serde::{Deserialize, Serialize};

use super::TraceRef;

/// Slow traces of one root operation with the same call tree, main cause and error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Hash of the call tree (column `shape` of `traces`), as text: it has more digits than JSON numbers have.
    pub shape: String,
    /// Spans of the representative trace. Repeated calls do not change a shape, so others may have more or fewer.
    pub span_count: u64,
    /// Service of the operation that exceeds its typical critical-path time by most; `null` if none does.
    pub dominant_service_name: Option<String>,
    /// Span name of that operation.
    pub dominant_span_name: Option<String>,
    /// `error_type` of the root; `null` if it did not fail.
    pub error_type: Option<String>,
    /// Slow traces of this kind.
    pub trace_count: u64,
    /// How many traces those stand for: the sum of their weights.
    pub estimated_trace_count: f64,
    /// The same as a share of all slow traces.
    pub share: f64,
    /// Sum of root duration minus the median of the group: the time that these traces lost.
    pub excess_ns: i64,
    /// Median of their root durations.
    pub median_ns: i64,
    /// The trace whose critical path is most like the mean one of its kind.
    pub representative: TraceRef,
    /// The one that took longest.
    pub slowest: TraceRef,
    /// The one that started last.
    pub newest: TraceRef,
}
