//! Counts queries, for whoever watches the server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tonic::{Code, Status};

/// Upper bounds of the buckets of [`QueryCounts::buckets`]; a last bucket takes what is longer.
pub const QUERY_TIME_BOUNDS: [Duration; 10] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];

/// Counts queries. Shared by the server and whoever shows the numbers.
#[derive(Debug, Default)]
pub struct Stats {
    counts: Mutex<QueryCounts>,
}

/// What became of the queries whose rows were asked for, since the server started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryCounts {
    /// Queries that ended, by outcome: `ok`, or the name of the gRPC status in snake case.
    pub ended: BTreeMap<&'static str, u64>,
    /// Queries that wait for their turn or run now.
    pub running: u64,
    /// Time of all ended queries, waiting and sending included.
    pub total: Duration,
    /// How many of them took up to each of [`QUERY_TIME_BOUNDS`] (and longer than the one before), then
    /// longer than all.
    pub buckets: [u64; QUERY_TIME_BOUNDS.len() + 1],
}

impl Stats {
    /// The counts as they are now.
    pub fn snapshot(&self) -> QueryCounts {
        self.counts().clone()
    }

    fn count(&self, outcome: &'static str, time: Duration) {
        let mut counts = self.counts();
        *counts.ended.entry(outcome).or_default() += 1;
        counts.running = counts.running.saturating_sub(1);
        counts.total += time;
        let bucket = QUERY_TIME_BOUNDS.iter().position(|bound| time <= *bound);
        counts.buckets[bucket.unwrap_or(QUERY_TIME_BOUNDS.len())] += 1;
    }

    fn counts(&self) -> MutexGuard<'_, QueryCounts> {
        // Counting cannot leave a count half-done.
        self.counts.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// One query. Counts as cancelled if it is dropped before it ended.
#[derive(Debug)]
pub(crate) struct Counted {
    stats: Arc<Stats>,
    begun: Instant,
    outcome: &'static str,
}

impl Counted {
    pub(crate) fn begin(stats: &Arc<Stats>) -> Self {
        stats.counts().running += 1;
        let outcome = name(Code::Cancelled);
        Self { stats: Arc::clone(stats), begun: Instant::now(), outcome }
    }

    pub(crate) fn end<T>(mut self, outcome: &Result<T, Status>) {
        self.outcome = outcome.as_ref().err().map_or("ok", |status| name(status.code()));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.stats.count(self.outcome, self.begun.elapsed());
    }
}

fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::ResourceExhausted => "resource_exhausted",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Internal => "internal",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
