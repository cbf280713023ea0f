//! `spanlake check`: what is wrong with a lake, and what to do about it.

use anyhow::Result;
use indicatif::{HumanBytes, HumanCount};

use crate::args::CheckArgs;
use crate::failure::Reported;
use crate::terminal;

/// Reads everything and says what was found.
pub(crate) async fn run(args: CheckArgs) -> Result<()> {
    let engine = super::open(&args.lake).await?;
    let checked = engine.check().await?;
    for finding in &checked.findings {
        terminal::note(format_args!("error: {finding}"));
    }
    let hashes = match checked.without_hash {
        0 => String::new(),
        files => format!("; {files} files of an older version have no hash in the log"),
    };
    terminal::say(format_args!(
        "{} problems in {} files with {} spans and {}; trees of {} spans were computed again{hashes}",
        checked.findings.len(),
        HumanCount(checked.files as u64),
        HumanCount(checked.spans),
        HumanBytes(checked.bytes),
        HumanCount(checked.spans_of_sample),
    ))?;
    if checked.findings.is_empty() { Ok(()) } else { Err(Reported.into()) }
}
