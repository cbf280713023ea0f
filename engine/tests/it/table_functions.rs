//! Table functions: how they are called, and what they find.

use std::fmt::Write;

use engine::table_functions;

use crate::it::assembly::{assemble_all, import, sample};
use crate::it::fixtures::{TestLake, error};

/// A second of the tests' day.
const START_NS: u64 = 1_794_268_800_000_000_000;
const MS: u64 = 1_000_000;

/// Spans of one service as OTLP: `(span, parent, name, kind, start, end in ms, status, attributes)`.
type Span<'a> = (u64, u64, &'a str, u8, u64, u64, u8, &'a [(&'a str, &'a str)]);

fn trace(number: u64, spans: &[Span<'_>]) -> String {
    let mut text = String::new();
    for (id, parent, name, kind, from_ms, to_ms, status, attributes) in spans {
        let comma = if text.is_empty() { "" } else { "," };
        let parent =
            if *parent == 0 { String::new() } else { format!("{:016x}", number << 16 | parent) };
        let attributes: Vec<String> = attributes
            .iter()
            .map(|(key, value)| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#))
            .collect();
        let (start, end) = (START_NS + from_ms * MS, START_NS + to_ms * MS);
        write!(
            text,
            r#"{comma}{{"traceId":"{number:032x}","spanId":"{:016x}","parentSpanId":"{parent}","name":"{name}","kind":{kind},"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","status":{{"code":{status}}},"attributes":[{}]}}"#,
            number << 16 | id,
            attributes.join(",")
        )
        .unwrap();
    }
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},"scopeSpans":[{{"spans":[{text}]}}]}}]}}"#
    )
}

const DAY: &str = "\"from\" => '2026-11-10', \"to\" => '2026-11-11'";

