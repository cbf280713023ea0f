//! Small reads of local files, done where they are asked for.
//!
//! To hand a read on to another thread, and to be woken up when it is done, takes longer than to copy what
//! the system has in its cache. A look-up of a trace reads a handful of pages, and every query looks whether
//! the table has a new version.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;

/// Reads of more are handed on: they take longer than that, and others wait meanwhile.
const MOST_BYTES: u64 = 1 << 20;

/// Parts of a file; `None` for more than a few, or if something is wrong: whoever reads them then says what.
pub(super) fn read(path: &Path, ranges: &[Range<u64>]) -> Option<Vec<Bytes>> {
    let mut bytes: u64 = 0;
    for range in ranges {
        bytes = bytes.checked_add(range.end.checked_sub(range.start)?)?;
    }
    if bytes > MOST_BYTES {
        return None;
    }
    let file = File::open(path).ok()?;
    let parts = ranges.iter().map(|range| {
        let mut part = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut part, range.start)?;
        Ok(Bytes::from(part))
    });
    parts.collect::<io::Result<_>>().ok()
}

/// Why a file is not there; `None` if it may be.
pub(super) fn missing(path: &Path) -> Option<io::Error> {
    path.metadata().err().filter(|error| error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests;
