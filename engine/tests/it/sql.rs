//! The SQL surface: tables, columns, ids, what a query costs, and data that is not ours.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use engine::{Error, Session, Settings, Statement};

use crate::it::fixtures::{TestLake, error, rows};

/// A root that fails because of its second query, with an exception, a link and attributes of all kinds.
const SHOP: &str = r#"{"resourceSpans":[
{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}},{"key":"service.version","value":{"stringValue":"1.2.3"}},{"key":"deployment.environment","value":{"stringValue":"prod"}}]},"scopeSpans":[{"scope":{"name":"http","version":"2"},"spans":[
{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"0000000000000001","name":"GET /cart","kind":2,"startTimeUnixNano":"1762732800000000000","endTimeUnixNano":"1762732800000000100","status":{"code":2,"message":"boom"},
 "attributes":[{"key":"http.route","value":{"stringValue":"/cart"}},{"key":"http.response.status_code","value":{"intValue":"500"}},{"key":"cart.items","value":{"intValue":3}},{"key":"user.id","value":{"stringValue":"u1"}},{"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"}]}}}],
 "events":[{"timeUnixNano":"1762732800000000050","name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"IoError"}},{"key":"exception.message","value":{"stringValue":"no route"}}]},{"timeUnixNano":"1762732800000000060","name":"note"}],
 "links":[{"traceId":"AAf92f3577b34da6a3ce929d0e0e4736","spanId":"00000000000000aa"}]}]}]},
{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"db"}}]},"scopeSpans":[{"spans":[
{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"SELECT a","kind":3,"startTimeUnixNano":"1762732800000000010","endTimeUnixNano":"1762732800000000040"},
{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"0000000000000003","parentSpanId":"0000000000000001","name":"SELECT b","kind":3,"startTimeUnixNano":"1762732800000000040","endTimeUnixNano":"1762732800000000090","status":{"code":2}},
{"traceId":"5bf92f3577b34da6a3ce929d0e0e4736","spanId":"0000000000000004","parentSpanId":"00000000000000ff","name":"orphan","kind":2,"startTimeUnixNano":"1762732860000000000","endTimeUnixNano":"1762732860000000007"}]}]}]}"#;

async fn shop() -> TestLake {
    let lake = TestLake::empty().await;
    assert_eq!(lake.import_text(SHOP).await, 0);
    lake
}

async fn plan(session: &Session, sql: &str) -> String {
    let rows = rows(session, &format!("EXPLAIN {sql}")).await;
    rows.concat().join("\n")
}

/// Scenario: a trace is read back with its tree columns.
/// Guarantees: each column is what its definition says.
#[tokio::test(flavor = "multi_thread")]
async fn tree_columns() {
    let lake = shop().await;
    let sql = "SELECT span_name, depth, child_count, subtree_size, nested_left, nested_right, self_time_ns, \
               critical_path_ns, parent_service_name, root_span_name, is_root, is_entry, error_origin \
               FROM spans WHERE trace_id = '4bf92f3577b34da6a3ce929d0e0e4736' ORDER BY nested_left";
    assert_eq!(
        lake.rows(sql).await,
        [
            [
                "GET /cart",
                "0",
                "2",
                "3",
                "1",
                "6",
                "20",
                "20",
                "NULL",
                "GET /cart",
                "true",
                "true",
                "false"
            ],
            [
                "SELECT a",
                "1",
                "0",
                "1",
                "2",
                "3",
                "30",
                "30",
                "web",
                "GET /cart",
                "false",
                "true",
                "false"
            ],
            [
                "SELECT b",
                "1",
                "0",
                "1",
                "4",
                "5",
                "50",
                "50",
                "web",
                "GET /cart",
                "false",
                "true",
                "true"
            ],
        ]
    );
}

/// Scenario: the traces of the lake are listed.
/// Guarantees: one row each, with the root's promoted columns; a trace without its root is not connected.
#[tokio::test(flavor = "multi_thread")]
async fn traces() {
    let lake = shop().await;
    let sql = "SELECT trace_id, root_service_name, root_span_name, root_duration_ns, trace_duration_ns, \
               root_status_code, span_count, error_count, service_count, services, max_depth, is_connected, \
               orphan_count, sample_weight, http_route, user_id FROM traces ORDER BY trace_id";
    assert_eq!(
        lake.rows(sql).await,
        [
            [
                "4bf92f3577b34da6a3ce929d0e0e4736",
                "web",
                "GET /cart",
                "100",
                "100",
                "error",
                "3",
                "2",
                "2",
                "[db, web]",
                "1",
                "true",
                "0",
                "1.0",
                "/cart",
                "u1"
            ],
            [
                "5bf92f3577b34da6a3ce929d0e0e4736",
                "db",
                "orphan",
                "7",
                "7",
                "unset",
                "1",
                "0",
                "1",
                "[db]",
                "0",
                "false",
                "1",
                "1.0",
                "NULL",
                "NULL"
            ],
        ]
    );
    let shapes = lake.value("SELECT count(DISTINCT shape) FROM traces").await;
    assert_eq!(shapes, "2");
}

