//! `spanlake slo`, `graph` and `triage`, and the server that tells a webhook.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;

use engine::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::fixtures::{Folder, Run, busy_shop, command, finish, otlp, span};
use crate::server::{Client, Server};

/// The objectives that the README shows.
fn objectives() -> String {
    let readme = include_str!("../../../README.md");
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.into_iter().find(|block| block.starts_with("slos:")).expect("a block").to_owned()
}

fn run(folder: &Folder, args: &[&str]) -> Run {
    let lake = busy_shop().join("lake");
    let mut command = command(folder.path());
    finish(command.args(args).arg("--lake").arg(lake))
}

/// Scenario: objectives of the shop, looked at in a quiet hour, in a bad one, and over the whole week.
/// Guarantees: exit codes for a cron job, answers first, and every form of the page.
#[test]
fn objectives_stand_as_they_do() {
    let folder = Folder::new();
    folder.write("shop.yaml", objectives());
    let quiet = run(&folder, &["slo", "status", "shop.yaml", "--at", "2026-11-10T04:00:00Z"]);
    assert_eq!(quiet.code, Some(0), "{quiet:?}");
    let lines: Vec<&str> = quiet.stdout.lines().collect();
    assert_eq!(lines[0], "Service level objectives");
    assert!(quiet.stdout.contains("OK     product-pages-are-quick: "), "{quiet:?}");

    let week = ["slo", "backtest", "shop.yaml", "--from", "2026-11-09", "--to", "2026-11-16"];
    let week = run(&folder, &[&week[..], &["--out", "week.html", "--out", "week.json"]].concat());
    assert_eq!(week.code, Some(1), "{week:?}");
    assert!(week.stdout.starts_with("ALERT  product-pages-are-quick: alerted"), "{week:?}");
    let page: Value = serde_json::from_slice(&folder.read("week.json")).expect("JSON");
    let alerts = page["sections"][0]["table"]["rows"].as_array().expect("rows");
    let started = |alert: &Value| alert["started"].as_str().expect("a time").to_owned();
    let first_page = alerts.iter().find(|alert| alert["severity"] == "page").expect("a page");
    // The inventory database is slow from 14:27 to 16:49 that day.
    assert!(started(first_page).starts_with("2026-11-10T15:"), "{first_page}");
    let html = String::from_utf8(folder.read("week.html")).expect("text");
    assert!(html.contains("<details class=\"sql\">") && html.contains("slo_alerts"));

    let bad = run(&folder, &["slo", "status", "shop.yaml", "--at", "2026-11-10T16:50:00Z"]);
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.stdout.contains("ALERT  product-pages-are-quick: page; "), "{bad:?}");
    let sql = ["sql", "--slo", "shop.yaml", "--format", "csv", "SELECT slo FROM slos()"];
    assert_eq!(run(&folder, &sql).ok(), "slo\ncheckout-works\nproduct-pages-are-quick\n");
}

/// Scenario: a file with one wrong objective, a file that is none, and no such file.
/// Guarantees: exit code 2, which is no alert, with file and line; the other objective is shown.
#[test]
fn wrong_files_are_no_alerts() {
    let folder = Folder::new();
    folder.write(
        "shop.yaml",
        objectives().replace("'GET /product/{id}'", "'GET /product/{id}' AND is_entrance"),
    );
    let status = |file| run(&folder, &["slo", "status", file, "--at", "2026-11-11T04:00:00Z"]);
    let wrong = status("shop.yaml");
    assert!(wrong.stdout.contains("checkout-works: "), "{wrong:?}");
    let line = wrong.fails(2);
    assert!(
        line.contains("shop.yaml:12: SLO `product-pages-are-quick`: ")
            && line.contains("is_entrance"),
        "{line}"
    );
    folder.write("none.yaml", "slos: [\n");
    assert!(status("none.yaml").fails(2).contains("none.yaml:2: this is not YAML"), "none.yaml");
    assert!(status("nothing.yaml").fails(2).contains("nothing.yaml"), "nothing.yaml");
}

