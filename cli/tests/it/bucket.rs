//! Lakes in a bucket: the same commands over HTTP against a server that speaks S3.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::fixtures::{Folder, Run, finish, otlp, shop, span, two_traces};
use crate::server::{Client, Server};

const NO_PYTHON: &str = "set SPANLAKE_PYTHON, as ./run-tests does";

/// Rounds of the test of many writers; by hand, more make it as long as one likes.
const ROUNDS_VARIABLE: &str = "SPANLAKE_BUCKET_ROUNDS";
const ROUNDS: u64 = 4;

/// A server with one empty bucket in its memory.
struct Bucket {
    child: Child,
    address: SocketAddr,
}

impl Bucket {
    /// `None` where there is no Python to run it.
    fn start() -> Option<Self> {
        let python = std::env::var_os("SPANLAKE_PYTHON")?;
        let program = "from moto.server import main; main(['-H', '127.0.0.1', '-p', '0'])";
        let mut child = Command::new(python)
            .args(["-c", program])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let address = lines.find_map(|line| {
            let line = line.expect("text");
            let address = line.split_once("Running on http://")?.1;
            Some(address.trim().parse().expect("an address"))
        });
        let address = address.expect("the server listens");
        // It says a line per request, and must never wait for a reader.
        thread::spawn(move || lines.for_each(drop));
        let (status, body) =
            Client::connect(address).and_then(|mut c| c.put("/lakes")).expect("an answer");
        assert_eq!(status, 200, "{body}");
        Some(Self { child, address })
    }

