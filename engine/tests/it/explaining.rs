//! Slow traces and their causes, what two sets of traces differ in, and where two traces part.
//! The lakes are made up so that the numbers are those of the tests of semantics.md.

use std::fmt::Write;

use crate::it::assembly::{assemble_all, import, sample};
use crate::it::fixtures::{TestLake, error};

/// 2026-11-10, 00:00.
const DAY_NS: u64 = 1_794_268_800_000_000_000;
const MS: u64 = 1_000_000;
const DAY: &str = "\"from\" => '2026-11-10', \"to\" => '2026-11-11'";

/// A span; the trace is a number, and so is the span within it.
#[derive(Clone, Default)]
struct Span {
    trace: u64,
    id: u64,
    parent: u64,
    service: &'static str,
    name: &'static str,
    kind: u8,
    from_ms: u64,
    to_ms: u64,
    failed: bool,
    state: &'static str,
    attributes: Vec<(&'static str, String)>,
}

impl Span {
    fn id(&self, number: u64) -> String {
        if number == 0 { String::new() } else { format!("{:016x}", self.trace << 16 | number) }
    }

    fn to_json(&self) -> String {
        let text = |(key, value): &(&str, String)| {
            format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
        };
        let attributes: Vec<String> = self.attributes.iter().map(text).collect();
        format!(
            r#"{{"traceId":"{:032x}","spanId":"{}","parentSpanId":"{}","traceState":"{}","name":"{}","kind":{},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","status":{{"code":{}}},"attributes":[{}]}}"#,
            self.trace,
            self.id(self.id),
            self.id(self.parent),
            self.state,
            self.name,
            self.kind,
            DAY_NS + self.from_ms * MS,
            DAY_NS + self.to_ms * MS,
            if self.failed { 2 } else { 0 },
            attributes.join(",")
        )
    }
}

/// A request of one span.
fn request(trace: u64, name: &'static str, duration_ms: u64) -> Span {
    Span { trace, id: 1, service: "api", name, kind: 2, to_ms: duration_ms, ..Span::default() }
}

/// A call of `root`.
fn call(root: &Span, id: u64, name: &'static str, from_ms: u64, to_ms: u64) -> Span {
    let (parent, attributes) = (root.id, Vec::new());
    Span { id, parent, name, kind: 1, from_ms, to_ms, failed: false, attributes, ..root.clone() }
}

async fn lake(spans: &[Span]) -> TestLake {
    let lake = TestLake::empty().await;
    let mut services: Vec<&str> = spans.iter().map(|span| span.service).collect();
    services.sort_unstable();
    services.dedup();
    let mut text = String::new();
    for service in services {
        let of_service: Vec<String> =
            spans.iter().filter(|span| span.service == service).map(Span::to_json).collect();
        let comma = if text.is_empty() { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}"#,
            of_service.join(",")
        )
        .unwrap();
    }
    assert_eq!(lake.import_text(&format!(r#"{{"resourceSpans":[{text}]}}"#)).await, 0);
    lake
}

/// Semantics T4.1, at a hundredth of the size: the slowest of all would be all of B, in which nothing is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn slow_is_slow_for_its_group() {
    let mut spans: Vec<Span> = (1..=990).map(|number| request(number, "A", 10)).collect();
    spans.extend((991..=1000).map(|number| request(number, "B", 2000)));
    // k is rounded up.
    for (name, first, count) in [("C", 2001, 50), ("D", 3001, 100), ("E", 4001, 500)] {
        spans.extend((first..first + count).map(|number| request(number, name, 1)));
    }
    let lake = lake(&spans).await;
    let sql = format!(
        "SELECT root_span_name, count(*), max(listed_count), max(trace_count), max(rank), max(slow_count)
         FROM slowest_traces({DAY}) GROUP BY root_span_name ORDER BY root_span_name"
    );
    let expected = [
        ["A", "10", "10", "990.0", "10", "990.0"],
        ["B", "1", "1", "10.0", "1", "10.0"],
        ["C", "1", "1", "50.0", "1", "50.0"],
        ["D", "1", "1", "100.0", "1", "100.0"],
        ["E", "5", "5", "500.0", "5", "500.0"],
    ];
    assert_eq!(lake.rows(&sql).await, expected);
    // A fraction that is not exact in binary: 0.07 of 100 are seven.
    let sql = format!("SELECT count(*) FROM slowest_traces(0.07, operation => 'D', {DAY})");
    assert_eq!(lake.value(&sql).await, "7");
}

/// Semantics T4.2: of equals those with the lowest ids are on the list, and all of them are slow.
#[tokio::test(flavor = "multi_thread")]
async fn equal_durations_at_the_threshold() {
    let mut spans: Vec<Span> = (1..=970).map(|number| request(number, "op", 100)).collect();
    spans.extend((971..=1000).map(|number| request(number, "op", 5000)));
    // Not complete: its parent is missing.
    spans.push(Span { parent: 7, ..request(5000, "op", 90_000) });
    let lake = lake(&spans).await;
    let sql = format!(
        "SELECT count(*), min(trace_id), max(trace_id), max(threshold_ns) / 1000000, max(p99_ns) / 1000000,
                max(median_ns) / 1000000, max(slow_count), max(trace_count), min(excess_ns) / 1000000,
                max(impact_ns) / 1000000
         FROM slowest_traces({DAY})"
    );
    let (first, last) = (format!("{:032x}", 971), format!("{:032x}", 980));
    let expected =
        ["10", &first, &last, "5000", "5000", "100", "30.0", "1000.0", "4900", "147000.0"];
    assert_eq!(lake.rows(&sql).await, [expected]);
    let sql = format!(
        "SELECT count(*) FROM traces WHERE root_duration_ns > (SELECT max(p99_ns) FROM slowest_traces({DAY}))
         AND is_connected"
    );
    assert_eq!(lake.value(&sql).await, "0");
    for nothing in ["0", "NULL"] {
        let sql = format!("SELECT count(*) FROM slow_causes(fraction => {nothing}, {DAY})");
        assert_eq!(lake.value(&sql).await, "0", "{nothing}");
    }
}

/// Semantics 4.1: of sampled traces, as many are taken as make up the fraction of all that there were.
#[tokio::test(flavor = "multi_thread")]
async fn the_slowest_of_sampled_traces() {
    let mut spans: Vec<Span> =
        (1..=10).map(|number| request(number, "op", 1000 + number)).collect();
    let one_of_four =
        |number| Span { state: "ot=rv:ffffffffffffff;th:c", ..request(number, "op", 100) };
    spans.extend((11..=257).map(one_of_four));
    let lake = lake(&spans).await;
    let sql = format!(
        "SELECT count(*), max(trace_count), max(threshold_ns) / 1000000, max(median_ns) / 1000000
         FROM slowest_traces({DAY})"
    );
    assert_eq!(lake.rows(&sql).await, [["10", "998.0", "1001", "100"]]);
}

/// A trace of T4.3: the root's own time and that of four calls, one after the other.
fn with_parts(trace: u64, [own, auth, db, cache, payments]: [u64; 5], queries: u64) -> Vec<Span> {
    let mut root = request(trace, "api", 0);
    root.to_ms = own + auth + db + cache + payments;
    let mut spans = vec![root.clone()];
    let mut at = 0;
    let mut id = 2;
    for (name, duration, calls) in [
        ("auth", auth, 1),
        ("db.query", db, queries),
        ("cache", cache, 1),
        ("payments", payments, 1),
    ] {
        for _ in 0..calls {
            spans.push(call(&root, id, name, at, at + duration / calls));
            id += 1;
            at += duration / calls;
        }
    }
    spans
}

/// Semantics T4.3, with one trace that the query made slow and one that the payment did.
#[tokio::test(flavor = "multi_thread")]
async fn why_slow_traces_are_slow() {
    let mut spans = with_parts(1, [80, 40, 1790, 30, 60], 5);
    spans.extend(with_parts(2, [80, 40, 10, 30, 1840], 1));
    for number in 3..=200 {
        spans.extend(with_parts(number, [70, 38, 60, 25, 107], 1));
    }
    let lake = lake(&spans).await;
    let sql = format!(
        "SELECT rank, span_name, round(slow_ns / 1e6, 3), round(typical_ns / 1e6, 3), round(excess_ns / 1e6, 3),
                round(share, 4), dominated_traces, dominated_share, round(dominated_excess_ns / 1e6, 3),
                round(more_calls_ns / 1e6, 3), round(slower_calls_ns / 1e6, 3), slow_calls, typical_calls
         FROM slow_causes({DAY}) ORDER BY rank"
    );
    let expected = [
        "1,payments,950.0,107.0,843.0,0.4959,1.0,0.5,1733.0,0.0,843.0,1.0,1.0",
        "2,db.query,900.0,60.0,840.0,0.4941,1.0,0.5,1730.0,120.0,720.0,3.0,1.0",
        "3,api,80.0,70.0,10.0,0.0059,0.0,0.0,NULL,0.0,10.0,1.0,1.0",
        "4,cache,30.0,25.0,5.0,0.0029,0.0,0.0,NULL,0.0,5.0,1.0,1.0",
        "5,auth,40.0,38.0,2.0,0.0012,0.0,0.0,NULL,0.0,2.0,1.0,1.0",
    ];
    let found: Vec<String> = lake.rows(&sql).await.iter().map(|row| row.join(",")).collect();
    assert_eq!(found, expected);
    let sql = format!(
        "SELECT rank, trace_id, excess_ns / 1000000, dominant_span_name FROM slowest_traces({DAY})
         ORDER BY rank"
    );
    let (first, second) = (format!("{:032x}", 1), format!("{:032x}", 2));
    let expected = [["1", &first[..], "1700", "db.query"], ["2", &second, "1700", "payments"]];
    assert_eq!(lake.rows(&sql).await, expected);
    // The same over assembled files.
    assemble_all(&lake).await;
    assert_eq!(lake.rows(&sql).await, expected);
}

/// Scenario: of two hundred requests five are slow: three by the query, of which one asks a hundred times and one has
/// a call more, and two by the payment.
/// Guarantees: kinds are told apart by call tree and dominant operation, not by how often a call is made; the example
/// is the trace that is most like the mean of its kind.
#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_slow_traces() {
    let mut spans = with_parts(1, [80, 40, 1800, 30, 60], 5);
    spans.extend(with_parts(2, [80, 40, 1900, 30, 60], 1));
    spans.extend(with_parts(3, [80, 40, 2600, 30, 60], 100));
    let mut other = with_parts(4, [80, 40, 1850, 30, 60], 1);
    other.push(call(&other[0].clone(), 120, "audit", 0, 1));
    spans.extend(other);
    spans.extend(with_parts(5, [80, 40, 10, 30, 1840], 1));
    for number in 6..=200 {
        spans.extend(with_parts(number, [70, 38, 60, 25, 107], 1));
    }
    let lake = lake(&spans).await;
    let id = |number: u64| format!("{number:032x}");
    let sql = format!(
        "SELECT group_rank, rank, dominant_span_name, slow_traces, share, excess_ns / 1000000, median_ns / 1000000,
                example_trace_id, slowest_trace_id
         FROM slow_clusters(0.025, {DAY}) ORDER BY rank"
    );
    let expected = [
        ["1", "1", "db.query", "3.0", "0.6", "6030.0", "2110", &id(2), &id(3)],
        ["1", "2", "db.query", "1.0", "0.2", "1760.0", "2060", &id(4), &id(4)],
        ["1", "3", "payments", "1.0", "0.2", "1700.0", "2000", &id(5), &id(5)],
    ];
    assert_eq!(lake.rows(&sql).await, expected);
    assemble_all(&lake).await;
    assert_eq!(lake.rows(&sql).await, expected);
}

/// Semantics, appendix D, property 5, over generated traces of many shapes.
#[tokio::test(flavor = "multi_thread")]
async fn excesses_add_up() {
    let lake = TestLake::empty().await;
    import(&lake, &sample()).await;
    let times = "\"from\" => '2026-11-01', \"to\" => '2026-12-31'";
    let sql = format!(
        "WITH slow AS (
            SELECT root_service_name, root_span_name, max(threshold_ns) AS threshold_ns
            FROM slowest_traces(0.05, {times}) GROUP BY 1, 2
         ), bounds AS (
            SELECT root_service_name, root_span_name, percentile_nearest(root_duration_ns, 0.4) AS p40,
                percentile_nearest(root_duration_ns, 0.6) AS p60
            FROM traces WHERE is_connected GROUP BY 1, 2
         ), means AS (
            SELECT t.root_service_name, t.root_span_name,
                avg(root_duration_ns) FILTER (WHERE root_duration_ns >= threshold_ns)
                    - avg(root_duration_ns) FILTER (WHERE root_duration_ns BETWEEN p40 AND p60) AS gap
            FROM traces t
            JOIN slow ON slow.root_service_name = t.root_service_name AND slow.root_span_name = t.root_span_name
            JOIN bounds ON bounds.root_service_name = t.root_service_name
                AND bounds.root_span_name = t.root_span_name
            WHERE is_connected
            GROUP BY 1, 2
         ), causes AS (
            SELECT root_service_name, root_span_name, sum(excess_ns) AS excess,
                sum(more_calls_ns + slower_calls_ns) AS both
            FROM slow_causes(0.05, {times}) GROUP BY 1, 2
         )
         SELECT count(*) > 3, max(abs(gap - excess)) < 1, max(abs(excess - both)) < 1
         FROM means JOIN causes ON means.root_service_name = causes.root_service_name
             AND means.root_span_name = causes.root_span_name"
    );
    assert_eq!(lake.rows(&sql).await, [["true", "true", "true"]]);
}

