//! `spanlake compact`: traces are assembled by hand.

use std::time::{Duration, Instant};

use anyhow::Result;
use engine::{Assembled, CompactSettings, Engine};
use indicatif::{HumanBytes, HumanCount};

use crate::args::CompactArgs;
use crate::terminal;

/// Assembles all there is.
pub(crate) async fn run(args: CompactArgs) -> Result<()> {
    let engine = super::open(&args.lake).await?;
    let started = Instant::now();
    let done = assemble_all(&engine).await?;
    terminal::say(format_args!("{}", summary(&done, started.elapsed())))?;
    if args.vacuum {
        let deleted = engine.vacuum(Duration::ZERO).await?;
        terminal::say(format_args!("deleted {deleted} replaced files"))?;
    }
    Ok(())
}

/// Assembles until nothing is left to do.
pub(crate) async fn assemble_all(engine: &Engine) -> Result<Assembled> {
    let settings = CompactSettings::default().at_once();
    let mut all = Assembled::default();
    loop {
        let done = engine.assemble(&settings).await?;
        if done.version.is_none() {
            return Ok(all);
        }
        all = all.and(done);
    }
}

/// What was done, in a line.
pub(crate) fn summary(done: &Assembled, elapsed: Duration) -> String {
    if done.version.is_none() {
        return "nothing to assemble".into();
    }
    let seconds = elapsed.as_secs_f64();
    format!(
        "assembled {} spans: {} files of {} became {} of {}, {:.1} bytes per span, {seconds:.1} s, {} spans/s",
        HumanCount(done.spans),
        done.files_before,
        HumanBytes(done.bytes_before),
        done.files_after,
        HumanBytes(done.bytes_after),
        done.bytes_after as f64 / (done.spans + done.left).max(1) as f64,
        HumanCount((done.spans as f64 / seconds.max(0.001)) as u64),
    )
}
