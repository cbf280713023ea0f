//! Changes of levels and causes, at their limits.

use super::{LevelChange, Trend, level_change, trends};
use crate::tuesday::model::{Cause, CauseChange, Quantile};

const MS: i64 = 1_000_000;

fn quantile(value_ns: i64, low_ns: i64, high_ns: i64) -> Quantile {
    Quantile {
        value_ns,
        rank: 99,
        low_rank: Some(90),
        low_ns: Some(low_ns),
        high_rank: Some(100),
        high_ns: Some(high_ns),
    }
}

fn cause(span_name: &str, share: f64, dominated_count: u64) -> Cause {
    Cause {
        service_name: "shop".into(),
        span_name: span_name.into(),
        excess_ns: 0.0,
        share: Some(share),
        slow_mean_ns: 0.0,
        typical_mean_ns: 0.0,
        slow_sum_ns: 0,
        typical_sum_ns: 0,
        slow_calls: 0,
        typical_calls: 0,
        slow_calls_per_trace: 0.0,
        typical_calls_per_trace: 0.0,
        slow_ns_per_call: None,
        typical_ns_per_call: None,
        more_calls_ns: 0.0,
        slower_calls_ns: 0.0,
        change: CauseChange::SlowerCalls,
        dominated_count,
        dominated_share: 0.0,
        dominated_median_excess_ns: None,
        slow_error_count: 0,
        slow_error_share: 0.0,
        typical_error_count: 0,
        typical_error_share: 0.0,
        example_trace_id: None,
        facts: Vec::new(),
    }
}

#[test]
fn a_level_changes_by_more_than_chance_and_by_what_matters() {
    let before = quantile(200 * MS, 190 * MS, 210 * MS);
    let change = |value: i64, low: i64, high: i64| {
        level_change(&before, &quantile(value * MS, low * MS, high * MS))
    };
    assert_eq!(change(220, 211, 230), LevelChange::Slower);
    assert_eq!(change(180, 170, 189), LevelChange::Faster);
    // The intervals touch.
    assert_eq!(change(220, 210, 230), LevelChange::Same);
    // Surely different, and by less than 5 %.
    let narrow = quantile(200 * MS, 200 * MS, 200 * MS);
    let near = quantile(209 * MS, 208 * MS, 210 * MS);
    assert_eq!(level_change(&narrow, &near), LevelChange::Same);
    // By more than 5 %, and by less than 5 ms.
    let (fast, faster) = (quantile(40 * MS, 40 * MS, 40 * MS), quantile(44 * MS, 44 * MS, 44 * MS));
    assert_eq!(level_change(&fast, &faster), LevelChange::Same);
    let few = Quantile { high_ns: None, high_rank: None, ..before.clone() };
    assert_eq!(level_change(&few, &near), LevelChange::Unknown);
    assert_eq!(level_change(&near, &few), LevelChange::Unknown);
}

#[test]
fn causes_come_go_and_stay() {
    let before = [
        cause("gone", 0.3, 9),
        cause("better", 0.4, 9),
        cause("stays", 0.2, 9),
        cause("worse", 0.06, 3),
        cause("never", 0.04, 9),
        cause("grew", 0.2, 2),
    ];
    let now = [
        cause("worse", 0.115, 3),
        cause("better", 0.34, 3),
        cause("stays", 0.24, 3),
        cause("new", 0.05, 3),
        cause("grew", 0.2, 3),
        cause("once", 0.5, 2),
        cause("never", 0.04, 9),
    ];
    let found: Vec<_> = trends(&before, &now)
        .into_iter()
        .map(|since| (since.span_name, since.trend, since.share_before, since.share_now))
        .collect();
    assert_eq!(
        found,
        [
            ("grew".into(), Trend::New, Some(0.2), Some(0.2)),
            ("new".into(), Trend::New, None, Some(0.05)),
            ("worse".into(), Trend::Worse, Some(0.06), Some(0.115)),
            ("stays".into(), Trend::Persisting, Some(0.2), Some(0.24)),
            ("better".into(), Trend::Better, Some(0.4), Some(0.34)),
            ("gone".into(), Trend::Gone, Some(0.3), None),
        ]
    );
}
