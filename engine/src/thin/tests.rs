//! Which traces stay, and what they stand for.

use super::{Candidate, Thinning};
use crate::settings::RetentionSettings;
use schema::TraceId;

fn thinning(groups: &[usize]) -> Thinning {
    let mut thinning = Thinning::default();
    for (group, traces) in groups.iter().enumerate() {
        for trace in 1..=*traces {
            let id = ((group as u128) << 64 | trace as u128).to_be_bytes();
            let id = TraceId::from_bytes(&id).unwrap();
            thinning.rest.push(Candidate { id, spans: 2, group });
        }
    }
    thinning
}

fn policy(one_in: u64, at_least: u64) -> RetentionSettings {
    RetentionSettings { thin_one_in: one_in, thin_at_least: at_least, ..Default::default() }
}

/// Guarantee: the weights of a group add up to the traces that it had.
#[test]
fn weights_add_up() {
    for (one_in, at_least, traces, stay) in [
        (10, 0, 990, 99),
        (10, 0, 991, 100),
        (10, 20, 100, 20),
        (10, 20, 7, 7),
        (1, 0, 50, 50),
        (u64::MAX, 0, 50, 1),
        (0, 0, 3, 3),
        (10, u64::MAX, 3, 3),
    ] {
        let (fates, spans) = thinning(&[traces, 5]).fates(&policy(one_in, at_least));
        let of_first = |id: &&TraceId| id.as_bytes()[7] == 0;
        let gone = fates.gone.iter().filter(of_first).count();
        let factors: Vec<f64> =
            fates.factors.iter().filter(|(id, _)| of_first(id)).map(|(_, w)| *w).collect();
        assert_eq!(spans, 2 * fates.gone.len() as u64);
        assert_eq!(traces - gone, stay, "one in {one_in}, at least {at_least}, of {traces}");
        // Those that stay as they are have no factor.
        let sum = factors.iter().sum::<f64>() + (stay - factors.len()) as f64;
        assert!((sum - traces as f64).abs() < 1e-9, "{sum} of {traces}");
    }
}

#[test]
fn more_stay_of_a_milder_policy() {
    let (strict, _) = thinning(&[1000]).fates(&policy(50, 0));
    let (mild, _) = thinning(&[1000]).fates(&policy(5, 0));
    assert!(strict.factors.keys().all(|id| mild.factors.contains_key(id)));
}

#[test]
fn slow_is_longer_than_the_limit() {
    let policy = RetentionSettings { thin_slower_ms: 2, ..Default::default() };
    let is_slow = [-1, 0, 2_000_000, 2_000_001, i64::MAX].map(|ns| policy.is_slow(ns));
    assert_eq!(is_slow, [false, false, false, true, true]);
    let policy = RetentionSettings { thin_slower_ms: 0, ..policy };
    assert!(!policy.is_slow(i64::MAX));
}
