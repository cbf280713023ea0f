//! Public traces against answers that were computed without SQL, by plain Python.

use std::path::{Path, PathBuf};

use datafusion::arrow::array::BooleanArray;
use datafusion::arrow::compute::filter_record_batch;
use engine::Layout;
use ingest::SpanReader;
use serde_json::Value;

use crate::it::assembly::{assemble_all, import};
use crate::it::fixtures::{TestLake, public_traces};

/// Scenario: the OnlineBoutique traces of the Nezha paper are imported, then assembled; in another lake
/// one half of the spans of each trace is assembled when the other half comes.
/// Guarantees: every count, sum, percentile, slowest trace and call edge is that of the ground truth, before
/// and after each assembly.
#[tokio::test(flavor = "multi_thread")]
async fn nezha_online_boutique() {
    check("nezha_online_boutique", "nezha-ob-2022-08-22", "").await;
}

/// Scenario: the hotel reservation traces of TraceWeaver, six loads, are imported.
/// Guarantees: as above.
#[tokio::test(flavor = "multi_thread")]
async fn traceweaver_hotel() {
    check("traceweaver_hotel", "traceweaver-hotel", "traceweaver").await;
}

/// Scenario: the media traces of TraceWeaver are imported.
/// Guarantees: as above.
#[tokio::test(flavor = "multi_thread")]
async fn traceweaver_media() {
    check("traceweaver_media", "traceweaver-media", "traceweaver").await;
}

/// Scenario: the node.js traces of TraceWeaver are imported.
/// Guarantees: as above.
#[tokio::test(flavor = "multi_thread")]
async fn traceweaver_node() {
    check("traceweaver_node", "traceweaver-node", "traceweaver").await;
}

async fn check(test: &str, truth: &str, folder: &str) {
    let Some(datasets) = public_traces(test) else { return };
    let truth = read_truth(&datasets, truth);
    let files: Vec<_> = array(&truth["files"])
        .map(|file| datasets.join(folder).join(file.as_str().expect("a file name")))
        .collect();
    let lake = TestLake::of_files(&files).await;
    holds(&lake, &truth, "fresh").await;
    assemble_all(&lake).await;
    assert_eq!(fresh_spans(&lake).await, 0);
    holds(&lake, &truth, "assembled").await;

    let lake = TestLake::empty().await;
    import_every_second_span(&lake, &files, 0).await;
    assemble_all(&lake).await;
    import_every_second_span(&lake, &files, 1).await;
    assert!(fresh_spans(&lake).await > 0);
    holds(&lake, &truth, "half of it late").await;
    assemble_all(&lake).await;
    assert_eq!(fresh_spans(&lake).await, 0);
    holds(&lake, &truth, "half of it late, assembled").await;
}

async fn holds(lake: &TestLake, truth: &Value, when: &str) {
    // Shown if something does not hold.
    eprintln!("{when}:");
    counts(lake, truth).await;
    root_durations(lake, truth).await;
    operations(lake, truth).await;
    slowest(lake, truth).await;
    edges(lake, truth).await;
    minutes(lake, truth).await;
}

/// Spans in files that are not assembled.
async fn fresh_spans(lake: &TestLake) -> u64 {
    let files = lake.engine.snapshot().await.unwrap().files;
    let fresh = files.iter().filter(|file| file.layout != Layout::Assembled);
    fresh.map(|file| file.rows.expect("we count them")).sum()
}

/// Imports of each file the spans with an even or an odd number, which cuts through most traces.
async fn import_every_second_span(lake: &TestLake, files: &[PathBuf], first: usize) {
    for file in files {
        for batch in SpanReader::open(file, None).expect("the file opens") {
            let rows = batch.expect("a batch").to_stored();
            let chosen: BooleanArray =
                (0..rows.num_rows()).map(|row| Some(row % 2 == first)).collect();
            import(lake, &filter_record_batch(&rows, &chosen).expect("as many as rows")).await;
        }
    }
}

/// Scenario: the six loads of hotel and of media are imported, one file after the other; in another lake
/// the last one comes first, and each file is assembled as it comes.
/// Guarantees: all columns of all rows of `traces` are equal, in the end and when all is assembled.
#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_files_does_not_matter() {
    let Some(datasets) = public_traces("the_order_of_files_does_not_matter") else { return };
    for set in ["traceweaver-hotel", "traceweaver-media"] {
        let truth = read_truth(&datasets, set);
        let mut files: Vec<_> = array(&truth["files"])
            .map(|file| datasets.join("traceweaver").join(file.as_str().expect("a file name")))
            .collect();
        let sql = "SELECT * FROM traces ORDER BY trace_id";
        let lake = TestLake::of_files(&files).await;
        let expected = lake.rows(sql).await;
        assert_eq!(expected.len().to_string(), truth["traces"].to_string(), "{set}");
        files.reverse();
        let reversed = TestLake::of_files(&files).await;
        assert!(reversed.rows(sql).await == expected, "{set}, reversed");
        let one_by_one = TestLake::empty().await;
        for file in &files {
            one_by_one.import(file).await;
            assemble_all(&one_by_one).await;
        }
        for lake in [lake, reversed, one_by_one] {
            assemble_all(&lake).await;
            assert!(lake.rows(sql).await == expected, "{set}, assembled");
        }
    }
}

