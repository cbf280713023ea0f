//! Watching services: what is usual, what is not, what is over, what the troubled have in common.
//!
//! The lakes are made up so that buckets have exactly the values of the references in semantics 6.

use std::fmt::Write;

use crate::it::fixtures::{TestLake, error};

/// Tuesday, 2026-01-06, 10:00 UTC.
const TUESDAY_NS: u64 = 1_767_693_600_000_000_000;
const MINUTE_NS: u64 = 60_000_000_000;
const HOUR_NS: u64 = 60 * MINUTE_NS;
const WEEK_NS: u64 = 168 * HOUR_NS;

/// Spans as OTLP, one request for all.
#[derive(Default)]
struct Spans {
    text: String,
    number: u64,
}

impl Spans {
    /// A span of a service; returns its number. One without a parent is a server and begins a trace.
    fn add(
        &mut self,
        parent: u64,
        service: &str,
        at_ns: u64,
        ms: u64,
        status: u8,
        peer: &str,
    ) -> u64 {
        self.number += 1;
        let number = self.number;
        let comma = if number == 1 { "" } else { "," };
        let (kind, trace, parent) = match parent {
            0 => (2, number, String::new()),
            parent => (3, parent, format!("{parent:016x}")),
        };
        let attributes = match peer {
            "" => String::new(),
            peer => format!(r#"{{"key":"peer.service","value":{{"stringValue":"{peer}"}}}}"#),
        };
        write!(
            self.text,
            r#"{comma}{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"{trace:032x}","spanId":"{number:016x}","parentSpanId":"{parent}","name":"GET /","kind":{kind},"startTimeUnixNano":"{at_ns}","endTimeUnixNano":"{}","status":{{"code":{status}}},"attributes":[{attributes}]}}]}}]}}"#,
            at_ns + ms * 1_000_000,
        )
        .unwrap();
        number
    }

    /// Calls of the shop within one bucket, all of one duration, the first of them failed.
    fn calls(&mut self, at_ns: u64, calls: u64, errors: u64, ms: u64) {
        for call in 0..calls {
            let status = if call < errors { 2 } else { 0 };
            self.add(0, "shop", at_ns + call, ms, status, "");
        }
    }

    async fn lake(&self) -> TestLake {
        let lake = TestLake::empty().await;
        let request = format!(r#"{{"resourceSpans":[{}]}}"#, self.text);
        assert_eq!(lake.import_text(&request).await, 0);
        lake
    }
}

/// Rows as words.
async fn told(lake: &TestLake, sql: &str) -> Vec<String> {
    lake.rows(sql).await.iter().map(|row| row.join(" ")).collect()
}

/// Semantics T6.3: six weeks of one hour have median 211 and a deviation of 7.413 (here in ms), which is less than
/// 5 % of 211; so that hour is usual up to 211 + 3.5 * 10.55.
#[tokio::test(flavor = "multi_thread")]
async fn an_hour_beside_the_same_of_six_weeks() {
    for (ms, score, state) in
        [(230, "1.801", "normal"), (250, "3.697", "high"), (300, "8.436", "high")]
    {
        let mut spans = Spans::default();
        for (week, ms) in (0..).zip([210, 205, 220, 198, 215, 212, ms]) {
            spans.calls(TUESDAY_NS + week * WEEK_NS, 72, 0, ms);
        }
        let lake = spans.lake().await;
        let sql = "SELECT observed / 1e6, expected / 1e6, round(lower / 1e6, 3), round(upper / 1e6, 3), \
                          round(score, 3), state, source, points \
                   FROM baseline('p95', \"from\" => '2026-02-17', \"to\" => '2026-02-18')";
        let expected = format!("{ms}.0 211.0 174.075 247.925 {score} {state} hour of week 6");
        assert_eq!(told(&lake, sql).await, [expected]);
        let sql = "SELECT state, scored FROM (SELECT state, count(score) AS scored FROM \
                   baseline('p99', \"from\" => '2026-02-17', \"to\" => '2026-02-18') GROUP BY state)";
        assert_eq!(told(&lake, sql).await, ["too few spans 0"]);
    }
}

/// Semantics 6.2, item 2: the same hour by the clock on the wall, which was put forward on 2026-03-29, and back on
/// 2026-10-25.
#[tokio::test(flavor = "multi_thread")]
async fn hours_of_the_week_by_the_clock_of_a_time_zone() {
    // Tuesdays are slow in Berlin from 9 to 12, since 2026-02-17: from 8, and then from 7 UTC.
    let mut spans = Spans::default();
    let first = TUESDAY_NS + 6 * WEEK_NS - 2 * HOUR_NS;
    for week in 0..7 {
        let change = if week < 6 { 0 } else { HOUR_NS };
        for hour in 0..9 {
            let at = first + week * WEEK_NS - change + hour * HOUR_NS - 3 * HOUR_NS;
            spans.calls(at, 72, 0, if (3..6).contains(&hour) { 200 } else { 20 });
        }
    }
    let lake = spans.lake().await;
    let sql = |zone: &str| {
        format!(
            "SELECT start_time, observed / 1e6, expected / 1e6, state
             FROM baseline('p95', \"from\" => '2026-03-31', \"to\" => '2026-04-01'{zone})
             WHERE state <> 'normal' OR observed > 1e8 ORDER BY start_time"
        )
    };
    let berlin = ", time_zone => 'Europe/Berlin'";
    // The first and the last slow hour are expected between what they are and what is beside them.
    let usual = [
        "2026-03-31T07:00:00Z 200.0 155.0 normal",
        "2026-03-31T08:00:00Z 200.0 200.0 normal",
        "2026-03-31T09:00:00Z 200.0 155.0 normal",
    ];
    assert_eq!(told(&lake, &sql(berlin)).await, usual);
    // By UTC each hour is expected to be what the next one was before.
    let an_hour_late = [
        "2026-03-31T07:00:00Z 200.0 65.0 normal",
        "2026-03-31T08:00:00Z 200.0 155.0 normal",
        "2026-03-31T09:00:00Z 200.0 200.0 normal",
    ];
    assert_eq!(told(&lake, &sql("")).await, an_hour_late);
    let session = lake.session().await;
    let said = error(&session, &sql(", time_zone => 'Mars'")).await.to_string();
    let expected = "`time_zone` of baseline must be the name of a time zone, such as 'Europe/Berlin', not 'Mars'";
    assert!(said.contains(expected), "{said}");

    let said = error(&session, &sql(", time_zone => $1")).await.to_string();
    assert!(said.contains("such as 'Europe/Berlin', not $1"), "{said}");

    // The day of 25 hours: each of them is a row, although one comes twice.
    let mut spans = Spans::default();
    let midnight = TUESDAY_NS + 41 * WEEK_NS + 5 * 24 * HOUR_NS - 12 * HOUR_NS;
    for hour in 0..49 {
        spans.calls(midnight - 24 * HOUR_NS + hour * HOUR_NS, 13, 0, 100);
    }
    let lake = spans.lake().await;
    let sql = format!(
        "SELECT count(DISTINCT start_time), count(*), count(expected), max(expected) / 1e6
         FROM baseline('p50', \"from\" => '2026-10-24T22:00:00Z', \"to\" => '2026-10-25T23:00:00Z'{berlin})"
    );
    assert_eq!(told(&lake, &sql).await, ["25 25 25 100.0"]);
}

/// Semantics 6.3 and T6.5: five errors of a hundred are no surprise where one of a hundred is usual, eight are.
#[tokio::test(flavor = "multi_thread")]
async fn errors_beside_those_of_four_weeks() {
    for (errors, score, state) in [(1, "0.0", "normal"), (5, "2.6", "normal"), (8, "5.5", "high")] {
        let mut spans = Spans::default();
        for (week, errors) in (0..).zip([1, 1, 1, 1, errors]) {
            spans.calls(TUESDAY_NS + week * WEEK_NS, 100, errors, 10);
        }
        let lake = spans.lake().await;
        let sql = "SELECT round(score, 1) AS score, state, points, \
                   abs(score - 3.5 / 3 * -log10(binomial_tail(calls * observed, calls, expected))) < 1e-9 OR score = 0 \
                   FROM baseline('error_rate', \"from\" => '2026-02-03', \"to\" => '2026-02-04')";
        let expected: f64 = score.parse().unwrap();
        assert_eq!(told(&lake, sql).await, [format!("{expected:.1} {state} 4 true")]);
    }
}

/// Semantics 6.3: no traffic is significant from seven calls on, and so are fifteen where five are usual.
#[tokio::test(flavor = "multi_thread")]
async fn traffic_beside_that_of_four_weeks() {
    for (usual, calls, state) in
        [(7, 0, "low"), (6, 0, "normal"), (5, 15, "high"), (5, 14, "normal"), (100, 65, "low")]
    {
        let mut spans = Spans::default();
        for week in 0..4 {
            for hour in 0..3 {
                spans.calls(TUESDAY_NS + week * WEEK_NS + hour * HOUR_NS, usual, 0, 10);
            }
        }
        let now = TUESDAY_NS + 4 * WEEK_NS;
        spans.calls(now, usual, 0, 10);
        spans.calls(now + HOUR_NS, calls, 0, 10);
        let lake = spans.lake().await;
        let sql = "SELECT calls, expected, state FROM baseline('traffic', \
                   \"from\" => '2026-02-03T11:00:00', \"to\" => '2026-02-03T12:00:00')";
        assert_eq!(told(&lake, sql).await, [format!("{calls}.0 {usual}.0 {state}")]);
    }
}

/// Every five minutes from 23:00 on, after half a day of one such bucket per hour at 100 ms. Most values are equal, so
/// the mean deviation counts: 200 scores 20, then 12, 6.4 and 4.5, 180 scores 2.9 and 2.8, which neither begins an
/// event nor ends one. Three in a row do.
const FIVE_MINUTES: [u64; 12] = [200, 100, 200, 200, 200, 180, 100, 100, 180, 100, 100, 100];

async fn five_minutes() -> TestLake {
    let mut spans = Spans::default();
    for hour in 0..13 {
        spans.calls(TUESDAY_NS + hour * HOUR_NS, 13, 0, 100);
    }
    for (at, ms) in (0..).zip(FIVE_MINUTES) {
        spans.calls(TUESDAY_NS + 13 * HOUR_NS + 5 * at * MINUTE_NS, 13, 0, ms);
    }
    spans.lake().await
}

#[tokio::test(flavor = "multi_thread")]
async fn events_begin_and_end_by_several_buckets() {
    let lake = five_minutes().await;
    let args = "'p50', \"from\" => '2026-01-06T23:00:00', \"to\" => '2026-01-07', bucket => INTERVAL '5 minutes'";
    let sql = format!("SELECT state || ' ' || event FROM baseline({args}) ORDER BY start_time");
    let (before, during, after) = ("normal 0", "high 1", "normal 1");
    let expected = [
        before, before, before, before, during, during, during, during, during, during, during,
        after,
    ];
    assert_eq!(told(&lake, &sql).await, expected);
    let sql = format!(
        "SELECT rank, metric, state, direction, started_at, detected_at, ended_at, buckets, \
                observed / 1e6, expected / 1e6, round(score, 2), source FROM anomalies({args})"
    );
    let event = "1 p50 ended high 2026-01-06T23:10:00Z 2026-01-06T23:25:00Z 2026-01-06T23:45:00Z 7 \
                 200.0 100.0 4.52 last 24 hours";
    assert_eq!(told(&lake, &sql).await, [event]);
    // One bucket is enough if told so, and the other direction sees nothing.
    let sql = format!("SELECT count(*) FROM anomalies({args}, among => 1)");
    assert_eq!(lake.value(&sql).await, "2");
    let sql = format!("SELECT count(*) FROM anomalies({args}, needed => 2)");
    assert_eq!(lake.value(&sql).await, "1");
    let sql = format!("SELECT count(*) FROM anomalies({args}, direction => 'low')");
    assert_eq!(lake.value(&sql).await, "0");
    let sql = format!("SELECT count(*) FROM anomalies({args}, least_score => 21)");
    assert_eq!(lake.value(&sql).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn back_to_what_is_usual() {
    let lake = five_minutes().await;
    let state = |to: &str, service: &str| {
        format!(
            "SELECT service_name, state, since FROM recovered('{service}', 'p50', \
             \"from\" => '2026-01-06T22:00:00', \"to\" => '{to}', bucket => INTERVAL '5 minutes')"
        )
    };
    for (to, expected) in [
        ("2026-01-06T23:10:00", "shop never left NULL"),
        ("2026-01-06T23:30:00", "shop not recovered 2026-01-06T23:10:00Z"),
        ("2026-01-06T23:55:00", "shop not recovered 2026-01-06T23:10:00Z"),
        ("2026-01-07T00:00:00", "shop recovered 2026-01-06T23:45:00Z"),
        ("2026-01-07T00:10:00", "shop recovered 2026-01-06T23:45:00Z"),
        ("2026-01-07T03:00:00", "shop no data 2026-01-06T23:55:00Z"),
    ] {
        assert_eq!(told(&lake, &state(to, "shop")).await, [expected], "{to}");
    }
    assert_eq!(told(&lake, &state("2026-01-07", "none")).await, ["none no data NULL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_judged_comes_last() {
    let mut spans = Spans::default();
    spans.calls(TUESDAY_NS, 20, 0, 10);
    let lake = spans.lake().await;
    let sql = "SELECT rank, service_name, metric, state FROM anomalies(\"from\" => '2026-01-06', \"to\" => '2026-01-07') \
               ORDER BY metric";
    let expected = ["NULL shop error_rate, p50 no baseline", "NULL shop p95, p99 too few spans"];
    assert_eq!(told(&lake, sql).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_version_and_by_operation() {
    let lake = five_minutes().await;
    let args = "'p50', \"from\" => '2026-01-06T23:00:00', \"to\" => '2026-01-07', bucket => INTERVAL '5 minutes'";
    let sql = format!(
        "SELECT service_name, span_name, span_kind, service_version FROM anomalies({args}, by => 'operation')"
    );
    assert_eq!(told(&lake, &sql).await, ["shop GET / server NULL"]);
    let sql = format!("SELECT span_name, service_version FROM anomalies({args}, by => 'version')");
    assert_eq!(told(&lake, &sql).await, ["NULL NULL"]);
    let sql = format!("SELECT count(*) FROM anomalies({args}, operation => 'POST /')");
    assert_eq!(lake.value(&sql).await, "0");
    let session = lake.session().await;
    for (sql, expected) in [
        (
            "SELECT * FROM baseline('p90')",
            "must be one of 'p50', 'p95', 'p99', 'error_rate', 'traffic', not 'p90'",
        ),
        (
            "SELECT * FROM anomalies(by => 'team')",
            "must be one of 'service', 'version', 'operation'",
        ),
        ("SELECT * FROM recovered(direction => 'up')", "must be one of 'high', 'low', 'both'"),
        (
            "SELECT * FROM anomalies(from => '2026-01-06', to => '2026-01-07', bucket => INTERVAL '11 minutes')",
            "step must divide a week",
        ),
        (
            "SELECT * FROM anomalies(from => '2026-01-06', to => '2026-01-07', weeks => 0)",
            "weeks must be from 1 to 53",
        ),
    ] {
        let message = error(&session, sql).await.to_string();
        assert!(message.contains(expected), "{sql}: {message}");
    }
}

/// Semantics 8.5: of what troubled callers reach, the one that they and nobody else call; of a chain, its end.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_troubled_have_in_common() {
    let mut spans = Spans::default();
    for (hour, is_trouble) in [(0, false), (1, true)] {
        for call in 0..40 {
            let at = TUESDAY_NS + hour * HOUR_NS + call * MINUTE_NS;
            for (service, database) in
                [("cart", "pg1"), ("pay", "pg1"), ("mail", "pg2"), ("cart", "pg2")]
            {
                let fails = is_trouble && database == "pg1" && call % 2 == 0;
                let status = if fails { 2 } else { 0 };
                let entry = spans.add(0, service, at, 20, status, "");
                spans.add(entry, service, at + 1, 10, status, database);
            }
        }
    }
    let lake = spans.lake().await;
    let args = "\"from\" => '2026-01-06T11:00:00', \"to\" => '2026-01-06T12:00:00'";
    let sql = format!(
        "SELECT rank, dependency, score, coverage, specificity, troubled_callers, callers, troubled_names, \
                error_rate_before, error_rate FROM shared_dependency({args})"
    );
    assert_eq!(told(&lake, &sql).await, ["1 pg1 1.0 1.0 1.0 2 2 cart, pay 0.0 0.5"]);
    let sql = format!(
        "SELECT dependency, coverage, specificity FROM shared_dependency({args}, callers => 'mail, pay')"
    );
    assert_eq!(told(&lake, &sql).await, ["pg1 0.5 0.5"]);
    let sql = format!("SELECT count(*) FROM shared_dependency({args}, callers => 'mail')");
    assert_eq!(lake.value(&sql).await, "0");
}

/// Semantics T6.6: the test of two proportions by which `shared_dependency` compares error rates.
#[tokio::test(flavor = "multi_thread")]
async fn two_proportions() {
    let lake = TestLake::empty().await;
    let sql = "SELECT round((k1 / n1 - k2 / n2) / sqrt((k1 + k2) / (n1 + n2) * (1 - (k1 + k2) / (n1 + n2)) \
                      * (1 / n1 + 1 / n2)), 3) \
               FROM (VALUES (30.0, 1000.0, 200.0, 40000.0)) AS v(k1, n1, k2, n2)";
    assert_eq!(lake.value(sql).await, "10.455");
}