/// Scenario: events, links, exceptions and attributes are queried.
/// Guarantees: they are there, in text that reads like the original.
#[tokio::test(flavor = "multi_thread")]
async fn events_links_and_attributes() {
    let lake = shop().await;
    let events = lake
        .rows("SELECT span_name, event_name, event_time FROM span_events ORDER BY event_time")
        .await;
    assert_eq!(
        events,
        [
            ["GET /cart", "exception", "2025-11-10T00:00:00.000000050Z"],
            ["GET /cart", "note", "2025-11-10T00:00:00.000000060Z"],
        ]
    );
    let exceptions = lake.rows("SELECT exception_type, exception_message FROM exceptions").await;
    assert_eq!(exceptions, [["IoError", "no route"]]);
    let links = lake.rows("SELECT span_id, linked_trace_id, linked_span_id FROM span_links").await;
    assert_eq!(
        links,
        [["0000000000000001", "aaf92f3577b34da6a3ce929d0e0e4736", "00000000000000aa"]]
    );
    let attributes = lake
        .rows(
            "SELECT attributes['cart.items'], attributes['tags'], attributes['absent'], \
             resource_attributes['service.version'], service_version, deployment_environment, \
             http_response_status_code, scope_name, scope_version, status_message \
             FROM spans WHERE attributes['cart.items'] = '3'",
        )
        .await;
    assert_eq!(
        attributes,
        [["3", r#"["a",1]"#, "NULL", "1.2.3", "1.2.3", "prod", "500", "http", "2", "boom"]]
    );
}

/// Scenario: queries name tree columns, or do not.
/// Guarantees: only those that do pay for trees, and EXPLAIN shows it.
#[tokio::test(flavor = "multi_thread")]
async fn trees_are_computed_only_when_named() {
    let session = shop().await.session().await;
    let plain =
        plan(&session, "SELECT service_name, count(*) FROM spans GROUP BY service_name").await;
    assert!(!plain.contains("span_tree"), "{plain}");
    let tree = plan(&session, "SELECT max(depth) FROM spans").await;
    assert!(tree.contains("SpanTreeExec: partition_by=[trace_id@"), "{tree}");
    assert!(tree.contains("columns=[depth]"), "{tree}");
}

/// Scenario: a trace is looked up by its hex id, in either case, as text, list or range.
/// Guarantees: the stored bytes are compared, below the tree computation, and the rows are right.
#[tokio::test(flavor = "multi_thread")]
async fn hex_ids_are_looked_up_as_bytes() {
    let lake = shop().await;
    let session = lake.session().await;
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    for (predicate, expected) in [
        (format!("trace_id = '{id}'"), "3"),
        (format!("'{id}' = trace_id"), "3"),
        (format!("trace_id = '{}'", id.to_uppercase()), "3"),
        (format!("trace_id IN ('{id}', 'ffffffffffffffffffffffffffffffff')"), "3"),
        (format!("trace_id <> '{id}'"), "1"),
        (format!("trace_id > '{id}'"), "1"),
        ("span_id = '0000000000000002'".into(), "1"),
        ("parent_span_id = '0000000000000001'".into(), "2"),
    ] {
        let sql = format!("SELECT count(*) FROM spans WHERE {predicate}");
        assert_eq!(rows(&session, &sql).await, [[expected]], "{sql}");
        let plan = plan(&session, &sql).await;
        assert!(!plan.contains("_hex("), "{predicate} is compared as text:\n{plan}");
    }
    let tree = plan(&session, &format!("SELECT depth FROM spans WHERE trace_id = '{id}'")).await;
    let scan = tree.lines().find(|line| line.contains("DataSourceExec")).expect("a scan");
    assert!(scan.contains("predicate=trace_id"), "the scan does not prune by trace:\n{tree}");
    for not_an_id in ["trace_id = 'xyz'", "trace_id = '4bf9'"] {
        let sql = format!("SELECT count(*) FROM spans WHERE {not_an_id}");
        assert_eq!(rows(&session, &sql).await, [["0"]], "{sql}");
    }
}

/// Scenario: spans are selected by time.
/// Guarantees: the predicate reaches the stored integer column.
#[tokio::test(flavor = "multi_thread")]
async fn time_predicates_prune() {
    let lake = shop().await;
    let session = lake.session().await;
    let sql = "SELECT count(*) FROM spans WHERE start_time >= '2025-11-10T00:01:00Z'";
    assert_eq!(rows(&session, sql).await, [["1"]]);
    let plan_of_one = plan(&session, sql).await;
    assert!(plan_of_one.contains("predicate=start_time_unix_nano"), "{plan_of_one}");
    // With both ends of a range, beside an attribute: the map itself is not asked for.
    let sql = "SELECT count(*) FROM spans WHERE start_time >= '2025-11-10T00:00:00Z' \
               AND start_time < '2025-11-10T00:01:00Z' AND attributes['cart.items'] = '3'";
    assert_eq!(rows(&session, sql).await, [["1"]]);
    let plan_of_both = plan(&session, sql).await;
    assert!(plan_of_both.contains("[get_field(attributes@"), "{plan_of_both}");
    assert!(!plan_of_both.contains("CAST(start_time_unix_nano"), "{plan_of_both}");
}

/// Scenario: a query names what does not exist.
/// Guarantees: one line that says what, as the caller's fault.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_names_are_said() {
    let session = shop().await.session().await;
    for (sql, word) in [
        ("SELECT no_such_column FROM spans", "no_such_column"),
        ("SELECT no_such_function(1)", "no_such_function"),
        ("SELECT * FROM no_such_table", "no_such_table"),
        ("SELEC 1", "SELEC"),
        ("", "write a query"),
    ] {
        let error = error(&session, sql).await;
        let text = error.to_string();
        assert!(
            error.is_caller_fault() && text.contains(word) && !text.contains('\n'),
            "{sql}: {text}"
        );
    }
}

/// Scenario: a Parquet file in the layout of ClickHouse's OpenTelemetry exporter is attached, without a lake.
/// Guarantees: every function runs on it.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let text = |values: [&str; 3]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("Timestamp", Arc::new(TimestampNanosecondArray::from(vec![0, 10, 40])) as ArrayRef),
        ("TraceId", text(["4bf92f3577b34da6a3ce929d0e0e4736"; 3])),
        ("SpanId", text(["0000000000000001", "0000000000000002", "0000000000000003"])),
        ("ParentSpanId", text(["", "0000000000000001", "0000000000000001"])),
        ("SpanName", text(["GET /", "a", "b"])),
        ("SpanKind", text(["Server", "Client", "Client"])),
        ("ServiceName", text(["web", "db", "db"])),
        ("Duration", Arc::new(Int64Array::from(vec![100, 30, 50])) as ArrayRef),
        ("StatusCode", text(["Unset", "Unset", "Error"])),
    ])
    .unwrap();
    let path = folder.path().join("otel_traces.parquet");
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let session = Session::without_lake(&Settings::default()).unwrap();
    let folder_path = folder.path().to_str().unwrap();
    for (name, path) in [
        ("file", path.to_str().unwrap().to_owned()),
        ("folder", folder_path.to_owned()),
        ("pattern", format!("{folder_path}/otel_*.parquet")),
    ] {
        session.attach(name, &path).await.unwrap_or_else(|e| panic!("{e}"));
        let sql = format!(
            "SELECT \"SpanName\", tree['self_time_ns'], tree['critical_path_ns'], tree['error_origin'], \
             tree['root_span_name'] FROM (SELECT *, span_tree(\"SpanId\", \"ParentSpanId\", \"Timestamp\", \
             \"Duration\", \"SpanKind\", \"StatusCode\", \"ServiceName\", \"SpanName\") \
             OVER (PARTITION BY \"TraceId\") AS tree FROM {name}) ORDER BY \"Timestamp\""
        );
        assert_eq!(
            rows(&session, &sql).await,
            [
                ["GET /", "20", "20", "false", "GET /"],
                ["a", "30", "30", "false", "GET /"],
                ["b", "50", "50", "true", "GET /"],
            ]
        );
        let sql = format!(
            "SELECT p50(\"Duration\") > 0, percentile_nearest(\"Duration\", 0.5) FROM {name}"
        );
        assert_eq!(rows(&session, &sql).await, [["true", "50"]]);
    }
    for (name, path, reason) in [
        ("missing", "/nowhere/x.parquet", "no such file"),
        ("file", path.to_str().unwrap(), "choose another"),
        ("Bad Name", path.to_str().unwrap(), "lowercase"),
        ("empty", &format!("{folder_path}/none*.parquet"), "no Parquet file"),
    ] {
        let error = session.attach(name, path).await.expect_err(name);
        assert!(
            matches!(error, Error::Attach { .. }) && error.to_string().contains(reason),
            "{error}"
        );
    }
}

