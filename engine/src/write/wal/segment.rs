//! Segment files: the one that is written, and those that are complete.

use std::io;
use std::path::{Path, PathBuf};

use super::Fault;
use super::record::SegmentHeader;
use crate::disk::{DiskFile, FileSystem, write_all_at};

const SUFFIX: &str = ".wal";
/// Digits of a record number in a name, so that names sort as numbers do.
const DIGITS: usize = 20;

/// Name of the segment that starts with this record.
pub(super) fn segment_name(base_seq: u64) -> String {
    format!("{base_seq:0DIGITS$}{SUFFIX}")
}

/// Number of the first record of the segment of this name; `None` if it is no segment's name.
pub(super) fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == DIGITS).then(|| digits.parse().ok()).flatten()
}

/// Number of segments in the folder of a write-ahead log; 0 if there is no such folder. They may hold spans
/// that are in no file yet: of a server that runs, or was killed.
pub fn count_segments(wal_dir: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(wal_dir) else { return 0 };
    let names = entries.filter_map(io::Result::ok).map(|entry| entry.file_name());
    names.filter(|name| name.to_str().is_some_and(|it| parse_segment_name(it).is_some())).count()
}

/// A segment to which nothing will be added.
#[derive(Debug)]
pub(super) struct ClosedSegment {
    pub(super) path: PathBuf,
    pub(super) last_seq: u64,
    pub(super) bytes: u64,
}

/// The segment that is written.
#[derive(Debug)]
pub(super) struct ActiveSegment {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    pub(super) header: SegmentHeader,
    header_bytes: u64,
    pub(super) last_seq: u64,
    /// Everything up to here is on disk.
    pub(super) len: u64,
    /// Room up to here is reserved; equal to `len` or less where that is not possible.
    pub(super) allocated: u64,
    target_bytes: u64,
    /// A write failed half-way: what lies behind `len` has to go before the next one.
    has_rest: bool,
}

impl ActiveSegment {
    /// Makes a segment with room for `target_bytes`. It exists durably before anything is appended to it.
    pub(super) fn create(
        files: &dyn FileSystem,
        folder: &Path,
        header: SegmentHeader,
        target_bytes: u64,
    ) -> Result<Self, Fault> {
        let path = folder.join(segment_name(header.base_seq));
        let encoded = header.encode();
        let written = Self::write_header(files, &path, &encoded, target_bytes);
        let (mut file, allocated) = written.map_err(|error| {
            // It holds nothing; the next attempt or the next start removes it if this does not.
            let _ = files.remove(&path);
            Fault::of_write(path.clone(), error)
        })?;
        let failed = |error| Fault::Failed { path: path.clone(), error };
        file.sync().map_err(failed)?;
        files.sync_dir(folder).map_err(failed)?;
        let len = encoded.len() as u64;
        let last_seq = header.base_seq - 1;
        Ok(Self {
            file,
            path,
            header,
            header_bytes: len,
            last_seq,
            len,
            allocated,
            target_bytes,
            has_rest: false,
        })
    }

    fn write_header(
        files: &dyn FileSystem,
        path: &Path,
        header: &[u8],
        target_bytes: u64,
    ) -> io::Result<(Box<dyn DiskFile>, u64)> {
        let mut file = match files.create_new(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // An earlier attempt found the disk full, and its file could not be removed.
                files.remove(path)?;
                files.create_new(path)?
            }
            other => other?,
        };
        let allocated = reserve(&mut *file, header.len() as u64 + target_bytes)?;
        write_all_at(&mut *file, header, 0)?;
        Ok((file, allocated))
    }

    pub(super) fn has_records(&self) -> bool {
        self.len > self.header_bytes
    }

    /// Writes one group of records, the last of which has number `last_seq`, and syncs it.
    pub(super) fn append(&mut self, group: &[u8], last_seq: u64) -> Result<(), Fault> {
        self.ready()?;
        if let Err(error) = write_all_at(&mut *self.file, group, self.len) {
            self.has_rest = true;
            let fault = Fault::of_write(self.path.clone(), error);
            if matches!(fault, Fault::NoSpace(_)) {
                // If this fails too, it is done before the next write.
                let _ = self.ready();
            }
            return Err(fault);
        }
        // Never retried: after a failed sync the system may call pages clean that are not on disk.
        self.file.sync().map_err(|error| Fault::Failed { path: self.path.clone(), error })?;
        self.len += group.len() as u64;
        self.last_seq = last_seq;
        Ok(())
    }

    /// Removes what a failed write left behind the last synced group.
    pub(super) fn ready(&mut self) -> Result<(), Fault> {
        if !self.has_rest {
            return Ok(());
        }
        let room = self.header_bytes + self.target_bytes;
        let cut = self.file.set_len(self.len).and_then(|()| reserve(&mut *self.file, room));
        self.allocated = cut.map_err(|error| Fault::of_write(self.path.clone(), error))?;
        self.has_rest = false;
        Ok(())
    }

    /// Gives back the room that is not used.
    pub(super) fn close(mut self) -> Result<ClosedSegment, Fault> {
        let result = self.file.set_len(self.len).and_then(|()| self.file.sync());
        if let Err(error) = result {
            return Err(Fault::Failed { path: self.path, error });
        }
        Ok(ClosedSegment { path: self.path, last_seq: self.last_seq, bytes: self.len })
    }
}

/// Reserves room where the file system can; returns how much is reserved.
fn reserve(file: &mut dyn DiskFile, bytes: u64) -> io::Result<u64> {
    match file.allocate(bytes) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(0),
        Err(error) => Err(error),
    }
}
