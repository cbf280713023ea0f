//! Service level objectives: burn rates, budgets, alerts, and files that are wrong. Numbers are those of semantics 5.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use engine::Slos;

use crate::it::fixtures::{TestLake, error};

/// The step of T5.1: errors begin.
const STEP: &str = "2026-11-10T00:00:00Z";

fn step() -> DateTime<Utc> {
    STEP.parse().unwrap()
}

fn after(minutes: i64) -> DateTime<Utc> {
    step() + TimeDelta::minutes(minutes)
}

/// Spans of one service, each a trace: `(minutes after the step, seconds, failed, service)`.
fn otlp(spans: &[(i64, i64, bool, &str)]) -> String {
    let mut text = String::new();
    for (number, (minutes, seconds, failed, service)) in spans.iter().enumerate() {
        let start = after(*minutes) + TimeDelta::seconds(*seconds);
        let start_ns = start.timestamp_nanos_opt().unwrap();
        let status = if *failed { 2 } else { 1 };
        writeln!(
            text,
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"{:032x}","spanId":"{:016x}","name":"work","kind":2,"startTimeUnixNano":"{start_ns}","endTimeUnixNano":"{}","status":{{"code":{status}}}}}]}}]}}]}}"#,
            number + 1,
            number + 1,
            start_ns + 5_000_000,
        )
        .unwrap();
    }
    text
}

async fn lake(spans: &[(i64, i64, bool, &str)]) -> TestLake {
    let lake = TestLake::empty().await;
    assert_eq!(lake.import_text(&otlp(spans)).await, 0);
    lake
}

async fn watch(lake: &TestLake, yaml: &str) -> Vec<String> {
    let slos = Slos::of_texts(&[("shop.yaml".into(), yaml.into())]);
    let watched = lake.engine.watch_slos(slos).await.unwrap();
    watched.problems.iter().map(ToString::to_string).collect()
}

/// An OpenSLO document whose events are rows of a query.
fn slo(name: &str, target: &str, query: &str, alerts: &str) -> String {
    format!(
        "---
apiVersion: openslo/v1
kind: SLO
metadata:
  name: {name}
spec:
  service: shop
  budgetingMethod: Occurrences
  timeWindow:
    - duration: 30d
      isRolling: true
  indicator:
    metadata:
      name: {name}-sli
    spec:
      ratioMetric:
        counter: true
        good:
          metricSource:
            spec:
              query: >-
                {query} AND status_code <> 'error'
        total:
          metricSource:
            spec:
              query: >-
                {query}
  objectives:
    - target: {target}
{alerts}"
    )
}

/// A good span every minute from three days before the step to three days after it, and a bad one from the step on.
fn with_a_step() -> Vec<(i64, i64, bool, &'static str)> {
    let good = (-4_400..4_400).map(|minute| (minute, 1, false, "shop"));
    let bad = (0..4_400).map(|minute| (minute, 2, true, "shop"));
    good.chain(bad).collect()
}

/// Of `total` requests a minute, `bad` fail from the step on.
fn rated(bad: u32, total: u32) -> String {
    let good = total - bad;
    format!(
        "SELECT start_time, CASE WHEN status_code = 'error' THEN {bad}.0 WHEN start_time < TIMESTAMP '{STEP}' \
         THEN {total}.0 ELSE {good}.0 END AS sample_weight FROM spans \
         WHERE (start_time < TIMESTAMP '{STEP}' OR status_code = 'error' OR {good} > 0)"
    )
}

/// T5.1: how long after the step each alert fires, in whole minutes.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_ratio_fires_when_the_formula_says() {
    let lake = lake(&with_a_step()).await;
    let mut yaml = String::new();
    for (name, bad, total) in
        [("all", 10, 10), ("tenth", 1, 10), ("hundredth", 1, 100), ("limit", 1, 1_000)]
    {
        yaml += &slo(name, "0.999", &rated(bad, total), "");
    }
    let at_least = "  alertPolicies:
    - kind: AlertPolicy
      metadata: {name: slow}
      spec:
        conditions:
          - kind: AlertCondition
            metadata: {name: slow}
            spec:
              severity: ticket
              condition: {kind: burnrate, op: gte, threshold: 1, lookbackWindow: 3d, alertAfter: 0m}
