//! What changed since the range before (semantics.md 4.4): the same groups, the same questions.

use std::cmp::Reverse;

use datafusion::arrow::array::{Array, Float64Array};
use engine::Session;

use super::columns::or_empty;
use super::model::{
    Before, Cause, CauseSince, Deployment, GroupHeader, GroupReview, Level, LevelChange, Quantile,
    Trend,
};
use super::parts::Parts;
use super::ranking::{RankedGroup, rank_groups};
use super::{Options, explain_group, scan, sql, weight};
use crate::error::Result;
use crate::instant;
use crate::week::Range;

/// A difference of a level that matters, as a part of it and in nanoseconds: both.
const LEAST_CHANGE: f64 = 0.05;
const LEAST_CHANGE_NS: u64 = 5_000_000;

/// Of so many slow traces a cause must be the main one, and of such a share of the difference.
const FEWEST_DOMINATED: u64 = 3;
const LEAST_SHARE: f64 = 0.05;

/// So many points of the difference more or less are a change.
const SHARE_POINTS: f64 = 0.05;

/// For each of the groups what it was in the range before; `None` where there were too few traces, and for all
/// if there was none.
pub(super) async fn before(
    session: &Session,
    range: &Range,
    groups: &[RankedGroup],
    reviews: &[GroupReview],
    options: &Options,
) -> Result<Vec<Option<Before>>> {
    let earlier = scan::traces(session, range).await?;
    let (mut earlier, _) = rank_groups(earlier.groups);
    earlier.retain(|group| groups.iter().any(|now| is_same(&now.header, &group.header)));
    let members = scan::members(&earlier);
    let (builders, _) = scan::critical_paths(session, earlier.len(), &members).await?;
    let parts = builders.into_iter().zip(&earlier);
    let causes: Vec<Vec<Cause>> = parts
        .map(|(parts, group)| {
            let parts: Parts = parts.build(group.slow().len());
            explain_group(group, &parts, options.most_causes).causes
        })
        .collect();
    let found = groups.iter().zip(reviews).map(|(now, review)| {
        let at = earlier.iter().position(|group| is_same(&now.header, &group.header))?;
        Some(compare(&earlier[at].header, &causes[at], now, &review.causes))
    });
    Ok(found.collect())
}

/// Versions that were first seen in `range`, of services that had another one since the start of `before`; the
/// first one first.
pub(super) async fn deployments(
    session: &Session,
    before: &Range,
    range: &Range,
) -> Result<Vec<Deployment>> {
    let mut found = Vec::new();
    scan::each_batch(session, &sql::deployments(before, range), |columns| {
        let services = columns.text("service_name")?;
        let versions = columns.text("service_version")?;
        let environments = columns.text("deployment_environment")?;
        let previous = columns.text("previous_version")?;
        let first_seen = columns.int("first_seen")?;
        let error_rates = columns.float("error_rate")?;
        let p99 = columns.float("p99_ns")?;
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let number = |column: &Float64Array, row| column.is_valid(row).then(|| column.value(row));
        for row in 0..columns.0.num_rows() {
            found.push(Deployment {
                service_name: or_empty(&services, row).to_owned(),
                service_version: or_empty(&versions, row).to_owned(),
                deployment_environment: known(or_empty(&environments, row)),
                previous_version: or_empty(&previous, row).to_owned(),
                first_seen: instant::from_nanos(first_seen.value(row)),
                error_rate: number(&error_rates, row),
                p99_ns: number(&p99, row),
            });
        }
        Ok(())
    })
    .await?;
    Ok(found)
}

fn is_same(a: &GroupHeader, b: &GroupHeader) -> bool {
    a.root_service_name == b.root_service_name && a.root_span_name == b.root_span_name
}

fn compare(
    before: &GroupHeader,
    causes_before: &[Cause],
    now: &RankedGroup,
    causes_now: &[Cause],
) -> Before {
    let as_slow = now.traces().partition_point(|t| t.duration_ns >= before.threshold_ns);
    let weight: u128 = now.traces()[..as_slow].iter().map(|t| u128::from(t.weight)).sum();
    let level = |percent, before: &Quantile, now: &Quantile| Level {
        percent,
        before: before.clone(),
        now: now.clone(),
        change: level_change(before, now),
    };
    let header = &now.header;
    Before {
        levels: vec![
            level(50, &before.p50, &header.p50),
            level(95, &before.p95, &header.p95),
            level(99, &before.p99, &header.p99),
        ],
        as_slow_count: as_slow as u64,
        as_slow_share: weight::traces(weight) / header.estimated_trace_count,
        causes: trends(causes_before, causes_now),
        header: before.clone(),
    }
}

/// A change is beyond what chance explains, and large enough to matter.
fn level_change(before: &Quantile, now: &Quantile) -> LevelChange {
    let (Some(low_before), Some(high_before)) = (before.low_ns, before.high_ns) else {
        return LevelChange::Unknown;
    };
    let (Some(low), Some(high)) = (now.low_ns, now.high_ns) else { return LevelChange::Unknown };
    let difference = now.value_ns.abs_diff(before.value_ns);
    let matters = difference >= LEAST_CHANGE_NS
        && difference as f64 >= LEAST_CHANGE * before.value_ns.unsigned_abs() as f64;
    match () {
        () if matters && low > high_before => LevelChange::Slower,
        () if matters && high < low_before => LevelChange::Faster,
        () => LevelChange::Same,
    }
}

/// What became of each cause of either range.
fn trends(before: &[Cause], now: &[Cause]) -> Vec<CauseSince> {
    let same =
        |a: &Cause, b: &Cause| a.service_name == b.service_name && a.span_name == b.span_name;
    let gone = before.iter().filter(|then| !now.iter().any(|cause| same(cause, then)));
    let pairs = now
        .iter()
        .map(|cause| (before.iter().find(|then| same(cause, then)), Some(cause)))
        .chain(gone.map(|then| (Some(then), None)));
    let since = pairs.filter_map(|(before, now)| {
        let named = now.or(before)?;
        let (share_before, share_now) = (before.and_then(|c| c.share), now.and_then(|c| c.share));
        let trend = match (before.is_some_and(is_cause), now.is_some_and(is_cause)) {
            (false, false) => return None,
            (false, true) => Trend::New,
            (true, false) => Trend::Gone,
            (true, true) => match share_now.unwrap_or(0.0) - share_before.unwrap_or(0.0) {
                points if points >= SHARE_POINTS => Trend::Worse,
                points if points <= -SHARE_POINTS => Trend::Better,
                _ => Trend::Persisting,
            },
        };
        let (service_name, span_name) = (named.service_name.clone(), named.span_name.clone());
        Some(CauseSince { service_name, span_name, trend, share_before, share_now })
    });
    let mut since: Vec<CauseSince> = since.collect();
    // The greatest share first, in ten thousandths, which have an order.
    let weight = |cause: &CauseSince| {
        let share = cause.share_now.or(cause.share_before).unwrap_or(0.0);
        Reverse((share * 1e4) as i64)
    };
    since.sort_by_key(|cause| (cause.trend, weight(cause)));
    since
}

fn is_cause(cause: &Cause) -> bool {
    cause.dominated_count >= FEWEST_DOMINATED && cause.share.is_some_and(|part| part >= LEAST_SHARE)
}

#[cfg(test)]
mod tests;