/// Scenario: a dashboard asks the same again, in one session and in a later one.
/// Guarantees: a plan that is kept gives what a new one gives: the rows of its snapshot, and the time of
/// each run.
#[tokio::test]
async fn a_statement_may_be_asked_again() {
    let lake = TestLake::empty().await;
    let session = lake.session().await;
    let count = "SELECT count(*) FROM spans WHERE duration_ns >= 0";
    for _ in 0..3 {
        assert_eq!(rows(&session, count).await, [["0"]]);
    }
    lake.import_text(SHOP).await;
    assert_eq!(rows(&session, count).await, [["0"]], "a session sees its own snapshot");
    let session = lake.session().await;
    for _ in 0..3 {
        assert_eq!(rows(&session, count).await, [["4"]]);
    }
    for sql in ["SELECT now()", "SELECT random()", "SELECT max(now()) FROM spans"] {
        let (first, second) = (rows(&session, sql).await, rows(&session, sql).await);
        assert_ne!(first, second, "{sql}");
    }
    let with_parameter = session.prepare("SELECT 1 + $1").await.unwrap();
    for value in [1_i64, 2] {
        let bound = with_parameter.bind(vec![datafusion::common::ScalarValue::from(value)]);
        let batches = bound.unwrap().execute().await.unwrap().collect().await.unwrap();
        assert!(format!("{:?}", batches[0].column(0)).contains(&(1 + value).to_string()));
    }
    for _ in 0..2 {
        assert!(rows(&session, "EXPLAIN SELECT 1").await.len() > 1);
        session.query("SELECT $1").await.unwrap_err();
        session.query("SELECT no_such_column FROM spans").await.unwrap_err();
    }
}