/// Semantics T7.3: 200 failed requests and 9,800 others.
fn table_of_requests() -> Vec<Span> {
    let pick = |is: bool, value: &str, other: &str| if is { value } else { other }.to_owned();
    let attributes = |version, region, pod, post, free, acme| {
        vec![
            ("version", pick(version, "v2.3.1", "v2.3.0")),
            ("region", pick(region, "eu-west-1", "us-east-1")),
            ("pod", pick(pod, "pod-7", "pod-1")),
            ("method", pick(post, "POST", "GET")),
            ("tier", pick(free, "free", "paid")),
            ("tenant", pick(acme, "acme", "others")),
        ]
    };
    let bad = (0..200).map(|i| Span {
        failed: true,
        attributes: attributes(i % 4 != 3, i % 5 < 3, i % 5 == 0, i < 110, i % 5 != 4, i < 3),
        ..request(i + 1, "op", 10)
    });
    let good = (0..9800).map(|i| Span {
        attributes: attributes(
            i % 10 == 0,
            i % 10 < 3,
            i % 100 == 1,
            i % 2 == 0,
            i % 4 != 0,
            false,
        ),
        ..request(i + 1001, "op", 10)
    });
    bad.chain(good).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_that_set_bad_traces_apart() {
    let lake = lake(&table_of_requests()).await;
    let columns =
        "rank, attribute, value, round(effect, 3), round(risk_ratio, 3), bad_share, good_share,
                   round(divergence, 5), bad_traces, good_traces";
    let failed = "'root_status_code = ''error'''";
    let sql = format!(
        "SELECT {columns} FROM compare({failed}, before => INTERVAL '0 seconds', {DAY}) ORDER BY rank"
    );
    let expected = [
        ["1", "version", "v2.3.1", "1.451", "23.549", "0.75", "0.1", "0.34357", "150.0", "980.0"],
        ["2", "pod", "pod-7", "0.727", "17.866", "0.2", "0.01", "0.08329", "40.0", "98.0"],
        ["3", "region", "eu-west-1", "0.613", "3.402", "0.6", "0.3", "0.06665", "120.0", "2940.0"],
    ];
    // The divergences are those of T7.5.
    let found = lake.rows(&sql).await;
    assert_eq!(found, expected);
    // The same sets, said in another way.
    let good = format!("SELECT {columns} FROM compare({failed}, 'true', {DAY}) ORDER BY rank");
    assert_eq!(lake.rows(&good).await, found);
    // Everything is tested: of a small effect and few traces, too, if one asks for it.
    let sql = format!(
        "SELECT attribute, value, round(effect, 4), p_value < 1e-5 FROM compare(
            {failed}, 'true', support => 0, least => 1, effect => 0.05, q => 0.2, {DAY}
         ) WHERE attribute IN ('tenant', 'tier', 'method') AND combined_with IS NULL ORDER BY rank"
    );
    let expected = [
        ["tenant", "acme", "0.2456", "true"],
        ["tier", "free", "0.1199", "false"],
        ["method", "POST", "0.1002", "false"],
    ];
    assert_eq!(lake.rows(&sql).await, expected);
    // Property 7: what is less likely by accident is not more likely a false discovery.
    let falls = format!(
        "SELECT count(*) FROM (
            SELECT
                q_value < lag(q_value) OVER (PARTITION BY combined_with IS NULL ORDER BY p_value, q_value) AS falls,
                q_value < p_value AS is_less
            FROM compare({failed}, 'true', support => 0, least => 1, effect => 0, q => 1, {DAY})
         ) WHERE falls OR is_less"
    );
    assert_eq!(lake.value(&falls).await, "0");
    // The other way round nothing stands out that does so here.
    let sql = format!(
        "SELECT attribute, value FROM compare('root_status_code <> ''error''', {failed}, {DAY})
         ORDER BY rank"
    );
    assert_eq!(
        lake.rows(&sql).await,
        [["version", "v2.3.0"], ["pod", "pod-1"], ["region", "us-east-1"], ["tenant", "others"]]
    );
    // No other traces, or no bad ones: nothing can be said.
    for nothing in ["'true'", "'false'"] {
        let sql = format!(
            "SELECT count(*) FROM compare({nothing}, before => INTERVAL '0 seconds', {DAY})"
        );
        assert_eq!(lake.value(&sql).await, "0");
    }
}

