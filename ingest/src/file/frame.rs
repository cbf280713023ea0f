//! Cuts protobuf files into messages.

use std::io::Read;

use crate::batch::SpanBatchBuilder;
use crate::error::{Error, Result};
use crate::file::source::ZSTD;
use crate::file::window::Window;
use crate::file::{Unit, UnitKind};
use crate::otlp;
use crate::otlp::wire::Wire;

/// How the messages of a file follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    /// One request, of which every field is a unit. Requests that were simply written one
    /// after the other are one request to protobuf.
    Bare,
    /// Messages behind 4-byte big-endian lengths.
    Lengths,
}

impl Frames {
    /// The next message, which is then at the start of the window; `None` at the end.
    pub(super) fn next(self, window: &mut Window) -> Result<Option<Unit>> {
        if window.is_empty()? {
            return Ok(None);
        }
        let unit = match self {
            Frames::Bare => bare(window)?,
            Frames::Lengths => behind_length(window)?,
        };
        if unit.len > window.limit() {
            let limit_bytes = window.limit();
            return Err(Error::TooLarge { place: window.place(0), what: "message", limit_bytes });
        }
        if !window.require(unit.header + unit.len)? {
            let inside = "the message that begins here";
            return Err(Error::Truncated { place: window.place(0), inside });
        }
        Ok(Some(unit))
    }
}

/// A `ResourceSpans` behind its tag and its length.
fn bare(window: &mut Window) -> Result<Unit> {
    const LONGEST: usize = 11;
    window.require(LONGEST)?;
    let head = &window.bytes()[..window.bytes().len().min(LONGEST)];
    if head[0] != 0x0a {
        let reason = "expected field 1 of an OTLP trace request; is this another kind of file?";
        return Err(Error::Malformed { place: window.place(0), reason: reason.to_owned() });
    }
    let (len, size) = Wire::new(&head[1..]).length().map_err(|mut error| {
        if let Some(place) = error.place_mut() {
            *place = window.place(1 + place.byte as usize);
        }
        error
    })?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    Ok(Unit { kind: UnitKind::ResourceMessage, header: 1 + size, len })
}

fn behind_length(window: &mut Window) -> Result<Unit> {
    window.require(4)?;
    let Some(length) = window.bytes().first_chunk::<4>() else {
        let inside = "the length of a message";
        return Err(Error::Truncated { place: window.place(0), inside });
    };
    let len = u32::from_be_bytes(*length) as usize;
    Ok(Unit { kind: UnitKind::Message, header: 4, len })
}

/// Decodes a framed message: protobuf or JSON, perhaps compressed.
pub(super) fn decode(message: &[u8], limit: usize, out: &mut SpanBatchBuilder) -> Result<()> {
    if !message.starts_with(ZSTD) {
        return decode_plain(message, out);
    }
    let plain = inflate(message, limit)?;
    decode_plain(&plain, out).map_err(|error| {
        // Positions in what was decompressed mean nothing in the file.
        *Error::malformed(0, format!("in the compressed message: {error}"))
    })
}

fn decode_plain(message: &[u8], out: &mut SpanBatchBuilder) -> Result<()> {
    match message.first() {
        Some(b'{') => otlp::json::decode(message, out),
        _ => otlp::protobuf::decode(message, out),
    }
}

/// The content of a compressed message, which may be one of `limit` bytes.
pub(super) fn inflate(message: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut plain = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(message);
    let read = decoder.and_then(|decoder| decoder.take(limit as u64 + 1).read_to_end(&mut plain));
    match read {
        Err(error) => Err(*Error::malformed(0, format!("zstd message is damaged ({error})"))),
        Ok(count) if count > limit => Err(Error::TooLarge {
            place: crate::error::Place::default(),
            what: "compressed message",
            limit_bytes: limit,
        }),
        Ok(_) => Ok(plain),
    }
}