";
    assert_eq!(watch(&lake, &yaml).await, Vec::<String>::new());

    let fired = async |from: i64, to: i64| {
        let sql = format!(
            "SELECT slo, long_minutes, (arrow_cast(min(time), 'Int64') - {}) / 60000000000
             FROM burn_rate(\"from\" => '{}', \"to\" => '{}')
             WHERE state IN ('firing', 'suppressed') GROUP BY slo, long_minutes ORDER BY slo, long_minutes",
            step().timestamp_nanos_opt().unwrap(),
            after(from).to_rfc3339(),
            after(to).to_rfc3339()
        );
        lake.rows(&sql).await
    };
    assert_eq!(
        fired(-10, 440).await,
        [
            // 0.864, 2.16, 4.32 and 4.32 minutes.
            ["all", "60", "1"],
            ["all", "360", "3"],
            ["all", "1440", "5"],
            ["all", "4320", "5"],
            // 8.64, 21.6, 43.2 and 43.2.
            ["hundredth", "360", "217"],
            ["hundredth", "1440", "433"],
            ["hundredth", "4320", "433"],
            ["tenth", "60", "9"],
            ["tenth", "360", "22"],
            ["tenth", "1440", "44"],
            ["tenth", "4320", "44"],
        ]
    );

    // One stretch of time for each, which has not ended.
    let sql = "SELECT long_minutes, ended, minutes FROM slo_alerts('tenth', \"from\" => '2026-11-09T23:50:00Z',
        \"to\" => '2026-11-10T01:00:00Z') ORDER BY long_minutes";
    let alerts = lake.rows(sql).await;
    assert_eq!(alerts.len(), 4, "{alerts:?}");
    assert!(alerts.iter().all(|row| row[1] == "NULL"), "{alerts:?}");

    // Burn rates and thresholds themselves; a fraction of time has its fraction of the burn rate.
    let sql = format!(
        "SELECT long_minutes, threshold, round(burn_rate, 6), state FROM burn_rate('tenth', \
         \"from\" => '{}', \"to\" => '{}') ORDER BY long_minutes",
        after(29).to_rfc3339(),
        after(30).to_rfc3339()
    );
    assert_eq!(
        lake.rows(&sql).await,
        [
            ["60", "14.4", "50.0", "firing"],
            ["360", "6.0", "8.333333", "firing"],
            ["1440", "3.0", "2.083333", "quiet"],
            ["4320", "1.0", "0.694444", "quiet"],
        ]
    );
    // Three days later the last day is as bad as all of it, and nothing else was said meanwhile.
    let sql = format!(
        "SELECT state, round(burn_rate_1h, 6), is_alert, alerts FROM slo_status('tenth', '{}')",
        after(4_320).to_rfc3339()
    );
    let status = lake.rows(&sql).await;
    assert_eq!(status[0][..3], ["page", "100.0", "true"]);
    assert!(status[0][3].contains("page 60m/5m > 14.4"), "{status:?}");

    // After three days it is exactly 1, which is not more than 1.
    let yaml = slo("limit", "0.999", &rated(1, 1_000), "")
        + &slo("limit-gte", "0.999", &rated(1, 1_000), at_least);
    assert_eq!(watch(&lake, &yaml).await, Vec::<String>::new());
    assert_eq!(fired(4_310, 4_330).await, [["limit-gte", "4320", "4320"]]);
}

/// T5.2 and property 6: what is left of the budget.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_the_budget() {
    let lake = lake(&[(-60, 0, false, "shop"), (-60, 1, true, "shop")]).await;
    let weights = |bad: u32| {
        format!(
            "SELECT start_time, CASE WHEN status_code = 'error' THEN {bad}.0 ELSE {}.0 END AS sample_weight \
             FROM spans WHERE true",
            10_000_000 - bad
        )
    };
    let bads = [0_u32, 1, 3_250, 6_500, 13_000, 20_000];
    let yaml: String =
        bads.iter().map(|bad| slo(&format!("bad-{bad:05}"), "0.999", &weights(*bad), "")).collect();
    assert_eq!(watch(&lake, &yaml).await, Vec::<String>::new());
    let sql = format!(
        "SELECT valid, bad, budget_remaining, error_ratio / 0.001 FROM slo_status(at => '{STEP}') ORDER BY slo"
    );
    let rows = lake.rows(&sql).await;
    let number = |text: &str| text.parse::<f64>().unwrap();
    assert_eq!(rows.len(), bads.len());
    for (bad, row) in bads.iter().zip(&rows) {
        assert_eq!((number(&row[0]), number(&row[1])), (10_000_000.0, f64::from(*bad)));
        let expected = 1.0 - f64::from(*bad) / 10_000.0;
        assert!((number(&row[2]) - expected).abs() < 1e-9, "{row:?}");
        assert!((number(&row[2]) - (1.0 - number(&row[3]))).abs() < 1e-9, "{row:?}");
    }
    assert!((number(&rows[3][2]) - 0.35).abs() < 1e-9);
}

