//! Counts the instructions of the hot kernels and compares them with the committed counts.
//!
//! ```text
//! instructions                 compare with benches/instructions.csv; exit code 1 if a kernel got slower
//! instructions --update        write that file
//! instructions --run NAME N    do the work of a kernel N times: what is counted
//! ```
//!
//! Counting is done by valgrind's callgrind. It does not depend on what else the machine
//! does, so a few percent are seen that no clock would show. A kernel is run once and
//! three times, and half of the difference is one run without its preparation.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use benches::kernels::{KERNELS, Kernel, kernel};
use clap::Parser;

const COUNTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.csv");
const HEADER: &str = "kernel,instructions,per";

/// By how much a count may grow: the C library picks its functions by processor, and threads take turns.
const TOLERANCE: f64 = 0.05;

/// Counts the instructions of the hot kernels.
#[derive(Debug, Parser)]
struct Args {
    /// Write the counts instead of comparing them.
    #[arg(long)]
    update: bool,
    /// Do the work of a kernel so many times, and nothing else.
    #[arg(long, num_args = 2, value_names = ["NAME", "TIMES"])]
    run: Option<Vec<String>>,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if let Some([name, times]) = args.run.as_deref() {
        let kernel = kernel(name).with_context(|| format!("there is no kernel `{name}`"))?;
        let mut work = (kernel.prepare)();
        (0..times.parse::<u32>()?).for_each(|_| work());
        return Ok(ExitCode::SUCCESS);
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        say("valgrind is not installed: instructions were NOT compared")?;
        return Ok(ExitCode::SUCCESS);
    }
    let known = if args.update { BTreeMap::new() } else { read(Path::new(COUNTS))? };
    let mut lines = vec![HEADER.to_owned()];
    let mut is_slower = false;
    say(&format!("{:<18} {:>12} {:>12} {:>8}", "kernel", "counted", "committed", "change"))?;
    for kernel in KERNELS {
        let counted = count(kernel)?;
        lines.push(format!("{},{counted:.0},{}", kernel.name, kernel.item));
        let committed = known.get(kernel.name).copied();
        let change = committed.map(|committed| counted / committed - 1.0);
        is_slower |= !args.update && change.is_none_or(|change| change > TOLERANCE);
        say(&format!(
            "{:<18} {counted:>12.0} {:>12} {:>8}  per {}",
            kernel.name,
            committed.map_or_else(|| "-".into(), |committed| format!("{committed:.0}")),
            change.map_or_else(|| "-".into(), |change| format!("{:+.1} %", change * 100.0)),
            kernel.item,
        ))?;
    }
    if args.update {
        std::fs::write(COUNTS, lines.join("\n") + "\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    if is_slower {
        say(&format!(
            "a kernel takes over {:.0} % more instructions; mend it, or commit the new counts with \
             --update and say why",
            TOLERANCE * 100.0
        ))?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Instructions for one item.
fn count(kernel: &Kernel) -> Result<f64> {
    let (once, thrice) = (collect(kernel, 1)?, collect(kernel, 3)?);
    Ok(thrice.saturating_sub(once) as f64 / 2.0 / kernel.items as f64)
}

fn collect(kernel: &Kernel, times: u32) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--read-inline-info=no"])
        .arg(std::env::current_exe()?)
        .args(["--run", kernel.name, &times.to_string()])
        .output()
        .context("valgrind does not start")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    match collected.and_then(|(_, number)| number.trim().parse().ok()) {
        Some(count) if output.status.success() => Ok(count),
        _ => bail!("kernel `{}` was not counted: {said}", kernel.name),
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, f64>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read; write it with --update", path.display()))?;
    let line = |line: &str| {
        let mut cells = line.split(',');
        let (name, count) = (cells.next()?, cells.next()?.parse().ok()?);
        Some((name.to_owned(), count))
    };
    Ok(text.lines().skip(1).filter_map(line).collect())
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
