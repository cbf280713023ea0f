//! `spanlake generate`: writes a data set of a made-up shop.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use datasets::{Format, Plan, Settings, Summary};
use indicatif::{HumanBytes, HumanCount};

use crate::args::GenerateArgs;
use crate::failure::usage;
use crate::output::PendingFile;
use crate::{progress, stop, terminal};

/// Writes the data set and, if asked for, its incidents.
pub(crate) async fn run(args: GenerateArgs) -> Result<()> {
    let started = Instant::now();
    let format = Format::from_path(&args.out)?;
    for path in [Some(&args.out), args.incidents.as_ref()].into_iter().flatten() {
        if !args.force && path.is_file() {
            return usage(format!("{} exists; add --force to replace it", path.display()));
        }
    }
    let defaults = Settings::default();
    let settings = Settings {
        spans: args.spans,
        days: args.days,
        seed: args.seed,
        start: args.start.unwrap_or(defaults.start),
    };
    let traces = PendingFile::create(&args.out)?;
    let incidents = args.incidents.as_deref().map(PendingFile::create).transpose()?;
    let plan = plan(settings).await?;
    if let Some(file) = &incidents {
        let mut out = file.writer()?;
        serde_json::to_writer_pretty(&mut out, &plan.incidents())?;
        writeln_flush(&mut out)?;
    }
    let (summary, traces) = write(plan, traces, format).await?;
    let size = traces.path().metadata().map_or(0, |found| found.len());
    traces.publish()?;
    if let Some(incidents) = incidents {
        incidents.publish()?;
    }
    print(&args.out, &summary, size, started)
}

/// Plans a data set; planning small ones takes a moment.
pub(super) async fn plan(settings: Settings) -> Result<Plan> {
    stop::blocking(move |_| Ok(Plan::new(&settings)?)).await
}

/// Writes the spans of a plan into a pending file.
pub(super) async fn write(
    plan: Plan,
    file: PendingFile,
    format: Format,
) -> Result<(Summary, PendingFile)> {
    stop::blocking(move |stop| {
        let bar = progress::spans(plan.expected_spans(), "generating");
        let out = stop.guard(file.writer()?);
        let summary = datasets::write(&plan, out, format, |spans| bar.set_position(spans))
            .context("generating the data set")?;
        bar.finish_and_clear();
        Ok((summary, file))
    })
    .await
}

fn writeln_flush(out: &mut (dyn std::io::Write + Send)) -> Result<()> {
    writeln!(out)?;
    Ok(out.flush()?)
}

fn print(path: &Path, summary: &Summary, size: u64, started: Instant) -> Result<()> {
    Ok(terminal::say(format_args!(
        "wrote {}: {} spans in {} traces, {}, {:.1} s",
        path.display(),
        HumanCount(summary.spans),
        HumanCount(summary.traces),
        HumanBytes(size),
        started.elapsed().as_secs_f64()
    ))?)
}