    /// Who may use the bucket, and where it is.
    fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_ACCESS_KEY_ID", "key".into()),
            ("AWS_SECRET_ACCESS_KEY", "not-in-any-output".into()),
            ("AWS_REGION", "us-east-1".into()),
        ]
    }

    fn command(&self, folder: &Path, lake: &str) -> Command {
        let mut command = crate::fixtures::command(folder);
        command.envs(self.environment()).env("SPANLAKE_LAKE", lake);
        command
    }

    /// Runs the binary on that lake.
    fn run(&self, folder: &Path, lake: &str, args: &[&str]) -> Run {
        let run = finish(self.command(folder, lake).args(args));
        assert!(!format!("{run:?}").contains("not-in-any-output"), "{run:?}");
        run
    }

    /// One statement, as CSV without its header.
    fn values(&self, folder: &Path, lake: &str, sql: &str) -> String {
        let csv = self.run(folder, lake, &["sql", "--format", "csv", sql]).ok();
        csv.split_once('\n').expect("a header").1.trim_end().to_owned()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Scenario: a week of the shop goes into a bucket; it is reviewed, assembled and tidied up.
/// Guarantees: the review is that of a lake in a folder, byte for byte, and another reader counts the
/// same spans.
#[test]
fn a_bucket_is_a_lake_like_any_other() {
    let Some(bucket) = Bucket::start() else {
        eprintln!("SKIPPED a_bucket_is_a_lake_like_any_other: {NO_PYTHON}");
        return;
    };
    let (folder, lake) = (shop(), "s3://lakes/teams/shop");
    let said = bucket.run(folder, lake, &["import", "--no-compact", "shop.otlp.binpb.zst"]).ok();
    assert!(said.contains(lake), "{said}");
    let local = |args: &[&str]| finish(crate::fixtures::command(folder).args(args)).ok();
    let report = ["report", "tuesday", "--week", "2026-W46"];
    let expected = local(&report);
    assert!(expected.len() > 1000, "{expected}");
    assert_eq!(bucket.run(folder, lake, &report).ok(), expected);
    bucket.run(folder, lake, &["compact", "--vacuum"]).ok();
    assert_eq!(bucket.run(folder, lake, &report).ok(), expected);
    let count = "SELECT count(*) FROM spans";
    let spans = bucket.values(folder, lake, count);
    assert_eq!(local(&["sql", "--format", "csv", count]).lines().nth(1), Some(spans.as_str()));

    let program = "import sys; from deltalake import DeltaTable; \
                   print(DeltaTable(sys.argv[1]).to_pyarrow_dataset().count_rows())";
    let python = std::env::var_os("SPANLAKE_PYTHON").expect("it runs the server");
    let mut reader = Command::new(python);
    reader.args(["-c", program, &format!("{lake}/spans")]).envs(bucket.environment());
    assert_eq!(finish(&mut reader).ok().trim(), spans);
}

/// Scenario: a server whose lake is a bucket takes spans, is killed, starts again, and is stopped.
/// Guarantees: what it acknowledged is there each time, once; it asks for a folder for its log.
#[test]
fn a_server_on_a_bucket() {
    let Some(bucket) = Bucket::start() else {
        eprintln!("SKIPPED a_server_on_a_bucket: {NO_PYTHON}");
        return;
    };
    let (folder, lake) = (Folder::new(), "s3://lakes");
    let error = bucket.run(folder.path(), lake, &["serve"]).fails(2);
    assert!(error.contains("--wal"), "{error}");
    let start = || Server::spawn(bucket.command(folder.path(), lake), &["--wal", "log"]);
    let mut server = start().expect("the server starts");
    let mut client = Client::connect(server.http).expect("an answer");
    for trace in 1..4 {
        let request = otlp(&[span(trace, 1, None, "GET /cart")]);
        assert_eq!(client.export(&request).expect("an answer").0, 200);
    }
    server.kill();
    let server = start().expect("it starts again");
    let mut client = Client::connect(server.http).expect("an answer");
    assert_eq!(client.export(&otlp(&two_traces())).expect("an answer").0, 200);
    assert_eq!(server.get("/readyz").0, 200);
    assert_eq!(server.stop(), Some(0));
    let counts = "SELECT count(*), count(DISTINCT trace_id), count(*) FILTER (WHERE is_duplicate) FROM spans";
    // The roots of traces 1 and 2 were sent twice.
    assert_eq!(bucket.values(folder.path(), lake, counts), "7,3,2");
}

/// Scenario: three processes create a lake at once and import into it, again and again, while two
/// assemble it.
/// Guarantees: every span is there once, each trace is whole, and what was replaced can be deleted.
#[test]
fn three_writers_and_two_assemblers() {
    let Some(bucket) = Bucket::start() else {
        eprintln!("SKIPPED three_writers_and_two_assemblers: {NO_PYTHON}");
        return;
    };
    let rounds = std::env::var(ROUNDS_VARIABLE).ok().and_then(|n| n.parse().ok()).unwrap_or(ROUNDS);
    let (folder, lake) = (Folder::new(), "s3://lakes/busy");
    let import = |writer: u64, round: u64| {
        // Each trace comes in two files, so assembly has something to bring together.
        let trace = writer * 1_000_000 + round / 2 + 1;
        let (number, parent) = if round.is_multiple_of(2) { (1, None) } else { (2, Some(1)) };
        let name = format!("{writer}-{round}.json");
        let spans = [span(trace, number, parent, "GET /cart")];
        fs::write(folder.path().join(&name), otlp(&spans).to_string()).expect("written");
        bucket.run(folder.path(), lake, &["import", "--no-compact", &name]).ok();
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                scope.spawn(move || (0..2 * rounds).for_each(|round| import(writer, round)))
            })
            .collect();
        let is_writing = || writers.iter().any(|writer| !writer.is_finished());
        let assemble = || {
            while is_writing() {
                let run = bucket.run(folder.path(), lake, &["compact"]);
                // The first ones may be there before the lake is.
                assert!(run.code == Some(0) || run.stderr.contains("is not a lake"), "{run:?}");
            }
        };
        thread::scope(|scope| {
            scope.spawn(assemble);
            scope.spawn(assemble);
        });
    });
    bucket.run(folder.path(), lake, &["compact", "--vacuum"]).ok();
    let counts =
        "SELECT count(*), count(DISTINCT span_id), count(DISTINCT trace_id), max(depth) FROM spans";
    let expected = format!("{},{},{},1", 6 * rounds, 6 * rounds, 3 * rounds);
    assert_eq!(bucket.values(folder.path(), lake, counts), expected);
}

/// Scenario: the bucket is not there, or holds something else where the lake should be.
/// Guarantees: an error that names the bucket; what is there is left alone.
#[test]
fn a_place_that_will_not_do() {
    let Some(bucket) = Bucket::start() else {
        eprintln!("SKIPPED a_place_that_will_not_do: {NO_PYTHON}");
        return;
    };
    let folder = Folder::new();
    folder.write("traces.json", otlp(&two_traces()).to_string());
    for args in [["import", "traces.json"], ["sql", "SELECT 1"]] {
        let run = bucket.run(folder.path(), "s3://elsewhere/lake", &args);
        assert!(run.stderr.contains("elsewhere"), "{run:?}");
        assert!(matches!(run.code, Some(1 | 2)), "{run:?}");
    }
    let (status, _) =
        Client::connect(bucket.address).and_then(|mut c| c.put("/lakes/notes")).expect("an answer");
    assert_eq!(status, 200);
    let error = bucket.run(folder.path(), "s3://lakes", &["import", "traces.json"]).fails(2);
    assert!(error.contains("s3://lakes is not a lake and not empty"), "{error}");
}
