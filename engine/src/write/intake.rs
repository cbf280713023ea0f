//! The live write path: requests that are answered once they are durable.
//!
//! ```text
//! append -> admission -> log thread: wal, sync, memtable -> answer
//!                                              |
//!                        flush loop: Parquet, commit -> segments dropped
//! ```
//!
//! Success means: every span of the request is in the log on disk, and the next
//! query sees it. Everything that is refused here may be sent again.
//!
//! # Not here
//!
//! No wire format: the caller decodes, and gives a decoder for the next start.

mod flush_loop;
mod log_thread;
mod replay;
mod status;

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use schema::SpanBatch;
use tokio::sync::{Notify, oneshot};

use crate::catalog::TableLog;
use crate::disk::FileSystem;
use crate::error::{Error, Result};
use crate::settings::LiveSettings;
use crate::write::Committed;
use crate::write::data_files::DataFiles;
use crate::write::flush::Flusher;
use crate::write::memtable::Memtable;
use crate::write::wal::{MAX_CONTEXT_BYTES, Payload, Recovery};
use log_thread::{Command, LogThread, Request};
use status::Counters;

pub use status::{Condition, IntakeStatus, TIMING_BOUNDS, Timings};

/// When a caller that was told that too much is waiting should come again.
const RETRY_BUSY: Duration = Duration::from_secs(2);
/// When a caller that found the disk full should come again.
const RETRY_NO_SPACE: Duration = Duration::from_secs(30);
/// When a caller that found the log failed should come again: another process will answer.
const RETRY_FAILED: Duration = Duration::from_secs(10);

/// Largest payload of one record.
const MAX_PAYLOAD_BYTES: usize = 1 << 30;

/// Decodes logged payloads again, at the start after a crash.
pub trait Decode: Debug + Send + Sync {
    /// The settings that decoding depends on, as text of at most 16,000 bytes. It is stored with
    /// the payloads, so that they are decoded as the first time although the settings changed.
    fn context(&self) -> String;

    /// The spans of a payload that was accepted under `context`.
    ///
    /// # Errors
    ///
    /// Why it does not decode; the log then counts as damaged.
    fn decode(&self, payload: &Payload, context: &str) -> Result<Vec<SpanBatch>, String>;
}

/// Why a request was not accepted. Nothing of it is stored, or it may be sent again all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// Too much is waiting. Send it again later.
    #[error("{reason}; try again later")]
    Busy {
        /// What is full.
        reason: &'static str,
    },
    /// The disk of the log is full or read-only. Send it again later.
    #[error("the write-ahead log cannot be written: {reason}")]
    NoSpace {
        /// What the system said.
        reason: String,
    },
    /// The log failed. Send it again; it is not known whether the request is stored.
    #[error("the write-ahead log failed: {reason}")]
    Failed {
        /// What the system said.
        reason: String,
    },
    /// The server is shutting down. Send it again.
    #[error("the server is shutting down")]
    Closed,
    /// The request can never be stored.
    #[error("the request cannot be stored: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
}

impl IntakeError {
    /// When to send the request again; `None` if that is no use.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { .. } => Some(RETRY_BUSY),
            Self::NoSpace { .. } => Some(RETRY_NO_SPACE),
            Self::Failed { .. } | Self::Closed => Some(RETRY_FAILED),
            Self::Refused { .. } => None,
        }
    }
}

/// Accepts spans. Cheap to clone; clones are the same intake.
#[derive(Debug, Clone)]
pub struct Intake {
    inner: Arc<Inner>,
}

/// What readers need of the live write path.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) memtable: Arc<Memtable>,
    pub(crate) writer_id: String,
}

/// What an intake is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) data_files: DataFiles,
    pub(crate) log: Arc<TableLog>,
    pub(crate) disk: Arc<dyn FileSystem>,
    pub(crate) decode: Arc<dyn Decode>,
    pub(crate) settings: LiveSettings,
}

#[derive(Debug)]
struct Inner {
    settings: LiveSettings,
    memtable: Arc<Memtable>,
    counters: Arc<Counters>,
    flusher: tokio::sync::Mutex<Flusher>,
    /// `None` after the shutdown.
    log: Mutex<Option<RunningLog>>,
    closed: AtomicBool,
    /// Requests are refused until a flush made room.
    is_pressed: AtomicBool,
    wake: Arc<Notify>,
}

#[derive(Debug)]
struct RunningLog {
    commands: Sender<Command>,
    thread: JoinHandle<()>,
}

