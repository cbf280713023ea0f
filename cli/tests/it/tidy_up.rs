//! `vacuum`, `retain`, `erase`, `check` and `export`, as they are typed.

use std::fs;

use serde_json::json;

use crate::fixtures::{Folder, command, finish, names, otlp, shop, span};
use crate::server::{Client, Server};

/// 2020-06-01T00:00:00Z: too old whatever the clock of the machine says.
const START_NS: u64 = 1_590_969_600_000_000_000;
const DAY_NS: u64 = 86_400_000_000_000;

/// A lake of two days, assembled: trace 1 on the first, traces 2 to 21 on the second, each of its user.
fn two_days() -> Folder {
    let folder = Folder::new();
    let spans: Vec<_> = (1..22_u64)
        .map(|trace| {
            let mut root = span(trace, 1, None, "GET /cart");
            let start = START_NS + if trace == 1 { 0 } else { DAY_NS } + trace;
            root["startTimeUnixNano"] = json!(start.to_string());
            root["endTimeUnixNano"] = json!((start + 1000).to_string());
            let user = json!({"key": "user.id", "value": {"stringValue": format!("u-{trace}")}});
            root["attributes"].as_array_mut().expect("a list").push(user);
            root
        })
        .collect();
    folder.write("traces.json", otlp(&spans).to_string());
    folder.run(["import", "traces.json"]).ok();
    folder
}

fn data_files(folder: &Folder) -> usize {
    let spans = folder.path().join("lake/spans");
    let days = names(&spans).into_iter().filter(|name| name.starts_with("date="));
    days.map(|day| names(&spans.join(day)).len()).sum()
}

/// Scenario: what assembly replaced is listed, then deleted.
/// Guarantees: the list changes nothing; after it nothing is left to delete, and all spans are there.
#[test]
fn vacuum_deletes_what_left_the_lake() {
    let folder = two_days();
    assert_eq!(data_files(&folder), 4);
    assert_eq!(folder.run(["vacuum"]).ok(), "deleted 0 files, 0 B\n");
    let listed = folder.run(["vacuum", "--grace", "0s", "--dry-run"]).ok();
    assert_eq!(listed.matches("left the lake").count(), 2, "{listed}");
    assert!(listed.contains("would delete 2 files"), "{listed}");
    assert_eq!(data_files(&folder), 4);
    let deleted = folder.run(["vacuum", "--grace", "0s"]).ok();
    assert!(deleted.starts_with("deleted 2 files"), "{deleted}");
    assert_eq!(data_files(&folder), 2);
    assert_eq!(folder.run(["vacuum", "--grace", "0s"]).ok(), "deleted 0 files, 0 B\n");
    assert_eq!(folder.values("SELECT count(*) FROM spans"), "21");
    for wrong in ["1", "h", "-1h", "1w", "99999999999999999999s", "999999999999999999d"] {
        let error = folder.run(["vacuum", &format!("--grace={wrong}")]).fails(2);
        assert!(error.contains("--grace"), "{error}");
    }
}

/// Scenario: everything is too old.
/// Guarantees: that much does not go by accident; by force it does.
#[test]
fn retain_takes_out_old_days() {
    let folder = two_days();
    let what = "of 21 spans";
    let listed = folder.run(["retain", "--days", "1", "--dry-run"]).ok();
    assert!(listed.starts_with("would take out 21") && listed.contains(what), "{listed}");
    assert!(listed.contains("of 2 days from 2020-06-01 to 2020-06-02"), "{listed}");
    let error = folder.run(["retain", "--days", "1"]).fails(2);
    assert!(error.contains("more than a tenth") && error.contains("--force"), "{error}");
    assert_eq!(folder.values("SELECT count(*) FROM spans"), "21");
    let done = folder.run(["retain", "--days", "1", "--force"]).ok();
    assert!(done.starts_with("took out 21"), "{done}");
    assert_eq!(folder.values("SELECT count(*) FROM spans"), "0");
    let again = folder.run(["retain", "--days", "1"]).ok();
    assert!(again.starts_with("took out nothing: no day is before 20"), "{again}");
    folder.run(["retain", "--days", "0"]).fails(2);
}

