//! The time window, and the text form of the rules.

use super::*;
use crate::server::ServerSettings;

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;

fn request(starts: &[i64]) -> String {
    let spans: Vec<String> = starts
        .iter()
        .map(|start| {
            format!(
                r#"{{"traceId":"0123456789abcdef0123456789abcdef","spanId":"0123456789abcdef",
                "startTimeUnixNano":"{start}","endTimeUnixNano":"{start}"}}"#
            )
        })
        .collect();
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","))
}

#[test]
fn spans_outside_the_window_are_left_out() {
    let settings = ServerSettings {
        future_window_seconds: 10,
        retention_seconds: Some(100),
        ..ServerSettings::default()
    };
    let run = |starts: &[i64]| {
        let request = request(starts);
        let rules = settings.rules();
        let decoded =
            decode(PayloadFormat::Json, request.as_bytes(), NOW, &rules).expect("a request");
        let rows: usize = decoded.batches.iter().map(SpanBatch::num_rows).sum();
        let counted = [EXPIRED, AHEAD].map(|reason| {
            decoded.tally.rejected_by_reason.get(reason).copied().unwrap_or_default()
        });
        assert_eq!(rows as u64, decoded.tally.accepted);
        assert_eq!(counted[0] + counted[1], decoded.tally.rejected);
        (rows, counted)
    };
    assert_eq!(run(&[]), (0, [0, 0]));
    assert_eq!(run(&[NOW, NOW + 10 * SECOND, NOW - 100 * SECOND]), (3, [0, 0]));
    assert_eq!(run(&[NOW, NOW + 10 * SECOND + 1, NOW - 100 * SECOND - 1]), (1, [1, 1]));
    assert_eq!(run(&[1, 2]), (0, [2, 0]));
    assert_eq!(run(&[i64::MAX - 1]), (0, [0, 1]));
}

#[test]
fn a_window_may_be_any_number() {
    let rules = ServerSettings {
        future_window_seconds: u64::MAX,
        retention_seconds: Some(u64::MAX),
        ..ServerSettings::default()
    }
    .rules();
    // Time before 1970 does not count: no span starts there.
    assert_eq!(rules.window(NOW), (NOW - i64::MAX, i64::MAX));
}

#[test]
fn rules_survive_as_text() {
    let rules = ServerSettings { retention_seconds: Some(7), ..ServerSettings::default() }.rules();
    assert_eq!(Rules::from_text(&rules.to_text()).unwrap(), rules);
    assert!(Rules::from_text("something").is_err());
}