fn read_truth(datasets: &Path, name: &str) -> Value {
    let path = datasets.join(format!("groundtruth/truth.{name}.json"));
    let text = std::fs::read_to_string(&path).expect("the ground truth is readable");
    serde_json::from_str(&text).expect("the ground truth is JSON")
}

async fn counts(lake: &TestLake, truth: &Value) {
    let sql = "SELECT count(*), count(DISTINCT trace_id), \
               count(*) FILTER (WHERE parent_span_id IS NULL), \
               count(*) FILTER (WHERE status_code = 'error') FROM spans";
    let expected =
        ["spans", "traces", "root_spans", "error_spans"].map(|key| truth[key].to_string());
    assert_eq!(lake.rows(sql).await, vec![expected.to_vec()]);
    let traces = lake.value("SELECT count(*) FROM traces WHERE is_connected").await;
    assert_eq!(traces, truth["traces"].to_string(), "connected traces");
}

const STATISTICS: &str = "count(*), sum(duration_ns), min(duration_ns), max(duration_ns), \
    percentile_nearest(duration_ns, 0.5), percentile_nearest(duration_ns, 0.9), \
    percentile_nearest(duration_ns, 0.95), percentile_nearest(duration_ns, 0.99)";

fn statistics(truth: &Value) -> Vec<String> {
    ["count", "sum", "min", "max", "nr_p50", "nr_p90", "nr_p95", "nr_p99"]
        .iter()
        .map(|key| truth[*key].to_string())
        .collect()
}

async fn root_durations(lake: &TestLake, truth: &Value) {
    let sql = format!("SELECT {STATISTICS} FROM spans WHERE parent_span_id IS NULL");
    assert_eq!(lake.rows(&sql).await, vec![statistics(&truth["root_duration"])]);
    let by_operation = STATISTICS.replace("duration_ns", "root_duration_ns");
    let sql = format!(
        "SELECT root_service_name || '|' || root_span_name AS op, {by_operation} \
         FROM traces GROUP BY op ORDER BY op"
    );
    let expected: Vec<_> = truth["root_duration_by_op"]
        .as_object()
        .expect("operations")
        .iter()
        .map(|(operation, truth)| [vec![operation.clone()], statistics(truth)].concat())
        .collect();
    assert_eq!(lake.rows(&sql).await, expected);
}

async fn operations(lake: &TestLake, truth: &Value) {
    let sql = format!(
        "SELECT service_name, span_name, count(*) FILTER (WHERE status_code = 'error'), {STATISTICS} \
         FROM spans GROUP BY service_name, span_name"
    );
    let mut actual = lake.rows(&sql).await;
    let mut expected: Vec<_> = array(&truth["by_service_op"])
        .map(|op| {
            let name = |key: &str| op[key].as_str().expect("a name").to_owned();
            let head = vec![name("service"), name("name"), op["errors"].to_string()];
            [head, statistics(op)].concat()
        })
        .collect();
    actual.sort();
    expected.sort();
    assert_eq!(actual, expected);
}

/// The ground truth orders traces of equal duration by descending id.
async fn slowest(lake: &TestLake, truth: &Value) {
    let truth = &truth["slowest_1pct"];
    let sql = format!(
        "SELECT trace_id, root_duration_ns FROM traces \
         ORDER BY root_duration_ns DESC, trace_id DESC LIMIT {}",
        truth["n"]
    );
    let rows = lake.rows(&sql).await;
    let ids: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let expected: Vec<_> =
        array(&truth["trace_ids"]).map(|id| id.as_str().expect("an id")).collect();
    assert_eq!(ids, expected);
    assert_eq!(rows.last().expect("traces")[1], truth["threshold_ns"].to_string());
}

async fn edges(lake: &TestLake, truth: &Value) {
    let sql = "SELECT parent_service_name, service_name, count(*) FROM spans \
               WHERE parent_service_name <> service_name \
               GROUP BY parent_service_name, service_name ORDER BY 1, 2";
    let expected: Vec<_> = array(&truth["service_edges"])
        .map(|edge| {
            let name = |key: &str| edge[key].as_str().expect("a service").to_owned();
            vec![name("caller"), name("callee"), edge["calls"].to_string()]
        })
        .collect();
    assert_eq!(lake.rows(sql).await, expected);
    // The same from what spans say of their calls.
    let sql = "SELECT client_service, server_service, CAST(sum(calls) AS BIGINT) FROM edges_1m \
               WHERE connection_type IN ('', 'messaging_system', 'structural') \
                 AND client_service <> server_service GROUP BY 1, 2 ORDER BY 1, 2";
    assert_eq!(lake.rows(sql).await, expected);
}

async fn minutes(lake: &TestLake, truth: &Value) {
    let sql = "SELECT CAST(date_part('epoch', date_trunc('minute', start_time)) AS BIGINT) AS minute, \
               count(*), percentile_nearest(duration_ns, 0.5), percentile_nearest(duration_ns, 0.99) \
               FROM spans WHERE parent_span_id IS NULL GROUP BY minute ORDER BY minute";
    let expected: Vec<_> = array(&truth["by_minute"])
        .map(|minute| {
            ["minute_unix_s", "root_spans", "nr_p50", "nr_p99"]
                .map(|key| minute[key].to_string())
                .to_vec()
        })
        .collect();
    assert_eq!(lake.rows(sql).await, expected);
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}
