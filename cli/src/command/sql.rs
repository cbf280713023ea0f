//! `spanlake sql`: statements from the command line, a file or stdin, or the shell.

use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use engine::Statement;

use crate::args::{Format, SqlArgs};
use crate::failure::usage;
use crate::output::{self, Drained, Expanded, Layout, PendingFile, TableStyle};
use crate::shell::Shell;
use crate::tables::Tables;
use crate::{statements, terminal};

/// Rows that a terminal gets unless it asks for all.
pub(crate) const ROWS_ON_A_TERMINAL: u64 = 1_000;

/// Whether the arguments ask for the shell.
pub(crate) fn is_interactive(args: &SqlArgs) -> bool {
    args.statement.is_none() && args.file.is_none() && io::stdin().is_terminal()
}

/// Opens the shell.
pub(crate) async fn shell(args: SqlArgs) -> Result<()> {
    if args.out.is_some() || args.format.is_some_and(is_binary) {
        return usage("the shell prints to the terminal; give the statement to write a file");
    }
    let tables = Tables::open(&args.lake, &args.attach, &args.slo).await?;
    let format = args.format.unwrap_or(Format::Table);
    Shell::new(tables, format, args.all).await?.run().await
}

/// Runs the statements that were given.
pub(crate) async fn run(args: SqlArgs) -> Result<()> {
    let layout = layout(&args)?;
    let text = read_text(&args).await?;
    let texts = statements::split(&text).all();
    let session = Tables::open(&args.lake, &args.attach, &args.slo).await?.session().await?;
    // All of them are checked before the first one prints anything.
    let mut prepared = Vec::with_capacity(texts.len());
    for text in &texts {
        prepared.push(session.prepare(text).await?);
    }
    match prepared.as_slice() {
        [] => usage("the statement is empty; write a query"),
        [statement] => run_one(&args, layout, statement).await,
        _ if args.out.is_some() || is_binary(layout.format) => {
            usage("a file holds one result; give one statement")
        }
        several => {
            for statement in several {
                run_one(&args, layout, statement).await?;
            }
            Ok(())
        }
    }
}

async fn run_one(args: &SqlArgs, layout: Layout, statement: &Statement) -> Result<()> {
    let started = Instant::now();
    let query = statement.execute().await?;
    let file = args.out.as_deref().map(PendingFile::create).transpose()?;
    let sink = file.as_ref().map_or_else(|| Ok(terminal::stdout()), PendingFile::writer)?;
    let to_terminal = file.is_none() && terminal::stdout_is_terminal();
    let limit = (to_terminal && !args.all).then_some(ROWS_ON_A_TERMINAL);
    let drained = {
        let mut writer = output::writer(layout, &query.schema(), sink)?;
        output::drain(query, writer.as_mut(), limit).await?
    };
    if let Some(file) = file {
        file.publish()?;
    }
    if terminal::stderr_is_terminal() {
        terminal::note(format_args!("{}", summary(drained, Some(started.elapsed()))));
        if drained.more {
            terminal::note(format_args!("there are more: add --all, or --out FILE"));
        }
    }
    Ok(())
}

/// `(3 rows, 0.123 s)`
pub(crate) fn summary(drained: Drained, elapsed: Option<Duration>) -> String {
    let first = if drained.more { "first " } else { "" };
    let rows = indicatif::HumanCount(drained.rows);
    let s = if drained.rows == 1 { "" } else { "s" };
    let time = elapsed.map_or_else(String::new, |time| format!(", {:.3} s", time.as_secs_f64()));
    format!("({first}{rows} row{s}{time})")
}

fn layout(args: &SqlArgs) -> Result<Layout> {
    let by_name = args.out.as_deref().and_then(output::format_of);
    let format = args.format.or(by_name).unwrap_or(Format::Table);
    let to_terminal = args.out.is_none() && terminal::stdout_is_terminal();
    if is_binary(format) && to_terminal {
        return usage("this format is not for a terminal; add --out FILE or a pipe");
    }
    let width = if args.out.is_none() { terminal::width() } else { None };
    Ok(Layout {
        format,
        table: TableStyle { width, expanded: Expanded::Auto },
        arrow_file: args.out.as_deref().is_some_and(output::is_arrow_file),
    })
}

fn is_binary(format: Format) -> bool {
    matches!(format, Format::Parquet | Format::Arrow)
}

async fn read_text(args: &SqlArgs) -> Result<String> {
    match (&args.statement, &args.file) {
        (Some(statement), _) => Ok(statement.clone()),
        (None, Some(path)) if path != Path::new("-") => match std::fs::read_to_string(path) {
            Ok(text) => Ok(text),
            Err(error) => usage(format!("cannot read {}: {error}", path.display())),
        },
        // A terminal or a slow pipe may take its time.
        _ => {
            tokio::task::spawn_blocking(|| {
                let mut text = String::new();
                io::stdin().lock().read_to_string(&mut text).context("cannot read stdin")?;
                Ok(text)
            })
            .await?
        }
    }
}