/// Semantics 7.2, item 5: what is bad only where two things meet.
#[tokio::test(flavor = "multi_thread")]
async fn two_values_together() {
    let attributes = |new: bool, eu: bool, free: bool| {
        let text = |yes, a: &str, b: &str| (if yes { a } else { b }).to_owned();
        vec![
            ("version", text(new, "v2", "v1")),
            ("region", text(eu, "eu", "us")),
            ("tier", text(free, "free", "gold")),
        ]
    };
    let bad = (0..100).map(|i| Span {
        failed: true,
        attributes: attributes(true, true, i % 2 == 0),
        ..request(i + 1, "op", 10)
    });
    // A tenth is new, a fifth in Europe, a twentieth both.
    let good = (0..1000).map(|i| Span {
        attributes: attributes(i % 10 == 0, i % 20 < 2 || i % 10 == 5, i % 2 == 0),
        ..request(i + 101, "op", 10)
    });
    let lake = lake(&bad.chain(good).collect::<Vec<_>>()).await;
    let sql = format!(
        "SELECT rank, attribute, value, combined_with, bad_share, good_share, round(effect, 3), round(lift, 3),
             risk_ratio, q_value < 1e-9, divergence IS NULL
         FROM compare('root_status_code = ''error''', 'true', {DAY}) ORDER BY rank"
    );
    let both = "api region=eu";
    let expected = [
        ["1", "version", "v2", "NULL", "1.0", "0.1", "2.498", "5.5", "inf", "true", "false"],
        ["2", "version", "v2", both, "1.0", "0.05", "2.691", "7.333", "inf", "true", "true"],
        ["3", "region", "eu", "NULL", "1.0", "0.2", "2.214", "3.667", "inf", "true", "false"],
    ];
    assert_eq!(lake.rows(&sql).await, expected);
}

