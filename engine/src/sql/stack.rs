//! Runs planning on a thread with a large stack.
//!
//! Parsers and planners recurse over the query. What the guard lets through fits
//! this stack; on a server thread of 2 MiB it might abort the process.

use std::future::Future;

use tokio::runtime::Handle;

use crate::error::{Error, Result};

const STACK_BYTES: usize = 64 << 20;

/// Runs `work` to its end on a thread of its own.
pub(crate) async fn on_large_stack<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let runtime = Handle::current();
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("spanlake-plan".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            // The receiver is gone if the caller was cancelled; the result is then not wanted.
            let _ = done.send(runtime.block_on(work));
        })
        .map_err(|e| Error::ResourcesExhausted(format!("cannot start a planning thread: {e}")))?;
    result.await.map_err(|_| Error::Internal("planning panicked".into()))?
}