/// Scenario: 20 traces of one operation and hour, and one of the day before, are thinned as they are old.
/// Guarantees: it is said before it is done, what stays stands for what is gone, and it is done once.
#[test]
fn retain_thins_old_days() {
    let folder = two_days();
    let thin = ["retain", "--thin-days", "1", "--one-in", "5", "--at-least", "2"];
    let listed = folder.run(thin.iter().chain(&["--dry-run"])).ok();
    assert!(listed.starts_with("would thin 21 of 21 spans"), "{listed}");
    assert!(listed.ends_with("16 traces with 16 spans would go\n"), "{listed}");
    let error = folder.run(thin).fails(2);
    assert!(error.contains("more than a tenth") && error.contains("--thin-days"), "{error}");
    let done = folder.run(thin.iter().chain(&["--force"])).ok();
    assert!(done.contains(": 16 spans and "), "{done}");
    assert_eq!(folder.values("SELECT count(*), sum(sample_weight) FROM traces"), "5,21.0");
    let again = folder.run(thin).ok();
    assert!(
        again.starts_with("thinned nothing: no assembled spans are left to thin (`spanlake compact` assembles) before 20"),
        "{again}"
    );
    folder.run(["check"]).ok();
    folder.run(["retain"]).fails(2);
    folder.run(["retain", "--days", "9", "--one-in", "5"]).fails(2);
}

/// Scenario: a user asks to be forgotten; a trace goes by its id.
/// Guarantees: their traces go and no others, after the vacuum not even their bytes are left.
#[test]
fn erase_forgets() {
    let folder = two_days();
    let user = "attributes['user.id'] = 'u-7' -- by request";
    let said = folder.run(["erase", "--where", user, "--dry-run"]).ok();
    assert_eq!(said, "would erase 1 traces with 1 spans\n");
    assert_eq!(folder.values("SELECT count(*) FROM spans"), "21");
    let said = folder.run(["erase", "--where", user, "--trace-id", &format!("{:032x}", 1)]).ok();
    assert!(said.starts_with("erased 2 traces with 2 spans; 2 files were written again"), "{said}");
    let left = "SELECT count(*), count(*) FILTER (WHERE attributes['user.id'] IN ('u-1', 'u-7')) FROM spans";
    assert_eq!(folder.values(left), "19,0");
    folder.run(["vacuum", "--grace", "0s"]).ok();
    assert_eq!(data_files(&folder), 1);
    folder.run(["check"]).ok();
    let said = folder.run(["erase", "--where", user]).ok();
    assert!(said.starts_with("erased 0 traces with 0 spans; 0 files"), "{said}");
    let error = folder.run(["erase", "--where", "no_such_column = 1"]).fails(2);
    assert!(error.contains("no_such_column"), "{error}");
    folder.run(["erase"]).fails(2);
    folder.run(["erase", "--trace-id", "xyz"]).fails(2);
}

/// Scenario: a trace is erased while a server has half of it in its log, and again when that is flushed.
/// Guarantees: it is said that there is a log, and where, and what to do; doing so erases the rest. Where there
/// is no log it is said that one may be elsewhere.
#[test]
fn erase_does_not_see_the_log_of_a_server() {
    let folder = two_days();
    // No flush by age, however slow the machine is.
    folder.write("spanlake.toml", "[wal]\nflush_age_ms = 3600000\n");
    let server = Server::start(&folder, &["--config", "spanlake.toml"]);
    let late = otlp(&[span(7, 2, Some(1), "SELECT cart")]);
    let mut client = Client::connect(server.http).expect("a connection");
    assert_eq!(client.export(&late).expect("an answer").0, 200);
    let trace = format!("{:032x}", 7);
    let erase = |more: &[&str]| folder.run(["erase", "--trace-id", &trace].iter().chain(more));
    for (more, says) in [(&["--dry-run"][..], "would erase 1 traces with 1 "), (&[], "erased 1 ")] {
        let run = erase(more);
        assert!(run.stdout.starts_with(says), "{run:?}");
        let note = run.stderr.lines().find(|line| line.starts_with("note: ")).expect("a note");
        assert!(note.contains("lake/wal is the log of a server"), "{note}");
        assert!(note.contains("Run the same command again: in 10 s"), "{note}");
    }
    assert_eq!(server.stop(), Some(0));
    let spans = format!("SELECT count(*), count(*) FILTER (WHERE trace_id = '{trace}') FROM spans");
    assert_eq!(folder.values(&spans), "21,1");
    let run = erase(&[]);
    assert!(run.stdout.starts_with("erased 1 traces with 1 spans"), "{run:?}");
    assert_eq!(folder.values(&spans), "20,0");
    fs::remove_dir_all(folder.path().join("lake/wal")).expect("removed");
    let run = erase(&[]);
    assert!(run.stderr.contains("with its log elsewhere, run the same command again"), "{run:?}");
}

