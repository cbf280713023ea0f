//! What a Trace Tuesday report says, as plain data. Written as JSON it is a contract
//! (semantics.md 4.6): fields are added, never renamed or given another meaning
//! without a new [`FORMAT_VERSION`].
//!
//! Counts and sums are of the traces that are stored. Where sampling left out others,
//! percentiles, thresholds, means, shares and the impact count each trace as many times as
//! its `sample_weight` says.
//!
//! Durations and times are nanoseconds; a mean of them is a decimal number. A share is
//! a part of 1. What cannot be said (a share of nothing, a quantile of too few traces)
//! is `null`, never NaN or zero. A moment is RFC 3339 text in UTC.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::week::Range;

mod before;
mod causes;
mod cluster;
mod waterfall;

pub use before::{Before, CauseSince, Deployment, Level, LevelChange, Trend};
pub use causes::{Cause, CauseChange, Decomposition, Fact, FactOrigin, OtherOperations};
pub use cluster::Cluster;
pub use waterfall::{Segment, Waterfall, WaterfallRow};

/// The version of this format.
pub const FORMAT_VERSION: u32 = 1;

/// One Trace Tuesday report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuesdayReport {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// The time covered: traces whose first span starts in it.
    pub range: Range,
    /// Counts over all traces of the range.
    pub totals: Totals,
    /// The root operations with the greatest impact, in full, greatest first.
    pub reviews: Vec<GroupReview>,
    /// All other root operations with enough traces, in the order of their impact.
    pub further_groups: Vec<GroupHeader>,
    /// Root operations with too few complete traces to say which are slow, most traces first.
    pub small_groups: Vec<SmallGroup>,
    /// What makes the answers less certain, and what to ask about it.
    pub questions: Vec<Question>,
    /// The range of the same length before, which this one is compared with; `null` if nothing is known of it.
    #[serde(default)]
    pub before: Option<Range>,
    /// Versions of services that were first seen in the range, the first one first.
    #[serde(default)]
    pub deployments: Vec<Deployment>,
    /// SQL of `deployments`.
    #[serde(default)]
    pub deployments_sql: String,
    /// SQL of the table of root operations ([`GroupHeader`]).
    pub groups_sql: String,
    /// SQL of the table of root operations with too few traces.
    pub small_groups_sql: String,
}

/// Counts over all traces of the range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Traces that start in the range.
    pub trace_count: u64,
    /// Those that are not connected: a span's parent is missing. They are not ranked.
    pub incomplete_trace_count: u64,
    /// Connected traces in root operations that have enough of them.
    pub ranked_trace_count: u64,
    /// Spans that start in the range, exact copies included.
    pub span_count: u64,
    /// Root operations that have at least one connected trace.
    pub group_count: u64,
    /// Root operations with enough traces.
    pub ranked_group_count: u64,
}

/// The slowest traces of one root operation, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupHeader {
    /// Service of the root span.
    pub root_service_name: String,
    /// Name of the root span.
    pub root_span_name: String,
    /// How many per cent of the traces are reviewed: 1, or 5 where there are too few for that.
    pub slowest_percent: u32,
    /// n: connected traces.
    pub trace_count: u64,
    /// How many traces those stand for: the sum of their weights.
    #[serde(default)]
    pub estimated_trace_count: f64,
    /// Traces of this root operation that are not connected; not part of n.
    pub incomplete_trace_count: u64,
    /// k: the length of the review list. Without weights it is ceil(n * `slowest_percent` / 100).
    pub review_count: u64,
    /// T: the k-th largest root duration.
    pub threshold_ns: i64,
    /// Traces with a root duration of T or more: the slow traces of all statistics.
    pub slow_count: u64,
    /// The slow traces as a share of all.
    #[serde(default)]
    pub slow_share: f64,
    /// `slow_count - review_count`: traces as slow as the last one on the list that are not on it.
    pub tie_count: u64,
    /// Sum of the root durations of the slow traces.
    pub slow_duration_sum_ns: i64,
    /// Mean root duration of the slow traces.
    #[serde(default)]
    pub slow_mean_duration_ns: f64,
    /// Traces with a root duration from `typical_low_ns` to `typical_high_ns`: the typical traces.
    pub typical_count: u64,
    /// The 40th percentile, nearest rank.
    pub typical_low_ns: i64,
    /// The 60th percentile, nearest rank.
    pub typical_high_ns: i64,
    /// Sum of the root durations of the typical traces.
    pub typical_duration_sum_ns: i64,
    /// Mean root duration of the typical traces.
    #[serde(default)]
    pub typical_mean_duration_ns: f64,
    /// Median of the root durations.
    pub p50: Quantile,
    /// 95th percentile of the root durations.
    pub p95: Quantile,
    /// 99th percentile of the root durations.
    pub p99: Quantile,
    /// Sum over the slow traces of root duration minus median: the time lost in the range.
    pub impact_ns: i64,
}

