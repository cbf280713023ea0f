//! Queries: rows, schemas, sizes.

use arrow_flight::FlightDescriptor;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use prost::Message;

use crate::it::fixtures::{
    SPANS_PER_TRACE, TRACES, TestServer, append, fetch, fetch_ticket, spans, ticket,
};

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_query() {
    let server = TestServer::start().await;
    let sql = "SELECT service_name, span_name, duration_ns, parent_span_id FROM spans
               WHERE trace_id = '00000000000000000000000000000001' ORDER BY start_time";
    assert_eq!(
        server.rows(sql).await,
        [
            ["frontend", "GET /cart", "1000000", "NULL"],
            ["cart", "load cart", "990000", "0000000000000001"],
            ["db", "SELECT", "980000", "0000000000000002"],
        ]
    );
    assert_eq!(server.value("SELECT count(*) FROM traces").await, TRACES.to_string());
    assert_eq!(server.value("SELECT 1 AS one -- ;").await, "1");
}

/// Scenario: queries whose results have unusual types, no rows, no columns of the lake, or are no SELECT.
/// Guarantees: the stream has the schema that was announced, and `GetSchema` tells the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_announced_schema_is_that_of_the_rows() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let mut raw = server.raw_client().await;
    for sql in [
        "SELECT * FROM spans",
        "SELECT * FROM traces",
        "SELECT * FROM span_events",
        "SELECT * FROM storage.spans",
        "SELECT * FROM spans WHERE false",
        "SELECT * FROM spans LIMIT 0",
        "SELECT service_name, count(*), array_agg(span_name) FROM spans GROUP BY 1",
        "SELECT s.span_name, p.span_name FROM spans s LEFT JOIN spans p ON s.parent_span_id = p.span_id",
        "SELECT NULL, 1 AS x, 'a', true, 1.5, DATE '2026-11-16', INTERVAL '1 day'",
        "SELECT arrow_cast('a', 'Utf8View') AS v, arrow_cast('a', 'Dictionary(Int32, Utf8)') AS d",
        "SELECT arrow_cast('a', 'Dictionary(Int32, Utf8View)') AS d, arrow_cast('a', 'LargeUtf8') AS l",
        "SELECT arrow_cast(make_array('a'), 'LargeList(Utf8View)') AS l",
        "SELECT arrow_cast(X'00', 'BinaryView') AS b, arrow_cast(1.5, 'Decimal128(10, 2)') AS d",
        "SELECT named_struct('a', arrow_cast('x', 'Utf8View'), 'b', 1) AS s",
        "SELECT service_name FROM spans UNION ALL SELECT NULL",
        "SELECT coalesce(parent_span_id, span_id) AS p FROM spans",
        "SELECT row_number() OVER (ORDER BY start_time) AS n, depth FROM spans",
        "EXPLAIN SELECT * FROM spans",
        "EXPLAIN ANALYZE SELECT count(*) FROM spans",
        "SHOW TABLES",
        "DESCRIBE spans",
    ] {
        let info = client.execute(sql.into(), None).await;
        let info = info.unwrap_or_else(|e| panic!("{sql}: {e}"));
        fetch(&mut client, &info).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let announced = info.try_decode_schema().expect("a schema");
        let command = CommandStatementQuery { query: sql.into(), transaction_id: None };
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let schema = raw.get_schema(descriptor).await;
        assert_eq!(schema.unwrap_or_else(|e| panic!("{sql}: {e}")), announced, "{sql}");
        for field in announced.fields() {
            let text = field.data_type().to_string();
            assert!(!text.contains("View") && !text.contains("Dictionary"), "{sql}: {field}");
        }
    }
}

/// Scenario: spans arrive between two queries, and between a query's plan and its rows.
/// Guarantees: each query sees all spans that were committed before it was planned, and no others.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_sees_what_was_there_when_it_was_planned() {
    let server = TestServer::start().await;
    let sql = "SELECT count(*) FROM spans";
    let before = TRACES * SPANS_PER_TRACE;
    assert_eq!(server.value(sql).await, before.to_string());

    let mut client = server.client().await;
    let info = client.execute(sql.into(), None).await.unwrap();
    append(&server.engine, spans(TRACES..TRACES + 1)).await;
    assert_eq!(fetch(&mut client, &info).await.unwrap().rows(), [[before.to_string()]]);
    assert_eq!(server.value(sql).await, (before + SPANS_PER_TRACE).to_string());
    // A ticket may be redeemed again, as a client does after a broken connection.
    assert_eq!(fetch(&mut client, &info).await.unwrap().rows(), [[before.to_string()]]);
}

/// Scenario: a result of many megabytes, with rows of very different size, for a client that takes
/// messages of at most 4 MiB.
/// Guarantees: all rows arrive, in order.
#[tokio::test(flavor = "multi_thread")]
async fn large_results_fit_small_messages() {
    let server = TestServer::start().await;
    let sql = "SELECT s.trace_id, s.span_id, s.duration_ns,
                      repeat('x', CASE WHEN s.span_kind = 'server' THEN 2000000 ELSE 1 END) AS text
               FROM spans s ORDER BY s.duration_ns";
    let mut client = server.client().await;
    let info = client.execute(sql.into(), None).await.unwrap();
    let result = fetch_ticket(&mut client, ticket(&info)).await.unwrap();
    assert!(result.batches.len() >= 10, "{}", result.batches.len());
    let durations: Vec<i64> = result.rows().iter().map(|row| row[2].parse().unwrap()).collect();
    assert_eq!(durations.len() as i64, TRACES * SPANS_PER_TRACE);
    assert!(durations.is_sorted());
    let text: usize = result.rows().iter().map(|row| row[3].len()).sum();
    assert_eq!(text as i64, TRACES * (2_000_000 + 2));
}

/// Scenario: a driver shakes hands with a user name before its first query.
/// Guarantees: it may go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_is_accepted() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    client.handshake("anybody", "anything").await.unwrap();
    let info = client.execute("SELECT 1 AS one".into(), None).await.unwrap();
    assert_eq!(fetch(&mut client, &info).await.unwrap().rows(), [["1"]]);
}
