//! Tests of `traffic`.

use super::*;
use crate::shop::customers::{BROWSING, NIGHT, OFFICE};

/// Monday 2026-11-09, midnight UTC.
const START: u64 = 1_794_182_400_000_000_000;

fn week(rhythm: &Rhythm) -> Traffic {
    Traffic::new(rhythm, START, START + 7 * DAY_NS)
}

#[test]
fn shares_and_moments_are_inverse() {
    let traffic = week(&BROWSING);
    for thousandth in 0..1_000 {
        let share = f64::from(thousandth) / 1_000.0;
        let back = traffic.share_before(traffic.moment(share));
        assert!((back - share).abs() < 1e-9, "{share} became {back}");
    }
    assert_eq!(traffic.share_before(START - 5), 0.0);
    assert_eq!(traffic.share_before(START + 8 * DAY_NS), 1.0);
    assert_eq!(traffic.moment(1.0), START + 7 * DAY_NS - 1);
}

#[test]
fn days_have_their_curve() {
    let traffic = week(&BROWSING);
    let share = |from: u64, to: u64| {
        traffic.share_before(START + to * HOUR_NS) - traffic.share_before(START + from * HOUR_NS)
    };
    assert!(share(18, 19) > 2.5 * share(3, 4), "evening against night");
    assert!(share(24, 48) > 1.3 * share(120, 144), "Tuesday against Saturday");

    let office = week(&OFFICE);
    assert!(office.share_before(START + 5 * DAY_NS) > 0.95, "staff rests at weekends");
    let night = week(&NIGHT);
    let before_six = night.share_before(START + 6 * HOUR_NS);
    assert!(before_six * 7.0 > 0.5, "most batch work of the European day is done by six");
}

#[test]
fn arrivals_are_ordered_complete_and_in_range() {
    let traffic = week(&BROWSING);
    for count in [0, 1, 7, 8, 9, 1_003] {
        let arrivals: Vec<Arrival> = Arrivals::new(&traffic, 46, 3, count).collect();
        assert_eq!(arrivals.len() as u64, count);
        assert!(arrivals.is_sorted_by_key(|arrival| arrival.at_ns), "{count}");
        assert!(arrivals.iter().all(|a| a.at_ns >= START && a.at_ns < START + 7 * DAY_NS));
        assert!(arrivals.iter().zip(0..).all(|(arrival, number)| arrival.number == number));
    }
}
