//! Other Delta readers on a lake of ours: open data.

use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

use engine::{CompactSettings, Layout};
use serde_json::{Value, json};

use crate::it::fixtures::{TestLake, public_traces};

/// Scenario: Python's deltalake, polars, ClickHouse (chDB) and DuckDB read a lake in place, before its traces
/// are assembled, when some are, when all are, and when the replaced files are gone.
/// Guarantees: the same spans, traces, ids, services, and nanosecond sums as our SQL, each time.
#[tokio::test(flavor = "multi_thread")]
async fn other_readers_agree() {
    let Some(python) = std::env::var_os("SPANLAKE_PYTHON") else {
        eprintln!("SKIPPED other_readers_agree: set SPANLAKE_PYTHON, as ./run-tests does");
        return;
    };
    let Some(datasets) = public_traces("other_readers_agree") else { return };
    // Two commits of different columns and days: files that lack columns, and more than one partition.
    let lake = TestLake::of_files(&[
        datasets.join("traceweaver/hotel_reservation.hotel_load50.otlp.jsonl.zst"),
        datasets.join("deathstarbench/dsb_social.otlp.jsonl"),
    ])
    .await;
    let fresh = check(&lake, &python).await;
    let settings = CompactSettings::default().at_once();
    let a_part = CompactSettings { commit_rows: 1, ..settings.clone() };
    assert!(lake.engine.assemble(&a_part).await.unwrap().version.is_some());
    let files = lake.engine.snapshot().await.unwrap().files;
    let assembled = files.iter().filter(|file| file.layout == Layout::Assembled).count();
    assert!(assembled > 0 && assembled < files.len(), "{assembled} of {} files", files.len());
    assert_eq!(check(&lake, &python).await, fresh);
    while lake.engine.assemble(&settings).await.unwrap().version.is_some() {}
    assert_eq!(check(&lake, &python).await, fresh);
    lake.engine.vacuum(Duration::ZERO).await.unwrap();
    assert_eq!(check(&lake, &python).await, fresh);
}

/// Asks all readers; returns what our SQL says.
async fn check(lake: &TestLake, python: &OsStr) -> Vec<String> {
    let sql = "SELECT count(*), count(DISTINCT trace_id), \
               sum(CAST(arrow_cast(start_time, 'Int64') AS DECIMAL(38, 0))), sum(duration_ns), \
               min(trace_id), max(span_id) FROM spans";
    let row = &lake.rows(sql).await[0];
    let services = lake.rows("SELECT DISTINCT service_name FROM spans ORDER BY 1").await.concat();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/read_lake.py"))
        .arg(lake.folder.path())
        // ClickHouse reads local files only below the folder it runs in.
        .current_dir(lake.folder.path())
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers = String::from_utf8(output.stdout).expect("UTF-8");
    for answer in answers.lines() {
        let answer: Value = serde_json::from_str(answer).expect("a JSON line");
        let expected = json!({
            "reader": answer["reader"],
            "spans": number(&row[0]),
            "traces": number(&row[1]),
            "start_time_sum": row[2],
            "duration_sum": row[3],
            "first_trace_id": row[4],
            "last_span_id": row[5],
            "services": services,
        });
        assert_eq!(answer, expected);
    }
    assert_eq!(answers.lines().count(), 4);
    row.clone()
}
