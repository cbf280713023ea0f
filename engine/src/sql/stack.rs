//! Runs planning on a thread with a large stack.
//!
//! Parsers and planners recurse over the query. What the guard lets through fits
//! this stack; on a server thread of 2 MiB it might abort the process. Starting such a
//! thread, and touching its stack for the first time, takes longer than planning a
//! short query, so some threads are kept.

use std::future::Future;
use std::io;
use std::sync::mpsc::{SendError, Sender, channel};
use std::sync::{Mutex, MutexGuard};

use tokio::runtime::Handle;

use crate::error::{Error, Result};

/// The stack that planning any statement needs, at most.
pub const PLANNING_STACK_BYTES: usize = 64 << 20;
/// Threads that are kept when they have nothing to do.
const MOST_IDLE: usize = 8;

type Job = Box<dyn FnOnce() + Send>;

/// The way to the threads that have nothing to do.
static IDLE: Mutex<Vec<Sender<Job>>> = Mutex::new(Vec::new());

/// Runs `work` to its end on a thread that nobody else uses meanwhile.
pub(crate) async fn on_large_stack<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let runtime = Handle::current();
    let (done, result) = tokio::sync::oneshot::channel();
    let job = move || {
        // The receiver is gone if the caller was cancelled; the result is then not wanted.
        let _ = done.send(runtime.block_on(work));
    };
    start(Box::new(job))
        .map_err(|e| Error::ResourcesExhausted(format!("cannot start a planning thread: {e}")))?;
    result.await.map_err(|_| Error::Internal("planning panicked".into()))?
}

/// Begins `work` on such a thread. What becomes of it nobody is told; if there is no thread, nothing does.
pub(crate) fn begin_on_large_stack(work: impl Future<Output = ()> + Send + 'static) {
    let runtime = Handle::current();
    let _ = start(Box::new(move || runtime.block_on(work)));
}

fn start(mut job: Job) -> io::Result<()> {
    let idle = idle().pop();
    if let Some(thread) = idle {
        match thread.send(job) {
            Ok(()) => return Ok(()),
            // It is gone, and gives the job back.
            Err(SendError(returned)) => job = returned,
        }
    }
    let (this, jobs) = channel::<Job>();
    let thread =
        std::thread::Builder::new().name("spanlake-plan".into()).stack_size(PLANNING_STACK_BYTES);
    // A job that panics ends its thread, which is not among the idle ones then.
    thread.spawn(move || {
        job();
        while keep(&this)
            && let Ok(next) = jobs.recv()
        {
            next();
        }
    })?;
    Ok(())
}

/// Offers a thread for the next job; false if there are enough.
fn keep(thread: &Sender<Job>) -> bool {
    let mut idle = idle();
    let is_kept = idle.len() < MOST_IDLE;
    if is_kept {
        idle.push(thread.clone());
    }
    is_kept
}

fn idle() -> MutexGuard<'static, Vec<Sender<Job>>> {
    // A poisoned lock still holds whole entries.
    IDLE.lock().unwrap_or_else(|e| e.into_inner())
}

#[cfg(test)]
mod tests;
