//! What is otherwise than in the time before: the part of the contract that compares two ranges (semantics.md 4.4).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{GroupHeader, Quantile};

/// One root operation in the range before, and what changed since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// Its numbers in the range before.
    pub header: GroupHeader,
    /// The quantiles of the root durations, then and now: p50, p95, p99.
    pub levels: Vec<Level>,
    /// Traces of this range that take as long as the slow ones before: `header.threshold_ns` or more.
    pub as_slow_count: u64,
    /// The same as a share of all traces of this range.
    pub as_slow_share: f64,
    /// The causes of either range: what is new first, then worse, persisting, better, and gone.
    pub causes: Vec<CauseSince>,
}

/// A quantile in both ranges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Which one, in per cent: 50, 95 or 99.
    pub percent: u32,
    /// In the range before.
    pub before: Quantile,
    /// In this range.
    pub now: Quantile,
    /// Whether it changed: the 95 % intervals do not touch, and the values differ by 5 % and by 5 ms.
    pub change: LevelChange,
}

/// How a quantile changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelChange {
    /// It is greater now.
    Slower,
    /// It is smaller now.
    Faster,
    /// It is about the same, or the difference may be chance.
    Same,
    /// One of the ranges has too few traces to say.
    Unknown,
}

/// An operation that is a cause in one of the ranges or in both. A cause is the main cause of three slow traces or
/// more, and 5 % of the difference between slow and typical traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CauseSince {
    /// Service of the operation.
    pub service_name: String,
    /// Span name of the operation.
    pub span_name: String,
    /// What became of it.
    pub trend: Trend,
    /// Its share of the difference in the range before; `null` if it was not listed.
    pub share_before: Option<f64>,
    /// Its share of the difference now; `null` if it is not listed.
    pub share_now: Option<f64>,
}

/// What became of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// A cause now, and not before.
    New,
    /// Its share grew by 5 points or more.
    Worse,
    /// A cause in both ranges.
    Persisting,
    /// Its share fell by 5 points or more.
    Better,
    /// A cause before, and not now.
    Gone,
}

/// A version of a service that was first seen in the range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// The service.
    pub service_name: String,
    /// The new version.
    pub service_version: String,
    /// The environment; `null` if spans do not name one.
    pub deployment_environment: Option<String>,
    /// The version that was seen before it.
    pub previous_version: String,
    /// The start of its first span.
    #[serde(with = "crate::instant")]
    pub first_seen: DateTime<Utc>,
    /// The share of failing calls of the new version; `null` without calls.
    pub error_rate: Option<f64>,
    /// The 99th percentile of its entry spans; `null` without calls.
    pub p99_ns: Option<f64>,
}