/// Scenario: runs of statements are planned ahead, more often than they are run and less often.
/// Guarantees: each run has its rows, and its own time; what cannot run says so when it runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_planned_ahead() {
    let lake = shop().await;
    let session = lake.session().await;
    let run = async |statement: &Statement| {
        let batches = statement.execute().await?.collect().await?;
        Ok::<_, Error>(format!("{:?}", batches[0].column(0)))
    };
    let planned_ahead = async |statement: &Statement| {
        let (turn, done) = tokio::sync::oneshot::channel::<()>();
        statement.plan_ahead(turn);
        // It is dropped when the plan is there.
        let _ = done.await;
    };
    let count = session.prepare("SELECT count(*) FROM spans WHERE duration_ns >= 0").await.unwrap();
    let expected = run(&count).await.unwrap();
    for times in 0..3 {
        for _ in 0..times {
            planned_ahead(&count).await;
        }
        assert_eq!(run(&count).await.unwrap(), expected);
        count.plan_ahead(());
        assert_eq!(run(&count).await.unwrap(), expected);
    }
    let now = session.prepare("SELECT now()").await.unwrap();
    planned_ahead(&now).await;
    assert_ne!(run(&now).await.unwrap(), run(&now).await.unwrap());
    let unset = session.prepare("SELECT $1").await.unwrap();
    planned_ahead(&unset).await;
    assert!(run(&unset).await.is_err());
}

/// Scenario: equal durations in many files; DataFusion's filter for `min` of a column would leave out all
/// files but the first.
/// Guarantees: a `min` of more than a column sees all rows.
#[tokio::test(flavor = "multi_thread")]
async fn one_min_does_not_hide_rows_from_another() {
    let lake = TestLake::with_settings(Settings { query_threads: 1, ..Settings::default() }).await;
    for hour in 0..12_u64 {
        let start = (1_794_268_800 + hour * 3600) * 1_000_000_000;
        let (id, end) = (hour + 1, start + 5);
        let span = format!(
            r#"{{"traceId":"{id:032x}","spanId":"{id:016x}","name":"a","kind":2,"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}"}}"#
        );
        let request = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#);
        assert_eq!(lake.import_text(&request).await, 0);
    }
    let sql = "SELECT min(duration_ns), max(duration_ns), min(extract(hour FROM start_time)),
                      max(extract(hour FROM start_time)) FROM spans";
    assert_eq!(lake.rows(sql).await, [["5", "5", "0", "11"]]);
}

