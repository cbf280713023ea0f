//! `spanlake demo`: a week of a made-up shop, from nothing to the answer.

mod folder;
mod incidents;

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use chrono::Datelike;
use datasets::{Compression, Encoding, Format, Plan};
use engine::{Engine, Location, Settings};
use indicatif::{HumanBytes, HumanCount};
use reports::Range;

use crate::args::DemoArgs;
use crate::command::{generate, report};
use crate::import::{self, Input, Target};
use crate::output::PendingFile;
use crate::terminal;
use folder::DemoFolder;

/// The forms in which the report is written.
const REPORTS: [&str; 3] = ["tuesday.html", "tuesday.md", "tuesday.json"];

/// Generates, imports, reviews and tells.
pub(crate) async fn run(args: DemoArgs) -> Result<()> {
    let started = Instant::now();
    let settings =
        datasets::Settings { spans: args.spans, seed: args.seed, ..datasets::Settings::default() };
    let plan = generate::plan(settings).await?;
    let folder = DemoFolder::prepare(&args.dir)?;
    let engine = fill(&folder, plan.clone(), args.keep_input).await?;

    let week = settings.start.iso_week();
    let week = format!("{:04}-W{:02}", week.year(), week.week());
    let reviewing = Instant::now();
    // One for each incident, and the nightly job that is slow by nature.
    let top = plan.incidents().len() + 1;
    let review = report::review(&engine.session().await?, Range::week(&week)?, top).await?;
    for name in REPORTS {
        report::write_report(&folder.join(name), &review)?;
    }
    say(format_args!("reviewed week {week} in {:.1} s", reviewing.elapsed().as_secs_f64()))?;

    say(format_args!(""))?;
    terminal::say_lines(reports::headline(&review).trim_end())?;
    say(format_args!(""))?;
    say(format_args!("What was made to go wrong that week, and where the report names it:"))?;
    for line in incidents::lines(&plan.incidents(), &review) {
        say(format_args!("{line}"))?;
    }
    say(format_args!(""))?;
    say(format_args!("report: {}", folder.join(REPORTS[0]).display()))?;
    terminal::say_lines(&next_steps(&folder.lake(), &week, top))?;
    say(format_args!("done in {:.1} s", started.elapsed().as_secs_f64()))
}

/// Generates the traces of `plan` and imports them.
async fn fill(folder: &DemoFolder, plan: Plan, keep_input: bool) -> Result<Engine> {
    let started = Instant::now();
    let format = Format { encoding: Encoding::Protobuf, compression: Compression::Zstd };
    let file = PendingFile::create(&folder.input())?;
    let (written, file) = generate::write(plan, file, format).await?;
    let bytes = std::fs::metadata(file.path()).map_or(0, |found| found.len());
    say(format_args!(
        "generated {} spans of a web shop in {:.1} s ({})",
        HumanCount(written.spans),
        started.elapsed().as_secs_f64(),
        HumanBytes(bytes)
    ))?;

    let started = Instant::now();
    let location = Location::parse(&folder.lake().to_string_lossy())?;
    let engine = Engine::open_or_create(&location, Settings::default()).await?;
    let input = Input { path: file.path().to_owned(), bytes };
    let outcome = import::import(Target::Open(engine.writer()), vec![input], None).await?;
    if let Some(error) = outcome.into_broken().pop() {
        return Err(error.context("internal error, please report it: the demo data is broken"));
    }
    say(format_args!(
        "imported them into {} in {:.1} s",
        folder.lake().display(),
        started.elapsed().as_secs_f64()
    ))?;
    if keep_input {
        file.publish()?;
    }
    Ok(engine)
}

fn next_steps(lake: &Path, week: &str, top: usize) -> String {
    let lake = quoted(&lake.to_string_lossy());
    format!(
        "\nTry next:\n  \
         spanlake sql --lake {lake} \"SELECT root_service_name, root_span_name, count(*) AS traces, \
         p99(root_duration_ns) / 1e6 AS p99_ms FROM traces GROUP BY 1, 2 ORDER BY 4 DESC\"\n  \
         spanlake report tuesday --lake {lake} --week {week} --top {top}\n  \
         spanlake serve --lake {lake}"
    )
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-~+:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn say(line: std::fmt::Arguments<'_>) -> Result<()> {
    Ok(terminal::say(line)?)
}

#[cfg(test)]
mod tests;