/// Scenario: the graph of the hour in which payments fail.
/// Guarantees: a drawing and a Graphviz file of all services, and an alert about the one edge.
#[test]
fn who_calls_whom() {
    let folder = Folder::new();
    let hours = ["--from", "2026-11-13T18:00:00Z", "--to", "2026-11-13T20:00:00Z"];
    let outs = ["--out", "graph.svg", "--out", "graph.dot", "--out", "graph.html"];
    let graph = run(&folder, &[&["graph"][..], &hours, &outs].concat());
    assert_eq!(graph.code, Some(1), "{graph:?}");
    assert!(graph.stdout.starts_with("ALERT  payment -> "), "{graph:?}");
    let svg = String::from_utf8(folder.read("graph.svg")).expect("text");
    assert!(
        svg.starts_with("<svg xmlns=")
            && svg.contains("checkout</text>")
            && !svg.contains("<script")
    );
    let dot = String::from_utf8(folder.read("graph.dot")).expect("text");
    assert!(dot.contains("\"checkout\" -> \"payment\""), "{dot}");
    assert!(String::from_utf8(folder.read("graph.html")).expect("text").contains("<svg"));
    // An hour without data is no alert.
    let empty = run(&folder, &["graph", "--from", "2025-01-01", "--to", "2025-01-02"]).ok();
    assert!(empty.contains("no service called another in this time"), "{empty}");
    run(&folder, &["graph", "--from", "2026-11-13", "--to", "2026-11-12"]).fails(2);
}

/// Scenario: triage of the hours in which payments fail, and of quiet ones.
/// Guarantees: the operation and the service to blame are among the answers; quiet is quiet.
#[test]
fn triage_names_what_is_wrong() {
    let folder = Folder::new();
    let bad = ["triage", "--from", "2026-11-13T18:15:00Z", "--to", "2026-11-13T19:45:00Z"];
    let bad = run(&folder, &[&bad[..], &["--out", "triage.html"]].concat());
    assert_eq!(bad.code, Some(1), "{bad:?}");
    let lines: Vec<&str> = bad.stdout.lines().collect();
    assert!(lines[0].starts_with("ALERT  frontend POST /checkout: "), "{bad:?}");
    assert!(bad.stdout.contains("most suspect is payment, POST /v1/charges"), "{bad:?}");
    assert!(bad.stdout.contains("ALERT  it is not over"), "{bad:?}");
    assert!(bad.stdout.contains("payment, POST /v1/charges turns away"), "{bad:?}");
    assert!(bad.stdout.contains("says `") && bad.stdout.contains("never before"), "{bad:?}");
    let after = ["triage", "--from", "2026-11-13T18:15:00Z", "--to", "2026-11-13T23:00:00Z"];
    let after = run(&folder, &after);
    assert!(after.stdout.contains("OK     it seems over since"), "{after:?}");
    let none = run(&folder, &["triage", "--from", "2025-01-01", "--to", "2025-01-02"]);
    assert!(none.stdout.contains("no data"), "{none:?}");
    assert_eq!(none.code, Some(0));
}

/// Scenario: a request whose payment fails, beside one that does not; ids that are none, and not there.
/// Guarantees: the page says where they part, as text and drawn; wrong ids are errors that say what to do.
#[test]
fn two_traces_side_by_side() {
    let folder = Folder::new();
    let trace = |which: &str| {
        let sql = format!(
            "SELECT max(trace_id) AS id FROM spans WHERE service_name = 'payment' AND {which} \
             AND root_span_name = 'POST /checkout' \
             AND start_time BETWEEN '2026-11-13T18:15:00Z' AND '2026-11-13T19:45:00Z'"
        );
        let found = run(&folder, &["sql", "--format", "csv", &sql]);
        found.stdout.lines().nth(1).unwrap_or_else(|| panic!("{found:?}")).to_owned()
    };
    let bad = trace("error_origin");
    let good = trace("trace_id IN (SELECT trace_id FROM traces WHERE error_count = 0)");
    let page = run(&folder, &["diff", &good, &bad, "--out", "diff.html"]);
    assert_eq!(page.code, Some(0), "{page:?}");
    assert!(page.stdout.contains(" in: payment "), "{page:?}");
    let html = String::from_utf8(folder.read("diff.html")).unwrap();
    assert!(html.contains("class=\"diff\"") && html.contains(", first"));
    let same = run(&folder, &["diff", &bad, &bad]);
    assert!(same.stdout.contains("it is the same trace"), "{same:?}");
    let none = run(&folder, &["diff", &bad, "0123"]);
    assert!(
        none.stderr.contains("`0123` is not a trace id: it takes 32 hexadecimal digits"),
        "{none:?}"
    );
    let gone = run(&folder, &["diff", &bad, "4bf92f3577b34da6a3ce929d0e0e4736"]);
    assert!(
        gone.stderr.contains("the lake has no trace 4bf92f3577b34da6a3ce929d0e0e4736"),
        "{gone:?}"
    );
    assert_ne!(gone.code, Some(0));
}