async fn lake(traces: &[String]) -> TestLake {
    let lake = TestLake::empty().await;
    for trace in traces {
        assert_eq!(lake.import_text(trace).await, 0);
    }
    lake
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_runs() {
    let lake = TestLake::empty().await;
    import(&lake, &sample()).await;
    call_each(&lake).await;
    assemble_all(&lake).await;
    call_each(&lake).await;
}

async fn call_each(lake: &TestLake) {
    for (name, function) in table_functions().unwrap() {
        lake.rows(&function.example).await;
        let needed = function.parameters.iter().filter(|p| p.default.is_none());
        let has_times = function.parameters.iter().any(|p| p.name == "since");
        let args: Vec<String> = needed
            .map(|p| format!("{} => 'root_status_code = ''error'''", p.name))
            .chain(has_times.then(|| "\"from\" => '2026-11-09', \"to\" => '2026-11-16'".into()))
            .collect();
        lake.rows(&format!("SELECT * FROM {name}({})", args.join(", "))).await;
        lake.rows(&format!("EXPLAIN SELECT count(*) FROM {name}({}) AS f", args.join(", "))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_by_place_and_by_name() {
    let spans = [(1, 0, "GET /", 2, 0, 100, 0, &[][..])];
    let lake = lake(&[trace(1, &spans)]).await;
    for args in [
        "'true', '2026-11-10', '2026-11-11'",
        "from => '2026-11-10', to => '2026-11-11'",
        "to => TIMESTAMP '2026-11-11 00:00:00', since => INTERVAL '1 day'",
        "'root_service_name = ''shop''', '2026-11-10T00:00:00Z', '2026-11-11'",
    ] {
        let sql =
            format!("SELECT count(*) FROM blast_radius({args}) WHERE dimension = 'operation'");
        assert_eq!(lake.value(&sql).await, "1", "{sql}");
    }
    let session = lake.session().await;
    for (sql, expected) in [
        ("SELECT * FROM retries(untill => '2026-11-10')", "has no parameter `untill`"),
        ("SELECT * FROM retries('2026-11-10', from => '2026-11-10')", "is given `from` twice"),
        ("SELECT * FROM retries(1, 2, 3, 4, 5, 6)", "does not take 6 arguments"),
        ("SELECT * FROM retries(service => shop)", "must be a constant"),
        ("SELECT * FROM blast_radius(bad => 17)", "must be a condition as text"),
        ("SELECT * FROM blast_radius(bad => 'depth = ')", "is no condition in SQL"),
        ("SELECT * FROM blast_radius(bad => 'true) OR (true')", "is no condition in SQL"),
        ("SELECT * FROM blast_radius(bad => 'no_such_column = 1')", "no_such_column"),
        ("SELECT * FROM retries(from => 'yesterday')", "yesterday"),
    ] {
        let message = error(&session, sql).await.to_string();
        assert!(message.contains(expected), "{sql}: {message}");
    }
}

/// Semantics T8.4: two failed attempts and one that succeeds, of 500 ms all but 50 are wasted.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_of_one_call() {
    let resent = |count| [("server.address", "pay"), ("http.request.resend_count", count)];
    let (second, third) = (resent("1"), resent("2"));
    let first = &second[..1];
    let call = |id, from, to, status, attributes| (id, 1, "POST", 3, from, to, status, attributes);
    let declared = trace(
        1,
        &[
            (1, 0, "checkout", 2, 0, 500, 0, &[]),
            call(2, 0, 100, 2, first),
            call(4, 150, 250, 2, &second),
            call(6, 450, 500, 1, &third),
        ],
    );
    // The same without a word about it, one that gives up, and one whose calls have nothing to do with each other.
    let told_by_failure = trace(
        2,
        &[
            (1, 0, "checkout", 2, 0, 500, 0, &[]),
            call(2, 0, 100, 2, first),
            call(4, 150, 250, 2, first),
            call(6, 450, 500, 1, first),
        ],
    );
    let given_up = trace(
        3,
        &[
            (1, 0, "checkout", 2, 0, 500, 2, &[]),
            call(2, 0, 100, 2, first),
            call(4, 150, 250, 2, first),
        ],
    );
    let unrelated = trace(
        4,
        &[
            (1, 0, "checkout", 2, 0, 500, 0, &[]),
            call(2, 0, 100, 1, first),
            call(4, 150, 250, 1, first),
        ],
    );
    let columns = "calls, retried_calls, attempts, recovered, exhausted, wasted_ns / 1000000";
    let sql = format!("SELECT {columns} FROM retries({DAY})");
    for (traces, expected) in [
        (vec![declared.clone()], [["1.0", "1.0", "3.0", "1.0", "0.0", "450"]]),
        (vec![told_by_failure.clone()], [["1.0", "1.0", "3.0", "1.0", "0.0", "450"]]),
        (vec![given_up.clone()], [["1.0", "1.0", "2.0", "0.0", "1.0", "250"]]),
        (
            vec![declared, told_by_failure, given_up, unrelated],
            [["5.0", "3.0", "10.0", "2.0", "1.0", "1150"]],
        ),
    ] {
        assert_eq!(lake(&traces).await.rows(&sql).await, expected);
    }
}

/// Semantics T8.5: eight queries one after the other are too many; eight at once are not.
#[tokio::test(flavor = "multi_thread")]
async fn queries_one_by_one() {
    let of = |number, step| {
        let mut spans: Vec<Span<'_>> =
            vec![(1, 0, "GET /books", 2, 0, 200, 0, &[]), (2, 1, "SELECT books", 3, 0, 20, 0, &[])];
        spans.extend((0..8).map(|i| {
            let start = 20 + step * i;
            (
                10 + i,
                1,
                "SELECT author",
                3,
                start,
                start + 16,
                0,
                &[("db.system.name", "mysql")][..],
            )
        }));
        trace(number, &spans)
    };
    let lake = lake(&[of(1, 20), of(2, 0)]).await;
    let sql = format!(
        "SELECT statement, parents, most_calls, total_ns / 1000000, saving_ns / 1000000, affected_traces
         FROM n_plus_one({DAY})"
    );
    assert_eq!(lake.rows(&sql).await, [["SELECT author", "1.0", "8", "128", "112", "1"]]);
    let sql = format!(
        "SELECT span_name, parents, calls_per_parent, round(concurrency, 2)
         FROM fan_out({DAY}, least => 8)"
    );
    // One after the other, 128 ms of work in 156 ms; at once, in 16.
    assert_eq!(lake.rows(&sql).await, [["SELECT author", "2.0", "8.0", "1.49"]]);
}

/// Semantics T8.1, and T8.3 with names.
#[tokio::test(flavor = "multi_thread")]
async fn edges_of_all_kinds() {
    let lake = TestLake::empty().await;
    let span = |service: &str,
                id: u8,
                parent: u8,
                kind: u8,
                from: u64,
                to: u64,
                status: u8,
                attributes: &str| {
        let parent = if parent == 0 { String::new() } else { format!("{parent:016x}") };
        let (start, end) = (START_NS + from * MS, START_NS + to * MS);
        format!(
            r#"{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"{:032x}","spanId":"{id:016x}","parentSpanId":"{parent}","name":"s{id}","kind":{kind},"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","status":{{"code":{status}}},"attributes":[{attributes}]}}]}}]}}"#,
            1
        )
    };
    let text = |key: &str, value: &str| {
        format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
    };
    let database = [
        text("db.system.name", "postgresql"),
        text("db.namespace", "shop"),
        text("server.address", "pg1"),
    ];
    let spans = [
        span("web", 1, 0, 2, 0, 100, 0, ""),
        span("web", 2, 1, 3, 1, 60, 0, ""),
        span("api", 3, 2, 2, 2, 59, 0, ""),
        span("api", 4, 3, 3, 3, 20, 0, &database.join(",")),
        span("api", 5, 3, 3, 21, 40, 2, &text("peer.service", "stripe")),
        span("api", 6, 3, 4, 50, 52, 0, ""),
        span("worker", 7, 6, 5, 80, 90, 0, ""),
    ];
    assert_eq!(lake.import_text(&format!(r#"{{"resourceSpans":[{}]}}"#, spans.join(","))).await, 0);
    let sql = format!(
        "SELECT client_service, server_service, connection_type, calls, errors, p50_ns / 1000000
         FROM service_graph({DAY}) ORDER BY 1, 2"
    );
    let expected = [
        ["api", "pg1", "database", "1.0", "0.0", "17"],
        ["api", "stripe", "virtual_node", "1.0", "1.0", "19"],
        ["api", "worker", "messaging_system", "1.0", "0.0", "10"],
        ["user", "web", "virtual_node", "1.0", "0.0", "100"],
        ["web", "api", "", "1.0", "0.0", "57"],
    ];
    assert_eq!(lake.rows(&sql).await, expected);
    let by_minute = "SELECT client_service, server_service, connection_type, calls, errors,
                            CAST(sketch_max(duration) / 1000000 AS BIGINT)
                     FROM edges_1m WHERE start_time >= '2026-11-10' ORDER BY 1, 2";
    assert_eq!(lake.rows(by_minute).await, expected);
    let settings = engine::CompactSettings::default().at_once();
    while lake.engine.assemble(&settings).await.unwrap().version.is_some() {}
    assert_eq!(lake.rows(&sql).await, expected);
    assert_eq!(lake.rows(by_minute).await, expected);
}

/// Semantics T8.3: the first attempt failed first, and the second one decided.
#[tokio::test(flavor = "multi_thread")]
async fn first_and_decisive_errors() {
    let lake = lake(&[trace(
        1,
        &[
            (1, 0, "A", 2, 0, 30, 2, &[]),
            (2, 1, "B1", 1, 0, 10, 2, &[]),
            (3, 1, "B2", 1, 15, 25, 2, &[]),
            (4, 3, "C", 1, 16, 24, 2, &[]),
        ],
    )])
    .await;
    let sql = format!(
        "SELECT rank, origin_service, span_name, decisive_traces, first_traces FROM error_origins({DAY}) ORDER BY rank"
    );
    assert_eq!(
        lake.rows(&sql).await,
        [["1", "shop", "C", "1.0", "0.0"], ["2", "shop", "B1", "0.0", "1.0"]]
    );
}

/// Scenario: three calls in one minute, one of them failing, and one in the next.
/// Guarantees: counts, rate and percentiles of each, with what is asked for left out.
#[tokio::test(flavor = "multi_thread")]
async fn rate_errors_and_durations() {
    let spans = [
        (1, 0, "GET /", 2, 0, 10, 0, &[][..]),
        (2, 1, "query", 3, 1, 9, 0, &[]),
        (3, 0, "GET /", 2, 10, 40, 2, &[]),
        (4, 0, "GET /", 2, 20, 40, 0, &[]),
        (5, 0, "GET /", 2, 60_000, 60_050, 0, &[]),
    ];
    let lake = lake(&[trace(1, &spans)]).await;
    let columns = "date_part('minute', time), span_name, calls, round(calls_per_second, 3), errors, \
                   round(error_rate, 3), p50_ns / 1000000, p99_ns / 1000000";
    let sql = format!("SELECT {columns} FROM red({DAY}, kind => 'server') ORDER BY time");
    let expected = [
        ["0", "GET /", "3.0", "0.05", "1.0", "0.333", "20", "30"],
        ["1", "GET /", "1.0", "0.017", "0.0", "0.0", "50", "50"],
    ];
    assert_eq!(lake.rows(&sql).await, expected);
    let sql = format!(
        "SELECT {columns} FROM red({DAY}, step => INTERVAL '1 hour', operation => 'query')"
    );
    assert_eq!(lake.rows(&sql).await, [["0", "query", "1.0", "0.0", "0.0", "0.0", "8", "8"]]);
    assert_eq!(lake.rows(&format!("SELECT * FROM red({DAY}, service => 'x')")).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_were_violated() {
    let spans = [
        (
            1,
            0,
            "POST /order",
            2,
            0,
            100,
            0,
            &[("invariant.violated", "stock is never negative")][..],
        ),
        (2, 1, "work", 1, 0, 100, 0, &[]),
    ];
    let lake = lake(&[trace(1, &spans), trace(2, &spans)]).await;
    let sql = format!(
        "SELECT rank, invariant, span_name, violations, affected_traces FROM invariant_violations({DAY})"
    );
    assert_eq!(
        lake.rows(&sql).await,
        [["1", "stock is never negative", "POST /order", "2.0", "2"]]
    );
}
