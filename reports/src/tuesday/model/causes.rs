//! Why slow traces are slow: the part of the contract that explains a difference.

use serde::{Deserialize, Serialize};

/// The difference between slow and typical traces, as a sum over operations.
///
/// Critical-path times of one trace add up to its root duration, so the means per
/// operation add up to the mean root durations, and their differences to the gap
/// (semantics.md 4.2). The sums are integers: whoever doubts it can add them up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decomposition {
    /// Mean root duration of the slow minus that of the typical traces.
    pub gap_ns: f64,
    /// Number of operations on the critical path of any slow or typical trace.
    pub operation_count: u64,
    /// Critical-path time of all operations in all slow traces: the sum of their root durations.
    pub slow_critical_path_sum_ns: i64,
    /// Critical-path time of all operations in all typical traces: the sum of their root durations.
    pub typical_critical_path_sum_ns: i64,
    /// Whether both sums are what they must be, so that the excesses add up to the gap exactly.
    pub adds_up: bool,
}

/// One operation and what it contributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Service of the operation.
    pub service_name: String,
    /// Span name of the operation.
    pub span_name: String,
    /// `slow_mean_ns - typical_mean_ns`: its part of the gap.
    pub excess_ns: f64,
    /// `excess_ns` as a share of the gap; `null` unless the gap is positive.
    pub share: Option<f64>,
    /// Critical-path time per slow trace, 0 where it is absent.
    pub slow_mean_ns: f64,
    /// Critical-path time per typical trace, 0 where it is absent.
    pub typical_mean_ns: f64,
    /// Its critical-path time in all slow traces.
    pub slow_sum_ns: i64,
    /// Its critical-path time in all typical traces.
    pub typical_sum_ns: i64,
    /// Its spans on the critical path of all slow traces.
    pub slow_calls: u64,
    /// Its spans on the critical path of all typical traces.
    pub typical_calls: u64,
    /// The same per slow trace.
    pub slow_calls_per_trace: f64,
    /// The same per typical trace.
    pub typical_calls_per_trace: f64,
    /// Critical-path time of one call in slow traces; `null` if there is none.
    pub slow_ns_per_call: Option<f64>,
    /// Critical-path time of one call in typical traces; `null` if there is none.
    pub typical_ns_per_call: Option<f64>,
    /// The part of the excess due to more calls: their difference at the typical time per call.
    pub more_calls_ns: f64,
    /// The part of the excess due to slower calls: the slow calls at the difference in time per call.
    pub slower_calls_ns: f64,
    /// Which of the two parts it mainly is.
    pub change: CauseChange,
    /// Slow traces in which it exceeds its typical time by more than any other operation does.
    pub dominated_count: u64,
    /// The same as a share of all slow traces.
    pub dominated_share: f64,
    /// Median of its excess in the traces that it dominates; `null` if there are none.
    pub dominated_median_excess_ns: Option<f64>,
    /// Slow traces in which one of its spans has status `error`.
    pub slow_error_count: u64,
    /// The same as a share of all slow traces.
    pub slow_error_share: f64,
    /// Typical traces in which one of its spans has status `error`.
    pub typical_error_count: u64,
    /// The same as a share of all typical traces.
    pub typical_error_share: f64,
    /// The medoid of the traces that it dominates; `null` if there are none.
    pub example_trace_id: Option<String>,
    /// Values that most of the dominated traces share and typical traces do not.
    pub facts: Vec<Fact>,
}

/// Why an operation takes more time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CauseChange {
    /// A call takes longer.
    SlowerCalls,
    /// There are more calls.
    MoreCalls,
    /// Both, each at least a quarter of the excess.
    MoreAndSlowerCalls,
    /// Typical traces do not wait for it at all.
    OnlyInSlowTraces,
    /// It takes no more time than in typical traces.
    NoExcess,
}

/// All operations that are not listed as causes, together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OtherOperations {
    /// How many there are.
    pub operation_count: u64,
    /// Sum of their excesses; negative if they take less time in slow traces.
    pub excess_ns: f64,
    /// `excess_ns` as a share of the gap; `null` unless the gap is positive.
    pub share: Option<f64>,
    /// Critical-path time per slow trace.
    pub slow_mean_ns: f64,
    /// Critical-path time per typical trace.
    pub typical_mean_ns: f64,
    /// Their critical-path time in all slow traces.
    pub slow_sum_ns: i64,
    /// Their critical-path time in all typical traces.
    pub typical_sum_ns: i64,
    /// Slow traces that one of them dominates.
    pub dominated_count: u64,
}

/// A value that sets the traces dominated by a cause apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// A column of `spans`, or the key of an attribute.
    pub name: String,
    /// The value.
    pub value: String,
    /// Which span carries it.
    pub origin: FactOrigin,
    /// Dominated traces that have the value.
    pub dominated_count: u64,
    /// The same as a share of the dominated traces: at least 0.8.
    pub dominated_share: f64,
    /// The share of the typical traces with such a span that have the value.
    pub typical_share: f64,
}

/// Which span carries a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactOrigin {
    /// A span of the cause itself.
    Operation,
    /// The root span of the trace.
    Root,
}