/// Semantics 7.2, items 4 and 6, and T7.1 where nothing bad is without the value.
#[tokio::test(flavor = "multi_thread")]
async fn one_finding_is_one_row() {
    let mut spans = Vec::new();
    for number in 1..=40 {
        let bad = number <= 20;
        let text = |text: &str| text.to_owned();
        let mut root = request(number, "op", 10);
        root.failed = bad;
        // Deprecated in half of the traces: the same attribute.
        let method = if number % 2 == 0 { "http.method" } else { "http.request.method" };
        root.attributes = vec![
            ("tier", text(if bad { "gold" } else { "none" })),
            (method, text(if bad { "PUT" } else { "GET" })),
            ("order.id", format!("order-{number}")),
        ];
        if !bad {
            root.attributes.push(("cache", text("hit")));
        }
        let mut below = Span { service: "store", kind: 2, ..call(&root, 2, "read", 1, 9) };
        below.attributes = vec![("tier", root.attributes[0].1.clone())];
        spans.extend([root, below]);
    }
    let lake = lake(&spans).await;
    let sql = format!(
        "SELECT rank, service_name, attribute, value, risk_ratio, same_traces
         FROM compare('root_status_code = ''error''', 'true', {DAY}) ORDER BY rank"
    );
    let expected = [
        ["1", "api", "cache", "(absent)", "inf", "NULL"],
        ["2", "api", "http.request.method", "PUT", "inf", "[api tier=gold, store tier=gold]"],
    ];
    assert_eq!(lake.rows(&sql).await, expected);
}

