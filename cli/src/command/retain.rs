//! `spanlake retain`: days go that are too old, and old days are thinned.

use anyhow::Result;
use engine::{CompactSettings, Engine, Expired, RetentionSettings};
use indicatif::{HumanBytes, HumanCount};

use crate::args::RetainArgs;
use crate::failure::usage;
use crate::terminal;

/// What there is none of when no file is due.
const NOTHING_TO_THIN: &str = "no assembled spans are left to thin (`spanlake compact` assembles)";

/// Does it, or says what would go.
pub(crate) async fn run(args: RetainArgs) -> Result<()> {
    let engine = super::open(&args.lake).await?;
    if let Some(days) = args.days {
        expire(&engine, days, &args).await?;
    }
    if let Some(days) = args.thin_days {
        thin(&engine, days, &args).await?;
    }
    Ok(())
}

async fn expire(engine: &Engine, days: u32, args: &RetainArgs) -> Result<()> {
    let expired = engine.expired(days).await?;
    let what = summary(&expired, "no day is");
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

async fn thin(engine: &Engine, days: u32, args: &RetainArgs) -> Result<()> {
    let due = engine.to_thin(days).await?;
    let (policy, settings) = (policy(args), CompactSettings::default());
    let what = summary(&due, NOTHING_TO_THIN);
    if args.dry_run {
        let (traces, spans) = engine.would_thin(&due, &policy, &settings).await?;
        terminal::say(format_args!(
            "would thin {what}: {} traces with {} spans would go",
            HumanCount(traces),
            HumanCount(spans)
        ))?;
        return Ok(());
    }
    if due.is_suspicious() && !args.force {
        return usage(format!(
            "that would thin {what}, more than a tenth of all; if the clock and --thin-days are \
             right, say --force"
        ));
    }
    let removed = engine.thin(&due, &policy, &settings).await?;
    terminal::say(format_args!(
        "thinned {what}: {} spans and {} went",
        HumanCount(removed.spans),
        HumanBytes(removed.bytes)
    ))?;
    Ok(())
}

fn policy(args: &RetainArgs) -> RetentionSettings {
    let default = RetentionSettings::default();
    let slower_ms = args.slower.map(|slower| u64::try_from(slower.as_millis()).unwrap_or(u64::MAX));
    RetentionSettings {
        thin_slower_ms: slower_ms.unwrap_or(default.thin_slower_ms),
        thin_one_in: args.one_in.unwrap_or(default.thin_one_in),
        thin_at_least: args.at_least.unwrap_or(default.thin_at_least),
        ..default
    }
}

/// `nothing_is` says what there is none of before the first day that is kept.
fn summary(expired: &Expired, nothing_is: &str) -> String {
    let (Some(first), Some(last)) = (expired.days.first(), expired.days.last()) else {
        return format!("nothing: {nothing_is} before {}", expired.kept_from);
    };
    format!(
        "{} of {} spans, {}, of {} days from {first} to {last}",
        HumanCount(expired.spans),
        HumanCount(expired.spans_of_table),
        HumanBytes(expired.bytes),
        expired.days.len(),
    )
}
