//! Compressed bytes in, plain bytes out.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder;

const CHUNK: usize = 256 << 10;

/// First bytes of a gzip member.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// First bytes of a zstd frame.
pub(super) const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How a source is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Plain,
    Gzip,
    Zstd,
}

/// Plain bytes, and how they were compressed.
pub(super) struct Source {
    pub(super) reader: Box<dyn Read + Send>,
    pub(super) compression: Compression,
}

/// Looks at the first bytes and decompresses accordingly. Concatenated gzip members and zstd
/// frames read as one stream.
pub(super) fn decompress(
    source: impl Read + Send + 'static,
    bytes_read: Arc<AtomicU64>,
) -> io::Result<Source> {
    let mut counted = Counted { source, bytes_read };
    let mut head = Vec::new();
    counted.by_ref().take(ZSTD.len() as u64).read_to_end(&mut head)?;
    let compression = match &head[..] {
        ZSTD => Compression::Zstd,
        head if head.starts_with(GZIP) => Compression::Gzip,
        _ => Compression::Plain,
    };
    let whole = Cursor::new(head).chain(counted);
    let reader: Box<dyn Read + Send> = match compression {
        Compression::Plain => Box::new(whole),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, whole))),
        Compression::Zstd => {
            Box::new(Decoder::with_buffer(BufReader::with_capacity(CHUNK, whole))?)
        }
    };
    Ok(Source { reader, compression })
}

/// Counts what is read.
struct Counted<R> {
    source: R,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