/// Without `good`, bad traces are compared with those of the same root operation that came before.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_before() {
    let hour = 3_600_000;
    let mut spans = Vec::new();
    for number in 1..=60 {
        let (name, version, start) = match number {
            1..=20 => ("op", "2", 5 * hour),
            21..=40 => ("op", "1", 4 * hour),
            _ => ("another", "2", 4 * hour),
        };
        let start = start + number;
        spans.push(Span {
            from_ms: start,
            to_ms: start + 10,
            attributes: vec![("version", version.to_owned())],
            ..request(number, name, 0)
        });
    }
    let lake = lake(&spans).await;
    let an_hour = "\"from\" => '2026-11-10T05:00:00Z', \"to\" => '2026-11-10T06:00:00Z'";
    let of = |more: &str| {
        format!(
            "SELECT attribute, value, good_traces, all_good FROM compare('true', {more}{an_hour})"
        )
    };
    assert_eq!(lake.rows(&of("")).await, [["version", "2", "0.0", "20.0"]]);
    let before = "before => INTERVAL '1 minute', ";
    assert_eq!(lake.rows(&of(before)).await, Vec::<Vec<String>>::new());
    let good = "'root_span_name = ''another''', before => INTERVAL '1 hour', ";
    assert_eq!(lake.rows(&of(good)).await, Vec::<Vec<String>>::new());
}

