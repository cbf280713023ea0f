//! Ids from text and bytes.

use super::{SpanId, TraceId};

#[test]
fn hex_round_trips_in_lower_case() {
    let id: TraceId = "4BF92F3577B34DA6A3CE929D0E0E4736".parse().unwrap();
    assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    let id: SpanId = "00f067aa0ba902b7".parse().unwrap();
    assert_eq!(id.to_string(), "00f067aa0ba902b7");
}

#[test]
fn invalid_ids_are_refused() {
    for text in ["", "4bf9", "00000000000000000000000000000000", "zbf92f3577b34da6a3ce929d0e0e4736"]
    {
        assert!(text.parse::<TraceId>().is_err(), "{text}");
    }
    assert!(SpanId::from_bytes(&[0; 8]).is_none());
    assert!(SpanId::from_bytes(&[1; 7]).is_none());
}

#[test]
fn the_error_says_what_is_expected() {
    let error = "xyz".parse::<SpanId>().unwrap_err().to_string();
    assert_eq!(error, "`xyz` is not a span id: expected 16 hex digits, not all zero");
}