/// T5.3: few requests page only if chance would hardly do that.
#[tokio::test(flavor = "multi_thread")]
async fn few_requests_do_not_page_by_chance() {
    let cases = [
        ("one-of-ten", 1, 10, "0.135", "suppressed"),
        ("two-of-ten", 2, 10, "0.00864", "firing"),
        ("two-of-60", 2, 60, "0.214", "suppressed"),
        ("four-of-60", 4, 60, "0.0111", "suppressed"),
        ("twenty-of-1000", 20, 1_000, "0.0925", "suppressed"),
        ("thirty-of-1000", 30, 1_000, "0.00019", "firing"),
    ];
    let (mut spans, mut yaml) = (Vec::new(), String::from("slos:\n"));
    for (name, bad, total, ..) in cases {
        // Good ones first, so that there is data for longer than the short window.
        let good = (0..total - bad).map(|number| (-10 + (number % 8), 0, false, name));
        spans.extend(good.chain((0..bad).map(|_| (-1, 1, true, name))));
        writeln!(
            yaml,
            "  - name: {name}
    target_percent: 99.9
    window: 30d
    valid: service_name = '{name}'
    bad: status_code = 'error'
    alerts: [{{severity: page, burn_rate: 14.4, long: 1h, short: 5m}}]"
        )
        .unwrap();
    }
    let lake = lake(&spans).await;
    assert_eq!(watch(&lake, &yaml).await, Vec::<String>::new());
    for (name, bad, total, tail, state) in cases {
        let sql = format!(
            "SELECT bad_events, valid_events, tail_probability, state, is_partial FROM burn_rate('{name}', to => '{STEP}')"
        );
        let row = lake.rows(&sql).await.remove(0);
        assert_eq!(row[0], bad.to_string());
        assert_eq!(row[1], total.to_string());
        let (found, tail): (f64, f64) = (row[2].parse().unwrap(), tail.parse().unwrap());
        assert!((found - tail).abs() <= tail * 0.05, "{name}: {found} for {tail}");
        assert_eq!((row[3].as_str(), row[4].as_str()), (state, "true"), "{name}");
    }
    // What has no data is not quiet, nor is it an alert.
    let nothing = lake.rows("SELECT state, is_alert, budget_remaining, burn_rate_1h FROM slo_status('two-of-ten', '2027-06-01')").await;
    assert_eq!(nothing, [["no data", "false", "NULL", "NULL"]]);
    // An alert that is told to last first is pending for so long.
    let lasting = yaml.replace("short: 5m}", "short: 5m, after: 3m}");
    assert_eq!(watch(&lake, &lasting).await, Vec::<String>::new());
    let sql = "SELECT state FROM burn_rate('thirty-of-1000', \"from\" => '2026-11-09T23:58:00Z',
        \"to\" => '2026-11-10T00:05:00Z') ORDER BY time";
    let states = lake.rows(sql).await;
    let states: Vec<&str> = states.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(states, ["quiet", "pending", "pending", "pending", "firing", "firing", "quiet"]);
}