/// Semantics 7.2, item 8: 1 to 100 against 51 to 150 are half apart.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_larger() {
    let spans: Vec<Span> = (1..=200)
        .map(|number| {
            let bad = number <= 100;
            let rows = if bad { number + 50 } else { number - 100 };
            let attributes = vec![
                ("rows", rows.to_string()),
                ("port", "80".into()),
                ("key", format!("k{number}")),
            ];
            Span { failed: bad, attributes, ..request(number, "op", 10) }
        })
        .collect();
    let lake = lake(&spans).await;
    let sql = format!(
        "SELECT rank, attribute, ks, bad_median, good_median, median_shift, p_value < 1e-9
         FROM compare_numbers('root_status_code = ''error''', 'true', {DAY})"
    );
    assert_eq!(lake.rows(&sql).await, [["1", "rows", "0.5", "100.0", "50.0", "50.0", "true"]]);
}

/// Semantics T7.7: a call five times instead of twice, and one that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn call_paths() {
    let mut spans = Vec::new();
    for number in 1..=40 {
        let bad = number <= 20;
        let root = request(number, "op", 100);
        let calls = if bad { 5 } else { 2 };
        spans.extend((0..calls).map(|i| call(&root, 10 + i, "query", 2 * i, 2 * i + 1)));
        if bad {
            let retry = call(&root, 30, "retry", 50, 60);
            spans.push(Span { parent: 30, ..call(&root, 31, "wait", 51, 52) });
            spans.push(retry);
        } else {
            spans.extend((0..4).map(|i| call(&root, 40 + i, "cache", 50 + i, 51 + i)));
        }
        spans.push(Span {
            failed: bad,
            to_ms: if bad { 99 } else { 91 },
            ..call(&root, 3, "send", 90, 0)
        });
        spans.push(root);
    }
    let lake = lake(&spans).await;
    let bad = "CAST(substr(trace_id, 20) AS TEXT) <= ''0000000000014''";
    let sql = format!(
        "SELECT rank, change, path, bad_share, good_share, bad_calls_per_trace, good_calls_per_trace
         FROM compare_paths('{bad}', 'true', {DAY}) WHERE change <> 'slower'
         ORDER BY rank"
    );
    let expected = [
        "1,missing,api op > api cache,1.0,0.0,NULL,4.0",
        "2,more calls,api op > api query,1.0,0.0,5.0,2.0",
        "3,new,api op > api retry,1.0,0.0,1.0,NULL",
        "4,fails more,api op > api send,1.0,0.0,1.0,1.0",
        "5,new,api op > api retry > api wait,1.0,0.0,1.0,NULL",
    ];
    let found: Vec<String> = lake.rows(&sql).await.iter().map(|row| row.join(",")).collect();
    let ranked = |row: &str| row.split_once(',').map(|(_, rest)| rest.to_owned());
    let rest: Vec<_> = found.iter().map(|row| ranked(row)).collect();
    assert_eq!(rest, expected.map(ranked));
    let sql = format!(
        "SELECT path, bad_self_time_ns / 1000000, good_self_time_ns / 1000000
         FROM compare_paths('{bad}', 'true', {DAY}) WHERE change = 'slower' AND span_name = 'send'"
    );
    assert_eq!(lake.rows(&sql).await, [["api op > api send", "9", "1"]]);
}

fn id(trace: u64) -> String {
    format!("'{trace:032x}'")
}

