//! `spanlake vacuum`: files go that are no part of the lake any more.

use anyhow::Result;
use engine::{Unused, UnusedFile};
use indicatif::{HumanBytes, HumanCount};

use crate::args::VacuumArgs;
use crate::terminal;

/// Deletes them, or says which.
pub(crate) async fn run(args: VacuumArgs) -> Result<()> {
    let engine = super::open(&args.lake).await?;
    let unused = engine.unused(args.grace).await?;
    if args.dry_run {
        for file in &unused {
            let why = match file.why {
                Unused::Replaced => "left the lake",
                Unused::NeverCommitted => "never committed",
            };
            let size = HumanBytes(file.size_bytes.unwrap_or_default());
            terminal::say(format_args!("{}  {size}  {why}", file.path))?;
        }
        terminal::say(format_args!("would delete {}", summary(&unused)))?;
        return Ok(());
    }
    engine.delete_unused(&unused).await?;
    terminal::say(format_args!("deleted {}", summary(&unused)))?;
    Ok(())
}

fn summary(unused: &[UnusedFile]) -> String {
    let bytes = unused.iter().filter_map(|file| file.size_bytes).sum();
    format!("{} files, {}", HumanCount(unused.len() as u64), HumanBytes(bytes))
}
