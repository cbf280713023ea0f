//! Tests of `write`.

use super::*;
use crate::settings::Settings;

fn small() -> Plan {
    Plan::new(&Settings { spans: 1_000, ..Settings::default() }).unwrap()
}

#[test]
fn a_name_says_its_format() {
    let check = |path: &str, encoding, compression| {
        assert_eq!(Format::from_path(path).unwrap(), Format { encoding, compression }, "{path}");
    };
    check("a/week.otlp.jsonl", Encoding::JsonLines, Compression::None);
    check("week.otlp.jsonl.zst", Encoding::JsonLines, Compression::Zstd);
    check("week.otlp.binpb", Encoding::Protobuf, Compression::None);
    check("week.binpb.gz", Encoding::Protobuf, Compression::Gzip);
    for path in ["week", "week.zst", "week.json", "week.otlp.jsonl.xz"] {
        let message = Format::from_path(path).unwrap_err().to_string();
        assert!(message.contains(path), "{message}");
    }
}

#[test]
fn compressed_files_hold_the_same_bytes() {
    let bytes = |compression| {
        let mut out = Vec::new();
        let format = Format { encoding: Encoding::JsonLines, compression };
        write(&small(), &mut out, format, |_| ()).unwrap();
        out
    };
    let plain = bytes(Compression::None);
    let mut gunzipped = Vec::new();
    flate2::write::GzDecoder::new(&mut gunzipped).write_all(&bytes(Compression::Gzip)).unwrap();
    assert!(gunzipped == plain);
    assert!(zstd::decode_all(bytes(Compression::Zstd).as_slice()).unwrap() == plain);
}

#[test]
fn progress_ends_at_the_summary() {
    let plan = small();
    let mut last = 0;
    let format = Format { encoding: Encoding::Protobuf, compression: Compression::None };
    let mut out = Vec::new();
    let summary = write(&plan, &mut out, format, |spans| {
        assert!(spans > last);
        last = spans;
    })
    .unwrap();
    assert_eq!(last, summary.spans);
    assert_eq!(summary.traces, plan.traces());
    assert_eq!(summary.bytes, out.len() as u64);
}

/// Scenario: the disk refuses, or the name makes no sense.
/// Guarantees: no file is left behind, complete or not.
#[test]
fn a_failed_write_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken.otlp.jsonl");
    fs::create_dir(&taken).unwrap();
    assert!(matches!(write_file(&small(), &taken, |_| ()), Err(Error::Io(_))));
    assert!(write_file(&small(), folder.path().join("week.csv"), |_| ()).is_err());
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["taken.otlp.jsonl"]);
}
