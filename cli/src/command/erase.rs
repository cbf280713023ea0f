//! `spanlake erase`: traces go, wherever they lie.

use std::collections::HashSet;

use anyhow::{Context, Result};
use arrow::array::AsArray;
use arrow::compute::{cast, sum};
use arrow::datatypes::{DataType, Int64Type};
use engine::{CompactSettings, Engine, Location, count_segments};
use indicatif::HumanCount;
use schema::TraceId;

use crate::args::{EraseArgs, LakeArg};
use crate::terminal;

/// Takes them out of the lake, or says how many.
pub(crate) async fn run(args: EraseArgs) -> Result<()> {
    let engine = super::open(&args.lake).await?;
    let mut conditions: Vec<String> =
        args.condition.iter().map(|sql| format!("({sql}\n)")).collect();
    conditions.extend(args.trace_id.iter().map(|id| format!("trace_id = '{id}'")));
    let (traces, spans) = find(&engine, &conditions.join(" OR ")).await?;
    let found =
        format!("{} traces with {} spans", HumanCount(traces.len() as u64), HumanCount(spans));
    if args.dry_run {
        terminal::say(format_args!("would erase {found}"))?;
        say_what_is_not_seen(&args.lake)?;
        return Ok(());
    }
    let removed = engine.erase(&traces, &CompactSettings::default()).await?;
    terminal::say(format_args!(
        "erased {found}; {} files were written again, and the old ones go with `spanlake vacuum`",
        removed.files
    ))?;
    say_what_is_not_seen(&args.lake)
}

/// A server has spans in its log that are in no file yet. Only the server itself sees them, and they would
/// come into files after their traces were erased.
fn say_what_is_not_seen(lake: &LakeArg) -> Result<()> {
    let wal = Location::parse(lake.text())?.wal_folder();
    match wal.filter(|wal| count_segments(wal) > 0) {
        Some(wal) => terminal::note(format_args!(
            "note: {} is the log of a server, and may hold spans that are not in files yet; those were \
             not seen. Run the same command again: in 10 s (`wal.flush_age_ms`) if the server runs, after \
             its next start if it was killed, not at all if it was stopped",
            wal.display()
        )),
        None => terminal::note(format_args!(
            "note: spans that a server has received in the last 10 s (`wal.flush_age_ms`) were not seen; \
             if one writes to this lake, with its log elsewhere, run the same command again then"
        )),
    }
    Ok(())
}

/// The traces with a span for which the condition holds, and the number of all their spans.
async fn find(engine: &Engine, condition: &str) -> Result<(HashSet<TraceId>, u64)> {
    let sql = format!(
        "WITH matching AS (SELECT DISTINCT trace_id FROM spans WHERE {condition})
         SELECT trace_id, count(*) AS spans FROM spans
         WHERE trace_id IN (SELECT trace_id FROM matching) GROUP BY trace_id"
    );
    let batches = engine.session().await?.query(&sql).await?.collect().await?;
    let (mut traces, mut spans) = (HashSet::new(), 0);
    for batch in batches {
        let ids = cast(batch.column(0), &DataType::Utf8)?;
        for id in ids.as_string::<i32>().iter().flatten() {
            traces.insert(id.parse().context("an id of the lake")?);
        }
        let counts = batch.column(1).as_primitive::<Int64Type>();
        spans += sum(counts).unwrap_or_default() as u64;
    }
    Ok((traces, spans))
}