/// T5.4: slices of time instead of events.
#[tokio::test(flavor = "multi_thread")]
async fn slices_of_time_spend_the_budget() {
    let lake = lake(&[
        (0, 0, false, "shop"),
        (0, 1, true, "shop"),
        (1, 0, false, "shop"),
        (1, 1, true, "shop"),
        (3, 0, false, "shop"),
    ])
    .await;
    let minute = "date_part('minute', start_time)";
    let query = format!(
        "SELECT start_time, CASE {minute} WHEN 0 THEN CASE status_code WHEN 'error' THEN 1.0 ELSE 99.0 END \
         WHEN 1 THEN 5.0 ELSE 50.0 END AS sample_weight FROM spans WHERE true"
    );
    let sliced = |name: &str, method: &str, target: &str, annotation: &str| {
        slo(name, "0.9", &query, "")
            .replace("Occurrences", method)
            .replace(
                "    - target: 0.9\n",
                &format!("    - target: 0.9\n      timeSliceWindow: 1m\n{target}"),
            )
            .replace(&format!("  name: {name}\nspec"), &format!("  name: {name}\n{annotation}spec"))
    };
    let target = "      timeSliceTarget: 0.9\n";
    let good = "  annotations:\n    spanlake/empty-slices: good\n";
    let yaml = slo("occurrences", "0.9", &query, "")
        + &sliced("slices", "Timeslices", target, "")
        + &sliced("slices-good", "Timeslices", target, good)
        + &sliced("ratio", "RatioTimeslices", "", "");
    assert_eq!(watch(&lake, &yaml).await, Vec::<String>::new());
    let sql = format!(
        "SELECT slo, round(1.0 - sum(bad) / sum(valid), 6) FROM sli(\"from\" => '{STEP}', \"to\" => '{}')
         GROUP BY slo ORDER BY slo",
        after(4).to_rfc3339()
    );
    assert_eq!(
        lake.rows(&sql).await,
        [
            ["occurrences", "0.9625"],
            ["ratio", "0.83"],
            ["slices", "0.666667"],
            ["slices-good", "0.75"],
        ]
    );
}

/// Latency by spans and by traces, and a condition on the structure of traces.
#[tokio::test(flavor = "multi_thread")]
async fn objectives_about_time_and_structure() {
    let lake = lake(&[(0, 0, false, "shop"), (0, 1, true, "shop"), (1, 0, false, "shop")]).await;
    let yaml = "
slos:
  - name: quick
    target_percent: 99
    window: 7d
    valid: service_name = 'shop' AND is_entry
    faster_than: 5 ms
  - name: quick-when-it-works
    target_percent: 99
    window: 7d
    valid: is_entry
    faster_than: 4999us
    errors: excluded
  - name: p90
    window: 7d
    table: traces
    valid: 'true'
    percentile: p90 < 5.001 ms
  - name: flat
    target: 0.5
    window: 7d
    table: traces
    valid: root_service_name = 'shop'
    good: max_depth = 0 AND is_connected AND error_count = 0
";
    assert_eq!(watch(&lake, yaml).await, Vec::<String>::new());
    let sql = format!(
        "SELECT slo, sum(valid), sum(bad) FROM sli(\"from\" => '{STEP}', \"to\" => '{}') GROUP BY slo ORDER BY slo",
        after(5).to_rfc3339()
    );
    assert_eq!(
        lake.rows(&sql).await,
        [
            ["flat", "3.0", "1.0"],
            ["p90", "3.0", "1.0"],
            ["quick", "3.0", "1.0"],
            ["quick-when-it-works", "2.0", "2.0"],
        ]
    );
    let objectives =
        lake.rows("SELECT slo, objective, window_minutes FROM slos() WHERE slo = 'p90'").await;
    assert_eq!(objectives, [["p90", "0.9", "10080"]]);
}

/// Windows of the calendar begin with the month of their time zone.
#[tokio::test(flavor = "multi_thread")]
async fn the_month_of_a_time_zone() {
    // Five minutes before and after midnight in Berlin, which is 23:00 in UTC.
    let spans = [(-9 * 1_440 - 65, 0, true, "shop"), (-9 * 1_440 - 55, 0, false, "shop")];
    let lake = lake(&spans).await;
    let all = "SELECT start_time, sample_weight FROM spans WHERE true";
    let yaml = slo("month", "0.9", all, "").replace(
        "    - duration: 30d\n      isRolling: true\n",
        "    - duration: 1M\n      isRolling: false\n      calendar:\n        startTime: 2026-01-01 00:00:00\n        timeZone: Europe/Berlin\n",
    );
    assert_eq!(watch(&lake, &yaml).await, Vec::<String>::new());
    let at = |text: &str| format!("SELECT valid, bad FROM slo_status('month', '{text}')");
    assert_eq!(lake.rows(&at("2026-11-05")).await, [["1.0", "0.0"]]);
    assert_eq!(lake.rows(&at("2026-10-31T22:59:00Z")).await, [["1.0", "1.0"]]);
}

