//! Trace and span ids: 16 and 8 bytes, lowercase hex at every edge.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The id of a trace: 16 bytes, never all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId([u8; TraceId::BYTES]);

/// The id of a span within its trace: 8 bytes, never all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId([u8; SpanId::BYTES]);

impl TraceId {
    /// Length in bytes.
    pub const BYTES: usize = 16;

    /// The id with these bytes, or `None` for a wrong length or all zeros, which
    /// OTLP defines as invalid.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        valid(bytes).map(Self)
    }

    /// The bytes, most significant first.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl SpanId {
    /// Length in bytes.
    pub const BYTES: usize = 8;

    /// The id with these bytes, or `None` for a wrong length or all zeros, which
    /// OTLP defines as invalid.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        valid(bytes).map(Self)
    }

    /// The bytes, most significant first.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl FromStr for TraceId {
    type Err = Error;

    /// Parses 32 hex digits in either case.
    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = [0; Self::BYTES];
        let parsed =
            decode_hex(text.as_bytes(), &mut bytes).and_then(|()| Self::from_bytes(&bytes));
        parsed.ok_or_else(|| bad_id("trace id", Self::BYTES, text))
    }
}

impl FromStr for SpanId {
    type Err = Error;

    /// Parses 16 hex digits in either case.
    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = [0; Self::BYTES];
        let parsed =
            decode_hex(text.as_bytes(), &mut bytes).and_then(|()| Self::from_bytes(&bytes));
        parsed.ok_or_else(|| bad_id("span id", Self::BYTES, text))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

/// Decodes hex digits of either case into `out`; `None` unless `hex` has exactly
/// twice as many digits as `out` has bytes.
pub fn decode_hex(hex: &[u8], out: &mut [u8]) -> Option<()> {
    if hex.len() != out.len() * 2 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(())
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn valid<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let bytes = <[u8; N]>::try_from(bytes).ok()?;
    (bytes != [0; N]).then_some(bytes)
}

fn bad_id(kind: &'static str, bytes: usize, text: &str) -> Error {
    // An id is short; a text that is not one may be a whole document.
    Error::Id { kind, digits: bytes * 2, text: text.chars().take(64).collect() }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests;
