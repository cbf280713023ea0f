//! Rollups of edges: with them and without them, every question about calls has the same answer.

use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use engine::{CompactSettings, Settings};
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use schema::spans::{SPAN_KIND, STATUS_CODE};

use crate::it::assembly::{Random, sample};
use crate::it::fixtures::rows;
use crate::it::rollups::{Words, import, lake_of, moment, open, question, weighed, with_column};

const OF_EDGES: Words<'static> = Words {
    table: "edges",
    groups: &[
        "client_service",
        "server_service",
        "connection_type",
        "is_failed",
        "client_service || ' > ' || server_service",
        "date_trunc('minute', start_time)",
        "date_trunc('hour', start_time)",
        "date_bin(INTERVAL '6 hours', start_time)",
    ],
    measures: &[
        "count(*)",
        "count(span_id)",
        "sum(sample_weight)",
        "min(duration_ns)",
        "sum(duration_ns)",
        "max(duration_ns)",
        "avg(duration_ns)",
        "p99(duration_ns)",
        "quantile(duration_ns, 0.9, sample_weight)",
        "sketch_count(sketch(duration_ns, sample_weight))",
        "count(DISTINCT server_service)",
    ],
    filters: &[
        "is_failed",
        "NOT is_failed",
        "connection_type = ''",
        "client_service LIKE 'c%'",
        "start_time >= @1",
        "start_time < @2",
        "start_time BETWEEN @1 AND @2",
    ],
};

/// The sample with other kinds, statuses, weights and peers: every way to be a call, and not to be one.
fn mixed(random: &mut Random) -> RecordBatch {
    let mut spans = weighed(random, &sample());
    let rows = spans.num_rows();
    for (name, texts) in [
        (SPAN_KIND, &["client", "producer", "server", "consumer", "internal"][..]),
        (STATUS_CODE, &["unset", "error"]),
    ] {
        // Half of them stay, and with them the pairs.
        let column = spans.column_by_name(name).unwrap().as_any();
        let before = column.downcast_ref::<StringArray>().unwrap();
        let mut text = |row| match random.below(2) {
            0 => before.value(row),
            _ => texts[random.below(texts.len())],
        };
        let changed: StringArray = (0..rows).map(|row| Some(text(row))).collect();
        spans = with_column(&spans, name, Arc::new(changed));
    }
    for name in
        ["peer_service", "server_address", "network_peer_address", "db_namespace", "db_system"]
    {
        let mut text = || [None, None, None, Some("cart"), Some("x"), Some("")][random.below(6)];
        let changed: StringArray = (0..rows).map(|_| text()).collect();
        spans = with_column(&spans, name, Arc::new(changed));
    }
    let ports: Int64Array =
        (0..rows).map(|_| [None, Some(80), Some(-1)][random.below(3)]).collect();
    with_column(&spans, "network_peer_port", Arc::new(ports))
}

#[tokio::test(flavor = "multi_thread")]
async fn any_question_about_edges_has_the_same_answer_without_rollups() {
    let mut used = 0;
    for seed in 0..8 {
        let mut random = Random(seed + 100);
        let spans = if seed % 4 == 0 { sample() } else { mixed(&mut random) };
        let store = lake_of(&mut random, &spans).await;
        let lake = open(&store, Settings::default()).await;
        let with = lake.session().await.unwrap();
        let settings = Settings { use_rollups: false, ..Settings::default() };
        let without = open(&store, settings).await.session().await.unwrap();
        let first = "SELECT arrow_cast(min(start_time), 'Int64') FROM spans";
        let first_ns = rows(&without, first).await[0][0].parse().unwrap();
        let mut questions: Vec<String> =
            (0..8).map(|_| question(&mut random, &OF_EDGES, first_ns)).collect();
        let time = |ns: i64| format!("arrow_cast({ns}, 'Timestamp(Nanosecond, Some(\"UTC\"))')");
        let mut times: Vec<i64> = (0..2).map(|_| moment(&mut random, first_ns)).collect();
        times.sort_unstable();
        questions.push(format!(
            "SELECT * FROM service_graph(\"from\" => {}, \"to\" => {}) ORDER BY 1, 2, 3",
            time(times[0]),
            time(times[1])
        ));
        for (table, unit) in [("edges_1m", "minute"), ("edges_1h", "hour"), ("edges_1d", "day")] {
            let time = time(moment(&mut random, first_ns));
            let operator = [">=", ">", "<", "<=", "<>"][random.below(5)];
            let of_table = format!(
                "SELECT start_time, client_service, server_service, connection_type, calls, errors,
                        sketch_quantile(duration, 0.9)
                 FROM {table} WHERE start_time {operator} {time} ORDER BY 1, 2, 3, 4"
            );
            let of_edges = format!(
                "SELECT date_trunc('{unit}', start_time), client_service, server_service, connection_type,
                        sum(sample_weight), coalesce(sum(sample_weight) FILTER (WHERE is_failed), 0),
                        quantile(CAST(duration_ns AS DOUBLE), 0.9, sample_weight)
                 FROM edges WHERE date_trunc('{unit}', start_time) {operator} {time}
                 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
            );
            let expected = rows(&without, &of_edges).await;
            assert_eq!(rows(&with, &of_table).await, expected, "seed {seed}: {of_table}");
            questions.push(of_table);
        }
        for sql in questions {
            let (found, expected) = (rows(&with, &sql).await, rows(&without, &sql).await);
            assert_eq!(found, expected, "seed {seed}: {sql}");
            let plan = rows(&with, &format!("EXPLAIN {sql}")).await.concat().join("\n");
            let is_rule = !sql.contains("FROM edges_1") && plan.contains("TableScan: edges_1");
            used += usize::from(is_rule);
        }
        assert_eq!(lake.check().await.unwrap().findings, [], "seed {seed}");
    }
    assert!(used > 20, "only {used} of 72 questions were answered from rollups");
}

/// Scenario: a lake of a version that had no rollups of edges.
/// Guarantees: edges are computed; the next assembly, and only that one, writes the files again, with rollups.
#[tokio::test(flavor = "multi_thread")]
async fn older_lakes_get_edges() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let lake = open(&store, Settings::default()).await;
    import(&lake, &sample()).await;
    let settings = CompactSettings::default().at_once();
    while lake.assemble(&settings).await.unwrap().version.is_some() {}
    let sql =
        "SELECT client_service, server_service, sum(sample_weight), p99(duration_ns) FROM edges
               GROUP BY 1, 2 ORDER BY 1, 2";
    let expected = rows(&lake.session().await.unwrap(), sql).await;
    let log: Vec<_> =
        store.list(Some(&Path::from("spans/_delta_log"))).try_collect().await.unwrap();
    for commit in log.iter().map(|object| &object.location) {
        let bytes = store.get(commit).await.unwrap().bytes().await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let text = text.replace("\"spanlake.edges\"", "\"of.a.later.version\"");
        store.put(commit, text.into()).await.unwrap();
    }
    let older = open(&store, Settings::default()).await;
    let session = older.session().await.unwrap();
    let explain = format!("EXPLAIN {sql}");
    let plan = rows(&session, &explain).await.concat().join("\n");
    assert!(!plan.contains("edges_1d"), "{plan}");
    assert_eq!(rows(&session, sql).await, expected);
    assert!(older.assemble(&settings).await.unwrap().version.is_some());
    assert_eq!(older.assemble(&settings).await.unwrap().version, None);
    let session = older.session().await.unwrap();
    let plan = rows(&session, &explain).await.concat().join("\n");
    assert!(plan.contains("edges_1d"), "{plan}");
    assert_eq!(rows(&session, sql).await, expected);
}
