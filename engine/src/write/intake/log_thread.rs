//! The one thread that writes the log.
//!
//! Group commit without waiting: whatever came while the last sync ran is the next
//! group, so one sync serves many requests when there are many, and one request
//! waits for nobody when it is alone. Rows go to memory before the answer goes out:
//! who was told yes finds them in the next query.
//!
//! # Not here
//!
//! No admission: what is queued here is written.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use tokio::sync::oneshot;

use super::status::{Condition, Counters};
use super::{IntakeError, Payload};
use crate::write::memtable::Memtable;
use crate::write::wal::{AppendError, Wal};

/// Payload bytes that one sync covers: a bound for the buffer, not for the throughput.
const GROUP_BYTES: usize = 8 << 20;

/// How often a full disk is looked at again.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(1);

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Append(Request),
    /// The table holds all records up to this one.
    Covered(u64),
    /// Tells when everything that was sent before is done.
    Finish(oneshot::Sender<()>),
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) payload: Payload,
    pub(super) batches: Vec<RecordBatch>,
    /// What it counts for in the queue.
    pub(super) queued_bytes: u64,
    pub(super) answer: oneshot::Sender<Result<(), IntakeError>>,
}

/// The state of the thread.
#[derive(Debug)]
pub(super) struct LogThread {
    pub(super) wal: Wal,
    pub(super) memtable: Arc<Memtable>,
    pub(super) counters: Arc<Counters>,
    /// The disk of the log was full when it was last written.
    pub(super) no_space: bool,
}

impl LogThread {
    /// Works until all senders are gone, then closes the log.
    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        self.report();
        loop {
            let first = match self.next(commands) {
                Ok(command) => command,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut group = Vec::new();
            let mut covered = None;
            let mut finished = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(command) = next {
                match command {
                    Command::Append(request) => {
                        bytes += request.payload.bytes.len();
                        group.push(request);
                    }
                    Command::Covered(seq) => covered = Some(seq),
                    Command::Finish(done) => finished.push(done),
                }
                next = if bytes < GROUP_BYTES { commands.try_recv().ok() } else { None };
            }
            if !group.is_empty() {
                self.commit(group);
            }
            if let Some(seq) = covered {
                self.wal.drop_through(seq);
            }
            self.report();
            for done in finished {
                // Who asked may have gone.
                let _ = done.send(());
            }
        }
        self.wal.close();
    }

    /// The next command. While the disk is full, comes back now and then to see whether it still is:
    /// nobody may send requests to a server that says that it is not ready.
    fn next(&mut self, commands: &Receiver<Command>) -> Result<Command, RecvTimeoutError> {
        if !self.no_space {
            return commands.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        let next = commands.recv_timeout(LOOK_FOR_ROOM);
        if matches!(next, Err(RecvTimeoutError::Timeout)) && self.wal.find_room() {
            self.no_space = false;
            self.counters.update(|status| status.condition = Condition::Ready);
        }
        next
    }

    fn commit(&mut self, group: Vec<Request>) {
        let payloads: Vec<Payload> = group.iter().map(|request| request.payload.clone()).collect();
        let started = Instant::now();
        let appended = self.wal.append(&payloads);
        match appended {
            Ok(first_seq) => {
                self.no_space = false;
                self.counters.add_sync(started.elapsed());
                self.counters.update(|status| {
                    status.condition = Condition::Ready;
                    status.logged_requests += payloads.len() as u64;
                    status.logged_spans += payloads.iter().map(|p| p.spans).sum::<u64>();
                });
                for (seq, request) in (first_seq..).zip(group) {
                    self.memtable.insert(seq, request.batches);
                    self.finish(request.queued_bytes, request.answer, Ok(()));
                }
            }
            Err(error) => {
                let answer = match error {
                    AppendError::NoSpace(error) => {
                        let reason = error.to_string();
                        self.no_space = true;
                        self.counters.update(|status| {
                            status.condition = Condition::NoSpace(reason.clone());
                        });
                        IntakeError::NoSpace { reason }
                    }
                    AppendError::Failed(reason) => IntakeError::Failed { reason },
                };
                for request in group {
                    self.finish(request.queued_bytes, request.answer, Err(answer.clone()));
                }
            }
        }
    }

    fn finish(
        &self,
        queued_bytes: u64,
        answer: oneshot::Sender<Result<(), IntakeError>>,
        result: Result<(), IntakeError>,
    ) {
        self.counters.queued_bytes.fetch_sub(queued_bytes, Ordering::Relaxed);
        // The caller may have gone; the request is logged or refused all the same.
        let _ = answer.send(result);
    }

    fn report(&self) {
        self.counters.wal_bytes.store(self.wal.bytes(), Ordering::Relaxed);
        self.counters.update(|status| {
            status.wal_segments = self.wal.segments();
            status.logged_seq = self.wal.last_seq();
            if let Some(reason) = self.wal.failure() {
                status.condition = Condition::Failed(reason.to_owned());
            }
        });
    }
}
