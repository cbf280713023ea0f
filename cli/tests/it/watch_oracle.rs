//! Alerts of the shop's week against a slow, obvious evaluation of the definitions, and against its incidents.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::fixtures::{Folder, busy_shop, command, finish};

/// One objective for each incident: `(name, target in percent, what counts, what is good)`.
const OBJECTIVES: [(&str, f64, &str, &str); 5] = [
    (
        "slow-dependency",
        95.0,
        "service_name = 'frontend' AND span_name = 'GET /product/{id}'",
        "300 ms",
    ),
    ("n-plus-one", 97.0, "service_name = 'recommendation' AND is_entry", "100 ms"),
    ("bad-deploy", 99.0, "service_name = 'search' AND is_entry", "500 ms"),
    ("retry-storm", 99.0, "service_name = 'payment' AND is_entry", "600 ms"),
    (
        "tier-region-slow",
        95.0,
        "span_name = 'shop.Pricing/Quote' AND span_kind = 'server' AND \
         attributes['app.customer_tier'] = 'enterprise' AND \
         resource_attributes['cloud.region'] = 'eu-central-1'",
        "100 ms",
    ),
];

/// `(severity, share of the budget, long, short)` of 28 days: semantics 5.2.
const ALERTS: [(&str, f64, i64, i64); 4] = [
    ("page", 0.02, 60, 5),
    ("page", 0.05, 360, 30),
    ("ticket", 0.1, 1_440, 120),
    ("ticket", 0.1, 4_320, 360),
];
const PERIOD_MINUTES: f64 = 28.0 * 1_440.0;

/// 2026-11-09 to 2026-11-16, in minutes since the epoch.
const WEEK: (i64, i64) = (1_794_182_400 / 60, 1_794_787_200 / 60);

fn ask(folder: &Folder, sql: &str) -> Vec<Vec<String>> {
    let mut command = command(folder.path());
    let args = ["sql", "--slo", "slo.yaml", "--format", "csv", sql, "--lake"];
    let csv = finish(command.args(args).arg(busy_shop().join("lake"))).ok();
    csv.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// P(X >= bad) of a binomial distribution, term by term.
fn tail(bad: i64, valid: i64, p: f64) -> f64 {
    let ln_factorial = |n: i64| (1..=n).map(|k| (k as f64).ln()).sum::<f64>();
    let term = |k: i64| {
        let ways = ln_factorial(valid) - ln_factorial(k) - ln_factorial(valid - k);
        (ways + k as f64 * p.ln() + (valid - k) as f64 * (1.0 - p).ln()).exp()
    };
    (bad..=valid).map(term).sum()
}

/// The minutes at whose end an alert fires.
fn firing(
    events: &BTreeMap<i64, (i64, i64)>,
    budget: f64,
    alert: (f64, i64, i64),
) -> BTreeSet<i64> {
    let (share, long, short) = alert;
    let threshold = share * PERIOD_MINUTES / long as f64;
    let Some(first) = events.keys().next() else { return BTreeSet::new() };
    let sums = |minute: i64, window: i64| {
        let range = events.range(minute - window..minute);
        range.fold((0, 0), |(valid, bad), (_, more)| (valid + more.0, bad + more.1))
    };
    let fires = |minute: &i64| {
        let (valid, bad) = sums(*minute, long);
        let (valid_short, bad_short) = sums(*minute, short);
        if valid == 0 || valid_short == 0 || bad == 0 {
            return false;
        }
        let burn = bad as f64 / (valid as f64 * budget);
        let burn_short = bad_short as f64 / (valid_short as f64 * budget);
        let age = minute - first;
        burn > threshold
            && burn_short > threshold
            && age >= short
            && (age >= long || valid >= 10)
            && tail(bad, valid, (threshold * budget).min(1.0)) <= 0.01
    };
    (WEEK.0 + 1..=WEEK.1).filter(fires).collect()
}

/// Scenario: an objective for each incident of the generator, looked back at over the week.
/// Guarantees: every alert fires in exactly the minutes in which the definitions say; each incident pages while it
/// lasts; nothing pages but in an incident and, while the long window has some of it, after it.
#[test]
fn incidents_page_to_the_minute() {
    let folder = Folder::new();
    let yaml: String = OBJECTIVES
        .iter()
        .map(|(name, target, valid, limit)| {
            format!(
                "  - name: {name}\n    target_percent: {target}\n    window: 28d\n    valid: \"{valid}\"\n    \
                 faster_than: {limit}\n"
            )
        })
        .collect();
    folder.write("slo.yaml", format!("slos:\n{yaml}"));

    let mut events: BTreeMap<String, BTreeMap<i64, (i64, i64)>> = BTreeMap::new();
    let sli = "SELECT slo, arrow_cast(minute, 'Int64') / 60000000000, valid_events, bad_events
        FROM sli(\"from\" => '2026-11-01', \"to\" => '2026-11-16')";
    for row in ask(&folder, sli) {
        let number = |at: usize| row[at].parse::<i64>().expect("a number");
        events.entry(row[0].clone()).or_default().insert(number(1), (number(2), number(3)));
    }
    let mut expected = BTreeSet::new();
    for (name, target, ..) in OBJECTIVES {
        let budget = ((1.0 - target / 100.0) * 1e12_f64).round() / 1e12;
        for (_, share, long, short) in ALERTS {
            let minutes = firing(&events[name], budget, (share, long, short));
            expected.extend(minutes.into_iter().map(|minute| (name.to_owned(), long, minute)));
        }
    }
    let sql = "SELECT slo, long_minutes, arrow_cast(time, 'Int64') / 60000000000
        FROM burn_rate(\"from\" => '2026-11-09', \"to\" => '2026-11-16') WHERE state = 'firing'";
    let found: BTreeSet<(String, i64, i64)> = ask(&folder, sql)
        .into_iter()
        .map(|row| {
            (row[0].clone(), row[1].parse().expect("minutes"), row[2].parse().expect("a minute"))
        })
        .collect();
    assert!(found.len() > 1_000, "{}", found.len());
    let missing: Vec<_> = expected.difference(&found).take(5).collect();
    let extra: Vec<_> = found.difference(&expected).take(5).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:?}, extra {extra:?}");

    let incidents = ["generate", "--spans", "250000", "--out", "x.otlp.binpb.zst"];
    folder.run(incidents.iter().chain(&["--incidents", "incidents.json"])).ok();
    let incidents: Value = serde_json::from_slice(&folder.read("incidents.json")).expect("JSON");
    for incident in incidents.as_array().expect("incidents") {
        let id = incident["id"].as_str().expect("an id");
        let minute = |key: &str| (incident[key].as_u64().expect("a time") / 60_000_000_000) as i64;
        let (start, end) = (minute("start_ns"), minute("end_ns"));
        let pages = || found.iter().filter(|(slo, long, _)| slo == id && *long <= 360);
        assert!(pages().any(|(.., minute)| (start..=end).contains(minute)), "{id} does not page");
        for (_, long, minute) in pages() {
            // One more error is enough as long as the long window has the incident's.
            let is_of_incident = (start..=end + 1 + long).contains(minute);
            assert!(is_of_incident, "{id} pages at {minute}, it is from {start} to {end}");
        }
    }
}
