//! Excesses against T4.3 of semantics.md, and that they always add up.

use proptest::prelude::*;

use super::{Explanation, explain};
use crate::tuesday::model::CauseChange;
use crate::tuesday::parts::{Measured, Operation, Parts, PartsBuilder};
use crate::tuesday::ranking::Cohort;
use crate::tuesday::weight::ONE;

const MS: i64 = 1_000_000;

/// One row: place of a slow trace or none for a typical one, operation, time in ms, calls, errors.
type Row<'a> = (Option<u32>, &'a str, i64, u64, u64);

fn parts(slow_traces: usize, rows: &[Row<'_>]) -> Parts {
    let mut builder = PartsBuilder::default();
    for (place, name, ms, calls, errors) in rows {
        let operation = Operation { service_name: "shop".into(), span_name: (*name).into() };
        let measured =
            Measured { critical_path_ns: ms * MS, calls: *calls, errors: *errors, weight: ONE };
        builder.add(operation, *place, place.is_none(), measured);
    }
    builder.build(slow_traces)
}

fn explained(slow: u64, typical: u64, rows: &[Row<'_>]) -> Explanation {
    let sum = |is_slow| rows.iter().filter(|r| r.0.is_some() == is_slow).map(|r| r.2 * MS).sum();
    explain(
        &parts(slow as usize, rows),
        &vec![ONE; slow as usize],
        cohort(slow, sum(true)),
        cohort(typical, sum(false)),
        5,
    )
}

/// Traces that each stand for themselves.
fn cohort(traces: u64, duration_sum_ns: i64) -> Cohort {
    Cohort {
        weight: u128::from(traces * ONE),
        duration_sum_ns: i128::from(duration_sum_ns),
        weighted_ns: i128::from(duration_sum_ns) * i128::from(ONE),
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-4 * b.abs().max(1.0)
}

/// T4.3 with one slow and one typical trace that have the means as their values.
#[test]
fn excesses_of_the_specification() {
    let means = [
        ("api", 80, 70),
        ("auth", 40, 38),
        ("db.query", 900, 60),
        ("cache", 30, 25),
        ("payments", 950, 107),
    ];
    let rows: Vec<Row<'_>> = means
        .iter()
        .flat_map(|(name, slow, typical)| {
            [(Some(0), *name, *slow, 1, 0), (None, *name, *typical, 1, 0)]
        })
        .collect();
    let explanation = explained(1, 1, &rows);
    assert_eq!(explanation.decomposition.gap_ns, (1_700 * MS) as f64);
    assert!(explanation.decomposition.adds_up);
    let names: Vec<_> = explanation.causes.iter().map(|c| c.span_name.as_str()).collect();
    assert_eq!(names, ["payments", "db.query", "api", "cache", "auth"]);
    let expected = [(843, 0.4959), (840, 0.4941), (10, 0.0059), (5, 0.0029), (2, 0.0012)];
    for (cause, (excess_ms, share)) in explanation.causes.iter().zip(expected) {
        assert_eq!(cause.excess_ns, (excess_ms * MS) as f64);
        assert!((cause.share.unwrap() - share).abs() < 5e-5, "{}", cause.span_name);
        assert_eq!(cause.change, CauseChange::SlowerCalls);
    }
    assert_eq!(explanation.other, None);
}

/// T4.3: two populations show as dominance, not in the means.
#[test]
fn a_mixture_shows_as_dominance() {
    let mut rows: Vec<Row<'_>> = vec![(None, "db.query", 60, 1, 0), (None, "payments", 100, 1, 0)];
    for place in 0..4 {
        let (query, payment) = if place < 2 { (1_800, 100) } else { (60, 1_840) };
        rows.push((Some(place), "db.query", query, 1, 0));
        rows.push((Some(place), "payments", payment, 1, u64::from(place == 3)));
    }
    let explanation = explained(4, 1, &rows);
    for cause in &explanation.causes {
        assert_eq!((cause.dominated_count, cause.dominated_share), (2, 0.5));
        assert_eq!(cause.dominated_median_excess_ns, Some((1_740 * MS) as f64));
    }
    let payments = explanation.causes.iter().find(|c| c.span_name == "payments").unwrap();
    assert_eq!((payments.slow_error_count, payments.slow_error_share), (1, 0.25));
    assert_eq!((payments.typical_error_count, payments.typical_error_share), (0, 0.0));
    assert_eq!(explanation.dominated_by(0), [0, 1]);
    assert_eq!(explanation.dominated_by(1), [2, 3]);
}

#[test]
fn more_calls_and_slower_calls() {
    let of = |slow: (i64, u64), typical: (i64, u64)| {
        let rows = [(Some(0), "q", slow.0, slow.1, 0), (None, "q", typical.0, typical.1, 0)];
        let mut explanation = explained(1, 1, &rows);
        let cause = explanation.causes.remove(0);
        (cause.change, cause.more_calls_ns / MS as f64, cause.slower_calls_ns / MS as f64)
    };
    assert_eq!(of((240, 24), (10, 1)), (CauseChange::MoreCalls, 230.0, 0.0));
    assert_eq!(of((140, 1), (10, 1)), (CauseChange::SlowerCalls, 0.0, 130.0));
    // (2 - 1) * 10 + 2 * (30 - 10)
    assert_eq!(of((60, 2), (10, 1)), (CauseChange::SlowerCalls, 10.0, 40.0));
    assert_eq!(of((60, 3), (10, 1)), (CauseChange::MoreAndSlowerCalls, 20.0, 30.0));
    // Fewer but slower: (1 - 2) * 10 + 1 * (50 - 10)
    assert_eq!(of((50, 1), (20, 2)), (CauseChange::SlowerCalls, -10.0, 40.0));
}

#[test]
fn what_only_slow_traces_do_is_all_more_calls() {
    let rows = [(Some(0), "own", 10, 1, 0), (None, "own", 10, 1, 0), (Some(0), "retry", 90, 3, 3)];
    let explanation = explained(1, 1, &rows);
    let retry = &explanation.causes[0];
    assert_eq!(retry.change, CauseChange::OnlyInSlowTraces);
    assert_eq!((retry.typical_mean_ns, retry.typical_ns_per_call), (0.0, None));
    assert_eq!((retry.more_calls_ns, retry.slower_calls_ns), (retry.excess_ns, 0.0));
    let other = explanation.other.unwrap();
    assert_eq!((other.operation_count, other.excess_ns, other.share), (1, 0.0, Some(0.0)));
}

#[test]
fn no_gap_and_no_typical_traces_make_no_nan() {
    let equal = explained(1, 1, &[(Some(0), "q", 10, 1, 0), (None, "q", 10, 1, 0)]);
    assert_eq!((equal.decomposition.gap_ns, equal.causes.len()), (0.0, 0));
    assert_eq!(equal.dominant, [None]);
    let other = equal.other.unwrap();
    assert_eq!((other.share, other.excess_ns), (None, 0.0));

    let alone = explained(2, 0, &[(Some(0), "q", 10, 1, 0), (Some(1), "q", 30, 1, 0)]);
    assert_eq!(alone.decomposition.gap_ns, (20 * MS) as f64);
    assert_eq!(alone.causes[0].share, Some(1.0));
    assert!(alone.decomposition.adds_up);

    let nothing = explained(0, 0, &[]);
    assert_eq!((nothing.decomposition.gap_ns, nothing.other), (0.0, None));
    assert!(nothing.decomposition.adds_up);
}

#[test]
fn a_sum_that_does_not_fit_is_noticed() {
    let rows = [(Some(0), "q", 30, 1, 0), (None, "q", 10, 1, 0)];
    let explanation = explain(&parts(1, &rows), &[ONE], cohort(1, 31 * MS), cohort(1, 10 * MS), 5);
    assert!(!explanation.decomposition.adds_up);
}

#[test]
fn ties_are_won_by_name() {
    let rows = [(Some(0), "b", 20, 1, 0), (Some(0), "a", 20, 1, 0), (None, "c", 1, 1, 0)];
    let explanation = explained(1, 1, &rows);
    let names: Vec<_> = explanation.causes.iter().map(|c| c.span_name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(explanation.causes[0].dominated_count, 1);
    assert_eq!(explanation.causes[1].dominated_count, 0);
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn any_rows() -> impl Strategy<Value = (u64, u64, Vec<Row<'static>>)> {
    (1..12_u64, 1..9_u64).prop_flat_map(|(slow, typical)| {
        let place = prop::option::of(0..slow as u32);
        let row = (place, prop::sample::select(&NAMES[..]), 0..100_000_i64, 1..5_u64, 0..2_u64);
        (Just(slow), Just(typical), prop::collection::vec(row, 0..120))
    })
}

proptest! {
    /// Property 5 of semantics.md, appendix D.
    #[test]
    fn excesses_add_up_to_the_gap((slow, typical, rows) in any_rows()) {
        let explanation = explained(slow, typical, &rows);
        prop_assert!(explanation.decomposition.adds_up);
        let gap = explanation.decomposition.gap_ns;
        let listed: f64 = explanation.causes.iter().map(|c| c.excess_ns).sum();
        let other = explanation.other.as_ref().map_or(0.0, |other| other.excess_ns);
        prop_assert!(close(listed + other, gap), "{} {gap}", listed + other);
        for cause in &explanation.causes {
            prop_assert!(close(cause.more_calls_ns + cause.slower_calls_ns, cause.excess_ns));
            prop_assert!(cause.excess_ns.is_finite() && cause.excess_ns > 0.0);
        }
        let dominated: u64 = explanation.causes.iter().map(|c| c.dominated_count).sum();
        let by_other = explanation.other.as_ref().map_or(0, |other| other.dominated_count);
        let undominated = explanation.dominant.iter().filter(|d| d.is_none()).count() as u64;
        prop_assert_eq!(dominated + by_other + undominated, slow);
    }
}