/// Scenario: a sound lake, and one whose file was cut short.
/// Guarantees: the first passes with what was looked at; the second fails with the file and what to do.
#[test]
fn check_says_what_is_wrong() {
    let folder = two_days();
    let said = folder.run(["check"]).ok();
    assert!(said.starts_with("0 problems in 2 files with 21 spans"), "{said}");
    assert!(said.contains("trees of 21 spans were computed again"), "{said}");
    folder.run(["vacuum", "--grace", "0s"]).ok();
    let day = folder.path().join("lake/spans/date=2020-06-02");
    let file = day.join(&names(&day)[0]);
    let bytes = fs::read(&file).expect("a file");
    fs::write(&file, &bytes[..bytes.len() / 2]).expect("written");
    let run = folder.run(["check"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("date=2020-06-02") && run.stderr.contains("restore"), "{run:?}");
    assert!(run.stdout.starts_with("1 problems in 2 files"), "{run:?}");
}

/// Scenario: a week of the shop is exported in both encodings, plain and compressed, and imported again;
/// then only some traces are.
/// Guarantees: every stored column of every span is the same.
#[test]
fn what_is_exported_can_be_imported() {
    let folder = Folder::new();
    let run = |args: &[&str]| finish(command(shop()).args(args)).ok();
    let rows = "SELECT * FROM storage.spans ORDER BY trace_id, span_id, start_time_unix_nano";
    let all = run(&["sql", "--format", "json", rows]);
    assert!(all.lines().count() > 10_000);
    for name in ["shop.otlp.binpb", "shop.otlp.jsonl.gz", "shop.otlp.binpb.zst"] {
        let path = folder.path().join(name);
        let said = run(&["export", "--out", path.to_str().expect("UTF-8")]);
        assert!(said.starts_with("exported ") && said.contains(name), "{said}");
        let lake = folder.path().join(name.replace('.', "-"));
        let lake = lake.to_str().expect("UTF-8");
        folder.run(["import", "--no-compact", "--lake", lake, name]).ok();
        let back = folder.run(["sql", "--lake", lake, "--format", "json", "--all", rows]).ok();
        for (back, expected) in back.lines().zip(all.lines()) {
            assert_eq!(back, expected, "{name}");
        }
        assert_eq!(back.lines().count(), all.lines().count(), "{name}");
    }
    let path = folder.path().join("failed.otlp.jsonl");
    let path = path.to_str().expect("UTF-8");
    run(&["export", "--where", "status_code = 'error'", "--out", path]);
    folder.run(["import", path]).ok();
    let counts = "SELECT count(DISTINCT trace_id), count(*) FROM spans";
    let failed = format!(
        "{counts} WHERE trace_id IN (SELECT trace_id FROM spans WHERE status_code = 'error')"
    );
    let expected = run(&["sql", "--format", "csv", &failed]);
    assert_eq!(Some(folder.values(counts).as_str()), expected.lines().nth(1));
    let error = folder.run(["export", "--out", "traces.txt"]).fails(2);
    assert!(error.contains("traces.txt"), "{error}");
}
