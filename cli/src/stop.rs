//! Stops blocking work whose result nobody waits for any more.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use crate::interrupt::panicked;

/// Tells blocking work whether it is still wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether the work should end.
    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A writer that fails as soon as the work should end.
    pub(crate) fn guard<W: Write>(&self, writer: W) -> Guarded<W> {
        Guarded { stop: self.clone(), writer }
    }
}

/// Sets the flag when the future that waits for the work is dropped.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on a thread where it may block. Dropping the future asks the work to stop.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> Result<T> + Send + 'static,
) -> Result<T> {
    let stop = Stop::default();
    let on_drop = StopOnDrop(stop.clone());
    let done = tokio::task::spawn_blocking(move || work(&stop)).await;
    drop(on_drop);
    done.unwrap_or_else(|error| Err(panicked(&error)))
}

/// See [`Stop::guard`].
#[derive(Debug)]
pub(crate) struct Guarded<W> {
    stop: Stop,
    writer: W,
}

impl<W: Write> Write for Guarded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.is_requested() {
            // Not `Interrupted`: that kind is tried again.
            return Err(io::Error::other("stopped"));
        }
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
