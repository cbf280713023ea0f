//! Filters within the limits of a query.

use engine::Settings;
use schema::TraceId;

use super::{id_filters, quoted};

fn ids(count: u64) -> Vec<TraceId> {
    let id = |number: u64| TraceId::from_bytes(&u128::from(number + 1).to_be_bytes()).unwrap();
    (0..count).rev().map(id).collect()
}

#[test]
fn ids_are_sorted_and_bounded() {
    let mut two = ids(2);
    two.extend(ids(2));
    let filters = id_filters(two, &Settings::default());
    let [first, second] = ["00000000000000000000000000000001", "00000000000000000000000000000002"];
    assert_eq!(filters.len(), 1);
    assert_eq!(
        filters[0].filter("trace_id"),
        format!(
            "trace_id >= '{first}' AND trace_id <= '{second}' AND trace_id IN ('{first}', '{second}')"
        )
    );
    let one = id_filters(ids(1), &Settings::default());
    assert_eq!(one[0].filter("t.trace_id"), format!("t.trace_id = '{first}'"));
    assert!(id_filters(Vec::new(), &Settings::default()).is_empty());
}

#[test]
fn many_ids_are_split() {
    let settings = Settings::default();
    let filters = id_filters(ids(12_345), &settings);
    assert_eq!(filters.len(), 3);
    for filter in &filters {
        assert!(2 * filter.filter("trace_id").len() < settings.sql_max_bytes);
    }
    let small = Settings { sql_max_bytes: 100_000, ..settings };
    assert!(id_filters(ids(5_000), &small).len() > 10);
}

#[test]
fn quotes_are_doubled() {
    assert_eq!(quoted("it's"), "'it''s'");
    assert_eq!(quoted("'; DROP TABLE spans; --"), "'''; DROP TABLE spans; --'");
}
