//! `spanlake report`: asks a report's questions and writes it where it was asked for.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use arrow::array::AsArray;
use arrow::datatypes::TimestampNanosecondType;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use engine::{Clock, Session, SystemClock};
use reports::{Options, Range, TuesdayReport};

use crate::args::TuesdayArgs;
use crate::command::open;
use crate::failure::usage;
use crate::output::PendingFile;
use crate::{progress, terminal};

/// The weeks in which a trace begins, newest first. Roots suffice: they begin traces.
const WEEKS: &str = "\
    SELECT arrow_cast(date_trunc('week', start_time), 'Timestamp(Nanosecond, None)') AS week \
    FROM spans WHERE parent_span_id IS NULL GROUP BY 1 ORDER BY 1 DESC";

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Markdown,
    Json,
}

/// Writes Trace Tuesday.
pub(crate) async fn tuesday(args: TuesdayArgs) -> Result<()> {
    let outputs: Vec<(Form, &PathBuf)> =
        args.out.iter().map(|path| Ok((form_of(path)?, path))).collect::<Result<_>>()?;
    let range = range(&args)?;
    let session = open(&args.lake).await?.session().await?;
    let range = match range {
        Some(range) => range,
        None => newest_week(&session, SystemClock.now()).await?,
    };
    let files: Vec<PendingFile> =
        outputs.iter().map(|(_, path)| PendingFile::create(path)).collect::<Result<_>>()?;
    let report = review(&session, range, args.top).await?;
    if outputs.is_empty() {
        let mut out = terminal::stdout();
        out.write_all(reports::markdown(&report).as_bytes())?;
        return Ok(out.flush()?);
    }
    for ((form, _), file) in outputs.iter().zip(files) {
        fill(file, &report, *form)?;
    }
    terminal::say_lines(reports::headline(&report).trim_end())?;
    for (_, path) in &outputs {
        terminal::say(format_args!("report: {}", path.display()))?;
    }
    Ok(())
}

/// Asks the questions of Trace Tuesday, and reviews the first `top` root operations in full.
pub(super) async fn review(session: &Session, range: Range, top: usize) -> Result<TuesdayReport> {
    let spinner = progress::spinner("reviewing the slowest traces");
    let options = Options { most_reviews: top, ..Options::default() };
    let report = reports::tuesday(session, range, &options).await;
    spinner.finish_and_clear();
    Ok(report?)
}

/// Writes one report into `path`, in the form that its name asks for.
pub(super) fn write_report(path: &Path, report: &TuesdayReport) -> Result<()> {
    fill(PendingFile::create(path)?, report, form_of(path)?)
}

fn fill(file: PendingFile, report: &TuesdayReport, form: Form) -> Result<()> {
    let text = match form {
        Form::Html => reports::html(report),
        Form::Markdown => reports::markdown(report),
        Form::Json => reports::json(report)?,
    };
    let mut out = file.writer()?;
    out.write_all(text.as_bytes())?;
    out.flush()?;
    drop(out);
    file.publish()
}

fn form_of(path: &Path) -> Result<Form> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => Ok(Form::Html),
        Some("md") => Ok(Form::Markdown),
        Some("json") => Ok(Form::Json),
        _ => usage(format!("{}: a report ends in .html, .md or .json", path.display())),
    }
}

/// The range that was asked for.
fn range(args: &TuesdayArgs) -> Result<Option<Range>> {
    Ok(match (&args.week, &args.from, &args.to) {
        (Some(week), ..) => Some(Range::week(week)?),
        (None, Some(from), Some(to)) => Some(Range::between(from, to)?),
        _ => None,
    })
}

/// The newest complete week with data, else the newest with data, else the week that ended last.
async fn newest_week(session: &Session, now: DateTime<Utc>) -> Result<Range> {
    let weeks = weeks_with_data(session).await?;
    let is_complete = |monday: &&DateTime<Utc>| **monday + TimeDelta::weeks(1) <= now;
    let (monday, why) = match (weeks.iter().find(is_complete), weeks.first()) {
        (Some(monday), _) => (monday, "the newest complete week with data"),
        (None, Some(monday)) => (monday, "the newest week with data, not over yet"),
        // The report says what the lake holds instead.
        (None, None) => return Ok(Range::week_before(now)?),
    };
    let week = monday.iso_week();
    let range = Range::week(&format!("{:04}-W{:02}", week.year(), week.week()))?;
    terminal::note(format_args!("reviewing {range}: {why}"));
    Ok(range)
}

async fn weeks_with_data(session: &Session) -> Result<Vec<DateTime<Utc>>> {
    let batches = session.query(WEEKS).await?.collect().await?;
    let weeks = batches.iter().flat_map(|batch| {
        let weeks = batch.column(0).as_primitive::<TimestampNanosecondType>();
        weeks.iter().flatten().map(DateTime::from_timestamp_nanos).collect::<Vec<_>>()
    });
    Ok(weeks.collect())
}
