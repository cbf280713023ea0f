//! What the log holds at the start, and how it becomes one that can be written again.
//!
//! Steps, each safe to be cut off and done again:
//!
//! 1. take the lock, remove temporary files, list the segments;
//! 2. write the last segment again: after a failed sync the system may show bytes
//!    that the disk does not have, and reading them proves nothing;
//! 3. delete the segments that the table covers;
//! 4. hand out the records of the others, one segment in memory at a time.
//!
//! # Not here
//!
//! No decoding: records are payloads as they were logged.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::identity::{Identity, WRITER_FILE};
use super::record::{
    BadHeader, Entry, FORMAT_VERSION, HEADER_BYTES, Record, SegmentHeader, encode_record,
};
use super::scan::{Damage, Scan, scan};
use super::segment::{ClosedSegment, parse_segment_name};
use super::{Payload, Wal};
use crate::disk::{FileSystem, Lock, create_dirs, write_all_at};
use crate::error::{Error, Result};
use crate::settings::{LiveSettings, OnCorruption};

const LOCK_FILE: &str = "lock";
const CORRUPT: &str = ".corrupt";
/// End of the name of a file that is not complete.
pub(super) const TEMPORARY: &str = ".tmp";

/// A record that was read back.
#[derive(Debug)]
pub(crate) struct Logged {
    pub(crate) seq: u64,
    pub(crate) payload: Payload,
    /// Where it lies, for an error message.
    pub(crate) offset: u64,
}

/// The records of one segment that the table does not have.
#[derive(Debug)]
pub(crate) struct LoggedSegment {
    /// The decoder's settings at that time.
    pub(crate) context: String,
    pub(crate) path: PathBuf,
    pub(crate) records: Vec<Logged>,
}

/// A log that is being read at the start.
#[derive(Debug)]
pub(crate) struct Recovery {
    files: Arc<dyn FileSystem>,
    settings: LiveSettings,
    lock: Box<dyn Lock>,
    identity: Identity,
    epoch: u32,
    /// Segments not read yet, in order.
    unread: VecDeque<(u64, PathBuf)>,
    read: VecDeque<ClosedSegment>,
    /// Number of the record that comes next.
    expected: u64,
    /// The table holds everything up to this record.
    committed: u64,
    /// Bytes that a power cut left half-written.
    pub(crate) torn_bytes: u64,
    /// Bytes that were damaged, where that was allowed.
    pub(crate) corrupt_bytes: u64,
}

