//! The part of the file that is in memory.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use memchr::memchr_iter;

use crate::error::{Error, Place, Result};
use crate::file::source::{self, Compression, Source};

const CHUNK: usize = 256 << 10;

/// Plain bytes from the current position on. All offsets count from that position.
pub(super) struct Window {
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    /// Most bytes to hold.
    limit: usize,
    name: String,
    /// Bytes and lines before the current position.
    bytes_before: u64,
    lines_before: u64,
    bytes_read: Arc<AtomicU64>,
    /// Whether lines mean something in this format.
    pub(super) has_lines: bool,
}

impl Window {
    pub(super) fn new(
        source: impl Read + Send + 'static,
        name: String,
        limit: usize,
    ) -> Result<Self> {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let source = source::decompress(source, Arc::clone(&bytes_read)).map_err(|source| {
            Error::Read { place: Place { file: Some(name.clone()), ..Place::default() }, source }
        })?;
        Ok(Self {
            source,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            at_end: false,
            limit,
            name,
            bytes_before: 0,
            lines_before: 0,
            bytes_read,
            has_lines: true,
        })
    }

    /// What is in memory.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Bytes read from the source.
    pub(super) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_read)
    }

    /// Most bytes of one unit.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&mut self) -> Result<bool> {
        Ok(!self.require(1)?)
    }

    /// Makes sure that `count` bytes are in memory; false if the file has fewer.
    pub(super) fn require(&mut self, count: usize) -> Result<bool> {
        while self.end - self.start < count {
            if !self.fill()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The byte at an offset; `None` after the end of the file.
    pub(super) fn at(&mut self, offset: usize) -> Result<Option<u8>> {
        Ok(if self.require(offset + 1)? { Some(self.bytes()[offset]) } else { None })
    }

    /// Reads more; false at the end of the file.
    pub(super) fn fill(&mut self) -> Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        if self.end - self.start >= self.limit.saturating_add(CHUNK) {
            let (what, limit_bytes) = ("record of the file", self.limit);
            return Err(Error::TooLarge { place: self.place(0), what, limit_bytes });
        }
        if self.start > 0 && (self.start == self.end || self.end == self.buffer.len()) {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            // Doubling keeps the cost of growing in proportion to the size.
            let len = (self.buffer.len() * 2).max(CHUNK);
            self.buffer.resize(len, 0);
        }
        loop {
            match self.source.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.read_error(error)),
            }
            return Ok(!self.at_end);
        }
    }

    /// Moves the current position.
    pub(super) fn consume(&mut self, count: usize) {
        if self.has_lines {
            self.lines_before += memchr_iter(b'\n', &self.bytes()[..count]).count() as u64;
        }
        self.bytes_before += count as u64;
        self.start += count;
    }

    /// The place of an offset.
    pub(super) fn place(&self, offset: usize) -> Place {
        let before = &self.bytes()[..offset.min(self.end - self.start)];
        let line = || 1 + self.lines_before + memchr_iter(b'\n', before).count() as u64;
        Place {
            file: Some(self.name.clone()),
            line: self.has_lines.then(line),
            byte: self.bytes_before + offset as u64,
        }
    }

    fn read_error(&self, source: std::io::Error) -> Error {
        let place = self.place(self.end - self.start);
        let (inside, name) = match self.source.compression {
            // A device that fails is not a damaged file.
            _ if source.raw_os_error().is_some() => return Error::Read { place, source },
            Compression::Plain => return Error::Read { place, source },
            Compression::Gzip => ("gzip data", "gzip"),
            Compression::Zstd => ("zstd data", "zstd"),
        };
        if source.kind() == ErrorKind::UnexpectedEof {
            return Error::Truncated { place, inside };
        }
        let reason = format!("{name} data is damaged ({source}); get the file again");
        Error::Malformed { place, reason }
    }
}
