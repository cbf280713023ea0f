//! `spanlake retain`: days go that are too old.

use anyhow::Result;
use engine::Expired;
use indicatif::{HumanBytes, HumanCount};

use crate::args::RetainArgs;
use crate::failure::usage;
use crate::terminal;

/// Takes them out of the lake, or says which.
pub(crate) async fn run(args: RetainArgs) -> Result<()> {
    let engine = super::open(&args.lake).await?;
    let expired = engine.expired(args.days).await?;
    let what = summary(&expired);
    if args.dry_run {
        terminal::say(format_args!("would take out {what}"))?;
        return Ok(());
    }
    if expired.is_suspicious() && !args.force {
        return usage(format!(
            "that would take out {what}, more than a tenth of all; if the clock and --days are \
             right, say --force"
        ));
    }
    let removed = engine.expire(&expired).await?;
    if removed.version.is_none() && expired.spans > 0 {
        anyhow::bail!("another process changed the lake at the same time; run it again");
    }
    terminal::say(format_args!("took out {what}"))?;
    Ok(())
}

fn summary(expired: &Expired) -> String {
    let (Some(first), Some(last)) = (expired.days.first(), expired.days.last()) else {
        return format!("nothing: no day is before {}", expired.kept_from);
    };
    format!(
        "{} of {} spans, {}, of {} days from {first} to {last}",
        HumanCount(expired.spans),
        HumanCount(expired.spans_of_table),
        HumanBytes(expired.bytes),
        expired.days.len(),
    )
}
