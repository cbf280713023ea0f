//! Which service is to blame: faults of each kind in a small system, and those of a real one.

use std::fmt::Write;

use crate::it::fixtures::{TestLake, error, public_traces};

/// A second of the tests' day.
const START_NS: u64 = 1_794_268_800_000_000_000;
const US: u64 = 1_000;
/// Bad traces begin so many hours after the good ones.
const LATER: u64 = 2;

const BAD: &str = "start_time >= ''2026-11-10T02:00:00Z''";

#[derive(Clone)]
struct Span {
    id: u64,
    parent: u64,
    service: &'static str,
    name: &'static str,
    kind: u8,
    /// In microseconds since the trace began.
    from: u64,
    to: u64,
    failed: bool,
}

const fn span(
    (id, parent): (u64, u64),
    service: &'static str,
    name: &'static str,
    kind: u8,
    (from, to): (u64, u64),
) -> Span {
    Span { id, parent, service, name, kind, from, to, failed: false }
}

const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// A request to the shop: it lists articles, pays, and says so by mail.
fn request() -> Vec<Span> {
    vec![
        span((1, 0), "web", "GET /", SERVER, (0, 100_000)),
        span((2, 1), "web", "list", CLIENT, (10_000, 50_000)),
        span((3, 2), "api", "list", SERVER, (12_000, 48_000)),
        span((4, 3), "api", "SELECT", CLIENT, (20_000, 40_000)),
        span((5, 1), "web", "charge", CLIENT, (55_000, 80_000)),
        span((6, 5), "pay", "charge", SERVER, (57_000, 78_000)),
        span((7, 1), "web", "send", CLIENT, (85_000, 95_000)),
        span((8, 7), "mail", "send", SERVER, (86_000, 94_000)),
    ]
}

/// The same without spans of the calls.
fn without_clients(mut spans: Vec<Span>) -> Vec<Span> {
    for span in &mut spans {
        if [2, 5, 7].contains(&span.parent) {
            span.parent = 1;
        }
    }
    spans.retain(|span| ![2, 5, 7].contains(&span.id));
    spans
}

/// Everything from `at` on happens `by` later; what goes on then takes longer.
fn delay(spans: &mut [Span], at: u64, by: u64) {
    for span in spans {
        span.from += if span.from >= at { by } else { 0 };
        span.to += if span.to >= at { by } else { 0 };
    }
}

