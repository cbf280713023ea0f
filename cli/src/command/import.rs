//! `spanlake import`: trace files into a lake.

use std::time::Instant;

use anyhow::Result;
use engine::Location;

use crate::args::{ImportArgs, InputFormat};
use crate::failure::{self, Reported};
use crate::{import, terminal};

/// Imports the files and says what became of them.
pub(crate) async fn run(args: ImportArgs) -> Result<()> {
    let inputs = import::check(&args.files)?;
    let location = Location::parse(args.lake.text())?;
    let target = import::Target::find(location).await?;
    let started = Instant::now();
    let outcome = import::import(target, inputs, args.format.map(format)).await?;
    for line in outcome.problems() {
        terminal::note(format_args!("{line}"));
    }
    for error in outcome.broken() {
        let what = failure::message(error);
        terminal::note(format_args!("error: {what}; nothing of this file was imported"));
    }
    if !args.no_compact && outcome.committed_spans() > 0 {
        let engine = super::open(&args.lake).await?;
        let assembling = Instant::now();
        let done = super::compact::assemble_all(&engine).await?;
        terminal::note(format_args!("{}", super::compact::summary(&done, assembling.elapsed())));
    }
    for line in outcome.summary(started.elapsed(), args.lake.text()) {
        terminal::say(format_args!("{line}"))?;
    }
    if outcome.broken().is_empty() { Ok(()) } else { Err(Reported.into()) }
}

fn format(format: InputFormat) -> ingest::Format {
    match format {
        InputFormat::OtlpJson => ingest::Format::OtlpJson,
        InputFormat::OtlpProtobuf => ingest::Format::OtlpProtobuf,
        InputFormat::JaegerJson => ingest::Format::JaegerJson,
    }
}
