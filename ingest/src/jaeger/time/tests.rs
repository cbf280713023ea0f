//! Times and durations, case by case.

use super::{duration, micros, rfc3339};

#[test]
fn times_of_the_storage_model() {
    for (text, expected) in [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2017-01-26T16:46:31.639875139-05:00", Some(1_485_467_191_639_875_139)),
        ("2017-01-26T16:46:31.639875-05:00", Some(1_485_467_191_639_875_000)),
        ("2024-02-29T23:59:60.5+00:00", Some(1_709_251_200_500_000_000)),
        ("2000-03-01T00:00:00+01:30", Some(951_863_400_000_000_000)),
        ("1969-12-31T23:59:59z", Some(-1_000_000_000)),
        ("2017-01-26T16:46:31.1234567899Z", Some(1_485_449_191_123_456_789)),
        ("2017-01-26", None),
        ("2017-01-26T16:46:31", None),
        ("2017-13-26T16:46:31Z", None),
        ("2017-01-26T16:46:31.Z", None),
        ("2017-01-26T16:46:31+0500", None),
        ("2017/01/26T16:46:31Z", None),
        ("+017-01-26T16:46:31Z", None),
        ("\u{20ac}\u{20ac}\u{20ac}\u{20ac}\u{20ac}\u{20ac}\u{20ac}", None),
        ("", None),
    ] {
        assert_eq!(rfc3339(text), expected, "{text}");
    }
}

#[test]
fn durations() {
    for (text, expected) in [
        ("5000ns", Some(5000)),
        ("0.000005s", Some(5000)),
        ("1m30s", Some(90_000_000_000)),
        ("1.5us", Some(1500)),
        ("-2ms", Some(-2_000_000)),
        ("9007199254740993ns", Some(9_007_199_254_740_993)),
        ("5", None),
        ("", None),
        ("-", None),
        ("x", None),
        ("5y", None),
        ("..s", None),
    ] {
        assert_eq!(duration(text), expected, "{text}");
    }
}

#[test]
fn microseconds() {
    assert_eq!(micros("1485467191639875"), Some(1_485_467_191_639_875_000));
    assert_eq!(micros("1e3"), Some(1_000_000));
    assert_eq!(micros("0.5"), Some(500));
    assert_eq!(micros("x"), None);
}
