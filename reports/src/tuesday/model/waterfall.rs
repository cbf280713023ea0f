//! One trace, drawn: the part of the contract that shows an example.

use serde::{Deserialize, Serialize};

/// A trace as rows in calling order, cut down to what fits on a page.
///
/// Times are those of the critical path: a span whose clock was off stands where it was
/// moved to, and all below it with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waterfall {
    /// The trace id, lowercase hex.
    pub trace_id: String,
    /// Number of spans, exact copies excluded.
    pub span_count: u64,
    /// Start of the earliest span, relative to the root's; negative if one starts before it.
    pub from_offset_ns: i64,
    /// End of the latest span, relative to the root's start.
    pub to_offset_ns: i64,
    /// The rows. A parent stands above its children.
    pub rows: Vec<WaterfallRow>,
    /// Spans that are in no row, because there are too many.
    pub hidden_span_count: u64,
    /// Their time on the critical path.
    pub hidden_critical_path_ns: i64,
}

/// One span, or several equal calls of one parent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaterfallRow {
    /// Number of ancestors; 0 for a root.
    pub depth: u32,
    /// Service of the spans.
    pub service_name: String,
    /// Name of the spans.
    pub span_name: String,
    /// How many spans this row stands for.
    pub call_count: u64,
    /// Start of the first of them, relative to the root's start.
    pub start_offset_ns: i64,
    /// Sum of their durations.
    pub duration_ns: i64,
    /// Sum of the time that no child of theirs covers.
    pub self_time_ns: i64,
    /// Sum of the time in which they themselves bound the response.
    pub critical_path_ns: i64,
    /// How many of them have status `error`.
    pub error_count: u64,
    /// How many of them were recorded outside their caller and moved into it.
    #[serde(default)]
    pub moved_count: u64,
    /// What was added to the recorded start of the one that was moved farthest; 0 if none was.
    #[serde(default)]
    pub most_moved_ns: i64,
    /// When they ran, earliest first; at most 200.
    pub segments: Vec<Segment>,
    /// When they themselves bounded the response, earliest first; at most 200.
    pub critical_segments: Vec<Segment>,
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Start, relative to the root's start.
    pub start_offset_ns: i64,
    /// Duration.
    pub duration_ns: i64,
}
