//! How much clients may ask for at once, and how long a query may compute.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tonic::Status;

use crate::settings::Settings;
use crate::status;

/// Lets so many in, makes so many wait, and refuses the rest.
#[derive(Debug)]
pub(crate) struct Gate {
    running: Arc<Semaphore>,
    waiting: Semaphore,
    wait: Duration,
    settings: Settings,
}

impl Gate {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            running: Arc::new(Semaphore::new(settings.concurrent_queries.max(1))),
            waiting: Semaphore::new(settings.queued_queries),
            wait: Duration::from_secs(settings.queue_wait_seconds),
            settings: settings.clone(),
        }
    }

    /// Waits for a turn. The turn ends when the permit is dropped.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, Status> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = self.waiting.try_acquire().map_err(|_| self.busy())?;
        let turn = Arc::clone(&self.running).acquire_owned();
        match timeout(self.wait, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(self.busy()),
        }
    }

    /// A turn, if one is free: for what may be left out.
    pub(crate) fn try_enter(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.running).try_acquire_owned().ok()
    }

    fn busy(&self) -> Status {
        status::exhausted(format!(
            "the server is busy: {} queries run and others wait; try again in a few seconds",
            self.settings.concurrent_queries
        ))
    }
}

/// The time that one query may still compute. Only the time within [`ComputeTime::spend`] counts.
#[derive(Debug)]
pub(crate) struct ComputeTime {
    allowed: Duration,
    left: Duration,
}

impl ComputeTime {
    pub(crate) fn new(allowed: Duration) -> Self {
        Self { allowed, left: allowed }
    }

    /// Waits for `work`, which is dropped when the time is over.
    pub(crate) async fn spend<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Status> {
        let begin = Instant::now();
        let done = timeout(self.left, work).await.map_err(|_| {
            Status::deadline_exceeded(format!(
                "the query took longer than {} s; narrow its time range or aggregate more",
                self.allowed.as_secs()
            ))
        })?;
        self.left = self.left.saturating_sub(begin.elapsed());
        Ok(done)
    }
}

/// What one result may still hold.
#[derive(Debug)]
pub(crate) struct ResultSize<'a> {
    settings: &'a Settings,
    rows: u64,
    bytes: u64,
}

impl<'a> ResultSize<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self { settings, rows: 0, bytes: 0 }
    }

    /// Counts what is about to be sent.
    pub(crate) fn add(&mut self, rows: usize, bytes: usize) -> Result<(), Status> {
        let Settings { max_result_rows, max_result_bytes, .. } = self.settings;
        self.rows += rows as u64;
        self.bytes += bytes as u64;
        let limit = if self.rows > *max_result_rows {
            format!("{max_result_rows} rows")
        } else if self.bytes > *max_result_bytes {
            format!("{max_result_bytes} bytes")
        } else {
            return Ok(());
        };
        Err(status::exhausted(format!(
            "the result has more than {limit}; it ends here, incomplete: add a LIMIT or aggregate"
        )))
    }
}

#[cfg(test)]
mod tests;
