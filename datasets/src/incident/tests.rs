//! Tests of `incident`.

use super::*;
use crate::shop::customers::BROWSING;

const DAY_NS: u64 = 86_400 * SECOND_NS;
const START: u64 = 1_794_182_400 * SECOND_NS;

fn windows(days: u64, seed: u64) -> Vec<Scheduled> {
    let end_ns = START + days * DAY_NS;
    let traffic = Traffic::new(&BROWSING, START, end_ns);
    let week = Week { start_ns: end_ns.saturating_sub(7 * DAY_NS).max(START), end_ns };
    schedule(week, seed, |_| &traffic)
}

#[test]
fn every_range_holds_every_incident() {
    for days in [1, 2, 7, 10, 28] {
        for incident in windows(days, 46) {
            let id = incident.facts.id;
            assert!(incident.start_ns < incident.end_ns, "{id} in {days} days");
            assert!(incident.end_ns <= START + days * DAY_NS, "{id} in {days} days");
            assert!(incident.start_ns + 7 * DAY_NS >= START + days * DAY_NS, "{id} in {days} days");
        }
    }
}

#[test]
fn incidents_of_everybody_do_not_overlap() {
    for seed in 0..50 {
        let all = windows(7, seed);
        let general: Vec<_> = all.iter().filter(|one| one.facts.audience.is_none()).collect();
        assert!(general.windows(2).all(|pair| pair[0].end_ns < pair[1].start_ns), "seed {seed}");
    }
}

#[test]
fn the_seed_moves_windows_a_little() {
    let (a, b) = (windows(7, 1), windows(7, 2));
    assert_ne!(a[0].start_ns, b[0].start_ns);
    assert!(a[0].start_ns.abs_diff(b[0].start_ns) <= 3_600 * SECOND_NS);
}

#[test]
fn an_audience_is_spared_outside_its_window() {
    let incident = windows(7, 46)[0];
    let (tier, region) = incident.facts.audience.unwrap();
    assert!(incident.touches(incident.start_ns, tier, region));
    assert!(!incident.touches(incident.start_ns, tier, region + 1));
    assert!(!incident.touches(incident.start_ns, tier - 1, region));
    assert!(!incident.touches(incident.end_ns, tier, region));
}
