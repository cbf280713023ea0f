//! `spanlake report tuesday`.

use serde_json::Value;

use crate::fixtures::{Folder, finish, shop};

/// Runs over the lake of the generated shop, writing into `folder`.
fn tuesday(folder: &Folder, args: &[&str]) -> crate::fixtures::Run {
    let lake = shop().join("lake");
    finish(folder.command().args(["report", "tuesday", "--lake"]).arg(lake).args(args))
}

/// Scenario: the report of one week in every format at once.
/// Guarantees: each file is complete and of its format; the headline and the places are printed.
#[test]
fn every_format_in_one_run() {
    let folder = Folder::new();
    let files = ["t.html", "t.md", "t.json"];
    let mut args = vec!["--week", "2026-W46"];
    files.iter().for_each(|file| args.extend(["--out", *file]));
    let text = tuesday(&folder, &args).ok();
    assert!(text.contains("report: t.html"), "{text}");
    assert_eq!(folder.names(), ["t.html", "t.json", "t.md"]);
    let json: Value = serde_json::from_slice(&folder.read("t.json")).expect("JSON");
    assert_eq!(json["range"]["week"], "2026-W46");
    assert!(json["reviews"].as_array().is_some_and(|reviews| !reviews.is_empty()));
    let html = String::from_utf8(folder.read("t.html")).expect("text");
    assert!(html.trim_start().to_lowercase().starts_with("<!doctype html>"), "{html}");
    let markdown = String::from_utf8(folder.read("t.md")).expect("text");
    assert!(markdown.starts_with("# "), "{markdown}");
}

/// Scenario: neither a week nor a file is given.
/// Guarantees: the newest complete week with data is chosen, said on stderr, and Markdown comes on stdout.
#[test]
fn the_newest_week_is_the_default() {
    let folder = Folder::new();
    let run = tuesday(&folder, &[]);
    assert!(run.stderr.contains("reviewing 2026-W46"), "{run:?}");
    assert!(run.ok().starts_with("# "));
    assert_eq!(folder.names(), Vec::<String>::new());
}

/// Scenario: weeks and ranges that do not exist or hold nothing, and a file of an unknown format.
/// Guarantees: one clear line; wrong ones exit with 2, empty ones with 1; no file appears.
#[test]
fn wrong_and_empty_ranges() {
    let folder = Folder::new();
    for (args, code, expected) in [
        (vec!["--week", "2026-W54"], 2, "2026-W54"),
        (vec!["--week", "soon"], 2, "soon"),
        (vec!["--from", "2026-11-10", "--to", "2026-11-09"], 2, "not after"),
        (vec!["--from", "yesterday", "--to", "2026-11-09"], 2, "yesterday"),
        (vec!["--week", "2020-W01", "--out", "t.html"], 1, "the lake holds 2026-11-0"),
        (vec!["--week", "2026-W46", "--out", "t.pdf"], 2, ".html, .md or .json"),
        (vec!["--week", "2026-W46", "--out", "no/t.html"], 2, "there is no folder"),
    ] {
        let error = tuesday(&folder, &args).fails(code);
        assert!(error.contains(expected), "{args:?}: {error}");
    }
    assert_eq!(tuesday(&folder, &["--from", "2026-11-09"]).code, Some(2));
    assert_eq!(folder.names(), Vec::<String>::new());
}

/// Scenario: the lake is empty.
/// Guarantees: the report says that there are no spans, exit code 1.
#[test]
fn an_empty_lake_has_no_report() {
    let folder = Folder::new();
    folder.write("empty.json", "");
    folder.run(["import", "empty.json"]).ok();
    let error = folder.run(["report", "tuesday"]).fails(1);
    assert!(error.contains("no spans"), "{error}");
}