impl Intake {
    /// Reads back the log, and starts the log thread and the flush loop.
    pub(crate) async fn start(parts: Parts) -> Result<(Self, Live)> {
        let context = parts.decode.context();
        if context.len() > MAX_CONTEXT_BYTES {
            return Err(Error::BadSettings(format!(
                "the settings that decoding depends on take {} bytes, and the write-ahead log has \
                 room for {MAX_CONTEXT_BYTES}; shorten the lists in them",
                context.len()
            )));
        }
        let Parts { data_files, log, disk, decode, settings } = parts;
        let table_id = log.table_id().await?;
        let recovery = {
            let settings = settings.clone();
            blocking(move || Recovery::begin(disk, &settings, &table_id)).await?
        };
        let writer_id = recovery.identity().writer_id.clone();
        let (_, committed) = log.snapshot_and_mark(&writer_id).await?;
        let recovery = blocking(move || {
            let mut recovery = recovery;
            recovery.prepare(committed)?;
            Ok(recovery)
        })
        .await?;
        let memtable = Arc::new(Memtable::default());
        let counters = Arc::new(Counters::default());
        let marker = (writer_id.clone(), committed);
        let flush_bytes = settings.memtable_flush_bytes;
        let mut flusher = Flusher::new(data_files, log, Arc::clone(&memtable), marker, flush_bytes);
        let recovery =
            replay::replay(recovery, decode, &memtable, &mut flusher, &counters, flush_bytes)
                .await?;

        let (commands, queue) = mpsc::channel();
        let thread = LogThread {
            wal: recovery.finish(context),
            memtable: Arc::clone(&memtable),
            counters: Arc::clone(&counters),
            no_space: false,
        };
        let thread = std::thread::Builder::new()
            .name("spanlake-wal".into())
            .spawn(move || thread.run(&queue))
            .map_err(|e| Error::ResourcesExhausted(format!("cannot start a thread: {e}")))?;
        let covered = Command::Covered(flusher.committed_seq());
        // The thread has just been started; if it died, the first request says so.
        let _ = commands.send(covered);
        let inner = Arc::new(Inner {
            settings,
            memtable: Arc::clone(&memtable),
            counters,
            flusher: tokio::sync::Mutex::new(flusher),
            log: Mutex::new(Some(RunningLog { commands, thread })),
            closed: AtomicBool::new(false),
            is_pressed: AtomicBool::new(false),
            wake: Arc::new(Notify::new()),
        });
        flush_loop::start(&inner);
        Ok((Self { inner }, Live { memtable, writer_id }))
    }

    /// Stores a request: `batches` are its spans, decoded. Returns when they are durable and visible.
    ///
    /// If the caller stops waiting, the request may be stored or not.
    ///
    /// # Errors
    ///
    /// [`IntakeError`]; all but [`IntakeError::Refused`] may be sent again.
    pub async fn append(
        &self,
        payload: Payload,
        batches: Vec<SpanBatch>,
    ) -> Result<(), IntakeError> {
        let batches = rows_of(batches);
        if batches.is_empty() {
            return Ok(());
        }
        let arrow_bytes: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let queued_bytes = (payload.bytes.len() + arrow_bytes) as u64;
        self.inner.admit(payload.bytes.len() as u64, queued_bytes)?;
        let (answer, answered) = oneshot::channel();
        let request = Request { payload, batches, queued_bytes, answer };
        let counters = &self.inner.counters;
        counters.queued_bytes.fetch_add(queued_bytes, Ordering::Relaxed);
        if !self.inner.send(Command::Append(request)) {
            counters.queued_bytes.fetch_sub(queued_bytes, Ordering::Relaxed);
            return Err(self.inner.thread_is_gone());
        }
        let result = answered.await.unwrap_or_else(|_| Err(self.inner.thread_is_gone()));
        if self.inner.memtable.size().bytes >= self.inner.settings.memtable_flush_bytes {
            self.inner.wake.notify_one();
        }
        result
    }

    /// The state of now.
    pub fn status(&self) -> IntakeStatus {
        let mut status = self.inner.counters.counted();
        if self.inner.closed.load(Ordering::Relaxed) {
            status.condition = Condition::Closed;
        }
        let memtable = self.inner.memtable.size();
        status.memtable_rows = memtable.rows;
        status.memtable_bytes = memtable.bytes;
        status.oldest_unflushed = memtable.age;
        status.wal_busy_bytes = self.inner.settings.wal_busy_bytes();
        status
    }

    /// Moves everything that was acknowledged so far into the lake, and out of the log.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`]; the spans stay where they are, and the call may be repeated.
    pub async fn flush(&self) -> Result<Committed> {
        let flushed = self.inner.flush_all().await?;
        self.inner.log_is_done().await;
        Ok(flushed)
    }

