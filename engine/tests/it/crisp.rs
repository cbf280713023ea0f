//! The critical path against Uber's CRISP on every TraceWeaver trace.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::it::fixtures::{TestLake, public_traces};

/// Share of a system's root time by which an operation may differ. CRISP counts tolerated overlaps twice
/// where we clip them, and picks among siblings that end together by their order in the file.
const TOLERANCE: f64 = 0.02;

/// The load whose clocks are off by more than the spans are long: there CRISP moves a server span into
/// its client span, and we clip it.
const SKEWED_LOAD: &str = "hotel_load50";

/// Scenario: every TraceWeaver trace, with real clock skew, is imported.
/// Guarantees: critical-path nanoseconds sum to the root duration in each trace, and per operation to what CRISP found, within 2 % of the system's time.
#[tokio::test(flavor = "multi_thread")]
async fn traceweaver_critical_paths() {
    let Some(datasets) = public_traces("traceweaver_critical_paths") else { return };
    let mut answers = crisp_answers(&datasets);
    let mut files: Vec<_> = std::fs::read_dir(datasets.join("traceweaver"))
        .expect("the folder is readable")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".otlp.jsonl.zst"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 21);
    let mut systems: BTreeMap<String, [BTreeMap<String, f64>; 2]> = BTreeMap::new();
    for file in files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        // `<system>.<load>.otlp.jsonl.zst`, where a load may hold a dot.
        let (system, load) =
            name.trim_end_matches(".otlp.jsonl.zst").split_once('.').expect("a load");
        let crisp = answers.remove(load).unwrap_or_else(|| panic!("no CRISP answer for {load}"));
        let lake = TestLake::of_files(std::slice::from_ref(&file)).await;
        sums_to_root_duration(&lake, &name).await;
        if load != SKEWED_LOAD {
            let totals = systems.entry(system.into()).or_default();
            add(&mut totals[0], crisp);
            add(&mut totals[1], critical_path_us(&lake).await);
        }
    }
    assert!(answers.is_empty(), "loads without traces: {:?}", answers.keys());
    for (system, [crisp, ours]) in systems {
        let total: f64 = ours.values().sum();
        for operation in crisp.keys().chain(ours.keys()) {
            let time = |of: &BTreeMap<String, f64>| of.get(operation).copied().unwrap_or(0.0);
            let (theirs, ours) = (time(&crisp), time(&ours));
            assert!(
                (theirs - ours).abs() <= TOLERANCE * total,
                "{system}: {operation}: CRISP {theirs} us, ours {ours} us, of {total} us"
            );
        }
    }
}

fn add(totals: &mut BTreeMap<String, f64>, more: BTreeMap<String, f64>) {
    for (operation, us) in more {
        *totals.entry(operation).or_default() += us;
    }
}

async fn sums_to_root_duration(lake: &TestLake, name: &str) {
    let sql = "SELECT count(*), count(*) FILTER (WHERE path_ns = root_ns) FROM (\
               SELECT trace_id, sum(critical_path_ns) AS path_ns, \
               max(CASE WHEN is_root THEN duration_ns END) AS root_ns FROM spans GROUP BY trace_id)";
    let rows = lake.rows(sql).await;
    assert_eq!(rows[0][0], rows[0][1], "{name}: traces, and traces whose path sums to the root");
}

/// Critical-path time by operation in microseconds.
async fn critical_path_us(lake: &TestLake) -> BTreeMap<String, f64> {
    let sql = "SELECT '[' || service_name || '] ' || span_name AS op, sum(critical_path_ns) \
               FROM spans WHERE critical_path_ns > 0 GROUP BY op ORDER BY op";
    let rows = lake.rows(sql).await.into_iter();
    rows.map(|row| (row[0].clone(), row[1].parse::<f64>().expect("a number") / 1000.0)).collect()
}

/// Exclusive time by operation in microseconds, by load.
fn crisp_answers(datasets: &Path) -> BTreeMap<String, BTreeMap<String, f64>> {
    let file = std::fs::File::open(datasets.join("groundtruth/crisp.traceweaver.tar.zst"))
        .expect("the answers are readable");
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).expect("zstd"));
    let mut answers = BTreeMap::new();
    for entry in archive.entries().expect("a tar archive") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").to_string_lossy().into_owned();
        let Some(load) = name.rsplit('/').next().and_then(|n| n.strip_prefix("crisp.")) else {
            continue;
        };
        let Some(load) = load.strip_suffix(".jsonl") else { continue };
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("UTF-8");
        let by_operation: &mut BTreeMap<String, f64> = answers.entry(load.to_owned()).or_default();
        for line in text.lines() {
            let trace: Value = serde_json::from_str(line).expect("a JSON line");
            for (operation, us) in trace["by_op_us"].as_object().expect("operations") {
                *by_operation.entry(operation.clone()).or_default() +=
                    us.as_f64().expect("a number");
            }
        }
    }
    answers
}
