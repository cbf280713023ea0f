//! Writes a planned data set to a file or any other writer.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::compress::Compressed;
use crate::encode::{Encoding, encode};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::span::Request;

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// How a request becomes bytes.
    pub encoding: Encoding,
    /// How the file is compressed, as a whole.
    pub compression: Compression,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, `.gz`.
    Gzip,
    /// Zstandard, `.zst`.
    Zstd,
}

impl Format {
    /// The format that a file name stands for: `.otlp.jsonl` or `.otlp.binpb`
    /// (`.jsonl` and `.binpb` will do), plain or with `.zst` or `.gz`.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (compression, name) = match path.extension().and_then(OsStr::to_str) {
            Some("zst") => (Compression::Zstd, path.with_extension("")),
            Some("gz") => (Compression::Gzip, path.with_extension("")),
            _ => (Compression::None, path.to_owned()),
        };
        let encoding = match name.extension().and_then(OsStr::to_str) {
            Some("jsonl") => Encoding::JsonLines,
            Some("binpb") => Encoding::Protobuf,
            _ => return Err(Error::UnknownFormat { path: path.to_owned() }),
        };
        Ok(Self { encoding, compression })
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Requests: lines, or framed messages.
    pub requests: u64,
    /// Traces.
    pub traces: u64,
    /// Spans.
    pub spans: u64,
    /// Spans with status "error".
    pub error_spans: u64,
    /// Traces whose root has status "error".
    pub failed_traces: u64,
    /// Bytes before compression.
    pub bytes: u64,
}

impl Summary {
    fn add(&mut self, request: &Request, bytes: usize) {
        self.requests += 1;
        self.bytes += bytes as u64;
        for (_, span) in request.spans() {
            let (is_root, is_error) = (span.parent_span_id.is_none(), span.error.is_some());
            self.spans += 1;
            self.traces += u64::from(is_root);
            self.error_spans += u64::from(is_error);
            self.failed_traces += u64::from(is_root && is_error);
        }
    }
}

/// Writes a data set. `progress` hears the number of spans written so far,
/// after every request.
pub fn write(
    plan: &Plan,
    out: impl Write,
    format: Format,
    progress: impl FnMut(u64),
) -> Result<Summary> {
    let mut out = Compressed::new(BufWriter::new(out), format.compression)?;
    let summary = write_requests(plan, &mut out, format.encoding, progress)?;
    out.finish()?;
    Ok(summary)
}

/// Writes a data set to a file, in the format of its name. The file appears
/// when it is complete: until then it has `.part` at the end.
pub fn write_file(
    plan: &Plan,
    path: impl AsRef<Path>,
    progress: impl FnMut(u64),
) -> Result<Summary> {
    let path = path.as_ref();
    let format = Format::from_path(path)?;
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let written = File::create(&part).map_err(Error::from).and_then(|mut file| {
        let summary = write(plan, &mut file, format, progress)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        Ok(summary)
    });
    if written.is_err() {
        // The first error is the one to report; there may be nothing to remove.
        let _ = fs::remove_file(&part);
    }
    written
}

fn write_requests(
    plan: &Plan,
    out: &mut impl Write,
    encoding: Encoding,
    mut progress: impl FnMut(u64),
) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut bytes = Vec::new();
    for request in plan.requests() {
        bytes.clear();
        encode(&request, encoding, &mut bytes);
        out.write_all(&bytes)?;
        summary.add(&request, bytes.len());
        progress(summary.spans);
    }
    Ok(summary)
}

#[cfg(test)]
mod tests;
