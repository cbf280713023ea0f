//! What was typed: plain data, nothing opened and nothing checked against the disk.

mod watch;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Parser, Subcommand, ValueEnum};
use schema::TraceId;

use crate::serve::Addresses;

pub(crate) use watch::{
    AnomaliesArgs, DiffArgs, GraphArgs, PageArgs, PageFormat, SloArgs, SloBacktestArgs, SloCommand,
    SloStatusArgs, TriageArgs, WindowArgs,
};

/// Where a lake lies unless `--lake` or the environment says otherwise.
pub(crate) const DEFAULT_LAKE: &str = "./lake";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "spanlake",
    version,
    about = "Trace analytics: OpenTelemetry traces in, SQL and reports out.",
    max_term_width = 100,
    after_help = "\
Examples:
  spanlake demo
  spanlake import --lake ./lake traces.otlp.json.gz
  spanlake sql 'SELECT service_name, count(*) FROM spans GROUP BY 1'
  spanlake report tuesday --out tuesday.html
  spanlake serve
  spanlake generate --spans 100000 --out shop.otlp.binpb.zst
  spanlake functions p99

Results go to stdout, everything else to stderr.
Exit codes: 0 it worked, 1 the work failed, 2 the command, the query or the lake is wrong."
)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command and its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Generate a small lake, review its week and print what was found.
    Demo(DemoArgs),
    /// Read trace files into a lake.
    Import(ImportArgs),
    /// Assemble traces: fewer files, and trees that need not be computed again.
    Compact(CompactArgs),
    /// Delete files that are no part of the lake any more.
    Vacuum(VacuumArgs),
    /// Take days out of the lake that are older than they should be.
    Retain(RetainArgs),
    /// Take traces out of the lake: a person's, or those of a mistake.
    Erase(EraseArgs),
    /// Compare the lake with its log, and what was computed with the spans.
    Check(CheckArgs),
    /// Write spans back into an OTLP file.
    Export(ExportArgs),
    /// Ask with SQL; without a statement, in an interactive shell.
    Sql(SqlArgs),
    /// Write a report over a lake.
    Report(ReportArgs),
    /// Watch service level objectives.
    Slo(SloArgs),
    /// Say what is not as usual, for services at that hour of the week.
    Anomalies(AnomaliesArgs),
    /// Find out what is wrong: one page about a service and a time.
    Triage(TriageArgs),
    /// Lay two traces side by side, and say where they part.
    Diff(DiffArgs),
    /// Draw who calls whom.
    Graph(GraphArgs),
    /// Answer queries over Arrow Flight SQL.
    Serve(ServeArgs),
    /// Write a data set of a made-up shop, with known incidents.
    Generate(GenerateArgs),
    /// Print the reference of the SQL functions.
    Functions(FunctionsArgs),
}

/// The lake to work on.
#[derive(Debug, clap::Args)]
pub(crate) struct LakeArg {
    /// Folder of the lake, or a URL: s3://BUCKET/PREFIX, gs://..., az://... [default: ./lake].
    /// Credentials come from the environment (AWS_*, GOOGLE_*, AZURE_*).
    #[arg(long, value_name = "LAKE", env = "SPANLAKE_LAKE")]
    pub(crate) lake: Option<String>,
}

impl LakeArg {
    /// The text that was given, or the default.
    pub(crate) fn text(&self) -> &str {
        self.lake.as_deref().unwrap_or(DEFAULT_LAKE)
    }
}

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake demo --dir /tmp/demo --seed 7

