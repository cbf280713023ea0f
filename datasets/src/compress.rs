//! A file that is compressed while it is written.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use zstd::stream::write::Encoder as ZstdEncoder;

use crate::write::Compression;

const ZSTD_LEVEL: i32 = 3;

/// A writer that must be told when it is at its end: see [`Compressed::finish`].
pub struct Compressed<W: Write>(Inner<W>);

enum Inner<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(ZstdEncoder<'static, W>),
}

impl<W: Write> Compressed<W> {
    /// Compresses what goes to `out`.
    ///
    /// # Errors
    ///
    /// If zstd cannot be set up.
    pub fn new(out: W, compression: Compression) -> io::Result<Self> {
        Ok(Self(match compression {
            Compression::None => Inner::Plain(out),
            Compression::Gzip => Inner::Gzip(GzEncoder::new(out, flate2::Compression::default())),
            Compression::Zstd => Inner::Zstd(ZstdEncoder::new(out, ZSTD_LEVEL)?),
        }))
    }

    /// Writes the end, and everything that was held back. Dropped without it, the file is incomplete.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn finish(self) -> io::Result<()> {
        let mut out = match self.0 {
            Inner::Plain(out) => out,
            Inner::Gzip(out) => out.finish()?,
            Inner::Zstd(out) => out.finish()?,
        };
        out.flush()
    }
}

impl<W: Write> Write for Compressed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Plain(out) => out.write(bytes),
            Inner::Gzip(out) => out.write(bytes),
            Inner::Zstd(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::Plain(out) => out.flush(),
            Inner::Gzip(out) => out.flush(),
            Inner::Zstd(out) => out.flush(),
        }
    }
}
