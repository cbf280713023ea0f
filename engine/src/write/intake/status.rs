//! What operations can see of the live write path.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// Upper bounds of the buckets of [`Timings`]; a last bucket takes what is longer.
pub const TIMING_BOUNDS: [Duration; 13] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(10),
];

/// Whether requests are accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// Yes.
    #[default]
    Ready,
    /// Not now: the disk of the log is full or read-only. Ends by itself when there is room.
    NoSpace(String),
    /// No more: the log failed. The process has to be started again.
    Failed(String),
    /// No more: it was shut down.
    Closed,
}

/// How long something took, over the life of the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// How often.
    pub count: u64,
    /// All together.
    pub total: Duration,
    /// The last time.
    pub last: Duration,
    /// How often it took up to each of [`TIMING_BOUNDS`] (and longer than the one before), then longer than all.
    pub buckets: [u64; TIMING_BOUNDS.len() + 1],
}

impl Timings {
    fn add(&mut self, duration: Duration) {
        self.count += 1;
        self.total += duration;
        self.last = duration;
        let bucket = TIMING_BOUNDS.iter().position(|bound| duration <= *bound);
        self.buckets[bucket.unwrap_or(TIMING_BOUNDS.len())] += 1;
    }
}

/// The state of the live write path at one moment. Counts start with the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntakeStatus {
    /// Whether requests are accepted.
    pub condition: Condition,
    /// Requests that were logged.
    pub logged_requests: u64,
    /// Spans that were logged.
    pub logged_spans: u64,
    /// Requests that were told to come again later.
    pub busy_requests: u64,
    /// Bytes of requests that wait for the log, payload and Arrow.
    pub queued_bytes: u64,
    /// Bytes in the log.
    pub wal_bytes: u64,
    /// Bytes of the log from which requests are told to come again later.
    pub wal_busy_bytes: u64,
    /// Files of the log.
    pub wal_segments: u64,
    /// Writes with sync of the log: one per group of requests.
    pub wal_syncs: Timings,
    /// Number of the last record that was logged.
    pub logged_seq: u64,
    /// Number of the last record that is in the lake.
    pub committed_seq: u64,
    /// Records that were read back at the start.
    pub replayed_records: u64,
    /// Bytes at the end of the log that a power cut had left half-written.
    pub torn_bytes: u64,
    /// Damaged bytes of the log that were set aside.
    pub corrupt_bytes: u64,
    /// Rows in memory that are not in the lake.
    pub memtable_rows: u64,
    /// Bytes of these rows.
    pub memtable_bytes: u64,
    /// How long the oldest of them has been there.
    pub oldest_unflushed: Option<Duration>,
    /// Flushes that were committed.
    pub flushes: Timings,
    /// Spans that were flushed.
    pub flushed_spans: u64,
    /// Flushes that failed, and are tried again.
    pub flush_failures: u64,
    /// Why the last flush failed; `None` once one succeeded.
    pub flush_error: Option<String>,
}

/// The parts of the status that several threads write.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) queued_bytes: AtomicU64,
    pub(super) wal_bytes: AtomicU64,
    pub(super) busy_requests: AtomicU64,
    counted: Mutex<IntakeStatus>,
}

impl Counters {
    /// What was counted; the caller fills in the rest.
    pub(super) fn counted(&self) -> IntakeStatus {
        let mut status = self.locked().clone();
        status.queued_bytes = self.queued_bytes.load(Ordering::Relaxed);
        status.wal_bytes = self.wal_bytes.load(Ordering::Relaxed);
        status.busy_requests = self.busy_requests.load(Ordering::Relaxed);
        status
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut IntakeStatus)) {
        change(&mut self.locked());
    }

    pub(super) fn add_sync(&self, duration: Duration) {
        self.update(|status| status.wal_syncs.add(duration));
    }

    pub(super) fn add_flush(&self, duration: Duration, spans: u64) {
        self.update(|status| {
            status.flushes.add(duration);
            status.flushed_spans += spans;
            status.flush_error = None;
        });
    }

    fn locked(&self) -> MutexGuard<'_, IntakeStatus> {
        // Counting cannot leave a count half-done.
        self.counted.lock().unwrap_or_else(|e| e.into_inner())
    }
}