    /// Accepts nothing more, finishes what was accepted, and flushes. After an error, or if the
    /// caller stops waiting, what was acknowledged is in the log and the next start flushes it.
    ///
    /// # Errors
    ///
    /// As [`Intake::flush`].
    pub async fn shutdown(&self) -> Result<Committed> {
        self.inner.closed.store(true, Ordering::Relaxed);
        self.inner.log_is_done().await;
        let flushed = self.inner.flush_all().await;
        let running = self.inner.running_log().take();
        if let Some(RunningLog { commands, thread }) = running {
            drop(commands);
            blocking(move || thread.join().map_err(|_| Error::Internal("the log thread".into())))
                .await?;
        }
        self.inner.wake.notify_one();
        flushed
    }
}

impl Inner {
    /// Whether there is room for one more request.
    fn admit(&self, payload_bytes: u64, queued_bytes: u64) -> Result<(), IntakeError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(IntakeError::Closed);
        }
        let wal_busy = self.settings.wal_busy_bytes();
        if payload_bytes > wal_busy.min(MAX_PAYLOAD_BYTES as u64) {
            let reason = format!("it has {payload_bytes} bytes, more than the log can take");
            return Err(IntakeError::Refused { reason });
        }
        let queued = self.counters.queued_bytes.load(Ordering::Relaxed);
        let logged = self.counters.wal_bytes.load(Ordering::Relaxed);
        let in_memory = self.memtable.size().bytes;
        let reason = if queued > 0 && queued + queued_bytes > self.settings.queue_max_bytes {
            "too many requests wait for the write-ahead log"
        } else if logged + payload_bytes > wal_busy {
            "the write-ahead log is full of spans that are not in the lake yet"
        } else if in_memory > 0 && in_memory + queued > self.settings.memtable_max_bytes {
            "too many spans in memory are not in the lake yet"
        } else {
            return Ok(());
        };
        self.counters.busy_requests.fetch_add(1, Ordering::Relaxed);
        self.is_pressed.store(true, Ordering::Relaxed);
        self.wake.notify_one();
        Err(IntakeError::Busy { reason })
    }

    async fn flush_all(&self) -> Result<Committed> {
        let mut flusher = self.flusher.lock().await;
        let through = self.memtable.chunks().last().map_or(0, |chunk| chunk.last_seq());
        let mut all = Committed::default();
        while flusher.committed_seq() < through
            && let Some(committed) = self.flush_oldest(&mut flusher).await?
        {
            all = all.and(committed);
        }
        Ok(all)
    }

    /// One flush, counted; the log may forget what it covers.
    async fn flush_oldest(&self, flusher: &mut Flusher) -> Result<Option<Committed>> {
        let started = Instant::now();
        let flushed = flusher.flush_oldest().await;
        match &flushed {
            Ok(Some(committed)) => self.counters.add_flush(started.elapsed(), committed.spans),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a flush failed; it is tried again");
                self.counters.update(|status| {
                    status.flush_failures += 1;
                    status.flush_error = Some(error.to_string());
                });
            }
        }
        let committed_seq = flusher.committed_seq();
        self.counters.update(|status| status.committed_seq = committed_seq);
        if flushed.is_ok() {
            self.is_pressed.store(false, Ordering::Relaxed);
            self.send(Command::Covered(committed_seq));
        }
        flushed
    }

    /// Waits until the log thread has done what it was sent so far.
    async fn log_is_done(&self) {
        let (done, finished) = oneshot::channel();
        if self.send(Command::Finish(done)) {
            // An error means that the thread is gone, and with it what it could still do.
            let _ = finished.await;
        }
    }

    /// False if there is nobody to send it to.
    fn send(&self, command: Command) -> bool {
        match &*self.running_log() {
            Some(running) => running.commands.send(command).is_ok(),
            None => false,
        }
    }

    fn running_log(&self) -> MutexGuard<'_, Option<RunningLog>> {
        // A poisoned lock still holds the thread or none.
        self.log.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn thread_is_gone(&self) -> IntakeError {
        if self.closed.load(Ordering::Relaxed) {
            return IntakeError::Closed;
        }
        let reason = "its thread stopped".to_owned();
        self.counters.update(|status| status.condition = Condition::Failed(reason.clone()));
        IntakeError::Failed { reason }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

/// The rows of the batches that have any.
fn rows_of(batches: Vec<SpanBatch>) -> Vec<RecordBatch> {
    let rows = batches.into_iter().map(SpanBatch::into_received);
    rows.filter(|batch| batch.num_rows() > 0).collect()
}

/// Runs file work where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let result = tokio::task::spawn_blocking(work).await;
    result.map_err(|e| Error::Internal(format!("reading the write-ahead log: {e}")))?
}
