//! Reads trace files into a lake, each file as a whole or not at all.
//!
//! ```text
//! files -> reader (a blocking thread) -> bounded channel -> engine::Writer -> commit
//! ```
//!
//! Reading and decoding are CPU work and run beside the writing. The channel holds
//! a few batches, so a slow disk slows the reader down instead of filling memory.

mod inputs;
mod outcome;
mod reader;
mod target;

use anyhow::{Context, Result};
use engine::Committed;
use tokio::sync::mpsc;

use crate::failure::Interrupted;
use crate::interrupt::{StopSignals, panicked};
use crate::terminal;
pub(crate) use inputs::{Input, check};
pub(crate) use outcome::Outcome;
use reader::{Message, read_all};
pub(crate) use target::Target;

/// Rows that are worth a commit of their own, at the end of a file.
const COMMIT_ROWS: u64 = 1_000_000;

/// Batches that wait for the writer.
const CHANNEL_BATCHES: usize = 4;

/// Imports files.
///
/// A broken file is left out and told of in the outcome. When the process is asked to
/// stop, or the lake cannot be written, what was not committed is removed.
pub(crate) async fn import(
    target: Target,
    inputs: Vec<Input>,
    format: Option<ingest::Format>,
) -> Result<Outcome> {
    let mut signals = StopSignals::listen()?;
    let (sender, mut messages) = mpsc::channel(CHANNEL_BATCHES);
    let reading = tokio::task::spawn_blocking(move || read_all(&inputs, format, &sender));
    let mut import = Import { target, outcome: Outcome::default() };
    let result = loop {
        // Only between messages: a write that is under way is finished, so that the
        // writer knows every file it has to remove.
        tokio::select! {
            message = messages.recv() => match message {
                Some(message) => if let Err(error) = import.take(message).await {
                    break Err(error);
                },
                None => break import.commit().await,
            },
            () = signals.next() => break Err(Interrupted.into()),
        }
    };
    // The reader stops at its next batch.
    drop(messages);
    match result {
        Ok(()) => {
            reading.await.map_err(|error| panicked(&error))?;
            Ok(import.outcome)
        }
        Err(error) => {
            let already = import.outcome.committed_spans();
            import.target.discard().await;
            if already > 0 {
                terminal::note(format_args!(
                    "{} spans of files that were imported before stay in the lake",
                    indicatif::HumanCount(already)
                ));
            }
            Err(error)
        }
    }
}

struct Import {
    target: Target,
    outcome: Outcome,
}

impl Import {
    async fn take(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Batch(batch) => {
                let writer = self.target.writer().await?;
                writer.append(batch).await.context("cannot write to the lake")?;
            }
            Message::Complete(file) => {
                // A file without spans creates its lake, too: it was imported.
                let writer = self.target.writer().await?;
                writer.accept();
                let is_worth_a_commit = writer.accepted_rows() >= COMMIT_ROWS;
                self.outcome.add_file(file);
                if is_worth_a_commit {
                    self.commit().await?;
                }
            }
            Message::Broken(error) => {
                if let Some(writer) = self.target.open() {
                    writer.reject().await;
                }
                self.outcome.add_broken(error);
            }
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        let Some(writer) = self.target.open() else { return Ok(()) };
        let Committed { spans, bytes, .. } =
            writer.commit().await.context("cannot write to the lake")?;
        self.outcome.add_commit(spans, bytes);
        Ok(())
    }
}
