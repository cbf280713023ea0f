//! Lakes in a bucket: the same commands over HTTP against servers that speak S3 and Azure.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::fixtures::{Folder, finish, otlp, shop, span, two_traces};
use crate::server::{Client, Server};
use crate::stores::Store;

/// For how many seconds many writers write at least; by hand, as long as one likes.
const SECONDS_VARIABLE: &str = "SPANLAKE_BUCKET_SECONDS";
/// How many pairs of files each of them writes at least.
const PAIRS: u64 = 3;
/// Traces in a pair of files.
const TRACES_PER_PAIR: u64 = 20;

/// Makes a test of each scenario for each protocol.
macro_rules! on_each_store {
    ($($scenario:ident),+ $(,)?) => {
        on_each_store!(in s3, Protocol::S3, $($scenario),+);
        on_each_store!(in azure, Protocol::Azure, $($scenario),+);
    };
    (in $module:ident, $protocol:expr, $($scenario:ident),+) => {
        mod $module {
            use crate::stores::{Protocol, Store};

            $(#[test]
            fn $scenario() {
                if let Some(store) = Store::start($protocol, stringify!($scenario)) {
                    super::$scenario(&store);
                }
            })+
        }
    };
}

on_each_store!(
    a_bucket_is_a_lake_like_any_other,
    a_server_on_a_bucket,
    three_writers_and_two_assemblers,
    a_place_that_will_not_do,
);

/// Scenario: a week of the shop goes into a bucket; it is reviewed, assembled and tidied up.
/// Guarantees: the review is that of a lake in a folder, byte for byte, another reader counts the same
/// spans, and the lake passes its check.
fn a_bucket_is_a_lake_like_any_other(store: &Store) {
    let (folder, lake) = (shop(), store.place("teams/shop"));
    let run = |args: &[&str]| store.run(folder, &lake, args).ok();
    let said = run(&["import", "--no-compact", "shop.otlp.binpb.zst"]);
    assert!(said.contains(&lake), "{said}");
    let local = |args: &[&str]| finish(crate::fixtures::command(folder).args(args)).ok();
    let report = ["report", "tuesday", "--week", "2026-W46"];
    let expected = local(&report);
    assert!(expected.len() > 1000, "{expected}");
    assert_eq!(run(&report), expected);
    run(&["compact", "--vacuum"]);
    assert_eq!(run(&report), expected);
    let said = run(&["check"]);
    assert!(said.starts_with("0 problems in "), "{said}");
    let count = "SELECT count(*) FROM spans";
    let spans = store.values(folder, &lake, count);
    assert_eq!(local(&["sql", "--format", "csv", count]).lines().nth(1), Some(spans.as_str()));

    let program = "import sys; from deltalake import DeltaTable; \
                   print(DeltaTable(sys.argv[1]).to_pyarrow_dataset().count_rows())";
    let python = std::env::var_os("SPANLAKE_PYTHON").expect("it runs the server");
    let mut reader = Command::new(python);
    reader.args(["-c", program, &format!("{lake}/spans")]).envs(store.environment());
    assert_eq!(finish(&mut reader).ok().trim(), spans);
}

/// Scenario: a server whose lake is a bucket takes spans, is killed, starts again, and is stopped.
/// Guarantees: what it acknowledged is there each time, once; it asks for a folder for its log.
fn a_server_on_a_bucket(store: &Store) {
    let (folder, lake) = (Folder::new(), store.place(""));
    let error = store.run(folder.path(), &lake, &["serve"]).fails(2);
    assert!(error.contains("--wal"), "{error}");
    let start = || Server::spawn(store.command(folder.path(), &lake), &["--wal", "log"]);
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
    assert_eq!(store.values(folder.path(), &lake, counts), "7,3,2");
}

