//! Times the steps of a statement on a lake, without any server.
//!
//! ```text
//! steps --lake PATH "SELECT ..." [--times 50]
//! ```

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use engine::{Engine, Location, Settings};
use tikv_jemallocator::Jemalloc;

/// The one that `spanlake` has.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Times the steps of a statement.
#[derive(Debug, Parser)]
struct Args {
    /// The lake.
    #[arg(long)]
    lake: String,
    /// How often it is asked.
    #[arg(long, default_value_t = 50)]
    times: usize,
    /// What is asked.
    sql: String,
}

const STEPS: [&str; 4] = ["snapshot", "check and plan", "optimize and start", "rows"];

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let engine = Engine::open(&Location::parse(&args.lake)?, Settings::default()).await?;
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..args.times {
        let begin = Instant::now();
        let session = engine.session().await?;
        let snapshot = Instant::now();
        let statement = session.prepare(&args.sql).await?;
        let planned = Instant::now();
        let query = statement.execute().await?;
        let started = Instant::now();
        query.collect().await?;
        let marks = [begin, snapshot, planned, started, Instant::now()];
        for (times, pair) in times.iter_mut().zip(marks.windows(2)) {
            times.push(pair[1] - pair[0]);
        }
    }
    let mut out = std::io::stdout();
    writeln!(out, "{:<20} {:>10} {:>10} {:>10}", "step", "first ms", "median ms", "least ms")?;
    for (step, times) in STEPS.iter().zip(&mut times) {
        let first = times.first().copied().unwrap_or_default();
        times.sort_unstable();
        let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
        let (first, median, least) =
            (ms(Some(&first)), ms(times.get(times.len() / 2)), ms(times.first()));
        writeln!(out, "{step:<20} {first:>10.2} {median:>10.2} {least:>10.2}")?;
    }
    Ok(())
}
