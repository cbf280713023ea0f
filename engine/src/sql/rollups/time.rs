//! The times that a question distinguishes.
//!
//! A bucket of a rollup can stand for its spans if the question treats all times in it alike: every
//! bound that times are compared with lies on a border of buckets, and everything else that depends
//! on the time is the same throughout a bucket, as `date_trunc('hour', start_time)` is within an hour.

use std::ops::Range;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, Operator, Volatility};
use schema::rollups::START_TIME;
use schema::spans::{DURATION_NS, SAMPLE_WEIGHT};

use crate::rollup::{Level, Subject};

/// From the first moment to the last.
pub(super) const ALL_TIME: Range<i64> = i64::MIN..i64::MAX;

/// What a question asks of time.
#[derive(Debug, Clone)]
pub(super) struct Times {
    /// The longest buckets in which all times are alike, but for the bounds.
    pub(super) longest: Level,
    /// The bounds that times are compared with: all times from one to before the next are alike.
    pub(super) bounds_ns: Vec<i64>,
    /// All times that count lie in it.
    pub(super) range_ns: Range<i64>,
}

impl Default for Times {
    fn default() -> Self {
        Self { longest: Level::Day, bounds_ns: Vec::new(), range_ns: ALL_TIME }
    }
}

impl Times {
    /// Takes in an expression. `is_filter` says that only rows for which it holds count. False if it
    /// depends on more than operations and stretches of time.
    pub(super) fn take(&mut self, subject: Subject, expr: &Expr, is_filter: bool) -> bool {
        if let Some(alike) = alike(expr) {
            if is_filter {
                self.range_ns.start = self.range_ns.start.max(alike.start);
                self.range_ns.end = self.range_ns.end.min(alike.end);
            }
            let is_bound = |ns: &i64| *ns != i64::MIN && *ns != i64::MAX;
            self.bounds_ns.extend([alike.start, alike.end].iter().filter(|ns| is_bound(ns)));
            return true;
        }
        if let Some(level) = bucketed(expr) {
            self.longest = self.longest.min(level);
            return true;
        }
        match expr {
            Expr::Column(column) => {
                let name = column.name.as_str();
                subject.dimensions().contains(&name) || name == SAMPLE_WEIGHT
            }
            Expr::Literal(..) => true,
            Expr::ScalarFunction(call)
                if call.func.signature().volatility != Volatility::Immutable =>
            {
                false
            }
            Expr::Alias(_)
            | Expr::BinaryExpr(_)
            | Expr::Not(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNotFalse(_)
            | Expr::IsNotUnknown(_)
            | Expr::Negative(_)
            | Expr::Like(_)
            | Expr::SimilarTo(_)
            | Expr::Between(_)
            | Expr::Case(_)
            | Expr::Cast(_)
            | Expr::TryCast(_)
            | Expr::InList(_)
            | Expr::ScalarFunction(_) => {
                let mut are_known = true;
                let visited = expr.apply_children(|child| {
                    are_known &= self.take(subject, child, false);
                    Ok(if are_known {
                        TreeNodeRecursion::Continue
                    } else {
                        TreeNodeRecursion::Stop
                    })
                });
                are_known && visited.is_ok()
            }
            _ => false,
        }
    }

    /// What buckets of a level that pass some filters stand for: all times in them, and perhaps more.
    pub(super) fn of_buckets(level: Level, filters: &[Expr]) -> Self {
        let mut times = Self { longest: level, ..Self::default() };
        for range in filters.iter().filter_map(alike) {
            times.range_ns.start = times.range_ns.start.max(level.start_from(range.start));
            times.range_ns.end = times.range_ns.end.min(level.start_from(range.end));
        }
        times
    }

    /// Splits all time among rollups of `levels`, the longest buckets first, and spans, which come last:
    /// where no bucket of one is cut by a bound, it is used; the rest goes to the next.
    pub(super) fn split(&self, levels: &[Level]) -> Vec<Vec<Range<i64>>> {
        let mut left = vec![self.range_ns.clone()];
        let mut windows = Vec::with_capacity(levels.len() + 1);
        for level in levels {
            let cut = self.cut_buckets(*level);
            windows.push(without(&left, &cut));
            left = within(&left, &cut);
        }
        windows.push(left);
        windows
    }

    /// The buckets with a bound inside.
    fn cut_buckets(&self, level: Level) -> Vec<Range<i64>> {
        let is_inside = |ns: &&i64| level.start_of(**ns) != **ns;
        let bucket = |ns: &i64| {
            let start = level.start_of(*ns);
            start..start.saturating_add(level.nanos())
        };
        let mut buckets: Vec<Range<i64>> =
            self.bounds_ns.iter().filter(is_inside).map(bucket).collect();
        buckets.sort_unstable_by_key(|bucket| bucket.start);
        buckets.dedup();
        buckets
    }
}

/// The parts of `windows` that are in none of `holes`. Both are sorted and without overlap.
fn without(windows: &[Range<i64>], holes: &[Range<i64>]) -> Vec<Range<i64>> {
    let mut parts = Vec::new();
    for window in windows {
        let mut start = window.start;
        for hole in holes.iter().filter(|hole| hole.end > window.start && hole.start < window.end) {
            parts.push(start..hole.start);
            start = hole.end;
        }
        parts.push(start..window.end);
    }
    parts.retain(|part| part.start < part.end);
    parts
}

/// The parts of `windows` that are in one of `holes`.
fn within(windows: &[Range<i64>], holes: &[Range<i64>]) -> Vec<Range<i64>> {
    let common = |window: &Range<i64>, hole: &Range<i64>| {
        window.start.max(hole.start)..window.end.min(hole.end)
    };
    let parts =
        windows.iter().flat_map(|window| holes.iter().map(move |hole| common(window, hole)));
    parts.filter(|part| part.start < part.end).collect()
}

/// The times for which a comparison with constants holds, if that is what `expr` is.
fn alike(expr: &Expr) -> Option<Range<i64>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (op, ns) = match (is_start(left), is_start(right)) {
                (true, false) => (*op, constant(right)?),
                (false, true) => (op.swap()?, constant(left)?),
                _ => return None,
            };
            let after = ns.saturating_add(1);
            match op {
                Operator::GtEq => Some(ns..i64::MAX),
                Operator::Gt => Some(after..i64::MAX),
                Operator::Lt => Some(i64::MIN..ns),
                Operator::LtEq => Some(i64::MIN..after),
                Operator::Eq => Some(ns..after),
                _ => None,
            }
        }
        Expr::Between(Between { expr, negated: false, low, high }) if is_start(expr) => {
            Some(constant(low)?..constant(high)?.saturating_add(1))
        }
        _ => None,
    }
}

