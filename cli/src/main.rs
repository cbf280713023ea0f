//! The `spanlake` binary: runs one command and turns its failure into an exit code.

mod args;
mod command;
mod export;
mod failure;
mod import;
mod interrupt;
mod lake;
mod output;
mod progress;
mod serve;
mod shell;
mod statements;
mod stop;
mod tables;
mod terminal;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tikv_jemallocator::Jemalloc;

use crate::args::Args;

/// Threads come and go with large buffers. The allocator of glibc keeps what they free, and mimalloc
/// gives it back so soon that a fifth of the time went into clearing pages.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// How long a cancelled command may take to let go of its files.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    let runtime = interrupt::threads()?;
    let result = runtime.block_on(command::run(args.command));
    runtime.shutdown_timeout(LAST_MOMENTS);
    result
}
