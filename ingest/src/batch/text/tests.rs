//! Values as text, duplicate keys, limits.

use std::borrow::Cow;

use super::{Texts, push_integer};
use crate::span::{Attribute, Notes, Value};
use crate::tally::Warning;

fn text<'a>(key: &'a str, value: &'a str) -> Attribute<'a> {
    (Cow::Borrowed(key), Value::Text(Cow::Borrowed(value)))
}

fn read(attributes: &[Attribute<'_>], limit: usize) -> (Vec<(String, Option<String>)>, Notes) {
    let (mut texts, mut notes) = (Texts::default(), Notes::default());
    texts.read(attributes, limit, &mut notes);
    let owned = |(key, value): (&str, Option<&str>)| (key.to_owned(), value.map(str::to_owned));
    (texts.iter(attributes).map(owned).collect(), notes)
}

fn warned(warning: Warning) -> Notes {
    let mut notes = Notes::default();
    notes.warn(warning);
    notes
}

#[test]
fn values_have_one_spelling() {
    let cases = [
        (Value::Empty, None),
        (Value::Text("".into()), Some("")),
        (Value::Bool(true), Some("true")),
        (Value::Int(i64::MIN), Some("-9223372036854775808")),
        (Value::Double(72.5), Some("72.5")),
        (Value::Double(1.0), Some("1.0")),
        (Value::Double(-0.0), Some("-0.0")),
        (Value::Double(0.1 + 0.2), Some("0.30000000000000004")),
        (Value::Double(1e300), Some("1e300")),
        (Value::Double(5e-324), Some("5e-324")),
        (Value::Double(f64::NAN), Some("NaN")),
        (Value::Double(f64::INFINITY), Some("Infinity")),
        (Value::Double(f64::NEG_INFINITY), Some("-Infinity")),
        (Value::Bytes(Cow::Borrowed(&[0, 0, 48, 57])), Some("AAAwOQ==")),
    ];
    for (value, expected) in cases {
        let (found, notes) = read(&[("k".into(), value.clone())], 100);
        assert_eq!(found, [("k".to_owned(), expected.map(str::to_owned))], "{value:?}");
        assert_eq!(notes, Notes::default());
    }
}

#[test]
fn the_last_duplicate_wins_in_the_place_of_the_first() {
    let list = [text("a", "1"), text("b", "2"), text("a", "3"), text("c", "4"), text("a", "5")];
    let (found, notes) = read(&list, 100);
    let found: Vec<_> = found.iter().map(|(k, v)| (k.as_str(), v.as_deref().unwrap())).collect();
    assert_eq!(found, [("a", "5"), ("b", "2"), ("c", "4")]);
    assert_eq!(notes, warned(Warning::DuplicateKey));
}

#[test]
fn many_keys_are_told_apart() {
    let keys: Vec<String> = (0..1000).map(|i| format!("key.{}", i % 500)).collect();
    let list: Vec<_> = keys.iter().map(|key| text(key, key)).collect();
    let (found, _) = read(&list, 100);
    assert_eq!(found.len(), 500);
    assert!(found.iter().all(|(key, value)| value.as_ref() == Some(key)));
}

#[test]
fn long_text_is_cut_at_a_character() {
    let list = [text("a\u{e4}", "xy\u{1F600}"), ("b".into(), Value::Bytes(vec![0; 9].into()))];
    let (found, notes) = read(&list, 5);
    let made = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
    assert_eq!(found, [made("a\u{e4}", "xy"), made("b", "AAAA")]);
    assert_eq!(notes, warned(Warning::LongText));
}

#[test]
fn integers_are_written_as_the_standard_library_does() {
    let edges = (0..19).map(|power| 10i64.pow(power));
    let edges = edges.flat_map(|edge| [edge - 1, edge, edge + 1]).chain(0..2000);
    for number in edges.chain([i64::MAX, i64::MIN, i64::MIN + 1]) {
        for number in [number, number.wrapping_neg()] {
            let mut text = String::new();
            push_integer(&mut text, number);
            assert_eq!(text, number.to_string());
        }
    }
}