/// `start_time`, in nanoseconds.
fn is_start(expr: &Expr) -> bool {
    match expr {
        Expr::Column(column) => column.name == START_TIME,
        Expr::Cast(Cast { expr, field }) => {
            matches!(field.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _))
                && is_start(expr)
        }
        _ => false,
    }
}

/// `start_time` in UTC, which may have lost the end of its digits.
fn is_start_in_utc(expr: &Expr) -> bool {
    match expr {
        Expr::Column(column) => column.name == START_TIME,
        Expr::Cast(Cast { expr, field }) => {
            let is_utc = |zone: &Option<std::sync::Arc<str>>| {
                zone.as_deref().is_none_or(|zone| matches!(zone, "UTC" | "+00:00"))
            };
            matches!(field.data_type(), DataType::Timestamp(_, zone) if is_utc(zone))
                && is_start_in_utc(expr)
        }
        _ => false,
    }
}

/// A constant time in nanoseconds since the epoch.
fn constant(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::TimestampNanosecond(ns, _), _) => *ns,
        _ => None,
    }
}

/// The longest buckets throughout which a function of the time alone is the same.
fn bucketed(expr: &Expr) -> Option<Level> {
    match expr {
        Expr::Cast(Cast { expr, field }) => {
            let is_date = matches!(field.data_type(), DataType::Date32 | DataType::Date64);
            (is_date && is_start_in_utc(expr)).then_some(Level::Day)
        }
        Expr::ScalarFunction(call) => match (call.name(), call.args.as_slice()) {
            ("date_trunc" | "date_part", [Expr::Literal(unit, _), time])
                if is_start_in_utc(time) =>
            {
                match unit.try_as_str()??.to_ascii_lowercase().as_str() {
                    "minute" => Some(Level::Minute),
                    "hour" => Some(Level::Hour),
                    "day" | "week" | "month" | "quarter" | "year" | "doy" | "dow" | "isodow" => {
                        Some(Level::Day)
                    }
                    _ => None,
                }
            }
            ("date_bin", [stride, time]) if is_start_in_utc(time) => bins(stride, 0),
            ("date_bin", [stride, time, origin]) if is_start_in_utc(time) => {
                bins(stride, constant(origin)?)
            }
            _ => None,
        },
        _ => None,
    }
}

/// The longest buckets that bins consist of.
fn bins(stride: &Expr, origin_ns: i64) -> Option<Level> {
    const DAY_NS: i64 = 86_400_000_000_000;
    let stride_ns = match stride {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(stride)), _) if stride.months == 0 => {
            i64::from(stride.days).checked_mul(DAY_NS)?.checked_add(stride.nanoseconds)?
        }
        _ => return None,
    };
    let is_whole = |level: &Level| stride_ns % level.nanos() == 0 && origin_ns % level.nanos() == 0;
    Level::COARSE_TO_FINE.into_iter().find(|level| stride_ns > 0 && is_whole(level))
}

/// Whether a column is one that measures are made of.
pub(super) fn is_duration(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == DURATION_NS)
}

#[cfg(test)]
mod tests;
