//! `spanlake import`.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::fixtures::{Folder, START_NS, otlp, span, two_traces};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

/// Scenario: plain and compressed files, one request or one per line, and stdin.
/// Guarantees: all spans are in the lake, and the summary says how many.
#[test]
fn files_of_every_make() {
    let folder = Folder::new();
    let request = |trace| otlp(&[span(trace, 1, None, "GET /")]).to_string();
    folder.write("one.json", request(1));
    folder.write("lines.jsonl", format!("{}\n{}\n", request(2), request(3)));
    folder.write("packed.json.gz", gzip(&request(4)));
    let files = ["one.json", "lines.jsonl", "packed.json.gz", "-"];
    let run = folder.run_with(["import"].iter().chain(&files), request(5).as_bytes());
    let text = run.ok();
    assert!(text.contains("lines.jsonl: 2 spans"), "{text}");
    assert!(text.contains("imported 5 spans from 4 files into ./lake"), "{text}");
    assert_eq!(folder.values("SELECT count(*) FROM spans"), "5");
}

/// Scenario: one span of a file has no start.
/// Guarantees: the others are imported; the bad one is named with file, position and reason.
#[test]
fn a_bad_span_is_left_out_and_reported() {
    let folder = Folder::new();
    let mut bad = span(9, 1, None, "bad");
    bad["startTimeUnixNano"] = "0".into();
    let text = format!("{}\n{}\n", otlp(&two_traces()), otlp(&[bad]));
    folder.write("traces.jsonl", text);
    let run = folder.run(["import", "traces.jsonl"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("1 span left out:"), "{run:?}");
    assert!(run.stderr.contains("1 x start_time_unix_nano is 0"), "{run:?}");
    assert!(run.stderr.contains("traces.jsonl, line 2, byte"), "{run:?}");
    assert_eq!(folder.values("SELECT count(*) FROM spans"), "4");
}

/// Scenario: a file breaks after good spans, between two good files.
/// Guarantees: nothing of it is imported, the good files are, and the exit code is 1.
#[test]
fn a_broken_file_is_left_out_as_a_whole() {
    let folder = Folder::new();
    folder.write("a.json", otlp(&[span(1, 1, None, "GET /")]).to_string());
    let whole = format!("{}\n{}", otlp(&two_traces()), otlp(&[span(3, 1, None, "cut")]));
    folder.write("broken.jsonl", &whole[..whole.len() - 20]);
    folder.write("c.json", otlp(&[span(4, 1, None, "GET /")]).to_string());
    let run = folder.run(["import", "a.json", "broken.jsonl", "c.json"]);
    assert!(run.stdout.contains("imported 2 spans from 2 files"), "{run:?}");
    let error = run.fails(1);
    assert!(error.contains("broken.jsonl, line 2"), "{error}");
    assert!(error.contains("nothing of this file was imported"), "{error}");
    assert_eq!(folder.values("SELECT count(*), count(DISTINCT trace_id) FROM spans"), "2,2");
}

/// Scenario: files that cannot be read at all.
/// Guarantees: one clear line and exit code 2, before anything is written.
#[test]
fn unreadable_files_are_refused_at_once() {
    let folder = Folder::new();
    folder.write("good.json", otlp(&two_traces()).to_string());
    for (args, expected) in [
        (vec!["missing.json"], "missing.json"),
        (vec!["good.json", "missing.json"], "missing.json"),
        (vec!["."], "is a folder"),
        (vec!["good.json", "./good.json"], "given twice"),
    ] {
        let error = folder.run(["import"].into_iter().chain(args)).fails(2);
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(folder.names(), ["good.json"]);
    assert_eq!(folder.run(["import"]).code, Some(2));
    assert_eq!(folder.run(["import", "--format", "csv", "good.json"]).code, Some(2));
}

/// Scenario: an empty file, and files of other formats.
/// Guarantees: the empty one is a warning, the others say what was found.
#[test]
fn empty_and_foreign_files_say_so() {
    let folder = Folder::new();
    folder.write("empty.json", "");
    let run = folder.run(["import", "empty.json"]);
    assert!(run.stderr.contains("file is empty"), "{run:?}");
    run.ok();
    folder.write("table.parquet", b"PAR1 and so on");
    let error = folder.run(["import", "table.parquet"]).fails(1);
    assert!(error.contains("table.parquet") && error.contains("a Parquet file"), "{error}");
    folder.write("traces.json", otlp(&two_traces()).to_string());
    let error = folder.run(["import", "--format", "jaeger-json", "traces.json"]).fails(1);
    assert!(error.contains("traces.json"), "{error}");
    assert_eq!(folder.values("SELECT count(*) FROM spans"), "0");
}

/// Scenario: the same file is imported a second time.
/// Guarantees: both copies are rows, and the second is known to be a copy.
#[test]
fn importing_twice_keeps_copies_apart() {
    let folder = Folder::with_lake();
    folder.run(["import", "traces.json"]).ok();
    assert_eq!(folder.values("SELECT count(*) FROM spans"), "8");
    assert_eq!(folder.values("SELECT count(*) FROM spans WHERE NOT is_duplicate"), "4");
    assert_eq!(folder.values("SELECT count(*), sum(span_count) FROM traces"), "2,4");
}

/// Scenario: the lake is a file, or in a folder that cannot be written.
/// Guarantees: one clear line and exit code 2.
#[test]
fn a_lake_needs_a_folder() {
    let folder = Folder::new();
    folder.write("traces.json", otlp(&two_traces()).to_string());
    folder.write("file", "");
    let error = folder.run(["import", "--lake", "file", "traces.json"]).fails(2);
    assert!(error.contains("`file`"), "{error}");
    let error = folder.run(["import", "--lake", "ftp://host/x", "traces.json"]).fails(2);
    assert!(error.contains("`ftp` is not supported; give a folder, s3://"), "{error}");
}

/// Scenario: all files are broken and there is no lake yet; or the folder holds other things.
/// Guarantees: no lake is left behind, and a folder of other things is not made one.
#[test]
fn a_lake_is_created_by_its_first_file() {
    let folder = Folder::new();
    folder.write("broken.json", "no traces");
    folder.run(["import", "broken.json"]).fails(1);
    assert_eq!(folder.names(), ["broken.json"]);
    folder.write("good.json", otlp(&two_traces()).to_string());
    let error = folder.run(["import", "--lake", ".", "good.json"]).fails(2);
    assert!(error.contains(". is not a lake and not empty"), "{error}");
    assert_eq!(folder.names(), ["broken.json", "good.json"]);
}

/// Scenario: names from the data hold control characters.
/// Guarantees: no message or table passes them on to a terminal.
#[test]
fn control_characters_do_not_pass() {
    let folder = Folder::new();
    folder.write("evil.json", otlp(&[span(1, 1, None, "\u{1b}[2Jx\u{7}")]).to_string());
    folder.run(["import", "evil.json"]).ok();
    let table = folder.run(["sql", "SELECT span_name FROM spans"]).ok();
    assert!(table.contains("\\u{1b}[2Jx\\u{7}"), "{table}");
    let error = folder.run(["sql", "SELECT \"\u{1b}[2J\" FROM spans"]).fails(2);
    assert!(!error.contains('\u{1b}'), "{error}");
}

/// Scenario: spans of two days, and a file that only its owner may read.
/// Guarantees: they are imported; days do not mix up times.
#[test]
fn days_do_not_matter() {
    let folder = Folder::new();
    let mut late = span(1, 2, Some(1), "after midnight");
    let next_day = START_NS + 86_400_000_000_000;
    late["startTimeUnixNano"] = (next_day + 5).to_string().into();
    late["endTimeUnixNano"] = (next_day + 6).to_string().into();
    let path = folder.write("days.json", otlp(&[span(1, 1, None, "before"), late]).to_string());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
    folder.run(["import", "days.json"]).ok();
    let sql = "SELECT span_name, start_time, depth FROM spans ORDER BY start_time DESC LIMIT 1";
    assert_eq!(folder.values(sql), "after midnight,2026-11-11T00:00:00.000000005Z,1");
}