impl Recovery {
    /// Takes the folder for this process; finds out whose log it is.
    pub(crate) fn begin(
        files: Arc<dyn FileSystem>,
        settings: &LiveSettings,
        table_id: &str,
    ) -> Result<Self> {
        let folder = &settings.wal_dir;
        let shown = || folder.display().to_string();
        let unusable = |source| Error::BadLogFolder { folder: shown(), source };
        create_dirs(&*files, folder).map_err(unusable)?;
        if let Some(reason) = files.not_durable(folder) {
            tracing::warn!(
                folder = shown(),
                reason,
                "what is acknowledged may be lost: the write-ahead log is not on a disk of this machine"
            );
        }
        let lock = files.lock(&folder.join(LOCK_FILE)).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                Error::InUse { folder: shown(), holder: error.to_string() }
            }
            _ => unusable(error),
        })?;
        let unread = list_segments(&*files, folder)?;
        let identity = Identity::load_or_create(&*files, folder, table_id)?;
        Ok(Self {
            files,
            settings: settings.clone(),
            lock,
            identity,
            epoch: 1,
            unread,
            read: VecDeque::new(),
            expected: 1,
            committed: 0,
            torn_bytes: 0,
            corrupt_bytes: 0,
        })
    }

    /// Whose log it is.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Makes the last segment durable again, and deletes what the table covers: everything up to `committed`.
    pub(crate) fn prepare(&mut self, committed: u64) -> Result<()> {
        self.committed = committed;
        self.expected = committed + 1;
        for (_, path) in &self.unread {
            let start = self.files.read_start(path, HEADER_BYTES);
            let start = start.map_err(|error| disk_error(path, error))?;
            if let Ok(header) = SegmentHeader::decode(&start) {
                self.epoch = self.epoch.max(header.epoch + 1);
            }
        }
        if let Some((base, path)) = self.unread.back().cloned()
            && !self.rewrite_last(base, &path)?
        {
            self.unread.pop_back();
        }
        let covered = |recovery: &Self| match recovery.unread.get(1) {
            Some((next_base, _)) => *next_base <= committed + 1,
            None => false,
        };
        let mut removed = false;
        while covered(self)
            && let Some((_, path)) = self.unread.pop_front()
        {
            self.files.remove(&path).map_err(|error| disk_error(&path, error))?;
            removed = true;
        }
        if removed { self.sync_folder() } else { Ok(()) }
    }

    /// The records of the next segment that the table does not have; `None` at the end.
    pub(crate) fn next_segment(&mut self) -> Result<Option<LoggedSegment>> {
        let Some((base, path)) = self.unread.pop_front() else { return Ok(None) };
        let is_first = self.read.is_empty();
        let is_gap = base > self.expected;
        if is_gap {
            let reason = format!("records {} to {} are missing before it", self.expected, base - 1);
            self.damaged(&path, 0, 0, &reason)?;
        } else if !is_first && base < self.expected {
            let reason = format!("record {base} is also in the file before it");
            return Err(damaged_log(&path, 0, reason));
        }
        let bytes = self.read_file(&path)?;
        let (header, scan) = match decode_header(&path, &bytes)? {
            Some(header) if header.base_seq == base => {
                let scan = scan(&header, &bytes, false);
                (header, scan)
            }
            _ => {
                self.damaged(&path, 0, bytes.len() as u64, "its header is not valid")?;
                let next = self.unread.front().map_or(base, |(next, _)| *next);
                self.set_aside(&path)?;
                let header = self.new_header(base, String::new());
                if next > base {
                    self.replace(&path, &header, &[gap(base, next - 1)])?;
                    let bytes = header.encode().len() as u64;
                    self.read.push_back(ClosedSegment { path, last_seq: next - 1, bytes });
                    self.expected = next;
                }
                return Ok(Some(LoggedSegment {
                    context: String::new(),
                    path: PathBuf::new(),
                    records: Vec::new(),
                }));
            }
        };
        let scan = self.repair(&path, &header, scan)?;
        let last_seq = scan.records.last().map_or(base - 1, Record::last_seq);
        self.expected = self.expected.max(last_seq + 1);
        self.read.push_back(ClosedSegment {
            path: path.clone(),
            last_seq,
            bytes: bytes.len() as u64,
        });
        let committed = self.committed;
        let records = scan
            .records
            .into_iter()
            .filter(|record| record.seq > committed)
            .filter_map(|record| match record.entry {
                Entry::Payload(payload) => {
                    let offset = record.range.start as u64;
                    Some(Logged { seq: record.seq, payload, offset })
                }
                Entry::GapUpTo(_) => None,
            })
            .collect();
        Ok(Some(LoggedSegment { context: header.context, path, records }))
    }

    /// A record does not decode: damage that the checksum did not see, or a decoder that changed its mind.
    pub(crate) fn undecodable(&mut self, path: &Path, record: &Logged, reason: &str) -> Result<()> {
        let bytes = record.payload.bytes.len() as u64;
        self.damaged(path, record.offset, bytes, &format!("the record does not decode: {reason}"))?;
        self.set_aside(path)
    }

    /// Writes a segment again without some of its records, which were set aside. They would be met at
    /// each start until the table covers them, which for the last ones is never if nothing more comes.
    pub(crate) fn forget(&mut self, path: &Path, undecodable: &[u64]) -> Result<()> {
        let bytes = self.read_file(path)?;
        let header = decode_header(path, &bytes)?;
        let header =
            header.ok_or_else(|| damaged_log(path, 0, "its header is not valid".into()))?;
        let records = scan(&header, &bytes, false).records;
        let mut entries = with_gaps(header.base_seq, &records);
        for (seq, entry) in &mut entries {
            if undecodable.binary_search(seq).is_ok() {
                *entry = Entry::GapUpTo(*seq);
            }
        }
        let new_header = self.new_header(header.base_seq, header.context);
        self.replace(path, &new_header, &entries)
    }

    /// The log, ready for appending in segments that carry `context`.
    pub(crate) fn finish(self, context: String) -> Wal {
        Wal {
            files: self.files,
            folder: self.settings.wal_dir.clone(),
            segment_bytes: self.settings.segment_bytes(),
            epoch: self.epoch,
            context,
            closed: self.read,
            active: None,
            next_seq: self.expected,
            failed: None,
            _lock: self.lock,
        }
    }

    /// Writes the last segment again. False if it held nothing that is needed, and is gone.
    fn rewrite_last(&mut self, base: u64, path: &Path) -> Result<bool> {
        let bytes = self.read_file(path)?;
        let header = decode_header(path, &bytes)?.filter(|header| header.base_seq == base);
        let Some(header) = header else {
            // Nothing is appended before the header is on disk.
            let rest = bytes.get(HEADER_BYTES..).unwrap_or_default();
            if rest.iter().any(|byte| *byte != 0) {
                self.damaged(path, 0, bytes.len() as u64, "its header is not valid")?;
                self.set_aside(path)?;
            } else {
                self.torn_bytes += bytes.iter().filter(|byte| **byte != 0).count() as u64;
            }
            return self.remove(path).map(|()| false);
        };
        let scan = scan(&header, &bytes, true);
        if scan.torn_bytes > 0 {
            tracing::warn!(
                file = %path.display(), bytes = scan.torn_bytes,
                "the end of the write-ahead log was being written when the machine stopped; it is dropped"
            );
            self.torn_bytes += scan.torn_bytes;
        }
        self.report_damage(path, &scan.damage)?;
        if scan.records.last().is_none_or(|last| last.last_seq() <= self.committed) {
            return self.remove(path).map(|()| false);
        }
        let new_header = self.new_header(base, header.context);
        self.replace(path, &new_header, &with_gaps(base, &scan.records))?;
        Ok(true)
    }

    /// Damage in a segment that was complete: refused, or the segment is written again without it.
    fn repair(&mut self, path: &Path, header: &SegmentHeader, mut scan: Scan) -> Result<Scan> {
        if scan.damage.is_empty() {
            return Ok(scan);
        }
        self.report_damage(path, &scan.damage)?;
        let new_header = self.new_header(header.base_seq, header.context.clone());
        let mut entries = with_gaps(header.base_seq, &scan.records);
        // What came last may be missing, too: the next segment says up to where.
        let end = scan.records.last().map_or(header.base_seq, |last| last.last_seq() + 1);
        if let Some((next, _)) = self.unread.front()
            && *next > end
        {
            entries.push(gap(end, next - 1));
            self.expected = *next;
        }
        self.replace(path, &new_header, &entries)?;
        scan.damage.clear();
        Ok(scan)
    }

    fn report_damage(&mut self, path: &Path, damage: &[Damage]) -> Result<()> {
        for Damage { range, lost } in damage {
            let reason = if lost.is_empty() {
                "there is something between two records".to_owned()
            } else {
                format!("record {} is not valid", lost.start)
            };
            self.damaged(path, range.start as u64, range.len() as u64, &reason)?;
        }
        if damage.is_empty() { Ok(()) } else { self.set_aside(path) }
    }

    /// An error, or a warning and a count, as the settings say.
    fn damaged(&mut self, path: &Path, offset: u64, bytes: u64, reason: &str) -> Result<()> {
        if self.settings.on_corruption == OnCorruption::Refuse {
            return Err(damaged_log(path, offset, reason.to_owned()));
        }
        tracing::error!(
            file = %path.display(), offset, bytes, reason,
            "the write-ahead log is damaged; acknowledged spans may be lost"
        );
        self.corrupt_bytes += bytes.max(1);
        Ok(())
    }

    /// Keeps a damaged file under a second name.
    fn set_aside(&self, path: &Path) -> Result<()> {
        let mut aside = path.as_os_str().to_owned();
        aside.push(CORRUPT);
        match self.files.link(path, Path::new(&aside)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(disk_error(path, error)),
            Ok(()) => self.sync_folder(),
        }
    }

    fn new_header(&self, base_seq: u64, context: String) -> SegmentHeader {
        SegmentHeader { epoch: self.epoch, base_seq, id: Uuid::new_v4(), context }
    }

    /// Gives a segment new content in one step: there is the old one or the new one, whole.
    fn replace(&self, path: &Path, header: &SegmentHeader, entries: &[(u64, Entry)]) -> Result<()> {
        let mut bytes = header.encode();
        for (seq, entry) in entries {
            let synced = bytes.len() as u64;
            encode_record(&mut bytes, header, (*seq, synced), entry);
        }
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(TEMPORARY);
        let temporary = PathBuf::from(temporary);
        let written = self.files.create_new(&temporary).and_then(|mut file| {
            write_all_at(&mut *file, &bytes, 0)?;
            file.sync()
        });
        written
            .and_then(|()| self.files.rename(&temporary, path))
            .map_err(|error| disk_error(path, error))?;
        self.sync_folder()
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.files.remove(path).map_err(|error| disk_error(path, error))?;
        self.sync_folder()
    }

    fn sync_folder(&self) -> Result<()> {
        let folder = &self.settings.wal_dir;
        self.files.sync_dir(folder).map_err(|error| disk_error(folder, error))
    }

    fn read_file(&self, path: &Path) -> Result<Bytes> {
        let bytes = self.files.read(path).map_err(|error| disk_error(path, error))?;
        Ok(bytes.into())
    }
}

