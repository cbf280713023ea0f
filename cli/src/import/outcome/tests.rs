//! What a user is told after an import.

use std::collections::BTreeMap;

use ingest::file::RejectedSpan;
use ingest::{Place, Rejection, Warning};

use super::*;

fn report(spans: u64, rejected: u64) -> Report {
    let place = Place { file: Some("a.json".into()), line: Some(3), byte: 120 };
    let one = RejectedSpan { place, rejection: Rejection::StartZero };
    Report {
        spans,
        rejected,
        rejections: vec![one; rejected as usize],
        rejected_by_reason: BTreeMap::from([(Rejection::StartZero.reason(), rejected)]),
        warnings: BTreeMap::from([(Warning::InvalidUtf8, 2)]),
    }
}

#[test]
fn rejected_spans_are_counted_by_reason_and_the_first_shown() {
    let mut outcome = Outcome::default();
    outcome.add_file(("a.json".into(), report(10, 7)));
    let problems = outcome.problems();
    assert_eq!(problems[0], "7 spans left out:");
    assert_eq!(problems[1], "  7 x start_time_unix_nano is 0");
    assert_eq!(problems[2], "  a.json, line 3, byte 120: start_time_unix_nano is 0");
    assert_eq!(problems[7], "  and 2 more");
    assert_eq!(problems[8], "warning: 2 x invalid UTF-8 replaced by U+FFFD");
    assert_eq!(problems.len(), 9);
}

#[test]
fn the_summary_lists_few_files_and_the_sum() {
    let mut outcome = Outcome::default();
    outcome.add_file(("a.json".into(), Report { spans: 1_500, ..Report::default() }));
    outcome.add_file(("b.json".into(), Report { spans: 500, ..Report::default() }));
    outcome.add_commit(2_000, 4096);
    let summary = outcome.summary(Duration::from_secs(2), "./lake");
    assert_eq!(
        summary,
        [
            "a.json: 1,500 spans",
            "b.json: 500 spans",
            "imported 2,000 spans from 2 files into ./lake: 4.00 KiB in the lake, 2.0 s, 1,000 spans/s",
        ]
    );
}
