//! Decompression that stops at a limit.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use crate::server::admission::{Full, Permit};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// The encodings as headers list them.
pub(super) const SUPPORTED: &str = "gzip, zstd, identity";

/// Why a body could not be decompressed.
#[derive(Debug)]
pub(super) enum Refused {
    /// It became more bytes than allowed.
    TooLarge,
    /// There is no memory for it now.
    Busy,
    /// It is not what its encoding says.
    Broken(String),
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Refused::Busy
    }
}

/// What is decompressed at a time.
const STEP: usize = 256 << 10;

impl Encoding {
    /// The encoding of that name; an absent header is the empty name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            Some(Encoding::Identity)
        } else if name.eq_ignore_ascii_case("gzip") {
            Some(Encoding::Gzip)
        } else if name.eq_ignore_ascii_case("zstd") {
            Some(Encoding::Zstd)
        } else {
            None
        }
    }
}

/// Decompresses a gzip body; several members count as one.
pub(super) fn gzip(body: &[u8], limit: usize, permit: &mut Permit) -> Result<Vec<u8>, Refused> {
    read(MultiGzDecoder::new(body), "gzip", limit, permit)
}

/// Decompresses a zstd body; several frames count as one.
pub(super) fn zstd(body: &[u8], limit: usize, permit: &mut Permit) -> Result<Vec<u8>, Refused> {
    let broken = |error: io::Error| Refused::Broken(format!("invalid zstd body: {error}"));
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(broken)?;
    // A frame may ask for any amount of history; no more than the limit can be of use.
    let window = limit.max(1).next_power_of_two().ilog2().clamp(20, 27);
    decoder.window_log_max(window).map_err(broken)?;
    read(decoder, "zstd", limit, permit)
}

fn read(
    mut source: impl Read,
    name: &str,
    limit: usize,
    permit: &mut Permit,
) -> Result<Vec<u8>, Refused> {
    let (held, mut out) = (permit.bytes(), Vec::new());
    loop {
        // One byte more than allowed tells a body that fits from one that does not.
        let step = STEP.min(limit.saturating_add(1) - out.len());
        permit.grow(step)?;
        let mut part = source.by_ref().take(step as u64);
        let read = part.read_to_end(&mut out).map_err(|error| {
            Refused::Broken(match error.kind() {
                io::ErrorKind::UnexpectedEof => format!("invalid {name} body: it is cut off"),
                _ => format!("invalid {name} body: {error}"),
            })
        })?;
        if out.len() > limit {
            return Err(Refused::TooLarge);
        }
        if read < step {
            permit.shrink_to(held + out.len());
            return Ok(out);
        }
    }
}

#[cfg(test)]
mod tests;