/// Every mistake names its line, and the other objectives are watched.
#[tokio::test(flavor = "multi_thread")]
async fn mistakes_have_a_line_and_stay_alone() {
    let lake = lake(&[(0, 0, false, "shop")]).await;
    let right = "slos:
  - name: right
    target_percent: 99.9
    window: 30d
    valid: is_entry
    good: status_code <> 'error'
";
    let short = |lines: &str| format!("{right}  - name: wrong\n{lines}");
    let all = "    target: 0.9\n    window: 30d\n    valid: is_entry\n    good: 'true'\n";
    let cases = [
        (short(&all.replace("is_entry", "is_entri")), "shop.yaml:10: SLO `wrong`: ", "is_entri"),
        (
            short(&all.replace("    window: 30d\n", "")),
            "shop.yaml:7: SLO `wrong`: ",
            "needs `window`",
        ),
        (short(&all.replace("30d", "30 days")), "shop.yaml:9: SLO `wrong`: ", "no length of time"),
        (short(&all.replace("0.9", "99.9")), "shop.yaml:8: SLO `wrong`: ", "less than 100 %"),
        (
            short(&all.replace("target:", "tarjet:")),
            "shop.yaml:8: SLO `wrong`: ",
            "no field `tarjet`",
        ),
        (
            short(&all.replace("'true'", "depth =")),
            "shop.yaml:11: SLO `wrong`: ",
            "no condition in SQL",
        ),
        (short(&all.replace("good:", "goof:")), "shop.yaml:11: SLO `wrong`: ", "no field `goof`"),
        (short(&all.replace("'true'", "1) OR (1 = 1")), "shop.yaml:11: ", "no condition in SQL"),
        (format!("{right}---\nslos: [\n"), "shop.yaml:", "not YAML"),
        (format!("{right}---\nkind: SLO\n"), "shop.yaml:8: ", "needs `apiVersion`"),
        (format!("{right}{}", slo("wrong", "0.9", "SELECT 1", "")), "shop.yaml:", "start_time"),
        (
            format!("{right}{}", &right["slos:\n".len()..]),
            "shop.yaml:7: SLO `right`: ",
            "of that name already",
        ),
        (
            format!(
                "{right}{}",
                slo(
                    "wrong",
                    "0.9",
                    "SELECT start_time, sample_weight FROM spans WHERE true",
                    "  alertPolicies:\n    - alertPolicyRef: nowhere\n"
                )
            ),
            "SLO `wrong`: ",
            "no AlertPolicy named `nowhere`",
        ),
    ];
    for (yaml, place, reason) in cases {
        let problems = watch(&lake, &yaml).await;
        assert_eq!(problems.len(), 1, "{yaml}\n{problems:?}");
        assert!(problems[0].contains(place) && problems[0].contains(reason), "{}", problems[0]);
        assert!(!problems[0].contains('\n'), "{}", problems[0]);
        let status = format!(
            "SELECT state FROM slo_status('right', '{}') WHERE state <> 'invalid'",
            after(1).to_rfc3339()
        );
        assert_eq!(lake.rows(&status).await, [["ok"]], "{yaml}");
        let invalid = "SELECT count(*) FROM slo_status() WHERE state = 'invalid'";
        assert_eq!(lake.value(invalid).await, "1");
    }
    let session = lake.session().await;
    let unknown = error(&session, "SELECT * FROM burn_rate('rihgt')").await.to_string();
    assert!(unknown.contains("there is no SLO `rihgt`; there are right"), "{unknown}");
    watch(&lake, "").await;
    let none = error(&lake.session().await, "SELECT * FROM burn_rate('right')").await.to_string();
    assert!(none.contains("none is loaded"), "{none}");
    assert_eq!(lake.rows("SELECT * FROM slo_status()").await, Vec::<Vec<String>>::new());
}
