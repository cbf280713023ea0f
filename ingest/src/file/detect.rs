//! Tells formats and signals by content.

use std::borrow::Cow;
use std::fmt;

use crate::error::{Decoded, Error, Result};
use crate::file::cut::Cutter;
use crate::file::frame::Frames;
use crate::file::source::ZSTD;
use crate::file::window::Window;
use crate::file::{Format, Units};
use crate::json::Json;
use crate::otlp::wire::Wire;

/// What a document or a message turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Traces of a format.
    Traces(Format),
    /// A document without content.
    Nothing,
    /// Another OTLP signal.
    OtherSignal(&'static str),
    /// Something else.
    Other(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Traces(format) => write!(f, "traces as {format}"),
            Found::Nothing => f.write_str("nothing"),
            Found::OtherSignal(signal) => write!(f, "{signal}, not traces"),
            Found::Other(what) => f.write_str(what),
        }
    }
}

/// Chooses how a file is cut, by its first bytes.
pub(super) fn units(window: &mut Window, format: Option<Format>) -> Result<Units> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    window.require(1024)?;
    if window.bytes().starts_with(BYTE_ORDER_MARK) {
        window.consume(BYTE_ORDER_MARK.len());
    }
    let head = window.bytes();
    let is_json = match format {
        Some(format) => format != Format::OtlpProtobuf,
        None => looks_like_json(head),
    };
    if is_json {
        return Ok(Units::Json(Cutter::new()));
    }
    let frames = match head.first() {
        Some(0x0a) => Frames::Bare,
        // A file of a given format says itself, when it is read, what is wrong with it.
        _ if format.is_some() || looks_framed(head) => Frames::Lengths,
        _ => {
            let found = unknown(head);
            return Err(Error::Format { place: window.place(0), found });
        }
    };
    window.has_lines = false;
    Ok(Units::Protobuf(frames))
}

/// Whether the first bytes are those of JSON. The tag of a protobuf request is a line feed
/// to JSON and its length may be a brace, so what follows the brace is looked at as well.
fn looks_like_json(head: &[u8]) -> bool {
    let mut rest = head.trim_ascii_start().iter();
    let open = rest.next();
    let rest = rest.as_slice().trim_ascii_start();
    match (open, rest) {
        (None, _) | (Some(b'{' | b'['), []) => true,
        (Some(b'{'), [b'}', ..] | [b'"', 0x20..=0xff, ..]) => true,
        (Some(b'['), [b'{' | b'[' | b']', ..]) => true,
        // Broken, but told best by a reader of JSON.
        (Some(b'{' | b'['), _) => head.first() != Some(&0x0a),
        _ => false,
    }
}

/// Whether the file begins with a length and a message of that length.
fn looks_framed(head: &[u8]) -> bool {
    // A length of less than 160 MiB begins with a byte below the tag of a request.
    let small = head.first().is_some_and(|byte| *byte < 0x0a);
    let message = head.get(4..).unwrap_or_default();
    let empty = head.starts_with(&[0; 4]) && (message.is_empty() || looks_framed(message));
    small && (empty || matches!(message.first(), Some(0x0a | b'{')) || message.starts_with(ZSTD))
}

fn unknown(head: &[u8]) -> String {
    if head.starts_with(b"PAR1") {
        return "a Parquet file".to_owned();
    }
    if head.get(257..262) == Some(b"ustar") {
        return "a tar archive (extract it first)".to_owned();
    }
    let bytes: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("a file that begins with the bytes {}", bytes.join(" "))
}

/// Tells what a JSON document holds, by the names of its members.
pub(super) fn document(content: &[u8]) -> Found {
    let (mut json, mut first) = (Json::new(content), true);
    let mut keys: Vec<Cow<'_, str>> = Vec::new();
    let mut read = || -> Decoded<Option<Found>> {
        json.object()?;
        while let Some(key) = json.key(&mut first)? {
            match &*key {
                "resourceSpans" => return Ok(Some(Found::Traces(Format::OtlpJson))),
                "resourceLogs" => return Ok(Some(Found::OtherSignal("logs (`resourceLogs`)"))),
                "resourceMetrics" => {
                    return Ok(Some(Found::OtherSignal("metrics (`resourceMetrics`)")));
                }
                "data" | "spans" | "traceID" | "spanID" | "operationName" => {
                    return Ok(Some(Found::Traces(Format::JaegerJson)));
                }
                _ => {}
            }
            json.skip()?;
            if keys.len() < 8 {
                keys.push(key);
            }
        }
        Ok(None)
    };
    match read() {
        Ok(Some(found)) => found,
        Ok(None) if keys.is_empty() => Found::Nothing,
        Ok(None) => Found::Other(describe(&keys)),
        Err(error) => Found::Other(format!("JSON that cannot be read ({error})")),
    }
}

fn describe(keys: &[Cow<'_, str>]) -> String {
    let has = |name: &str| keys.iter().any(|key| key == name);
    if has("resource_spans") {
        return "`resource_spans`, but OTLP/JSON names are in lowerCamelCase".to_owned();
    }
    if has("traceId") && has("id") {
        return "what looks like a Zipkin span".to_owned();
    }
    let quoted: Vec<String> = keys
        .iter()
        .map(|key| format!("`{}`", key.chars().take(40).collect::<String>().escape_debug()))
        .collect();
    format!("a JSON object with {}", quoted.join(", "))
}

/// Tells what a protobuf message holds, by the fields of the first span, log record or
/// metric in it: the messages around them look the same for all signals.
pub(super) fn message(content: &[u8], is_request: bool) -> Found {
    let traces = Found::Traces(Format::OtlpProtobuf);
    if content.first() == Some(&b'{') {
        return match document(content) {
            Found::Traces(Format::OtlpJson) => traces,
            found => found,
        };
    }
    let resource = if is_request { inner(Wire::new(content), 1) } else { Some(Wire::new(content)) };
    let item = resource.and_then(|message| inner(message, 2)).and_then(|scope| inner(scope, 2));
    let Some(mut item) = item else { return traces };
    let (mut has_times, mut has_log_time, mut has_data, mut has_trace_id) =
        (false, false, false, false);
    while let Ok(Some(tag)) = item.tag() {
        match tag.field {
            7 | 8 if tag.is_fixed64() => has_times = true,
            1 | 11 if tag.is_fixed64() => has_log_time = true,
            5 | 7 | 9 | 10 | 11 if tag.has_length() => has_data = true,
            1 if tag.has_length() => {
                has_trace_id = item.bytes(tag).is_ok_and(|bytes| bytes.len() == 16);
                continue;
            }
            _ => {}
        }
        if item.skip(tag).is_err() {
            break;
        }
    }
    if has_log_time && !has_times {
        Found::OtherSignal("logs")
    } else if has_data && !has_trace_id && !has_times {
        Found::OtherSignal("metrics")
    } else {
        traces
    }
}

/// The first message in a field.
fn inner(mut wire: Wire<'_>, field: u32) -> Option<Wire<'_>> {
    while let Some(tag) = wire.tag().ok()? {
        if tag.field == field && tag.has_length() {
            return wire.message(tag).ok();
        }
        wire.skip(tag).ok()?;
    }
    None
}
