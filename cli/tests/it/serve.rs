//! `spanlake serve`: it starts, tells where, says how it is, and stops when told to.

use std::net::TcpStream;
use std::process::Command;

use crate::fixtures::{Folder, otlp, span, two_traces};
use crate::server::{Client, Server};

/// The arguments of a server on free ports, except for one address.
fn on_free_ports<'a>(flag: &'a str, address: &'a str) -> Vec<&'a str> {
    let flags = ["--flight", "--otlp-grpc", "--otlp-http", "--ops"];
    let address_of = |each| if each == flag { address } else { "127.0.0.1:0" };
    let pairs = flags.into_iter().flat_map(|each| [each, address_of(each)]);
    std::iter::once("serve").chain(pairs).collect()
}

/// Scenario: the server starts on free ports, is reached, and gets SIGTERM or Ctrl-C.
/// Guarantees: it prints the real ports, accepts connections, and ends with exit code 0.
#[test]
fn it_listens_and_stops() {
    let folder = Folder::with_lake();
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start(&folder, &[]);
        for address in [server.flight, server.grpc, server.http, server.ops] {
            assert_ne!(address.port(), 0);
            drop(TcpStream::connect(address).expect("a connection"));
        }
        assert_eq!(server.end(signal), Some(0), "{signal}");
    }
}

/// Scenario: no lake is there; spans come in over HTTP; then the server stops.
/// Guarantees: the lake is created, what was acknowledged is counted at once and is in its files after.
#[test]
fn it_receives() {
    let folder = Folder::new();
    // No flush by age, however slow the machine is.
    folder.write("spanlake.toml", "[wal]\nflush_age_ms = 3600000\n");
    let server = Server::start(&folder, &["--config", "spanlake.toml"]);
    assert_eq!(server.get("/healthz"), (200, "alive\n".into()));
    assert_eq!(server.get("/readyz"), (200, "ready\n".into()));
    assert_eq!(server.get("/nothing").0, 404);
    let mut client = Client::connect(server.http).expect("a connection");
    let (status, body) = client.export(&otlp(&two_traces())).expect("an answer");
    assert_eq!((status, body.as_str()), (200, "{}"));
    let mut bad = span(3, 1, None, "bad");
    bad["traceId"] = "00".into();
    let (status, body) = client.export(&otlp(&[bad, span(4, 1, None, "good")])).expect("an answer");
    assert_eq!(status, 200);
    assert!(body.contains("\"rejectedSpans\":\"1\""), "{body}");

    let (_, metrics) = server.get("/metrics");
    for line in [
        "spanlake_otlp_spans_total 5",
        "spanlake_otlp_requests_total{protocol=\"http\",outcome=\"partial\"} 1",
        "spanlake_memtable_rows 5",
        "spanlake_wal_requests_total 2",
        "spanlake_ready 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing:\n{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
    assert_eq!(server.stop(), Some(0));
    assert_eq!(folder.values("SELECT count(*), count(DISTINCT trace_id) FROM spans"), "5,3");
}

/// Scenario: settings say that an attribute must not be stored; then the server is killed.
/// Guarantees: the value is in no file of the lake or the log.
#[test]
fn redaction_comes_before_everything() {
    let folder = Folder::new();
    let secret = "4556-7375-8689-9855";
    folder.write("spanlake.toml", "[[ingest.redaction]]\nkey = \"card\"\naction = \"drop\"\n");
    let mut server = Server::start(&folder, &["--config", "spanlake.toml"]);
    let mut paid = span(1, 1, None, "POST /pay");
    paid["attributes"] = serde_json::json!([
        {"key": "card", "value": {"stringValue": secret}},
        {"key": "shown", "value": {"stringValue": "kept"}},
    ]);
    let mut client = Client::connect(server.http).expect("a connection");
    assert_eq!(client.export(&otlp(&[paid])).expect("an answer").0, 200);
    server.kill();
    let found = Command::new("grep").args(["-rc", secret]).current_dir(folder.path()).output();
    let text = String::from_utf8_lossy(&found.expect("grep runs").stdout).into_owned();
    assert!(text.lines().all(|line| line.ends_with(":0")), "{text}");
    assert_eq!(Server::start(&folder, &["--config", "spanlake.toml"]).stop(), Some(0));
    let sql = "SELECT attributes['card'], attributes['shown'] FROM spans";
    assert_eq!(folder.values(sql), ",kept");
}

/// Scenario: an address that others can reach, that is none, or that is taken; a folder of other things;
/// settings that are wrong.
/// Guarantees: one clear line; nothing is served.
#[test]
fn it_refuses_what_is_not_safe_or_not_there() {
    let folder = Folder::with_lake();
    let serve = |flag: &str, address: &str| folder.run(on_free_ports(flag, address));
    for flag in ["--flight", "--otlp-grpc", "--otlp-http", "--ops"] {
        for address in ["0.0.0.0:0", "[::]:0"] {
            let error = serve(flag, address).fails(2);
            assert!(error.contains("no authentication"), "{error}");
        }
    }
    assert!(serve("--flight", "here").fails(2).contains("write HOST:PORT"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let error = serve("--ops", &taken.local_addr().expect("an address").to_string()).fails(1);
    assert!(error.contains("cannot listen on") && error.contains("--ops none"), "{error}");

    folder.write("wrong.toml", "[wal]\nflush_age = 3\n");
    let args = [on_free_ports("", ""), vec!["--config", "wrong.toml"]].concat();
    let error = folder.run(args).fails(2);
    assert!(error.contains("flush_age") && error.contains("--settings"), "{error}");
    let other = Folder::new();
    other.write("readme.txt", "other things");
    let error = other.run([on_free_ports("", ""), vec!["--lake", "."]].concat()).fails(2);
    assert!(error.contains("not a lake and not empty"), "{error}");
}

/// Scenario: the log is to lie where nothing can be written, and in memory with a file that is damaged.
/// Guarantees: the first is refused by its name; the second is warned of before anything else.
#[test]
fn it_says_where_a_log_is_not_safe() {
    let folder = Folder::new();
    let serve = |wal: &str| folder.run([on_free_ports("", ""), vec!["--wal", wal]].concat());
    let error = serve("/proc/wal").fails(1);
    assert!(error.contains("the write-ahead log cannot be kept in /proc/wal"), "{error}");
    assert!(error.contains("--wal"), "{error}");

    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("SKIPPED half of it_says_where_a_log_is_not_safe: there is no /dev/shm");
        return;
    };
    std::fs::write(memory.path().join("writer"), "damaged").expect("written");
    let run = serve(memory.path().to_str().expect("UTF-8"));
    assert!(run.stderr.contains("it is in memory"), "{run:?}");
    assert!(run.fails(1).contains("whose log this is"));
}

/// Scenario: two servers on one lake.
/// Guarantees: the second one does not start, and names the first.
#[test]
fn one_server_writes_a_lake() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let error = folder.run(on_free_ports("", "")).fails(1);
    assert!(error.contains(&server.id().to_string()), "{error}");
}

/// Scenario: somebody wants to know the settings.
/// Guarantees: they are printed with their meanings, and the print is a settings file.
#[test]
fn the_settings_are_printed() {
    let folder = Folder::new();
    let settings = folder.run(["serve", "--settings"]).ok();
    assert!(settings.contains("# Largest request in bytes"), "{settings}");
    folder.write("spanlake.toml", &settings);
    assert_eq!(Server::start(&folder, &["--config", "spanlake.toml"]).stop(), Some(0));
}
