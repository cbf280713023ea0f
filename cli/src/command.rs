//! From a parsed command line to the work it asks for.

mod check;
mod compact;
mod demo;
mod erase;
mod export;
mod functions;
mod generate;
mod import;
mod report;
mod retain;
mod serve;
pub(crate) mod sql;
mod vacuum;
mod watch;

use std::future::Future;

use anyhow::Result;
use engine::{Engine, Location, Settings};

use crate::args::{Command, LakeArg, Report};
use crate::interrupt::{StopSignals, interruptible, on_large_stack};

/// Runs one command.
pub(crate) async fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(args) => stoppable(demo::run(args)).await,
        Command::Compact(args) => stoppable(compact::run(args)).await,
        Command::Vacuum(args) => stoppable(vacuum::run(args)).await,
        Command::Retain(args) => stoppable(retain::run(args)).await,
        Command::Erase(args) => stoppable(erase::run(args)).await,
        Command::Export(args) => stoppable(export::run(args)).await,
        Command::Check(args) => stoppable(check::run(args)).await,
        // These end their work themselves when they are interrupted.
        Command::Import(args) => on_large_stack(import::run(args)).await,
        Command::Serve(args) => on_large_stack(serve::run(args)).await,
        Command::Sql(args) if sql::is_interactive(&args) => on_large_stack(sql::shell(args)).await,
        Command::Sql(args) => stoppable(sql::run(args)).await,
        Command::Report(args) => match args.report {
            Report::Tuesday(args) => stoppable(report::tuesday(args)).await,
        },
        Command::Slo(args) => stoppable(watch::slo(args)).await,
        Command::Anomalies(args) => stoppable(watch::anomalies(args)).await,
        Command::Triage(args) => stoppable(watch::triage(args)).await,
        Command::Diff(args) => stoppable(watch::diff(args)).await,
        Command::Graph(args) => stoppable(watch::graph(args)).await,
        Command::Generate(args) => stoppable(generate::run(args)).await,
        Command::Functions(args) => functions::run(&args),
    }
}

/// Opens the lake that the user named; it must exist.
pub(crate) async fn open(lake: &LakeArg) -> Result<Engine> {
    let location = Location::parse(lake.text())?;
    Ok(Engine::open(&location, Settings::default()).await?)
}

/// Runs work that can be dropped at any moment.
async fn stoppable(work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    interruptible(StopSignals::listen()?, work).await
}