/// The segments in order. Removes what an earlier start did not complete, and warns of what is not ours.
fn list_segments(files: &dyn FileSystem, folder: &Path) -> Result<VecDeque<(u64, PathBuf)>> {
    let names = files.list(folder).map_err(|error| disk_error(folder, error))?;
    let mut segments = Vec::new();
    for name in names {
        let path = folder.join(&name);
        if let Some(base) = parse_segment_name(&name) {
            segments.push((base, path));
        } else if name.ends_with(TEMPORARY) {
            files.remove(&path).map_err(|error| disk_error(&path, error))?;
        } else if name != LOCK_FILE && name != WRITER_FILE && !name.ends_with(CORRUPT) {
            tracing::warn!(file = %path.display(), "not part of the write-ahead log; ignored");
        }
    }
    segments.sort_unstable();
    Ok(segments.into())
}

/// The header of a segment; `None` if it is damaged.
fn decode_header(path: &Path, bytes: &[u8]) -> Result<Option<SegmentHeader>> {
    match SegmentHeader::decode(bytes) {
        Ok(header) => Ok(Some(header)),
        Err(BadHeader::Damaged) => Ok(None),
        Err(BadHeader::Newer(found)) => {
            tracing::error!(file = %path.display(), "the write-ahead log is from a newer version");
            Err(Error::NewerFormat { found, supported: FORMAT_VERSION })
        }
    }
}

/// The records as they are to be written, with marks where numbers are missing.
fn with_gaps(base: u64, records: &[Record]) -> Vec<(u64, Entry)> {
    let mut entries = Vec::with_capacity(records.len());
    let mut expected = base;
    for record in records {
        if record.seq > expected {
            entries.push(gap(expected, record.seq - 1));
        }
        expected = record.last_seq() + 1;
        entries.push((record.seq, record.entry.clone()));
    }
    entries
}

fn gap(first: u64, last: u64) -> (u64, Entry) {
    (first, Entry::GapUpTo(last))
}

fn damaged_log(path: &Path, offset: u64, reason: String) -> Error {
    Error::DamagedLog { file: path.display().to_string(), offset, reason }
}

/// A failure of the file system, with its file.
pub(super) fn disk_error(path: &Path, source: io::Error) -> Error {
    Error::Disk { path: path.display().to_string(), source }
}