/// A webhook that takes one message at a time.
struct Webhook(TcpListener);

impl Webhook {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a port"))
    }

    fn url(&self) -> String {
        format!("http://{}/alerts", self.0.local_addr().expect("an address"))
    }

    /// Waits for the next message, and answers it with that status.
    fn next(&self, status: u16) -> Value {
        let (stream, _) = self.0.accept().expect("a connection");
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).expect("a line") > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let answer =
            format!("HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes()).expect("answered");
        serde_json::from_slice(&body).expect("JSON")
    }
}

/// Failed spans of the last ten minutes and the next ones.
fn failing() -> Value {
    let now = SystemClock.now().timestamp_nanos_opt().expect("before 2262") as u64;
    let spans: Vec<Value> = (0..30_u64)
        .map(|number| {
            let mut span = span(number + 1, 1, None, "charge fails");
            let start = now - 600_000_000_000 + number * 30_000_000_000;
            span["startTimeUnixNano"] = json!(start.to_string());
            span["endTimeUnixNano"] = json!((start + 1_000_000).to_string());
            span
        })
        .collect();
    otlp(&spans)
}

/// Scenario: a server watches an objective; spans fail; the webhook fails once; the server is killed and started
/// again; the objective is changed so that all is well.
/// Guarantees: an alert is told until it is delivered, once; then that it is over, once. The file is read again by
/// itself.
#[test]
fn a_webhook_is_told_once() {
    let folder = Folder::new();
    let webhook = Webhook::new();
    let settings = format!(
        "[watch]\nslo_files = [\"slo.yaml\"]\nevery_seconds = 1\nlate_seconds = 0\nwebhook_url = \"{}\"\n",
        webhook.url()
    );
    folder.write("spanlake.toml", settings);
    let objective = |burn_rate: u32| {
        format!(
            "slos:
  - name: charges
    target: 0.5
    window: 1d
    valid: is_entry
    good: status_code <> 'error'
    alerts: [{{severity: page, burn_rate: {burn_rate}, long: 5m, short: 1m}}]
"
        )
    };
    folder.write("slo.yaml", objective(1));
    let args = ["--config", "spanlake.toml"];
    let mut server = Server::start(&folder, &args);
    let mut client = Client::connect(server.http).expect("a connection");
    assert_eq!(client.export(&failing()).expect("an answer").0, 200);
    let first = webhook.next(503);
    assert_eq!(first["status"], "firing", "{first}");
    let again = webhook.next(200);
    assert_eq!((&again["name"], &again["state"]), (&first["name"], &first["state"]));
    assert_eq!(again["state"], "page");
    assert!(
        again["sql"].as_str().is_some_and(|sql| sql.contains("burn_rate('charges'")),
        "{again}"
    );
    // It remembers that after the answer.
    let told = || String::from_utf8(folder.read("lake/watch/told.json")).unwrap_or_default();
    while !(folder.path().join("lake/watch/told.json").exists() && told().contains("\"page\"")) {
        assert_eq!(server.get("/healthz").0, 200);
    }
    server.kill();
    drop(server);

    // The next message is not the same again: it is that all is well.
    let server = Server::start(&folder, &args);
    folder.write("slo.yaml", objective(100));
    let last = webhook.next(200);
    assert_eq!((&last["status"], &last["state"]), (&json!("resolved"), &json!("ok")), "{last}");
    assert_eq!(last["previous"], "page");
    assert_eq!(server.stop(), Some(0));
    // It is not part of the table.
    let mut check = Command::new(env!("CARGO_BIN_EXE_spanlake"));
    finish(check.current_dir(folder.path()).args(["check", "--lake", "lake"])).ok();
}
