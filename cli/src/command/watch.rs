//! `spanlake slo`, `anomalies`, `triage`, `diff` and `graph`: pages for who watches, with an exit code for a cron job.

use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use engine::{Clock, Engine, Slos, SystemClock};
use reports::page::{Level, Page};
use reports::{ServiceGraph, TriageOptions};

use crate::args::{
    AnomaliesArgs, DiffArgs, GraphArgs, LakeArg, PageArgs, PageFormat, SloArgs, SloBacktestArgs,
    SloCommand, SloStatusArgs, TriageArgs, WindowArgs,
};
use crate::failure::{Alert, NotWatched, usage};
use crate::output::PendingFile;
use crate::terminal;

/// How far `graph` looks back unless it is told.
const GRAPH_SINCE: Duration = Duration::from_secs(3_600);
/// How far `anomalies` looks back unless it is told.
const ANOMALIES_SINCE: Duration = Duration::from_secs(86_400);
/// How far `triage` looks back unless it is told.
const TRIAGE_SINCE: Duration = Duration::from_secs(3_600);
/// How far `slo backtest` looks back unless it is told.
const BACKTEST_SINCE: Duration = Duration::from_secs(28 * 86_400);

/// `spanlake slo`.
pub(crate) async fn slo(args: SloArgs) -> Result<()> {
    match args.command {
        SloCommand::Status(args) => watched(Box::pin(status(args))).await,
        SloCommand::Backtest(args) => watched(Box::pin(backtest(args))).await,
    }
}

/// `spanlake graph`.
pub(crate) async fn graph(args: GraphArgs) -> Result<()> {
    watched(draw(args)).await
}

/// `spanlake anomalies`.
pub(crate) async fn anomalies(args: AnomaliesArgs) -> Result<()> {
    watched(unusual(args)).await
}

async fn unusual(args: AnomaliesArgs) -> Result<Level> {
    let (from, to) = range(&args.window, ANOMALIES_SINCE)?;
    let session = super::open(&args.lake).await?.session().await?;
    let page =
        reports::anomalies(&session, from, to, args.service.as_deref(), &args.time_zone).await?;
    show(&page, &args.page)?;
    Ok(page.level())
}

/// `spanlake triage`.
pub(crate) async fn triage(args: TriageArgs) -> Result<()> {
    watched(Box::pin(walk_through(args))).await
}

async fn walk_through(args: TriageArgs) -> Result<Level> {
    let (from, to) = range(&args.window, TRIAGE_SINCE)?;
    let (engine, slos) = with_slos(&args.lake, &args.slo).await?;
    let options = TriageOptions { service: args.service, from, to };
    let page = reports::triage(&engine.session().await?, &options).await?;
    show(&page, &args.page)?;
    level(&page, &slos)
}

/// `spanlake diff`.
pub(crate) async fn diff(args: DiffArgs) -> Result<()> {
    let session = super::open(&args.lake).await?.session().await?;
    show(&reports::diff(&session, &args.a, &args.b).await?, &args.page)
}

/// What fails is no alert: it has an exit code of its own. Large work is boxed before it gets here.
async fn watched(work: impl Future<Output = Result<Level>>) -> Result<()> {
    match work.await {
        Ok(Level::Alert) => Err(Alert.into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.context(NotWatched)),
    }
}

async fn status(args: SloStatusArgs) -> Result<Level> {
    let at = args.at.unwrap_or_else(|| SystemClock.now());
    let (engine, slos) = with_slos(&args.lake, &args.files).await?;
    let page = reports::slo_status(&engine.session().await?, at).await?;
    show(&page, &args.page)?;
    level(&page, &slos)
}

async fn backtest(args: SloBacktestArgs) -> Result<Level> {
    let (from, to) = range(&args.window, BACKTEST_SINCE)?;
    let (engine, slos) = with_slos(&args.lake, &args.files).await?;
    let page = reports::slo_backtest(&engine.session().await?, from, to).await?;
    show(&page, &args.page)?;
    level(&page, &slos)
}

async fn with_slos(
    lake: &LakeArg,
    files: &[std::path::PathBuf],
) -> Result<(Engine, std::sync::Arc<Slos>)> {
    let engine = super::open(lake).await?;
    let slos = engine.watch_slos(Slos::of_files(files)).await?;
    Ok((engine, slos))
}

/// An objective that cannot be watched is an error, after the others were.
fn level(page: &Page, slos: &Slos) -> Result<Level> {
    match slos.problems.len() {
        0 => Ok(page.level()),
        1 => usage(slos.problems[0].to_string()),
        several => {
            usage(format!("{several} objectives cannot be watched; first: {}", slos.problems[0]))
        }
    }
}

async fn draw(args: GraphArgs) -> Result<Level> {
    let (from, to) = range(&args.window, GRAPH_SINCE)?;
    let session = super::open(&args.lake).await?.session().await?;
    let graph = ServiceGraph::ask(&session, from, to).await?;
    let page = graph.page();
    for path in &args.page.out {
        let text = match path.extension().and_then(|extension| extension.to_str()) {
            Some("svg") => graph.svg(),
            Some("dot" | "gv") => graph.dot(),
            _ => form(&page, form_of(path, ".svg, .dot, .html, .md or .json")?)?,
        };
        PendingFile::write(path, text)?;
    }
    say(&page, &args.page)?;
    Ok(page.level())
}

/// Writes the files, and what belongs to stdout.
pub(super) fn show(page: &Page, args: &PageArgs) -> Result<()> {
    for path in &args.out {
        PendingFile::write(path, form(page, form_of(path, ".html, .md or .json")?)?)?;
    }
    say(page, args)
}

fn say(page: &Page, args: &PageArgs) -> Result<()> {
    let text = match args.out.is_empty() {
        true => form(page, args.format)?,
        false => page.headline(),
    };
    let mut out = terminal::stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn form(page: &Page, format: PageFormat) -> Result<String> {
    Ok(match format {
        PageFormat::Text => page.text(),
        PageFormat::Markdown => page.markdown(),
        PageFormat::Json => page.json()?,
        PageFormat::Html => page.html(),
    })
}

fn form_of(path: &Path, forms: &str) -> Result<PageFormat> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => Ok(PageFormat::Html),
        Some("md") => Ok(PageFormat::Markdown),
        Some("json") => Ok(PageFormat::Json),
        _ => usage(format!("{}: the file name must end in {forms}", path.display())),
    }
}

/// The stretch of time that was asked for.
pub(super) fn range(args: &WindowArgs, since: Duration) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
    let to = args.to.unwrap_or_else(|| SystemClock.now());
    let since = TimeDelta::from_std(args.since.unwrap_or(since))?;
    let from = args.from.unwrap_or_else(|| to - since);
    if from >= to {
        return usage(format!("--from {from} is not before --to {to}"));
    }
    Ok((from, to))
}