fn text(number: u64, hour: u64, spans: &[Span]) -> String {
    // Every hundredth of a millisecond counts: no two requests are equal.
    let jitter = 1000 + number * 7919 % 97;
    let start = START_NS + (hour * 3600 + number) * 1_000_000_000;
    let mut text = String::new();
    for Span { id, parent, service, name, kind, from, to, failed } in spans {
        let comma = if text.is_empty() { "" } else { "," };
        let parent =
            if *parent == 0 { String::new() } else { format!("{:016x}", number << 16 | parent) };
        let (from, to) = (start + from * jitter / 1000 * US, start + to * jitter / 1000 * US);
        write!(
            text,
            r#"{comma}{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"{number:032x}","spanId":"{:016x}","parentSpanId":"{parent}","name":"{name}","kind":{kind},"startTimeUnixNano":"{from}","endTimeUnixNano":"{to}","status":{{"code":{}}}}}]}}]}}"#,
            number << 16 | id,
            u8::from(*failed) * 2,
        )
        .unwrap();
    }
    format!(r#"{{"resourceSpans":[{text}]}}"#)
}

/// A lake with a hundred good requests, and forty bad ones, of which each second is as usual.
async fn lake(good: &[Vec<Span>], bad: &[Vec<Span>]) -> TestLake {
    let lake = TestLake::empty().await;
    let mut lines = String::new();
    for number in 0..100_u64 {
        let spans = &good[usize::try_from(number).unwrap() % good.len()];
        writeln!(lines, "{}", text(number + 1, 0, spans)).unwrap();
    }
    for number in 0..40_u64 {
        let at = usize::try_from(number).unwrap();
        let spans = if at % 2 == 0 { &good[at % good.len()] } else { &bad[at % bad.len()] };
        writeln!(lines, "{}", text(number + 1001, LATER, spans)).unwrap();
    }
    assert_eq!(lake.import_text(&lines).await, 0);
    lake
}

const GOOD: &str = "start_time < ''2026-11-10T01:00:00Z''";

/// Service and operation of the first row, and the kind of evidence that weighs most.
async fn first(good: &[Vec<Span>], bad: &[Vec<Span>]) -> [String; 3] {
    let sql = format!(
        "SELECT service_name, span_name, CASE greatest(self_time_score, gap_score, calls_score, errors_score)
             WHEN self_time_score THEN 'self' WHEN gap_score THEN 'gap' WHEN calls_score THEN 'calls'
             ELSE 'errors' END
         FROM suspects('{BAD}', '{GOOD}') WHERE rank = 1"
    );
    let rows = lake(good, bad).await.rows(&sql).await;
    let row = rows.into_iter().next().expect("a suspect");
    row.try_into().expect("three columns")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_between_caller_and_callee_is_the_callees() {
    let mut slow = request();
    delay(&mut slow, 57_000, 30_000);
    assert_eq!(first(&[request()], &[slow.clone()]).await, ["pay", "charge", "gap"]);
    let (good, bad) = (without_clients(request()), without_clients(slow));
    assert_eq!(first(&[good], &[bad]).await, ["pay", "charge", "gap"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_of_all_calls_is_the_callers() {
    let mut slow = request();
    delay(&mut slow, 86_000, 20_000);
    delay(&mut slow, 57_000, 20_000);
    delay(&mut slow, 12_000, 20_000);
    let [service, _, part] = first(&[request()], &[slow]).await;
    assert_eq!([service.as_str(), part.as_str()], ["web", "gap"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_time() {
    let mut slow = request();
    delay(&mut slow, 45_000, 30_000);
    assert_eq!(first(&[request()], &[slow]).await, ["api", "list", "self"]);
    let mut slow = request();
    delay(&mut slow, 99_000, 30_000);
    assert_eq!(
        first(&[without_clients(request())], &[without_clients(slow)]).await,
        ["web", "GET /", "self"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_returns_early_is_to_blame_for_missing_calls() {
    let mut short = request();
    short.truncate(4);
    short[0].to = 52_000;
    assert_eq!(first(&[request()], &[short]).await, ["web", "GET /", "calls"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_all_callers_lose() {
    let mobile = || {
        let mut spans = request();
        for span in spans.iter_mut().filter(|span| span.service == "web") {
            span.service = "mobile";
        }
        spans
    };
    let lost = |mut spans: Vec<Span>| {
        spans.retain(|span| ![5, 6].contains(&span.id));
        spans
    };
    let good = [request(), request(), mobile(), mobile()];
    let bad = [lost(request()), lost(request()), lost(mobile()), lost(mobile())];
    assert_eq!(first(&good, &bad).await[0], "pay");
    // The caller still sees the call, but nobody answers.
    let mut unanswered = request();
    unanswered.retain(|span| span.id != 6);
    assert_eq!(first(&[request()], &[unanswered]).await, ["pay", "charge", "calls"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_blamed_where_they_begin() {
    let mut failed = request();
    failed.truncate(3);
    for span in &mut failed {
        span.failed = true;
        span.to = 52_000 - 2_000 * span.id;
    }
    assert_eq!(first(&[request()], &[failed.clone()]).await[0], "api");
    // Without a status, what is missing below says it.
    for span in &mut failed {
        span.failed = false;
    }
    assert_eq!(first(&[request()], &[failed]).await[0], "api");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls() {
    let mut repeated = request();
    delay(&mut repeated, 40_000, 40_000);
    repeated[3].to = 40_000;
    for (id, at) in [(10, 40_000), (11, 60_000)] {
        repeated.push(span((id, 3), "api", "SELECT", CLIENT, (at, at + 20_000)));
    }
    assert_eq!(first(&[request()], &[repeated]).await, ["api", "list", "calls"]);
    // A call that is tried again because it failed is the fault of who failed.
    let mut retried = request();
    delay(&mut retried, 85_000, 30_000);
    retried[4].failed = true;
    retried[5].failed = true;
    retried.push(span((10, 1), "web", "charge", CLIENT, (85_000, 110_000)));
    retried.push(span((11, 10), "pay", "charge", SERVER, (87_000, 108_000)));
    assert_eq!(first(&[request()], &[retried]).await, ["pay", "charge", "errors"]);
}

/// More of the slow requests is no fault of anybody.
#[tokio::test(flavor = "multi_thread")]
async fn another_mix_of_requests_is_no_fault() {
    let mut other = request();
    other[0].name = "GET /report";
    delay(&mut other, 40_000, 400_000);
    other.retain(|span| span.service != "mail");
    let good = [request(), request(), other.clone()];
    let lake = lake(&good, &[other]).await;
    let worst = lake
        .value(&format!("SELECT coalesce(max(score), 0) FROM suspects('{BAD}', '{GOOD}')"))
        .await;
    assert!(worst.parse::<f64>().unwrap() < 0.02, "{worst}");
}

/// Semantics T7.9: of 10 bad and 90 good traces, in how many an operation failed by itself.
#[tokio::test(flavor = "multi_thread")]
async fn ochiai() {
    let failed_in = [("A", 10, 90), ("B", 9, 10), ("C", 3, 5), ("D", 8, 1)];
    let mut lines = String::new();
    for number in 0..100_u64 {
        let mut spans = vec![span((1, 0), "root", "GET /", SERVER, (0, 90_000))];
        for (id, (service, bad, good)) in (2..).zip(failed_in) {
            let mut call =
                span((id, 1), service, "work", SERVER, (id * 10_000, id * 10_000 + 9_000));
            call.failed = if number < 90 { number < good } else { number - 90 < bad };
            spans.push(call);
        }
        writeln!(lines, "{}", text(number + 1, LATER * u64::from(number >= 90), &spans)).unwrap();
    }
    let lake = TestLake::empty().await;
    assert_eq!(lake.import_text(&lines).await, 0);
    let sql = format!(
        "SELECT rank, service_name, round(ochiai, 6), affected_bad_traces, affected_good_traces, bad_traces, good_traces
         FROM suspects('{BAD}', '{GOOD}') WHERE rank <= 3"
    );
    assert_eq!(
        lake.rows(&sql).await,
        [
            ["1", "D", "0.843274", "8.0", "1.0", "10.0", "90.0"],
            ["2", "B", "0.652929", "9.0", "10.0", "10.0", "90.0"],
            ["3", "C", "0.33541", "3.0", "5.0", "10.0", "90.0"],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_before_is_good_unless_something_else_is_said() {
    let mut slow = request();
    delay(&mut slow, 45_000, 30_000);
    let lake = lake(&[request()], &[slow]).await;
    // The hour before the first bad trace is empty: what is not bad among them has to do.
    let sql = "SELECT service_name, bad_traces, good_traces FROM suspects('root_duration_ns > 120000000') WHERE rank = 1";
    assert_eq!(lake.rows(sql).await, [["api", "20.0", "20.0"]]);
    let sql = format!(
        "SELECT service_name, bad_traces, good_traces
         FROM suspects('{BAD}', since => INTERVAL '1 day', to => '2026-11-10T02:16:50Z', good => '{GOOD}') WHERE rank = 1"
    );
    assert_eq!(lake.rows(&sql).await, [["api", "9.0", "100.0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_compare() {
    let lake = lake(&[request()], &[request()]).await;
    assert!(lake.rows("SELECT * FROM suspects('false')").await.is_empty());
    let sql = format!("SELECT reason, good_traces FROM suspects('{BAD}', 'false') WHERE rank = 1");
    let rows = lake.rows(&sql).await;
    assert!(rows[0][0].ends_with("there are no good traces to compare with"), "{rows:?}");
    assert_eq!(rows[0][1], "0.0");
    assert!(lake.rows(&format!("SELECT * FROM suspects('{BAD}', '{GOOD}')")).await.is_empty());
    let all = lake.rows(&format!("SELECT * FROM suspects('{BAD}', 'false')")).await;
    assert!(all.iter().flatten().all(|value| value != "NaN" && value != "inf"), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_condition() {
    let lake = lake(&[request()], &[request()]).await;
    let session = lake.session().await;
    for (args, says) in [
        ("", "needs `bad`"),
        ("'shoe_size > 40'", "shoe_size"),
        ("'true', 'shoe_size > 40'", "shoe_size"),
        ("'start_time >= '", "no condition"),
        ("start_time > 0", "must be a constant"),
        ("'true', god => 'true'", "no parameter `god`"),
    ] {
        let message = error(&session, &format!("SELECT * FROM suspects({args})")).await.to_string();
        assert!(message.contains(says), "suspects({args}): {message}");
    }
}

/// The faults that were put into a real system, one after the other: the faulty service is found.
#[tokio::test(flavor = "multi_thread")]
async fn faults_of_a_real_system() {
    let Some(datasets) = public_traces("faults_of_a_real_system") else {
        return;
    };
    let labels = std::fs::read_to_string(datasets.join("nezha-ob-2022-08-22.labels.json")).unwrap();
    let labels: serde_json::Value = serde_json::from_str(&labels).unwrap();
    let faults: Vec<(i64, i64, &str)> = labels["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| {
            let second = |key: &str| fault[key].as_i64().unwrap();
            (second("start_unix_s"), second("end_unix_s"), fault["service"].as_str().unwrap())
        })
        .collect();
    let within = |from: i64, to: i64| {
        format!("start_time >= to_timestamp({from}) AND start_time < to_timestamp({to})")
    };
    let good: Vec<String> =
        faults.iter().map(|(from, to, _)| format!("NOT ({})", within(from - 5, to + 60))).collect();
    let good = good.join(" AND ");
    let lake = TestLake::of_files(&[datasets.join("nezha-ob-2022-08-22.otlp.jsonl.zst")]).await;
    let settings = engine::CompactSettings::default().at_once();
    while lake.engine.assemble(&settings).await.unwrap().version.is_some() {}
    let session = lake.session().await;
    let mut places = Vec::new();
    for (from, to, service) in &faults {
        let sql = format!(
            "SELECT service_name FROM suspects('{}', '{good}') ORDER BY rank",
            within(*from, *to)
        );
        let rows = crate::it::fixtures::rows(&session, &sql).await;
        if !rows.is_empty() {
            places.push(rows.iter().position(|row| row[0] == *service).unwrap_or(usize::MAX));
        }
    }
    assert_eq!(places.len(), 20);
    assert!(places.iter().filter(|place| **place == 0).count() >= 17, "{places:?}");
    assert!(places.iter().filter(|place| **place < 3).count() >= 19, "{places:?}");
}
