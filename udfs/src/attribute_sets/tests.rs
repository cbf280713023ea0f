//! Sets of traces by attribute against going through all spans for each answer.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{AttributeSets, Span};

/// Trace, depth, and attributes by number.
type Row = (u8, Option<u8>, Vec<(u8, u8)>);

const NAMES: [&str; 4] = ["http.method", "http.request.method", "user.id", "rpc.system"];

fn is_bad(trace: u8) -> bool {
    trace.is_multiple_of(3)
}

fn weight(trace: u8, is_weighted: bool) -> f64 {
    if is_weighted { f64::from(trace % 4) } else { 1.0 }
}

fn add(sets: &mut AttributeSets, row: &Row, is_weighted: bool) {
    let (trace, depth, attributes) = row;
    let span = Span {
        trace: u32::from(*trace),
        is_bad: is_bad(*trace),
        weight: weight(*trace, is_weighted),
        depth: depth.map(i64::from),
    };
    let texts: Vec<_> = attributes
        .iter()
        .map(|(name, value)| (NAMES[*name as usize % NAMES.len()], format!("v{value}")))
        .collect();
    sets.add(span, texts.iter().map(|(name, value)| (*name, value.as_str())));
}

/// Attribute and value, least depth, weight of bad and good traces, bad ones, number of all.
type Found = (Option<String>, Option<String>, Option<i64>, f64, f64, Vec<u32>, u64);

fn found(sets: &AttributeSets) -> Vec<Found> {
    let found = sets.findings().into_iter().map(|one| {
        assert_eq!(one.bad_rows, one.bad_traces.len());
        assert_eq!(one.rows, one.bad_rows + one.good_traces.len());
        for (traces, sum) in [(&one.bad_traces, one.bad), (&one.good_traces, one.good)] {
            let weights = sets.weights(traces);
            assert_eq!(weights.map_or(traces.len() as f64, Iterator::sum), sum);
        }
        (
            one.attribute.map(str::to_owned),
            one.value.map(str::to_owned),
            one.depth,
            one.bad,
            one.good,
            one.bad_traces.iter().collect(),
            one.rows,
        )
    });
    found.collect()
}

/// The same by going through all rows for each of them.
fn oracle(rows: &[Row], is_weighted: bool) -> Vec<Found> {
    let rows: Vec<&Row> = rows.iter().filter(|row| weight(row.0, is_weighted) > 0.0).collect();
    let name = |number: u8| match NAMES[number as usize % NAMES.len()] {
        "http.method" => "http.request.method",
        "rpc.system" => "rpc.system.name",
        name => name,
    };
    let mut parts: BTreeMap<(Option<String>, Option<String>), Vec<&Row>> = BTreeMap::new();
    parts.insert((None, None), rows.clone());
    for row in rows {
        for (attribute, value) in &row.2 {
            let attribute = Some(name(*attribute).to_owned());
            parts.entry((attribute.clone(), None)).or_default().push(row);
            parts.entry((attribute, Some(format!("v{value}")))).or_default().push(row);
        }
    }
    let traces = |rows: &[&Row]| rows.iter().map(|row| row.0).collect::<BTreeSet<_>>();
    let shown = parts.iter().filter(|((attribute, value), _)| {
        let values = parts.keys().filter(|(of, value)| of == attribute && value.is_some()).count();
        let has = traces(&parts[&(attribute.clone(), None)]).len();
        value.is_none() || 2 * values <= has
    });
    let found = shown.map(|((attribute, value), rows)| {
        let all = traces(rows);
        let sum = |bad: bool| {
            all.iter().filter(|one| is_bad(**one) == bad).map(|one| weight(*one, is_weighted)).sum()
        };
        (
            attribute.clone(),
            value.clone(),
            rows.iter().filter_map(|row| row.1).min().map(i64::from),
            sum(true),
            sum(false),
            all.iter().filter(|one| is_bad(**one)).map(|one| u32::from(*one)).collect(),
            all.len() as u64,
        )
    });
    found.collect()
}

proptest! {
    /// Property: any spans in any order, in one part or in several that are joined.
    #[test]
    fn as_one_by_one(
        rows in prop::collection::vec(
            (any::<u8>(), any::<Option<u8>>(), prop::collection::vec((0..4_u8, 0..40_u8), 0..5)),
            0..300,
        ),
        parts in 1..4_usize,
        is_weighted: bool,
    ) {
        let mut sets: Vec<AttributeSets> = (0..parts).map(|_| AttributeSets::default()).collect();
        for (number, row) in rows.iter().enumerate() {
            add(&mut sets[number % parts], row, is_weighted);
        }
        let mut joined = AttributeSets::default();
        for part in &sets {
            let mut bytes = Vec::new();
            part.encode(&mut bytes);
            prop_assert_eq!(joined.merge_encoded(&bytes), Ok(()));
            if let Some(cut) = bytes.len().checked_sub(1) {
                prop_assert!(AttributeSets::default().merge_encoded(&bytes[..cut]).is_err());
            }
        }
        prop_assert_eq!(found(&joined), oracle(&rows, is_weighted));
    }
}