/// Semantics T7.8 and property 10: trace 1 went well, trace 2 did not.
#[tokio::test(flavor = "multi_thread")]
async fn where_two_traces_part() {
    let good = request(1, "order", 100);
    let bad = Span { failed: true, ..request(2, "order", 60) };
    let spans = [
        call(&good, 2, "auth", 5, 15),
        call(&good, 3, "inventory", 20, 50),
        call(&good, 4, "pay", 55, 95),
        Span { parent: 4, ..call(&good, 5, "charge", 56, 90) },
        call(&bad, 2, "auth", 5, 15),
        Span { failed: true, ..call(&bad, 3, "inventory", 20, 58) },
        good,
        bad,
        request(3, "order", 100),
    ];
    let lake = lake(&spans).await;
    let of = |a, b, more: &str| {
        format!(
            "SELECT span_name, difference, is_first, offset_a_ns / 1000000, offset_b_ns / 1000000
             FROM trace_diff({}, {}{more}) ORDER BY rank",
            id(a),
            id(b)
        )
    };
    let expected = [
        ["inventory", "fails in b", "true", "20", "20"],
        ["pay", "only in a", "false", "55", "NULL"],
        ["charge", "only in a", "false", "56", "NULL"],
    ];
    assert_eq!(lake.rows(&of(1, 2, "")).await, expected);
    let mirrored = [
        ["inventory", "fails in a", "true", "20", "20"],
        ["pay", "only in b", "false", "NULL", "55"],
        ["charge", "only in b", "false", "NULL", "56"],
    ];
    assert_eq!(lake.rows(&of(2, 1, "")).await, mirrored);
    let all = lake.rows(&of(1, 2, ", true")).await;
    let names: Vec<&str> = all.iter().map(|row| &row[0][..]).collect();
    assert_eq!(names, ["order", "auth", "inventory", "pay", "charge"]);
    assert_eq!(all[0][1], "same", "a failure that a child passed on");
    for (a, b) in [(1, 1), (2, 2), (1, 77), (77, 1), (77, 77)] {
        assert_eq!(lake.rows(&of(a, b, "")).await, Vec::<Vec<String>>::new(), "{a} and {b}");
    }
    // Only the root is in both, and does itself what the calls did.
    let firsts = lake.rows(&of(1, 3, "")).await;
    let is_first = |row: &&Vec<String>| row[2] == "true";
    assert_eq!(firsts.iter().filter(is_first).count(), 1);
    assert_eq!(firsts.iter().find(is_first).unwrap()[..2], ["order", "slower in b"]);
}

/// Repeated calls are matched one by one, and the surplus is what one trace has more of.
#[tokio::test(flavor = "multi_thread")]
async fn repeated_calls_in_order() {
    let (a, b) = (request(1, "order", 100), request(2, "order", 100));
    let mut spans: Vec<Span> =
        (0..3).map(|i| call(&a, 2 + i, "query", 10 * i, 10 * i + 5)).collect();
    spans.extend((0..5).map(|i| {
        let slow = if i == 1 { 20 } else { 0 };
        call(&b, 2 + i, "query", 10 * i, 10 * i + 5 + slow)
    }));
    spans.extend([a, b]);
    let lake = lake(&spans).await;
    let sql = format!(
        "SELECT difference, is_first, offset_b_ns / 1000000, self_time_a_ns / 1000000, self_time_b_ns / 1000000
         FROM trace_diff({}, {}) WHERE span_name = 'query' ORDER BY rank",
        id(1),
        id(2)
    );
    assert_eq!(
        lake.rows(&sql).await,
        [
            ["slower in b", "true", "10", "5", "25"],
            ["only in b", "false", "30", "NULL", "5"],
            ["only in b", "false", "40", "NULL", "5"],
        ]
    );
}

