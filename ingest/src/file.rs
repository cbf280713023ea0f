//! Reads spans from a file of any size in bounded memory.
//!
//! Compression (gzip, zstd) and format are told by content. A file is cut into
//! units that decode on their own: a JSON document, one element of `data` or
//! `resourceSpans`, one protobuf message. Only the unit at hand is in memory, with
//! the rows that it becomes.
//!
//! JSON documents may stand one per line, one after the other, or pretty-printed.
//! Protobuf may be a bare request, or messages behind big-endian 4-byte lengths,
//! each of which may be compressed with zstd (the Collector's file exporter).
//!
//! An empty file has no spans and a warning. Logs or metrics as the first document
//! are an error; later in a file of traces they are skipped with a warning.

mod cut;
mod detect;
mod frame;
mod report;
mod source;
mod window;

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use schema::SpanBatch;

use crate::batch::{Limits, SpanBatchBuilder};
use crate::error::{Error, Place, Result};
use crate::tally::Warning;
use crate::{jaeger, otlp};
use cut::Cutter;
use detect::Found;
use frame::Frames;
pub use report::{RejectedSpan, Report};
use window::Window;

/// A format of spans in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// OTLP trace requests in JSON.
    OtlpJson,
    /// OTLP trace requests in protobuf.
    OtlpProtobuf,
    /// Traces as Jaeger writes them.
    JaegerJson,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::OtlpJson => "otlp-json",
            Format::OtlpProtobuf => "otlp-protobuf",
            Format::JaegerJson => "jaeger-json",
        })
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "otlp-json" => Ok(Format::OtlpJson),
            "otlp-protobuf" => Ok(Format::OtlpProtobuf),
            "jaeger-json" => Ok(Format::JaegerJson),
            _ => Err(Error::FormatName { text: text.to_owned() }),
        }
    }
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The format, or `None` to tell it by content.
    pub format: Option<Format>,
    /// When batches are cut, and how much of one span is kept.
    pub limits: Limits,
    /// Bytes of the largest unit.
    pub unit_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { format: None, limits: Limits::default(), unit_bytes: 256 << 20 }
    }
}

/// Iterates over the batches of one file.
///
/// After an error there is nothing more, and what came before it should be
/// dropped: the file is broken.
pub struct SpanReader {
    window: Window,
    units: Units,
    /// A unit that was read to tell the format.
    first: Option<Unit>,
    format: Option<Format>,
    /// Whether a document with traces has been seen.
    has_traces: bool,
    builder: SpanBatchBuilder,
    ready: VecDeque<SpanBatch>,
    report: Report,
    ended: bool,
}

enum Units {
    Json(Cutter),
    Protobuf(Frames),
}

/// The bytes at the start of the window that decode on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unit {
    kind: UnitKind,
    /// Bytes before the content, which were a length.
    header: usize,
    /// Bytes of the content.
    len: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnitKind {
    /// A JSON document, or an element of an array of them.
    Document,
    /// An element of `resourceSpans`.
    ResourceSpans,
    /// An element of `data`.
    Trace,
    /// A protobuf request, or whatever a framed message holds.
    Message,
    /// A protobuf `ResourceSpans`.
    ResourceMessage,
}

