//! What was typed after `slo`, `anomalies` and `graph`.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Subcommand, ValueEnum};

use super::{LakeArg, parse_duration, parse_time};

/// A stretch of time.
#[derive(Debug, clap::Args)]
pub(crate) struct WindowArgs {
    /// How far to look back from --to.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "from")]
    pub(crate) since: Option<Duration>,
    /// Beginning: a date (2026-11-09) or a time (2026-11-09T08:00:00Z).
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// End, exclusive [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) to: Option<DateTime<Utc>>,
}

/// Where a page goes, and in which form.
#[derive(Debug, clap::Args)]
pub(crate) struct PageArgs {
    /// Form of what goes to stdout.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: PageFormat,
    /// File to write, .html, .md or .json; may be repeated. Then stdout gets the answers alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Vec<PathBuf>,
}

/// Forms of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageFormat {
    /// For a terminal.
    Text,
    /// Markdown.
    Markdown,
    /// JSON.
    Json,
    /// HTML.
    Html,
}

/// Arguments of `slo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake slo backtest --lake ./lake shop.slo.yaml --since 28d")]
pub(crate) struct SloArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: SloCommand,
}

/// What there is to do with service level objectives.
#[derive(Debug, Subcommand)]
pub(crate) enum SloCommand {
    /// Say how each objective stands, and which alerts fire.
    Status(SloStatusArgs),
    /// Say when alerts would have fired in the past.
    Backtest(SloBacktestArgs),
}

/// Arguments of `slo status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake slo status --lake ./lake shop.slo.yaml --out slo.html

Exit codes for a cron job: 0 quiet, 1 an alert fires, 2 a file or the lake is wrong.")]
pub(crate) struct SloStatusArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Files of objectives, or folders of them: OpenSLO v1 or the short form.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The moment [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) at: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// Arguments of `slo backtest`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake slo backtest --lake ./lake shop.slo.yaml --since 28d

Exit codes: 0 no alert, 1 alerts, 2 a file or the lake is wrong.")]
pub(crate) struct SloBacktestArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Files of objectives, or folders of them: OpenSLO v1 or the short form.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// Arguments of `triage`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake triage --service checkout --since 30m --out triage.html

One page: which requests are slower or fail, who is to blame, what differs, what changed.
Exit codes: 0 as before, 1 something is worse, 2 the lake is wrong.")]
pub(crate) struct TriageArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Only requests that this service takes part in.
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    /// Files of service level objectives, or folders of them.
    #[arg(long, value_name = "FILE")]
    pub(crate) slo: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake diff 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7a3ce929d0e0e4736 --out diff.html

Take one that did not do well and one that did; `spanlake report tuesday` and `spanlake triage` name some.")]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Id of a trace.
    #[arg(value_name = "A")]
    pub(crate) a: String,
    /// Id of the trace that is compared with it.
    #[arg(value_name = "B")]
    pub(crate) b: String,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// Arguments of `anomalies`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake anomalies --lake ./lake --since 1d --out anomalies.html

Exit codes: 0 quiet, 1 something is unusual now, 2 the lake is wrong.")]
pub(crate) struct AnomaliesArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Only this service.
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Whose hours of the week are compared: an IANA name, as in Europe/Berlin.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) time_zone: String,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// Arguments of `graph`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  spanlake graph --lake ./lake --since 1h --out graph.svg --out graph.dot

The file name decides the form: .svg, .dot (Graphviz), .html, .md or .json.
Exit codes: 0 quiet, 1 calls of an edge fail, 2 the lake is wrong.")]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}