/// A nearest-rank quantile: one of the observed values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// The value.
    pub value_ns: i64,
    /// Its rank, from 1, smallest first.
    pub rank: u64,
    /// The rank from which on the true quantile lies, with 95 % certainty; `null` with too few traces.
    pub low_rank: Option<u64>,
    /// The value of `low_rank`.
    pub low_ns: Option<i64>,
    /// The rank up to which the true quantile lies, with 95 % certainty; `null` with too few traces.
    pub high_rank: Option<u64>,
    /// The value of `high_rank`.
    pub high_ns: Option<i64>,
}

/// A root operation with too few traces to say which of them are slow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SmallGroup {
    /// Service of the root span.
    pub root_service_name: String,
    /// Name of the root span.
    pub root_span_name: String,
    /// Connected traces.
    pub trace_count: u64,
    /// Traces of this root operation that are not connected.
    pub incomplete_trace_count: u64,
    /// How many connected traces it would take: 72.
    pub needed_count: u64,
    /// The largest root duration; `null` if no trace is connected.
    pub slowest_ns: Option<i64>,
}

/// One root operation in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupReview {
    /// The numbers.
    pub header: GroupHeader,
    /// What it was in the range before, and what changed; `null` if it had too few traces there.
    #[serde(default)]
    pub before: Option<Before>,
    /// The distribution of all its root durations, ascending.
    pub histogram: Vec<Bin>,
    /// The difference between slow and typical traces, taken apart.
    pub decomposition: Decomposition,
    /// The operations that explain most of it, most first.
    pub causes: Vec<Cause>,
    /// What the other operations explain together; `null` if there are none.
    pub other: Option<OtherOperations>,
    /// Slow traces in which no operation takes longer than in a typical trace.
    pub undominated_count: u64,
    /// The kinds of slow traces that lost most time, most first.
    #[serde(default)]
    pub clusters: Vec<Cluster>,
    /// How many kinds there are.
    #[serde(default)]
    pub cluster_count: u64,
    /// The slow trace that is most like all of them: the medoid of the critical-path times per operation.
    pub representative: TraceRef,
    /// The slowest trace.
    pub slowest: TraceRef,
    /// The slow trace that started last.
    pub newest: TraceRef,
    /// The representative trace, drawn.
    pub waterfall: Waterfall,
    /// The traces to look at, slowest first: exactly `header.review_count`.
    pub review_list: Vec<ReviewTrace>,
    /// SQL of `causes` and `other`, one row per operation.
    pub causes_sql: String,
    /// SQL of all kinds of slow traces.
    #[serde(default)]
    pub clusters_sql: String,
    /// SQL of `review_list`, without the dominating operation.
    pub review_list_sql: String,
    /// SQL of the spans of `waterfall`.
    pub waterfall_sql: String,
}

/// One trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceRef {
    /// The trace id, lowercase hex.
    pub trace_id: String,
    /// Start of its first span.
    #[serde(with = "crate::instant")]
    pub start_time: DateTime<Utc>,
    /// Duration of its root span.
    pub root_duration_ns: i64,
}

/// One trace of the review list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewTrace {
    /// The trace.
    #[serde(flatten)]
    pub trace: TraceRef,
    /// Whether its root span has status `error`.
    pub root_failed: bool,
    /// The operation that exceeds its typical critical-path time by most; `null` if none does.
    pub dominant: Option<Dominant>,
}

/// The operation that makes one trace slow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dominant {
    /// Service of the operation.
    pub service_name: String,
    /// Span name of the operation.
    pub span_name: String,
    /// Its critical-path time in this trace minus its mean in typical traces.
    pub excess_ns: f64,
}

/// One bar of a histogram: `from_ns <= duration < to_ns`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The smallest duration in it.
    pub from_ns: i64,
    /// The first duration beyond it.
    pub to_ns: i64,
    /// How many traces.
    pub trace_count: u64,
    /// Whether they are slow: the threshold is an edge between two bars.
    pub is_slow: bool,
}

/// Something about the data that a reader should know, or ask about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// What it is about.
    pub kind: QuestionKind,
    /// How many traces, spans or root operations are concerned.
    pub count: u64,
    /// One or two sentences for people.
    pub text: String,
    /// SQL that finds the rows concerned, if there are such.
    pub sql: Option<String>,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuestionKind {
    /// Traces with missing parents: not ranked.
    IncompleteTraces,
    /// The parts of a difference do not add up to it: a mistake of ours.
    PartsDoNotAddUp,
    /// Spans that end before they start: counted as zero.
    NegativeDurations,
    /// No span of the range has a status: failures cannot be seen.
    NoStatusCodes,
    /// Exact copies of spans: counted once.
    Duplicates,
    /// Traces that stand for several.
    SampleWeights,
    /// Root operations with too few traces.
    SmallGroups,
    /// Spans of slow traces that start before their parent: clocks differ.
    SkewedChildren,
    /// Root operations whose slowest traces are as fast as the median.
    NoSlowTail,
}
