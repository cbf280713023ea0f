//! Counts by attribute against going through all rows for each answer.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{AttributeCounts, Counts};
use crate::encoding::Damaged;

/// Whether it is bad, its weight, and its attributes by number.
type Row = (bool, u8, Vec<(u8, u8)>);

type Found = BTreeMap<(Option<String>, Option<String>), [f64; 4]>;

fn add(counts: &mut AttributeCounts, (is_bad, weight, attributes): &Row) {
    let texts: Vec<_> = attributes.iter().map(|(name, value)| texts(*name, *value)).collect();
    let texts = texts.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    counts.add(Counts::of(*is_bad, f64::from(*weight)), texts);
}

/// Some names begin with others, and attributes share values.
fn texts(name: u8, value: u8) -> (String, String) {
    ("n".repeat(name as usize), if value == 0 { String::new() } else { format!("v{value}") })
}

fn found(counts: &AttributeCounts) -> Found {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let found: Vec<_> = counts
        .findings()
        .map(|one| {
            let Counts { bad, good, bad_rows, rows } = one.counts;
            ((owned(one.attribute), owned(one.value)), [bad, good, bad_rows as f64, rows as f64])
        })
        .collect();
    assert_eq!(found.len(), counts.len());
    let each: Found = found.iter().cloned().collect();
    assert_eq!(each.len(), found.len(), "something was found twice");
    each
}

fn expected(rows: &[Row]) -> Found {
    let mut expected = Found::from([((None, None), [0.0; 4])]);
    for (is_bad, weight, attributes) in rows {
        let weight = f64::from(*weight);
        let (bad, good) = if *is_bad { (weight, 0.0) } else { (0.0, weight) };
        let row = [bad, good, f64::from(u8::from(*is_bad)), 1.0];
        let mut keys = vec![(None, None)];
        for (name, value) in attributes {
            let (name, value) = texts(*name, *value);
            keys.push((Some(name.clone()), None));
            keys.push((Some(name), Some(value)));
        }
        for key in keys {
            let counts = expected.entry(key).or_default();
            counts.iter_mut().zip(row).for_each(|(count, more)| *count += more);
        }
    }
    expected
}

proptest! {
    /// Scenario: rows with any attributes, also twice the same one, in parts that are merged in any order.
    /// Guarantees: each value of each attribute is counted as by going through all rows.
    #[test]
    fn as_row_by_row(
        parts in prop::collection::vec(
            prop::collection::vec(
                (any::<bool>(), 0..4_u8, prop::collection::vec((0..6_u8, 0..5_u8), 0..8)),
                0..30,
            ),
            1..5,
        ),
    ) {
        let rows: Vec<Row> = parts.iter().flatten().cloned().collect();
        let mut merged = AttributeCounts::default();
        let mut whole = AttributeCounts::default();
        for part in parts.iter().rev() {
            let mut counts = AttributeCounts::default();
            part.iter().for_each(|row| add(&mut counts, row));
            let mut bytes = Vec::new();
            counts.encode(&mut bytes);
            prop_assert_eq!(merged.merge_encoded(&bytes), Ok(()));
            if !bytes.is_empty() {
                let broken = &bytes[..bytes.len() - 1];
                prop_assert_eq!(AttributeCounts::default().merge_encoded(broken), Err(Damaged));
            }
        }
        rows.iter().for_each(|row| add(&mut whole, row));
        prop_assert_eq!(found(&whole), expected(&rows));
        prop_assert_eq!(found(&merged), expected(&rows));
    }
}
