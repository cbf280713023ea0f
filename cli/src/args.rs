//! What was typed: plain data, nothing opened and nothing checked against the disk.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Parser, Subcommand, ValueEnum};

use crate::serve::Addresses;

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
    /// Ask with SQL; without a statement, in an interactive shell.
    Sql(SqlArgs),
    /// Write a report over a lake.
    Report(ReportArgs),
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
    /// Folder of the lake [default: ./lake].
    #[arg(long, value_name = "DIR", env = "SPANLAKE_LAKE")]
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
`spanlake serve`, or now with --vacuum.")]
pub(crate) struct CompactArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Delete replaced files at once. Queries that run now, also of other programs, may fail.
    #[arg(long)]
    pub(crate) vacuum: bool,
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
    /// Folder of the write-ahead log, on a local disk. Default: `wal` in the lake.
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
