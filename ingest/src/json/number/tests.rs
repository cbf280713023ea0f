//! Lengths and exact integers.

use super::{integer, length};

#[test]
fn the_grammar_is_that_of_json() {
    let cases = [
        ("0", Some(1)),
        ("-0", Some(2)),
        ("12,", Some(2)),
        ("1.5e+3]", Some(6)),
        ("1E5 ", Some(3)),
        ("01", None),
        ("-", None),
        ("+1", None),
        (".5", None),
        ("1.", None),
        ("1e", None),
        ("1e+", None),
        ("", None),
        ("x", None),
    ];
    for (text, expected) in cases {
        assert_eq!(length(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn integers_are_exact() {
    let cases = [
        ("0", Some(0)),
        ("-7", Some(-7)),
        ("1e3", Some(1000)),
        ("1.0", Some(1)),
        ("1.50e1", Some(15)),
        ("100e-2", Some(1)),
        ("0.0e99999999999", Some(0)),
        ("-0.0", Some(0)),
        ("18446744073709551615", Some(u64::MAX.into())),
        ("18446744073709551616", Some(1 << 64)),
        ("1.661140339213560192e18", Some(1661140339213560192)),
        ("1.5", None),
        ("1e-1", None),
        ("1e40", None),
        ("1e99999999999", None),
        ("", None),
        ("abc", None),
        ("1x", None),
    ];
    for (text, expected) in cases {
        assert_eq!(integer(text), expected, "{text}");
    }
}
