//! Unpacks pages that are compressed with zstd.
//!
//! The Parquet crate makes contexts to compress and to decompress for each column of each file that it reads.
//! For forty rows that takes a tenth of all reading, so here a thread has one for good, and the crate is told
//! that pages are stored as they are.

use std::cell::RefCell;
use std::io;

use bytes::{Bytes, BytesMut};
use datafusion::parquet::basic::CompressionCodec;
use datafusion::parquet::column::page::Page;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::metadata::ColumnChunkMetaData;
use zstd::bulk::Decompressor;
use zstd::zstd_safe::get_frame_content_size;

thread_local! {
    static CONTEXT: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The column as one whose pages are not compressed; `None` if they are in another way than with zstd.
pub(super) fn as_stored(column: &ColumnChunkMetaData) -> Option<ColumnChunkMetaData> {
    if column.compression_codec() != CompressionCodec::ZSTD {
        return None;
    }
    let column = column.clone().into_builder();
    column.set_compression_codec(CompressionCodec::UNCOMPRESSED).build().ok()
}

/// The page as it was before it was compressed.
pub(super) fn unpacked(mut page: Page) -> Result<Page> {
    match &mut page {
        Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => *buf = unpack(buf)?.into(),
        // Levels are stored before what is compressed.
        Page::DataPageV2 {
            buf, is_compressed, rep_levels_byte_len, def_levels_byte_len, ..
        } => {
            let levels = (*rep_levels_byte_len + *def_levels_byte_len) as usize;
            if levels > buf.len() {
                return Err(ParquetError::General("a page ends within its levels".into()));
            }
            if std::mem::take(is_compressed) {
                *buf = with_levels(buf, levels)?;
            }
        }
    }
    Ok(page)
}

fn with_levels(page: &Bytes, levels: usize) -> Result<Bytes> {
    let (levels, packed) = page.split_at(levels);
    // A page of NULLs has no values.
    let values = if packed.is_empty() { Vec::new() } else { unpack(packed)? };
    let mut whole = BytesMut::with_capacity(levels.len() + values.len());
    whole.extend_from_slice(levels);
    whole.extend_from_slice(&values);
    Ok(whole.freeze())
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    // The format says so of pages.
    const MOST_BYTES: u64 = i32::MAX as u64;
    let bytes = get_frame_content_size(packed).ok().flatten();
    let unpacked = match bytes.filter(|bytes| *bytes <= MOST_BYTES) {
        Some(bytes) => CONTEXT.with_borrow_mut(|context| match context {
            Some(context) => context.decompress(packed, bytes as usize),
            None => context.insert(Decompressor::new()?).decompress(packed, bytes as usize),
        }),
        // Written by somebody who did not know its length.
        None => zstd::decode_all(packed),
    };
    unpacked.map_err(|e: io::Error| ParquetError::General(format!("a page is not zstd: {e}")))
}

#[cfg(test)]
mod tests;