The folder is replaced if it holds an earlier demo, and left alone if it holds anything else.")]
pub(crate) struct DemoArgs {
    /// Folder to write.
    #[arg(long, value_name = "DIR", default_value = "./spanlake-demo")]
    pub(crate) dir: PathBuf,
    /// How many spans the week has.
    #[arg(long, value_name = "N", default_value_t = 250_000)]
    pub(crate) spans: u64,
    /// Everything random follows from this number.
    #[arg(long, value_name = "S", default_value_t = 46)]
    pub(crate) seed: u64,
    /// Keep the generated traces as DIR/shop.otlp.binpb.zst.
    #[arg(long)]
    pub(crate) keep_input: bool,
}

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake import --lake ./lake traces.otlp.json.gz more/*.binpb.zst

Read are OTLP/JSON (one request, or one per line), OTLP protobuf (one request, or requests behind
4-byte lengths as the collector's file exporter writes them) and Jaeger JSON, plain or compressed
with gzip or zstd. A file is imported as a whole or not at all; a span that breaks the rules is
left out and reported.")]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Leave the spans as they came: `spanlake compact` assembles them later.
    #[arg(long)]
    pub(crate) no_compact: bool,
    /// Format of the files; without it, each file shows its own.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<InputFormat>,
    /// Files to read; - is stdin.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Arguments of `compact`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake compact --lake ./lake

Answers do not change, and other readers are not disturbed: replaced files are deleted an hour later by
`spanlake serve` or `spanlake vacuum`, or now with --vacuum.")]
pub(crate) struct CompactArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Delete replaced files at once. Queries that run now, also of other programs, may fail.
    #[arg(long)]
    pub(crate) vacuum: bool,
}

/// Arguments of `vacuum`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake vacuum --lake ./lake --dry-run

Deleted are files that were replaced, expired or rewritten longer ago than --grace, and files that
nobody committed within a day. `spanlake serve` does it by itself.")]
pub(crate) struct VacuumArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// For how long a file stays after it left the lake, such as 90s, 30m or 1h: longer than any
    /// query of any program. With 0s, queries that run now may fail.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_duration)]
    pub(crate) grace: Duration,
    /// Print what would be deleted, and delete nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `retain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake retain --lake ./lake --days 90 --thin-days 14 --dry-run

Days are those of the root of a trace, in UTC. The files are deleted by `spanlake vacuum`. In
`spanlake serve`, the settings `retention.spans_days` and `retention.thin_days` do it by themselves.

Thinning keeps traces with a failed span and slow ones; of the rest it keeps one in so many, and some of
each root operation and hour. What is kept has a `sample_weight`: sum(sample_weight) is the number of
spans or traces that there were.")]
pub(crate) struct RetainArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// How many whole days to keep, besides today.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[arg(required_unless_present = "thin_days")]
    pub(crate) days: Option<u32>,
    /// For how many whole days to keep all traces, besides today; older days are thinned.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) thin_days: Option<u32>,
    /// Keep all traces that took longer [default: 1s].
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "thin_days")]
    pub(crate) slower: Option<Duration>,
    /// Of the rest, keep one in so many of each root operation and hour [default: 10].
    #[arg(long, value_name = "N", requires = "thin_days")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) one_in: Option<u64>,
    /// But keep so many of each root operation and hour [default: 10].
    #[arg(long, value_name = "N", requires = "thin_days")]
    pub(crate) at_least: Option<u64>,
    /// Also if more than a tenth of all spans goes at once.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what would go, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `erase`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spanlake erase --where \"attributes['user.id'] = 'u-4711'\" --dry-run
  spanlake erase --trace-id 4bf92f3577b34da6a3ce929d0e0e4736

Whole traces go: the neighbours of a span are about the same request. The files that had them are
written again without them at once, and are deleted by `spanlake vacuum`. Spans that a server has
received and not written to files yet are not seen: after 10 s (`wal.flush_age_ms`), or after the next
start of a server that was killed, run the same command again.")]
pub(crate) struct EraseArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Traces with a span for which this SQL condition holds.
    #[arg(long = "where", value_name = "SQL", required_unless_present = "trace_id")]
    pub(crate) condition: Option<String>,
    /// The trace with this id; may be repeated.
    #[arg(long, value_name = "HEX")]
    pub(crate) trace_id: Vec<TraceId>,
    /// Print what would go, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake check --lake ./lake

Reads every file: present, size, hash, rows, times. Of a sample of traces, trees and summaries are
computed again and compared. Ends with 1 if something is wrong.")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake export --where \"root_span_name = 'GET /cart'\" --out cart.otlp.jsonl.zst

The file name decides the format: .otlp.jsonl or .otlp.binpb, then nothing, .gz or .zst. Importing it
gives the same spans. Values of attributes are strings, as the lake keeps them: 5 comes back as \"5\",
and arrays and objects as JSON text.")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Only traces with a span for which this SQL condition holds; all of their spans.
    #[arg(long = "where", value_name = "SQL")]
    pub(crate) condition: Option<String>,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// Formats of trace files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    /// OTLP/JSON.
    OtlpJson,
    /// OTLP protobuf.
    OtlpProtobuf,
    /// The JSON of the Jaeger query service.
    JaegerJson,
}

/// Arguments of `sql`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spanlake sql 'SELECT * FROM traces ORDER BY root_duration_ns DESC LIMIT 10'
  spanlake sql --out slow.parquet 'SELECT * FROM spans WHERE duration_ns > 1000000000'
  spanlake sql --attach t=otel_traces.parquet 'SELECT count(*) FROM t'

Only reading statements run. Without a statement, the shell opens; if stdin is a file or a pipe, the
statements are read from there.")]
pub(crate) struct SqlArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Format of the result [default: by the name of --out, else table]. In csv, text that a
    /// spreadsheet would run as a formula gets a ' in front. arrow is the stream format, in a file
    /// named *.arrow the file format.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Make local Parquet (a file, a folder or a pattern) the table NAME. May be repeated.
    #[arg(long, value_name = "NAME=PARQUET", value_parser = parse_attach)]
    pub(crate) attach: Vec<Attach>,
    /// Files of service level objectives, or folders of them, for slo_status() and others.
    #[arg(long, value_name = "FILE")]
    pub(crate) slo: Vec<PathBuf>,
    /// Write the result to a file instead of stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Show every row: a terminal gets 1,000 otherwise.
    #[arg(long)]
    pub(crate) all: bool,
    /// Read the statements from a file.
    #[arg(short, long, value_name = "FILE", conflicts_with = "statement")]
    pub(crate) file: Option<PathBuf>,
    /// The statement.
    #[arg(value_name = "SQL")]
    pub(crate) statement: Option<String>,
}

/// Formats of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object per line.
    Json,
    /// A Parquet file.
    Parquet,
    /// Arrow IPC.
    Arrow,
}

/// A table to be made of local Parquet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attach {
    /// The table's name.
    pub(crate) name: String,
    /// A file, a folder or a pattern.
    pub(crate) path: String,
}

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake report tuesday --week 2026-W46 --out tuesday.html --out tuesday.json")]
pub(crate) struct ReportArgs {
    /// Which report.
    #[command(subcommand)]
    pub(crate) report: Report,
}

/// The reports.
#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// Trace Tuesday: what made the slowest requests of the week slow.
    Tuesday(TuesdayArgs),
}

/// Arguments of `report tuesday`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake report tuesday --week 2026-W46 --out tuesday.html --out tuesday.json

Without a range, the newest complete week with data is reviewed.")]
pub(crate) struct TuesdayArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// ISO week to review.
    #[arg(long, value_name = "YYYY-Wnn")]
    pub(crate) week: Option<String>,
    /// Beginning of the range: a date (2026-11-09) or a time (2026-11-09T08:00:00Z).
    #[arg(long, value_name = "TIME", requires = "to", conflicts_with = "week")]
    pub(crate) from: Option<String>,
    /// End of the range, exclusive.
    #[arg(long, value_name = "TIME", requires = "from", conflicts_with = "week")]
    pub(crate) to: Option<String>,
    /// How many root operations to review in full, those that lost most time first.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) top: usize,
    /// File to write, .html, .md or .json; may be repeated. Without it, Markdown goes to stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Vec<PathBuf>,
}

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake serve --lake ./lake
  spanlake serve --settings > spanlake.toml

Point an OpenTelemetry Collector or SDK at 127.0.0.1:4317 (gRPC) or :4318 (HTTP), and query while the
spans come in. There is no authentication yet, so only addresses of this machine are served.")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    #[command(flatten)]
    pub(crate) addresses: Addresses,
    /// Settings file.
    #[arg(long, value_name = "FILE", env = "SPANLAKE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the write-ahead log, on a local disk. Default: `wal` in the lake, if that is a folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) wal: Option<PathBuf>,
    /// How log lines look.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log: Option<LogFormat>,
    /// Print all settings with their meanings and defaults, as a settings file, and end.
    #[arg(long)]
    pub(crate) settings: bool,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Arguments of `generate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake generate --spans 100000 --out shop.otlp.binpb.zst --incidents incidents.json

The file name decides the format: .otlp.jsonl or .otlp.binpb, then nothing, .gz or .zst. Equal
arguments give equal bytes.")]
pub(crate) struct GenerateArgs {
    /// File to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// About how many spans to make.
    #[arg(long, value_name = "N", default_value_t = 250_000)]
    pub(crate) spans: u64,
    /// How many days they cover; the incidents lie in the last seven.
    #[arg(long, value_name = "D", default_value_t = 7)]
    pub(crate) days: u32,
    /// Everything random follows from this number.
    #[arg(long, value_name = "S", default_value_t = 46)]
    pub(crate) seed: u64,
    /// When the first day begins [default: 2026-11-09, a Monday].
    #[arg(long, value_name = "DATE", value_parser = parse_time)]
    pub(crate) start: Option<DateTime<Utc>>,
    /// Write what goes wrong, and when, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) incidents: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Arguments of `functions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake functions quantile")]
pub(crate) struct FunctionsArgs {
    /// Only this function.
    pub(crate) name: Option<String>,
    /// Print the reference as Markdown.
    #[arg(long, conflicts_with = "name")]
    pub(crate) markdown: bool,
    /// Compare the Markdown with a file; it is an error if they differ.
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    pub(crate) check: Option<PathBuf>,
}

fn parse_attach(text: &str) -> Result<Attach, String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok(Attach { name: name.into(), path: path.into() })
        }
        _ => Err("write NAME=PARQUET, e.g. old=traces.parquet".into()),
    }
}

/// A number of seconds, minutes, hours or days.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("write a number and a unit: 90s, 30m, 1h or 7d".into()),
    };
    let number: u64 = digits.parse().map_err(|_| format!("`{digits}` is not a whole number"))?;
    let seconds = number.checked_mul(seconds).ok_or_else(|| format!("{text} is too long"))?;
    Ok(Duration::from_secs(seconds))
}

/// A date (its first moment in UTC), or a time with its zone.
fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "write a date like 2026-11-09 or a time like 2026-11-09T08:30:00Z".into())
}

#[cfg(test)]
mod tests;
