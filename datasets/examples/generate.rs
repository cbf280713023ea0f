//! Generates a data set without building the command line: used to renew the
//! committed sample, and to measure.
//!
//! `cargo run -p datasets --example generate -- SPANS DAYS SEED PATH`

use std::io::Write;
use std::time::Instant;

use datasets::{Plan, Settings, write_file};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [spans, days, seed, path] = words.as_slice() else {
        return Err("usage: generate SPANS DAYS SEED PATH".into());
    };
    let settings = Settings {
        spans: spans.parse()?,
        days: days.parse()?,
        seed: seed.parse()?,
        ..Settings::default()
    };
    let started = Instant::now();
    let plan = Plan::new(&settings)?;
    let planned = started.elapsed();
    let summary = write_file(&plan, path, |_| ())?;
    let seconds = started.elapsed().as_secs_f64();
    let mut out = std::io::stdout();
    writeln!(out, "{summary:#?}")?;
    writeln!(out, "{:#?}", plan.root_operations())?;
    for incident in plan.incidents() {
        let hours = |ns: u64| {
            (ns as i64 - settings.start.timestamp_nanos_opt().unwrap_or(0)) as f64 / 3.6e12
        };
        let (from, to) = (hours(incident.start_ns), hours(incident.end_ns));
        writeln!(out, "{:20} hour {from:.2} to {to:.2}", incident.id)?;
    }
    writeln!(out, "planned in {planned:?}, {:.0} spans/s", summary.spans as f64 / seconds)?;
    Ok(())
}