/// Semantics T7.4, by the window that `compare` has: the first four of five pass at 0.05.
#[tokio::test(flavor = "multi_thread")]
async fn false_discoveries() {
    let sql = "SELECT p, round(min(false_part) OVER (ORDER BY p DESC), 4) <= 0.05 FROM (
            SELECT p, p * count(*) OVER () / row_number() OVER (ORDER BY p) AS false_part
            FROM (VALUES (0.0001), (0.004), (0.019), (0.03), (0.2)) AS tests(p)
         ) ORDER BY p";
    let rows = TestLake::empty().await.rows(sql).await;
    let passed: Vec<&str> = rows.iter().map(|row| &row[1][..]).collect();
    assert_eq!(passed, ["true", "true", "true", "true", "false"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked() {
    let lake = TestLake::empty().await;
    let session = lake.session().await;
    for (sql, expected) in [
        ("SELECT * FROM compare()", "compare needs `bad`"),
        ("SELECT * FROM compare(bad => 1)", "must be a condition as text"),
        ("SELECT * FROM compare('duration_ns > 1')", "duration_ns"),
        ("SELECT * FROM compare('true', good => 'root_span_name = ')", "is no condition in SQL"),
        ("SELECT * FROM compare_paths('true', before => 'long')", "long"),
        ("SELECT * FROM compare_numbers('true', least => 'few')", "few"),
        ("SELECT * FROM slowest_traces('1 %')", "1 %"),
        (
            "SELECT * FROM slowest_traces(1.5)",
            "`fraction` of slowest_traces must be from 0 to 1, not 1.5",
        ),
        ("SELECT * FROM slow_causes(fraction => -0.01)", "must be from 0 to 1, not -0.01"),
        ("SELECT * FROM compare('true', q => 5)", "`q` of compare must be from 0 to 1"),
        ("SELECT * FROM slow_causes(group => 'route')", "has no parameter `group`"),
        ("SELECT * FROM trace_diff('4bf92f3577b34da6a3ce929d0e0e4736')", "trace_diff needs `b`"),
    ] {
        let message = error(&session, sql).await.to_string();
        assert!(message.contains(expected), "{sql}: {message}");
    }
    // An empty lake has no slow trace and no difference.
    for call in [
        "slowest_traces()",
        "slow_causes()",
        "compare('true')",
        "compare_paths('true')",
        "compare_numbers('true')",
        "trace_diff('x', 'y')",
    ] {
        assert_eq!(lake.value(&format!("SELECT count(*) FROM {call}")).await, "0", "{call}");
    }
}

/// Semantics 8.6: signs of saturation. In the first hour nothing is full, in the second and in the third much is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_full() {
    let mut spans = Vec::new();
    for number in 0..300 {
        let is_full = number >= 100;
        let at = number / 100 * 3_600_000 + number % 100 * 30_000;
        let pick = |full: u64, else_: u64| if is_full { full } else { else_ };
        let span = |id, parent, service, name, kind, from_ms: u64, ms: u64| Span {
            trace: number + 1,
            id,
            parent,
            service,
            name,
            kind,
            from_ms: at + from_ms,
            to_ms: at + from_ms + ms,
            ..Span::default()
        };
        let mut root = span(1, 0, "api", "GET /", 2, 0, 200);
        let status = if is_full && number % 10 < 3 { "503" } else { "200" };
        root.attributes = vec![("http.response.status_code", status.into())];
        spans.extend([
            root,
            span(2, 1, "api", "read", 3, 10, pick(60, 20)),
            span(3, 2, "store", "read", 2, 11, 18),
            span(4, 1, "api", "publish", 4, 150, 1),
            span(5, 4, "mail", "deliver", 5, 151 + pick(500, 5), 10),
            span(6, 1, "api", "render", 1, 90, pick(40, 10)),
            Span {
                trace: 1_000 + number,
                ..span(1, 0, "batch", "run", 2, 0, pick(60_000, 20_000))
            },
        ]);
    }
    let lake = lake(&spans).await;
    let signs = |more: &str, from: u8| {
        format!(
            "SELECT sign, service_name, span_name, round(value, 3), round(value_before, 3), round(ratio, 3), unit, calls
             FROM saturation({more}\"from\" => '2026-11-10T0{from}:00:00Z', \"to\" => '2026-11-10T0{}:00:00Z')",
            from + 1
        )
    };
    let expected = [
        ["in_flight", "batch", "NULL", "1.667", "0.556", "3.0", "requests", "100.0"],
        ["message_lag", "mail", "deliver", "500000000.0", "5000000.0", "100.0", "ns", "100.0"],
        ["rejected", "api", "GET /", "0.3", "0.0", "NULL", "share", "100.0"],
        ["self_time", "api", "render", "40000000.0", "10000000.0", "4.0", "ns", "100.0"],
        ["self_time", "batch", "run", "60000000000.0", "20000000000.0", "3.0", "ns", "100.0"],
        ["waiting", "api", "read", "42000000.0", "2000000.0", "21.0", "ns", "100.0"],
    ];
    let all = format!("{} ORDER BY sign, service_name", signs("", 1));
    assert_eq!(lake.rows(&all).await, expected);
    // Who turns calls away comes first.
    let first = format!("{} WHERE rank = 1", signs("", 1));
    assert_eq!(lake.rows(&first).await, [expected[2]]);
    assert_eq!(lake.rows(&signs("service => 'mail', ", 1)).await, [expected[1]]);
    // As it was before, or without a before: no sign.
    for quiet in [signs("", 0), signs("", 2), signs("service => 'store', ", 1)] {
        assert_eq!(lake.rows(&quiet).await, Vec::<Vec<String>>::new());
    }
    // Two thirds of the time before were full, too.
    let longer = signs("before => INTERVAL '90 minutes', ", 2);
    assert_eq!(lake.rows(&longer).await, Vec::<Vec<String>>::new());
}
