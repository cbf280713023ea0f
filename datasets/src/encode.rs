//! Requests as OTLP bytes, written directly: the same fields in JSON and in
//! protobuf, in the same order.
//!
//! A decoder that knows the whole protocol checks both in the tests.

mod json;
mod protobuf;

use crate::span::Request;

/// How a request becomes bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// OTLP/JSON on one line, with a line feed.
    JsonLines,
    /// OTLP protobuf after four bytes of length, most significant first: the
    /// framing of the collector's file exporter.
    Protobuf,
}

/// Appends an `ExportTraceServiceRequest`, framed for a file.
pub fn encode(request: &Request, encoding: Encoding, out: &mut Vec<u8>) {
    match encoding {
        Encoding::JsonLines => {
            json::request(request, out);
            out.push(b'\n');
        }
        Encoding::Protobuf => {
            let start = out.len();
            out.extend([0; 4]);
            protobuf::request(request, out);
            let length = (out.len() - start - 4) as u32;
            out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
}
