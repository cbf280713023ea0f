//! The interactive shell: reads statements and `\` commands, prints results.
//!
//! An error ends the statement, never the shell. Ctrl-C cancels the line being
//! typed or the query being run; Ctrl-D leaves.

mod completion;
mod describe;
mod editor;
mod history;
mod meta;

use std::time::Instant;

use anyhow::{Result, anyhow};
use engine::Session;
use rustyline::error::ReadlineError;
use tokio::runtime::Handle;

use crate::args::Format;
use crate::command::sql;
use crate::failure::{self, Interrupted};
use crate::interrupt::{StopSignals, interruptible, panicked};
use crate::output::{self, Expanded, Layout, TableStyle};
use crate::tables::Tables;
use crate::{statements, terminal};
use completion::Words;
use editor::LineEditor;
use meta::{Meta, Switch};

const PROMPT: &str = "spanlake> ";

/// A session, and how its results are shown.
pub(crate) struct Shell {
    tables: Tables,
    words: Words,
    format: Format,
    all_rows: bool,
    expanded: Expanded,
    timing: bool,
}

impl Shell {
    /// A shell over `tables`.
    pub(crate) async fn new(mut tables: Tables, format: Format, all_rows: bool) -> Result<Self> {
        let words = describe::words(&tables.session().await?).await;
        let expanded = Expanded::Auto;
        Ok(Self { tables, words, format, all_rows, expanded, timing: true })
    }

    /// Reads and runs until the user leaves.
    pub(crate) async fn run(mut self) -> Result<()> {
        // Waiting for keys blocks its thread, so it gets one of its own.
        let runtime = Handle::current();
        let shell = tokio::task::spawn_blocking(move || self.read_and_run(&runtime));
        shell.await.unwrap_or_else(|error| Err(panicked(&error)))
    }

    fn read_and_run(&mut self, runtime: &Handle) -> Result<()> {
        let mut editor = LineEditor::new(self.words.clone())?;
        terminal::say(format_args!(
            "spanlake {}. End a query with ; and type \\? for help, \\q to leave.",
            env!("CARGO_PKG_VERSION")
        ))?;
        loop {
            match editor.read(PROMPT) {
                Ok(text) => {
                    if !runtime.block_on(self.run_text(&text))? {
                        return Ok(());
                    }
                }
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Runs what was typed; false to leave. Fails only if the terminal is gone.
    async fn run_text(&mut self, text: &str) -> Result<bool> {
        let result = match Meta::parse(text) {
            Some(Ok(Meta::Quit)) => return Ok(false),
            Some(Ok(meta)) => self.run_meta(meta).await,
            Some(Err(what)) => Err(anyhow!(what)),
            None => self.run_statements(text).await,
        };
        match result {
            Err(error) if failure::is_closed_pipe(&error) => Err(error),
            Err(error) if error.is::<Interrupted>() => {
                terminal::note(format_args!(" cancelled"));
                Ok(true)
            }
            Err(error) => {
                terminal::note(format_args!("error: {}", failure::message(&error)));
                Ok(true)
            }
            Ok(()) => Ok(true),
        }
    }

    async fn run_statements(&mut self, text: &str) -> Result<()> {
        for statement in statements::split(text).all() {
            let work = run_statement(
                self.tables.session().await?,
                statement.to_owned(),
                self.layout(),
                (!self.all_rows).then_some(sql::ROWS_ON_A_TERMINAL),
                self.timing,
            );
            interruptible(StopSignals::ctrl_c()?, work).await?;
        }
        Ok(())
    }

    async fn run_meta(&mut self, meta: Meta) -> Result<()> {
        match meta {
            Meta::Quit => Ok(()),
            Meta::Help => Ok(terminal::say_lines(meta::HELP)?),
            Meta::Tables(kind) => {
                let found = describe::tables(&self.tables.session().await?, kind).await?;
                self.print(&found)
            }
            Meta::Columns(table) => {
                let found = describe::columns(&self.tables.session().await?, &table).await?;
                self.print(&found)
            }
            Meta::Functions(part) => {
                let found = describe::functions(&self.tables.session().await?, &part).await?;
                self.print(&found)
            }
            Meta::Timing(switch) => {
                self.timing = switch.unwrap_or(!self.timing);
                Ok(terminal::say(format_args!("Timing is {}.", on_off(self.timing)))?)
            }
            Meta::Expanded(switch) => {
                self.expanded = match switch {
                    Some(Switch::On) => Expanded::On,
                    Some(Switch::Off) => Expanded::Off,
                    Some(Switch::Auto) => Expanded::Auto,
                    None if self.expanded == Expanded::On => Expanded::Off,
                    None => Expanded::On,
                };
                let now = format!("{:?}", self.expanded).to_lowercase();
                Ok(terminal::say(format_args!("Expanded display is {now}."))?)
            }
            Meta::AllRows(switch) => {
                self.all_rows = switch.unwrap_or(!self.all_rows);
                Ok(terminal::say(format_args!("Showing all rows is {}.", on_off(self.all_rows)))?)
            }
        }
    }

    fn layout(&self) -> Layout {
        let table = TableStyle { width: terminal::width(), expanded: self.expanded };
        Layout { format: self.format, table, arrow_file: false }
    }

    fn print(&self, batch: &arrow::array::RecordBatch) -> Result<()> {
        let layout = Layout { format: Format::Table, ..self.layout() };
        let mut writer = output::writer(layout, &batch.schema(), terminal::stdout())?;
        writer.write(batch)?;
        writer.finish()
    }
}

async fn run_statement(
    session: Session,
    sql: String,
    layout: Layout,
    limit: Option<u64>,
    timing: bool,
) -> Result<()> {
    let started = Instant::now();
    let query = session.query(&sql).await?;
    let mut writer = output::writer(layout, &query.schema(), terminal::stdout())?;
    let drained = output::drain(query, writer.as_mut(), limit).await?;
    drop(writer);
    let summary = sql::summary(drained, timing.then(|| started.elapsed()));
    let hint = if drained.more { " there are more; \\all shows them" } else { "" };
    Ok(terminal::say_lines(&format!("{summary}{hint}\n"))?)
}

fn on_off(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}
