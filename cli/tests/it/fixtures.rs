//! A folder to work in, the binary, and small traces.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;

/// 2026-11-10T00:00:00Z, in ISO week 2026-W46.
pub(crate) const START_NS: u64 = 1_794_268_800_000_000_000;

/// What a run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) bytes: Vec<u8>,
}

impl Run {
    /// Panics unless the run ended well; gives what it printed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Panics unless the run ended with that code and one `error:` line; gives that line.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        let errors: Vec<&str> =
            self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{self:?}");
        assert!(!self.stderr.contains("RUST_BACKTRACE"), "{self:?}");
        errors[0].to_owned()
    }
}

/// A temporary folder in which the binary runs.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// A folder with a lake of two traces of two spans each.
    pub(crate) fn with_lake() -> Self {
        let folder = Self::new();
        folder.write("traces.json", otlp(&two_traces()).to_string());
        folder.run(["import", "traces.json"]).ok();
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).expect("written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).expect("a file")
    }

    /// Names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.path())
    }

    pub(crate) fn command(&self) -> Command {
        command(self.path())
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        finish(self.command().args(args))
    }

    /// Runs with that text on stdin.
    pub(crate) fn run_with<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        stdin: &[u8],
    ) -> Run {
        let mut child = self
            .command()
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        child.stdin.take().expect("piped").write_all(stdin).expect("written");
        of(child.wait_with_output().expect("the binary ends"))
    }

    /// One statement over the lake, as CSV without its header.
    #[track_caller]
    pub(crate) fn values(&self, sql: &str) -> String {
        let csv = self.run(["sql", "--format", "csv", sql]).ok();
        csv.split_once('\n').expect("a header").1.trim_end().to_owned()
    }
}

pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanlake"));
    command.current_dir(folder).env_remove("SPANLAKE_LAKE").stdin(Stdio::null());
    command
}

pub(crate) fn finish(command: &mut Command) -> Run {
    of(command.output().expect("the binary runs"))
}

fn of(output: std::process::Output) -> Run {
    Run {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        bytes: output.stdout,
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A span; `number` makes its ids and its start.
pub(crate) fn span(trace: u64, number: u64, parent: Option<u64>, name: &str) -> Value {
    let start = START_NS + number * 1_000_000;
    json!({
        "traceId": format!("{trace:032x}"),
        "spanId": format!("{:016x}", trace * 100 + number),
        "parentSpanId": parent.map(|parent| format!("{:016x}", trace * 100 + parent)),
        "name": name,
        "kind": if parent.is_none() { 2 } else { 3 },
        "startTimeUnixNano": start.to_string(),
        "endTimeUnixNano": (start + 10_000_000 / number).to_string(),
        "attributes": [{"key": "http.route", "value": {"stringValue": "/cart"}}],
        "status": {"code": if name.contains("fail") { 2 } else { 0 }},
    })
}

/// An OTLP/JSON request of one service with those spans.
pub(crate) fn otlp(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}],
    }]})
}

/// Two traces of two spans.
pub(crate) fn two_traces() -> Vec<Value> {
    vec![
        span(1, 1, None, "GET /cart"),
        span(1, 2, Some(1), "SELECT cart"),
        span(2, 1, None, "GET /cart"),
        span(2, 2, Some(1), "SELECT fails"),
    ]
}

/// Where the shop of the generator lies: a lake of its week 2026-W46, made once per test run.
pub(crate) fn shop() -> &'static Path {
    static SHOP: LazyLock<PathBuf> = LazyLock::new(|| shop_of("spanlake-shop", "20000"));
    &SHOP
}

/// As [`shop`], with as many customers as the demo has: enough for incidents of an hour to be certain.
pub(crate) fn busy_shop() -> &'static Path {
    static SHOP: LazyLock<PathBuf> = LazyLock::new(|| shop_of("spanlake-busy-shop", "250000"));
    &SHOP
}

fn shop_of(name: &str, spans: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let input = "shop.otlp.binpb.zst";
    finish(command(&folder).args(["generate", "--spans", spans, "--out", input])).ok();
    finish(command(&folder).args(["import", input])).ok();
    folder
}