impl SpanReader {
    /// Opens a file and tells its format by content unless it is given.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or its format cannot be told.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| {
            let place = Place { file: Some(name.clone()), ..Place::default() };
            Error::Read { place, source }
        })?;
        Self::new(file, name, Options { format, ..Options::default() })
    }

    /// Reads from anything; `name` stands for the file in messages.
    ///
    /// # Errors
    ///
    /// If the source cannot be read or its format cannot be told.
    pub fn new(
        source: impl Read + Send + 'static,
        name: impl Into<String>,
        options: Options,
    ) -> Result<Self> {
        let mut window = Window::new(source, name.into(), options.unit_bytes)?;
        let units = detect::units(&mut window, options.format)?;
        let mut reader = Self {
            window,
            units,
            first: None,
            format: options.format,
            has_traces: false,
            builder: SpanBatchBuilder::new(options.limits),
            ready: VecDeque::new(),
            report: Report::default(),
            ended: false,
        };
        reader.begin()?;
        Ok(reader)
    }

    /// The format; `None` for a file without content.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// A counter of the bytes read from the source, before decompression. It moves while the
    /// reader works and may be watched from another thread.
    pub fn bytes_read(&self) -> Arc<AtomicU64> {
        self.window.bytes_read()
    }

    /// What has been read so far; complete when the iterator has ended.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What has been read.
    pub fn into_report(self) -> Report {
        self.report
    }

    /// Reads up to the first unit that shows the format.
    fn begin(&mut self) -> Result<()> {
        if self.window.is_empty()? {
            self.report.warn(Warning::EmptyFile);
            self.ended = true;
            return Ok(());
        }
        loop {
            let unit = self.next_unit()?;
            if let Units::Json(cutter) = &self.units {
                self.format = self.format.or(cutter.streams());
            }
            let Some(unit) = unit else { break };
            if self.judge(unit)? {
                self.first = Some(unit);
                break;
            }
            self.window.consume(unit.header + unit.len);
        }
        Ok(())
    }

    fn next_unit(&mut self) -> Result<Option<Unit>> {
        if let Some(unit) = self.first.take() {
            return Ok(Some(unit));
        }
        match &mut self.units {
            Units::Json(cutter) => cutter.next(&mut self.window, self.format),
            Units::Protobuf(frames) => frames.next(&mut self.window),
        }
    }

    /// Whether a unit holds traces of the format; false if it may be skipped.
    fn judge(&mut self, unit: Unit) -> Result<bool> {
        let content = &self.window.bytes()[unit.header..unit.header + unit.len];
        let found = match unit.kind {
            UnitKind::Document => detect::document(content),
            UnitKind::Message | UnitKind::ResourceMessage if !self.has_traces => {
                detect::message(content, unit.kind == UnitKind::Message)
            }
            UnitKind::Message | UnitKind::ResourceMessage => Found::Traces(Format::OtlpProtobuf),
            UnitKind::ResourceSpans => Found::Traces(Format::OtlpJson),
            UnitKind::Trace => Found::Traces(Format::JaegerJson),
        };
        match found {
            Found::Traces(format) if self.format.is_none_or(|expected| expected == format) => {
                self.format = Some(format);
                self.has_traces = true;
                Ok(true)
            }
            Found::Nothing => Ok(false),
            Found::OtherSignal(_) if self.has_traces => {
                self.report.warn(Warning::OtherSignal);
                Ok(false)
            }
            found => {
                let found = match (found, self.format) {
                    (Found::Traces(format), Some(expected)) => {
                        format!("traces as {format} in a file of {expected}")
                    }
                    (found, _) => found.to_string(),
                };
                Err(Error::Format { place: self.window.place(unit.header), found })
            }
        }
    }

    /// Decodes one unit; false at the end of the file.
    fn step(&mut self) -> Result<bool> {
        let Some(unit) = self.next_unit()? else { return Ok(false) };
        if self.judge(unit)? {
            self.decode(unit)?;
            self.ready.extend(self.builder.take_full());
        }
        self.window.consume(unit.header + unit.len);
        Ok(true)
    }

    fn decode(&mut self, unit: Unit) -> Result<()> {
        let content = &self.window.bytes()[unit.header..unit.header + unit.len];
        let out = &mut self.builder;
        let done = match (unit.kind, self.format) {
            (UnitKind::Document | UnitKind::Trace, Some(Format::JaegerJson)) => {
                jaeger::decode(content, out)
            }
            (UnitKind::Document | UnitKind::Trace, _) => otlp::json::decode(content, out),
            (UnitKind::ResourceSpans, _) => otlp::json::decode_resource_spans(content, out),
            (UnitKind::Message, _) => frame::decode(content, self.window.limit(), out),
            (UnitKind::ResourceMessage, _) => otlp::protobuf::decode_resource_spans(content, out),
        };
        let window = &self.window;
        self.report.add(self.builder.take_tally(), |offset| window.place(unit.header + offset));
        done.map_err(|mut error| {
            if let Some(place) = error.place_mut() {
                *place = window.place(unit.header + place.byte as usize);
            }
            error
        })
    }
}

impl Iterator for SpanReader {
    type Item = Result<SpanBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Some(Ok(batch));
            }
            if self.ended {
                return None;
            }
            match self.step() {
                Ok(true) => {}
                Ok(false) => {
                    self.ended = true;
                    self.ready.extend(self.builder.finish());
                }
                Err(error) => {
                    self.ended = true;
                    self.builder.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

impl fmt::Debug for SpanReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (format, report) = (&self.format, &self.report);
        f.debug_struct("SpanReader")
            .field("format", format)
            .field("report", report)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
