//! `spanlake erase`: traces go, wherever they lie.

use std::collections::HashSet;

use anyhow::{Context, Result};
use arrow::array::AsArray;
use arrow::compute::{cast, sum};
use arrow::datatypes::{DataType, Int64Type};
use engine::{CompactSettings, Engine};
use indicatif::HumanCount;
use schema::TraceId;

use crate::args::EraseArgs;
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
        return Ok(());
    }
    let removed = engine.erase(&traces, &CompactSettings::default()).await?;
    terminal::say(format_args!(
        "erased {found}; {} files were written again, and the old ones go with `spanlake vacuum`",
        removed.files
    ))?;
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