/// Scenario: several percentiles of the duration, with all the other rules around.
/// Guarantees: they share a sketch, also in views, and the answers are those of one at a time.
#[tokio::test(flavor = "multi_thread")]
async fn percentiles_share_a_sketch() {
    let lake = shop().await;
    let session = lake.session().await;
    let together = "SELECT p50(duration_ns), quantile(duration_ns, 0.9 + 0.05), p99(duration_ns) FROM spans \
                    WHERE trace_id = '4bf92f3577b34da6a3ce929d0e0e4736'";
    let plan = plan(&session, together).await;
    assert!(plan.contains("shared_percentiles"), "{plan}");
    assert_eq!(rows(&session, together).await, [["50", "100", "100"]]);
    let alone = "SELECT p50(duration_ns) FROM spans";
    assert!(!self::plan(&session, alone).await.contains("shared_percentiles"));
}

/// Scenario: an expression under the name of the column that it is made of, beside an attribute. DataFusion 55 took
/// it for the column.
/// Guarantees: it is computed, of fresh and of assembled spans.
#[tokio::test(flavor = "multi_thread")]
async fn an_expression_may_have_the_name_of_its_column() {
    let lake = shop().await;
    let sql = "WITH loud AS (SELECT upper(trace_id) AS trace_id, span_name AS span_name, attributes FROM spans) \
               SELECT trace_id, min(span_name), max(attributes['http.route']) FROM loud GROUP BY trace_id ORDER BY 1";
    let expected = [
        ["4BF92F3577B34DA6A3CE929D0E0E4736", "GET /cart", "/cart"],
        ["5BF92F3577B34DA6A3CE929D0E0E4736", "orphan", "NULL"],
    ];
    assert_eq!(lake.rows(sql).await, expected);
    lake.engine.assemble(&engine::CompactSettings::default().at_once()).await.unwrap();
    assert_eq!(lake.rows(sql).await, expected);
}

/// Scenario: each group of an aggregate becomes several rows, which are sorted, joined, grouped, made distinct and counted.
/// DataFusion 55 took the group for unique among them.
/// Guarantees: all rows are there, and in the order that was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn unnested_rows_are_not_unique() {
    let lake = shop().await;
    let names = "(SELECT trace_id, unnest(array_agg(span_name ORDER BY start_time DESC)) AS name FROM spans GROUP BY trace_id)";
    let (one, other) = ("4bf92f3577b34da6a3ce929d0e0e4736", "5bf92f3577b34da6a3ce929d0e0e4736");
    let all = [[one, "GET /cart"], [one, "SELECT a"], [one, "SELECT b"], [other, "orphan"]];
    let questions = [
        format!("SELECT trace_id, name FROM {names} ORDER BY 1, 2"),
        format!("SELECT DISTINCT trace_id, name FROM {names} ORDER BY 1, 2"),
        format!("SELECT trace_id, name FROM {names} GROUP BY trace_id, name ORDER BY trace_id, name"),
        format!(
            "SELECT n.trace_id, name FROM {names} n JOIN (VALUES ('{one}'), ('{other}')) t (id) ON n.trace_id = t.id
             ORDER BY n.trace_id, name"
        ),
        format!("SELECT trace_id, name FROM {names} WHERE trace_id >= '{one}' AND name <> 'x' ORDER BY 1, 2 LIMIT 10"),
        format!(
            "SELECT id, name FROM (VALUES ('{one}'), ('{other}')) t (id) JOIN {names} n ON n.trace_id = t.id
             WHERE EXISTS (SELECT 1 FROM {names} m WHERE m.trace_id = t.id AND m.name = n.name) ORDER BY 1, 2"
        ),
    ];
    for question in questions {
        assert_eq!(lake.rows(&question).await, all, "{question}");
    }
    let counts = format!(
        "SELECT trace_id, count(*), count(DISTINCT name) FROM {names} GROUP BY 1 ORDER BY 1"
    );
    assert_eq!(lake.rows(&counts).await, [[one, "3", "3"], [other, "1", "1"]]);
    // The step is left out of the run, and filters go below it.
    let session = lake.session().await;
    let one_group = format!("SELECT name FROM {names} WHERE trace_id = '{one}'");
    let shown = plan(&session, &one_group).await;
    let (_, physical) = shown.split_once("physical_plan").unwrap();
    assert!(physical.contains("predicate=trace_id") && !physical.contains("Rows"), "{shown}");
    // Ids are joined by their bytes above it.
    let shown =
        plan(&session, &format!("SELECT name FROM {names} n JOIN spans USING (trace_id)")).await;
    let (_, physical) = shown.split_once("physical_plan").unwrap();
    let join = physical.lines().find(|line| line.contains("JoinExec")).unwrap();
    assert!(!join.contains("hex"), "{shown}");
}
