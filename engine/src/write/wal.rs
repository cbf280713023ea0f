//! The write-ahead log: accepted requests on local disk, before they are answered.
//!
//! ```text
//! <wal_dir>/lock                      held by the one process that writes
//! <wal_dir>/writer                    the id of this log, and of the lake that it belongs to
//! <wal_dir>/00000000000000000001.wal  a segment; the name is the number of its first record
//! <wal_dir>/....wal.corrupt           a damaged segment that was set aside
//! ```
//!
//! Records are numbered from 1 without gaps. The table log holds the number of the
//! last record that is in the lake, so that a segment can go when the table covers
//! it, and a record that is read again after a crash is known.
//!
//! A failed sync is final: what is on disk is unknown from then on, so nothing more
//! is written or deleted. The next start reads what is there, and writes the last
//! segment again before it relies on it.
//!
//! # Not here
//!
//! No threads and no queue (`intake`), and no knowledge of what a payload means.

mod identity;
mod record;
mod recovery;
mod scan;
mod segment;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::disk::{FileSystem, Lock, is_out_of_space};
use record::{Entry, HEADER_BYTES, SegmentHeader, encode_record, payload_record_bytes};
use segment::{ActiveSegment, ClosedSegment};

pub use segment::count_segments;

pub(crate) use record::MAX_CONTEXT_BYTES;
pub(crate) use recovery::{Logged, LoggedSegment, Recovery};

/// One accepted request, as it is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Which wire format `bytes` are in; the decoder knows the numbers.
    pub format: u8,
    /// When it was received, in nanoseconds since the epoch.
    pub received_ns: i64,
    /// Number of spans that were accepted of it.
    pub spans: u64,
    /// The request, decompressed.
    pub bytes: Bytes,
}

/// Why payloads were not logged.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// The disk takes no more for now; nothing of the payloads is left in the log.
    NoSpace(io::Error),
    /// The log has failed for good.
    Failed(String),
}

/// The log, ready for appending. Owned by one thread.
#[derive(Debug)]
pub(crate) struct Wal {
    files: Arc<dyn FileSystem>,
    folder: PathBuf,
    segment_bytes: u64,
    epoch: u32,
    context: String,
    closed: VecDeque<ClosedSegment>,
    active: Option<ActiveSegment>,
    next_seq: u64,
    failed: Option<String>,
    _lock: Box<dyn Lock>,
}

impl Wal {
    /// Writes payloads and syncs them, all or none. Returns the number of the first.
    pub(crate) fn append(&mut self, payloads: &[Payload]) -> Result<u64, AppendError> {
        if let Some(reason) = &self.failed {
            return Err(AppendError::Failed(reason.clone()));
        }
        let bytes: usize = payloads.iter().map(payload_record_bytes).sum();
        self.append_sized(payloads, bytes as u64).map_err(|error| {
            if let Fault::NoSpace(error) = error {
                return AppendError::NoSpace(error);
            }
            let reason = error.to_string();
            tracing::error!(reason, "the write-ahead log failed; nothing more is accepted");
            self.failed = Some(reason.clone());
            AppendError::Failed(reason)
        })
    }

    fn append_sized(&mut self, payloads: &[Payload], bytes: u64) -> Result<u64, Fault> {
        let first = self.next_seq;
        let segment_bytes = self.segment_bytes;
        let is_full = self.active.as_ref().is_some_and(|active| {
            active.has_records() && active.len + bytes > segment_bytes.max(active.allocated)
        });
        if is_full && let Some(active) = self.active.take() {
            self.closed.push_back(active.close()?);
        }
        if self.active.is_none() {
            self.active = Some(self.new_segment(bytes)?);
        }
        let Some(active) = &mut self.active else { return Ok(first) };
        let mut group = Vec::with_capacity(bytes as usize);
        for (seq, payload) in (first..).zip(payloads) {
            let entry = Entry::Payload(payload.clone());
            encode_record(&mut group, &active.header, (seq, active.len), &entry);
        }
        self.next_seq = first + payloads.len() as u64;
        match active.append(&group, self.next_seq - 1) {
            Ok(()) => Ok(first),
            Err(fault) => {
                self.next_seq = first;
                Err(fault)
            }
        }
    }

    fn new_segment(&self, bytes: u64) -> Result<ActiveSegment, Fault> {
        let header = SegmentHeader {
            epoch: self.epoch,
            base_seq: self.next_seq,
            id: uuid::Uuid::new_v4(),
            context: self.context.clone(),
        };
        ActiveSegment::create(&*self.files, &self.folder, header, self.segment_bytes.max(bytes))
    }

    /// Deletes the closed segments whose records are all in the table, which holds everything up to `seq`.
    pub(crate) fn drop_through(&mut self, seq: u64) {
        if self.failed.is_some() {
            return;
        }
        // One large request can fill more than a segment's share of the log.
        let is_large = |active: &ActiveSegment| {
            active.last_seq <= seq && active.len > self.segment_bytes + HEADER_BYTES as u64
        };
        if self.active.as_ref().is_some_and(is_large)
            && let Some(active) = self.active.take()
        {
            match active.close() {
                Ok(closed) => self.closed.push_back(closed),
                Err(fault) => return self.failed = Some(fault.to_string()),
            }
        }
        let mut removed = false;
        while let Some(oldest) = self.closed.front()
            && oldest.last_seq <= seq
        {
            if let Err(error) = self.files.remove(&oldest.path) {
                tracing::warn!(file = %oldest.path.display(), %error, "a segment is not removed");
                break;
            }
            removed = true;
            self.closed.pop_front();
        }
        if removed && let Err(error) = self.files.sync_dir(&self.folder) {
            let fault = Fault::Failed { path: self.folder.clone(), error };
            self.failed = Some(fault.to_string());
        }
    }

    /// Tries to get the room that was missing. True if the log can be written again.
    pub(crate) fn find_room(&mut self) -> bool {
        let found = match &mut self.active {
            Some(active) => active.ready(),
            None => self.new_segment(0).map(|active| self.active = Some(active)),
        };
        match found {
            Ok(()) => true,
            Err(Fault::NoSpace(_)) => false,
            Err(fault) => {
                self.failed = Some(fault.to_string());
                false
            }
        }
    }

    /// Gives back the room that was reserved. Everything is synced already.
    pub(crate) fn close(mut self) {
        if self.failed.is_none()
            && let Some(active) = self.active.take()
            && let Err(fault) = active.close()
        {
            tracing::warn!(%fault, "the last segment is not closed; the next start does it");
        }
    }

    /// Why nothing more can be written, if so.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Bytes written to all segments.
    pub(crate) fn bytes(&self) -> u64 {
        let closed: u64 = self.closed.iter().map(|segment| segment.bytes).sum();
        closed + self.active.as_ref().map_or(0, |active| active.len)
    }

    /// Number of segments.
    pub(crate) fn segments(&self) -> u64 {
        self.closed.len() as u64 + u64::from(self.active.is_some())
    }

    /// Number of the last record.
    pub(crate) fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }
}

/// What a file operation of the log came to.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// The disk is full or read-only, and the log is as it was before.
    #[error("{0}")]
    NoSpace(io::Error),
    /// Nothing is known about what is on disk.
    #[error("{}: {error}", path.display())]
    Failed { path: PathBuf, error: io::Error },
}

impl Fault {
    /// For a failure after which the log is as it was before, if it was for want of room.
    fn of_write(path: PathBuf, error: io::Error) -> Self {
        if is_out_of_space(&error) { Self::NoSpace(error) } else { Self::Failed { path, error } }
    }
}