/// Scenario: three processes create a lake at once and import into it, again and again, while two
/// assemble it and one asks.
/// Guarantees: every answer has whole imports, none fewer than the one before and no span twice; in the
/// end every span is there once, each trace is whole, what was replaced can be deleted, and the lake passes
/// its check.
///
/// `SPANLAKE_BUCKET_SECONDS=180` makes it three minutes.
#[expect(clippy::print_stderr, reason = "it is a measurement, too")]
fn three_writers_and_two_assemblers(store: &Store) {
    let seconds = std::env::var(SECONDS_VARIABLE).ok().and_then(|n| n.parse().ok());
    let (started, at_least) = (Instant::now(), Duration::from_secs(seconds.unwrap_or(0)));
    let (folder, lake) = (Folder::new(), store.place("busy"));
    let run = |args: &[&str]| store.run(folder.path(), &lake, args);
    let import = |writer: u64, pair: u64, is_root: bool| {
        // Each trace comes in two files, so assembly has something to bring together.
        let (number, parent) = if is_root { (1, None) } else { (2, Some(1)) };
        let first = writer * 100_000_000 + pair * TRACES_PER_PAIR + 1;
        let traces = first..first + TRACES_PER_PAIR;
        let spans: Vec<_> = traces.map(|trace| span(trace, number, parent, "GET /cart")).collect();
        let name = format!("{writer}-{pair}-{number}.json");
        fs::write(folder.path().join(&name), otlp(&spans).to_string()).expect("written");
        run(&["import", "--no-compact", &name]).ok();
    };
    let write = |writer: u64| {
        let is_due = |pair: &u64| *pair < PAIRS || started.elapsed() < at_least;
        let pairs = (0..).take_while(is_due).map(|pair| {
            import(writer, pair, true);
            import(writer, pair, false);
        });
        pairs.count() as u64
    };
    let (assembled, questions) = (AtomicU64::new(0), AtomicU64::new(0));
    let pairs: u64 = thread::scope(|scope| {
        let write = &write;
        let writers: Vec<_> = (0..3).map(|writer| scope.spawn(move || write(writer))).collect();
        let is_writing = || writers.iter().any(|writer| !writer.is_finished());
        // The first ones may be there before the lake is.
        let is_early = |stderr: &str| stderr.contains("is not a lake");
        let assemble = || {
            while is_writing() {
                let done = run(&["compact"]);
                assert!(done.code == Some(0) || is_early(&done.stderr), "{done:?}");
                // "assembled 1,234 spans: ..." unless there was nothing to do.
                let spans =
                    done.stdout.strip_prefix("assembled ").and_then(|it| it.split(' ').next());
                let spans = spans.map_or(0, |it| it.replace(',', "").parse().expect("a number"));
                assembled.fetch_add(spans, Ordering::Relaxed);
            }
        };
        let ask = || {
            let sql = "SELECT count(*), count(DISTINCT span_id), max(depth) FROM spans";
            let mut spans = 0;
            while is_writing() {
                let answer = run(&["sql", "--format", "csv", sql]);
                if answer.code != Some(0) && is_early(&answer.stderr) {
                    continue;
                }
                let answer = answer.ok();
                let row: Vec<&str> = answer.lines().nth(1).expect("a row").split(',').collect();
                let now: u64 = row[0].parse().expect("a number");
                assert!(now >= spans && now.is_multiple_of(TRACES_PER_PAIR), "{spans}: {answer}");
                assert_eq!(row[0], row[1], "{answer}");
                spans = now;
                questions.fetch_add(1, Ordering::Relaxed);
            }
        };
        thread::scope(|scope| {
            scope.spawn(assemble);
            scope.spawn(assemble);
            scope.spawn(ask);
        });
        writers.into_iter().map(|writer| writer.join().expect("no panic")).sum()
    });
    let elapsed = started.elapsed();
    run(&["compact", "--vacuum"]).ok();
    let counts =
        "SELECT count(*), count(DISTINCT span_id), count(DISTINCT trace_id), max(depth) FROM spans";
    let traces = pairs * TRACES_PER_PAIR;
    let expected = format!("{},{},{traces},1", 2 * traces, 2 * traces);
    assert_eq!(store.values(folder.path(), &lake, counts), expected);
    let said = run(&["check"]).ok();
    assert!(said.starts_with("0 problems in "), "{said}");
    eprintln!(
        "{:.0} s: {} imports of {TRACES_PER_PAIR} spans, {} spans assembled, {} questions; {said}",
        elapsed.as_secs_f64(),
        2 * pairs,
        assembled.into_inner(),
        questions.into_inner(),
    );
}

/// Scenario: the bucket is not there, or holds something else where the lake should be.
/// Guarantees: an error that names the bucket; what is there is left alone.
fn a_place_that_will_not_do(store: &Store) {
    let folder = Folder::new();
    folder.write("traces.json", otlp(&two_traces()).to_string());
    let elsewhere = store.place_in("elsewhere", "lake");
    for args in [["import", "traces.json"], ["sql", "SELECT 1"]] {
        let run = store.run(folder.path(), &elsewhere, &args);
        assert!(run.stderr.contains("elsewhere"), "{run:?}");
        assert!(matches!(run.code, Some(1 | 2)), "{run:?}");
    }
    let (below, root) = (store.place("below"), store.place(""));
    store.run(folder.path(), &below, &["import", "traces.json"]).ok();
    let error = store.run(folder.path(), &root, &["import", "traces.json"]).fails(2);
    assert!(error.contains(&format!("{root} is not a lake and not empty")), "{error}");
    assert_eq!(store.values(folder.path(), &below, "SELECT count(*) FROM spans"), "4");
}
