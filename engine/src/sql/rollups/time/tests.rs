//! How time is split among rollups and spans.

use super::Times;
use crate::rollup::Level;

const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

#[test]
fn every_moment_is_in_one_window_and_no_whole_bucket_is_cut() {
    let cases: [&[i64]; 6] = [
        &[],
        &[0],
        &[3 * HOUR],
        &[DAY + 3 * HOUR + 5 * MINUTE + 7],
        &[DAY, DAY + 1, 2 * DAY - 1],
        &[-5, 5 * HOUR + 1, 5 * HOUR + MINUTE, 9 * DAY + 17 * MINUTE],
    ];
    let all_levels: [&[Level]; 4] = [
        &Level::COARSE_TO_FINE,
        &[Level::Day, Level::Hour],
        &[Level::Hour, Level::Minute],
        &[Level::Minute],
    ];
    for bounds_ns in cases {
        for range_ns in [i64::MIN..i64::MAX, bounds_ns.first().copied().unwrap_or(7)..i64::MAX] {
            let mut bounds_ns = bounds_ns.to_vec();
            bounds_ns.extend(Some(range_ns.start).filter(|start| *start > i64::MIN));
            let times = Times { longest: Level::Day, bounds_ns, range_ns };
            for levels in all_levels {
                check(&times, levels);
            }
        }
    }
}

fn check(times: &Times, levels: &[Level]) {
    let windows = times.split(levels);
    assert_eq!(windows.len(), levels.len() + 1);
    let near = |ns: i64| [-DAY, -HOUR, -MINUTE, -1, 0, 1, MINUTE, HOUR, DAY].map(|by| ns + by);
    let moments = times.bounds_ns.iter().copied().chain([0, 20 * DAY]).flat_map(near);
    for moment in moments {
        let places = windows.iter().flatten().filter(|window| window.contains(&moment)).count();
        assert_eq!(places, usize::from(times.range_ns.contains(&moment)), "{moment} of {times:?}");
    }
    for (level, windows) in levels.iter().zip(&windows) {
        for window in windows {
            for border in [window.start, window.end] {
                let is_end = border == i64::MIN || border == i64::MAX;
                assert!(is_end || border % level.nanos() == 0, "{level:?} {window:?} {times:?}");
            }
            let is_cut = |ns: &&i64| {
                let start = level.start_of(**ns);
                start != **ns && window.contains(&start)
            };
            assert_eq!(times.bounds_ns.iter().find(is_cut), None, "{level:?} {window:?}");
        }
    }
}
