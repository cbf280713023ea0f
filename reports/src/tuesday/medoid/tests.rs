//! The medoid against a plain computation.

use proptest::prelude::*;
use schema::TraceId;

use super::medoid;
use crate::tuesday::parts::{Measured, Operation, Parts, PartsBuilder};
use crate::tuesday::ranking::TraceRow;
use crate::tuesday::weight;

fn parts(times: &[[i64; 3]]) -> Parts {
    let mut builder = PartsBuilder::default();
    for (place, times) in times.iter().enumerate() {
        for (operation, critical_path_ns) in times.iter().enumerate() {
            let operation =
                Operation { service_name: "s".into(), span_name: operation.to_string() };
            let measured = Measured {
                critical_path_ns: *critical_path_ns,
                calls: 1,
                errors: 0,
                weight: weight::ONE,
            };
            builder.add(operation, Some(place as u32), false, measured);
        }
    }
    builder.build(times.len())
}

fn traces(times: &[[i64; 3]]) -> Vec<TraceRow> {
    let trace = |(place, times): (usize, &[i64; 3])| TraceRow {
        // Later traces have smaller ids.
        id: TraceId::from_bytes(&[255 - place as u8; 16]).unwrap(),
        start_ns: 0,
        duration_ns: times.iter().sum(),
        root_failed: false,
        weight: weight::ONE,
    };
    times.iter().enumerate().map(trace).collect()
}

fn medoid_of(times: &[[i64; 3]]) -> Option<u32> {
    let places: Vec<u32> = (0..times.len() as u32).collect();
    medoid(&parts(times), &traces(times), &places)
}

#[test]
fn the_medoid_is_not_the_maximum() {
    assert_eq!(
        medoid_of(&[[9_000, 0, 0], [10, 300, 5], [10, 900, 5], [12, 940, 6], [10, 880, 5]]),
        Some(4)
    );
    assert_eq!(medoid_of(&[]), None);
    assert_eq!(medoid_of(&[[0, 0, 0]]), Some(0));
}

#[test]
fn equal_traces_are_told_apart_by_id() {
    assert_eq!(medoid_of(&[[1, 2, 3], [1, 2, 3], [1, 2, 3]]), Some(2));
}

#[test]
fn a_medoid_of_some_looks_at_these_only() {
    let times = [[1_000, 0, 0], [0, 10, 0], [0, 12, 0], [0, 14, 0]];
    assert_eq!(medoid(&parts(&times), &traces(&times), &[1, 2, 3]), Some(2));
}

proptest! {
    #[test]
    fn the_medoid_has_the_least_distance(
        times in prop::collection::vec(prop::array::uniform3(0..1_000_i64), 1..30),
    ) {
        let chosen = medoid_of(&times).unwrap() as usize;
        let n = times.len() as i64;
        let mean = |o: usize| times.iter().map(|t| t[o]).sum::<i64>();
        let distance = |t: &[i64; 3]| (0..3).map(|o| (t[o] * n - mean(o)).abs()).sum::<i64>();
        let least = times.iter().map(distance).min().unwrap();
        prop_assert_eq!(distance(&times[chosen]), least);
    }
}
