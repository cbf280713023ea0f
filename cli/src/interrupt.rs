//! Stops work when the user presses Ctrl-C or the system sends SIGTERM.
//!
//! Some queries, joins above all, compute for long without giving way. On the
//! threads that wait for signals they could not be stopped, so work has threads of
//! its own, which end with it: what does not give way is left behind.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use engine::THREAD_STACK_BYTES;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinError, spawn_blocking};

use crate::failure::Interrupted;

/// How long stopped work may take to remove its temporary files.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// Threads for work that computes, and may compute deep expressions.
pub(crate) fn threads() -> Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(THREAD_STACK_BYTES)
        .build()
        .context("cannot start threads")
}

/// The signals that ask to stop.
#[derive(Debug)]
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Option<Signal>,
}

impl StopSignals {
    /// Takes over Ctrl-C and SIGTERM from here on.
    pub(crate) fn listen() -> Result<Self> {
        let terminate = Some(signal(SignalKind::terminate())?);
        Ok(Self { terminate, ..Self::ctrl_c()? })
    }

    /// Takes over Ctrl-C only; SIGTERM ends the process.
    pub(crate) fn ctrl_c() -> Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: None })
    }

    /// Completes at the next one.
    pub(crate) async fn next(&mut self) {
        match &mut self.terminate {
            Some(terminate) => tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = terminate.recv() => {}
            },
            None => drop(self.interrupt.recv().await),
        }
    }
}

/// Runs `work` on threads of its own, and drops it at a signal. What it has not finished it must
/// remove on drop.
pub(crate) async fn interruptible<T: Send + 'static>(
    mut signals: StopSignals,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let threads = threads()?;
    let mut task = threads.spawn(work);
    tokio::select! {
        done = &mut task => {
            threads.shutdown_background();
            done.unwrap_or_else(|error| Err(panicked(&error)))
        }
        () = signals.next() => {
            task.abort();
            // Waits for files to be removed, and not for a query that does not give way.
            let _ = spawn_blocking(|| threads.shutdown_timeout(LAST_MOMENTS)).await;
            Err(Interrupted.into())
        }
    }
}

/// Runs `work` on a thread of the runtime: the stack of the main thread is not ours to choose.
pub(crate) async fn on_large_stack<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(panicked(&error)))
}

/// What a user can do about a panic.
pub(crate) fn panicked(error: &JoinError) -> anyhow::Error {
    anyhow!("internal error, please report it: {error}")
}
