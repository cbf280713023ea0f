//! Reads and decodes the files, one after the other, on a thread that may block.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::Result;
use indicatif::ProgressBar;
use ingest::file::Options;
use ingest::{Format, Report, SpanReader};
use schema::SpanBatch;
use tokio::sync::mpsc::Sender;

use super::inputs::Input;
use crate::progress;

/// What the reader has to say.
pub(super) enum Message {
    /// Spans of the current file.
    Batch(SpanBatch),
    /// The current file was read to its end.
    Complete((PathBuf, Report)),
    /// The current file is broken.
    Broken(anyhow::Error),
}

/// The receiver is gone: nobody wants the rest.
struct Unwanted;

/// Reads all files. Ends early if nobody receives any more.
pub(super) fn read_all(inputs: &[Input], format: Option<Format>, sender: &Sender<Message>) {
    let total = inputs.iter().map(|input| input.bytes).sum();
    let bar = progress::bytes(total, "importing");
    let mut before = Before::default();
    for input in inputs {
        let message = match read(input, format, sender, &bar, &mut before) {
            Ok(Ok(report)) => Message::Complete((input.path.clone(), report)),
            Ok(Err(error)) => Message::Broken(error),
            Err(Unwanted) => break,
        };
        if sender.blocking_send(message).is_err() {
            break;
        }
    }
    bar.finish_and_clear();
}

/// What the files before the current one had.
#[derive(Default)]
struct Before {
    bytes: u64,
    spans: u64,
}

fn read(
    input: &Input,
    format: Option<Format>,
    sender: &Sender<Message>,
    bar: &ProgressBar,
    before: &mut Before,
) -> std::result::Result<Result<Report>, Unwanted> {
    let mut reader = match open(input, format) {
        Ok(reader) => reader,
        Err(error) => return Ok(Err(error.into())),
    };
    let bytes_read = reader.bytes_read();
    for batch in reader.by_ref() {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return Ok(Err(error.into())),
        };
        before.spans += batch.num_rows() as u64;
        sender.blocking_send(Message::Batch(batch)).map_err(|_| Unwanted)?;
        bar.set_position(before.bytes + bytes_read.load(Ordering::Relaxed));
        let rate = before.spans as f64 / bar.elapsed().as_secs_f64().max(0.001);
        bar.set_message(format!("{} spans/s", indicatif::HumanCount(rate as u64)));
    }
    before.bytes += input.bytes;
    Ok(Ok(reader.into_report()))
}

fn open(input: &Input, format: Option<Format>) -> ingest::Result<SpanReader> {
    if input.is_stdin() {
        return SpanReader::new(
            std::io::stdin(),
            "stdin",
            Options { format, ..Options::default() },
        );
    }
    SpanReader::open(&input.path, format)
}
