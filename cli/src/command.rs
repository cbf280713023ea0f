//! From a parsed command line to the work it asks for.

mod demo;
mod functions;
mod generate;
mod import;
mod report;
mod serve;
pub(crate) mod sql;

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, anyhow};
use engine::{Engine, Location, Settings};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Command, LakeArg, Report};
use crate::failure::Interrupted;

/// How long stopped work may take to remove its temporary files.
const LAST_MOMENTS: Duration = Duration::from_secs(2);

/// Runs one command.
pub(crate) async fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(args) => interruptible(demo::run(args)).await,
        // These two end their work themselves when they are interrupted.
        Command::Import(args) => on_large_stack(import::run(args)).await,
        Command::Serve(args) => on_large_stack(serve::run(args)).await,
        Command::Sql(args) if sql::is_interactive(&args) => on_large_stack(sql::shell(args)).await,
        Command::Sql(args) => interruptible(sql::run(args)).await,
        Command::Report(args) => match args.report {
            Report::Tuesday(args) => interruptible(report::tuesday(args)).await,
        },
        Command::Generate(args) => interruptible(generate::run(args)).await,
        Command::Functions(args) => functions::run(&args),
    }
}

/// Opens the lake that the user named; it must exist.
pub(crate) async fn open(lake: &LakeArg) -> Result<Engine> {
    let location = Location::parse(lake.text())?;
    Ok(Engine::open(&location, Settings::default()).await?)
}

/// The signals that ask the process to stop: Ctrl-C and SIGTERM.
#[derive(Debug)]
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Takes the signals over from here on.
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Completes at the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Runs `work` on a thread of the runtime: the stack of the main thread is not ours to choose.
async fn on_large_stack<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work)
        .await
        .unwrap_or_else(|error| Err(anyhow!("internal error, please report it: {error}")))
}

/// Runs `work`, and drops it when the process is asked to stop. What it has not finished it must remove on drop.
pub(crate) async fn interruptible<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let mut signals = StopSignals::listen()?;
    let mut task = tokio::spawn(work);
    tokio::select! {
        done = &mut task => {
            done.unwrap_or_else(|error| Err(anyhow!("internal error, please report it: {error}")))
        }
        () = signals.next() => {
            task.abort();
            let _ = tokio::time::timeout(LAST_MOMENTS, task).await;
            Err(Interrupted.into())
        }
    }
}
