//! Counts what was accepted, left out and repaired.

use std::collections::BTreeMap;

/// Why a span was left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The trace id is missing, all zero, or of another length.
    #[error("{}", self.reason())]
    TraceId,
    /// The trace id is not hex text.
    #[error("{}", self.reason())]
    TraceIdText,
    /// The span id is missing, all zero, or of another length.
    #[error("{}", self.reason())]
    SpanId,
    /// The span id is not hex text.
    #[error("{}", self.reason())]
    SpanIdText,
    /// The parent id has another length.
    #[error("{}", self.reason())]
    ParentSpanId,
    /// The parent id is not hex text.
    #[error("{}", self.reason())]
    ParentSpanIdText,
    /// The start is missing.
    #[error("{}", self.reason())]
    StartZero,
    /// The end is missing.
    #[error("{}", self.reason())]
    EndZero,
    /// The start does not fit a signed 64-bit number of nanoseconds.
    #[error("{}", self.reason())]
    StartRange,
    /// The end does not fit a signed 64-bit number of nanoseconds.
    #[error("{}", self.reason())]
    EndRange,
    /// A value is nested too deeply.
    #[error("attribute `{key}` nested deeper than 64 levels")]
    Depth {
        /// The attribute.
        key: String,
    },
    /// A bytes value is not base64.
    #[error("attribute `{key}` has a bytes value that is not base64")]
    Base64 {
        /// The attribute.
        key: String,
    },
    /// A time or duration text that cannot be read.
    #[error("{field} `{text}` is not a time or duration")]
    TimeText {
        /// The field.
        field: &'static str,
        /// What was given.
        text: String,
    },
}

impl Rejection {
    /// The reason without the particulars, fit to be counted by.
    pub fn reason(&self) -> &'static str {
        match self {
            Rejection::TraceId => "trace_id must be 16 bytes and not all zero",
            Rejection::TraceIdText => "trace_id must be 32 hex digits and not all zero",
            Rejection::SpanId => "span_id must be 8 bytes and not all zero",
            Rejection::SpanIdText => "span_id must be 16 hex digits and not all zero",
            Rejection::ParentSpanId => "parent_span_id must be 8 bytes or empty",
            Rejection::ParentSpanIdText => "parent_span_id must be 16 hex digits or empty",
            Rejection::StartZero => "start_time_unix_nano is 0",
            Rejection::EndZero => "end_time_unix_nano is 0",
            Rejection::StartRange => {
                "start_time_unix_nano is outside the representable range (1970 to 2262)"
            }
            Rejection::EndRange => {
                "end_time_unix_nano is outside the representable range (1970 to 2262)"
            }
            Rejection::Depth { .. } => "attribute nested deeper than 64 levels",
            Rejection::Base64 { .. } => "attribute with bytes that are not base64",
            Rejection::TimeText { .. } => "text is not a time or duration",
        }
    }
}

/// Something that was repaired or left aside while the span was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// Invalid UTF-8 or a lone surrogate.
    #[error("invalid UTF-8 replaced by U+FFFD")]
    InvalidUtf8,
    /// A key that comes twice in one list of attributes.
    #[error("duplicate attribute key, the last value was kept")]
    DuplicateKey,
    /// Text beyond the limit.
    #[error("text cut at the length limit")]
    LongText,
    /// Attributes beyond the limit.
    #[error("attributes dropped beyond the limit per list")]
    ManyAttributes,
    /// Events or links beyond the limit.
    #[error("events or links dropped beyond the limit per span")]
    ManyEvents,
    /// A string index of the profiles signal.
    #[error("string index without a string table read as absent")]
    StringIndex,
    /// A sampling threshold that is malformed or contradicts its random value.
    #[error("sampling threshold in trace state is invalid, weight is unknown")]
    SampleWeight,
    /// A link whose ids are not ids.
    #[error("link with an invalid id, the id was left out")]
    LinkId,
    /// A Jaeger span whose process is not in its trace.
    #[error("process of the span is not in the trace, service is unknown")]
    UnknownProcess,
    /// The end precedes the start.
    #[error("end before start, duration stored as 0")]
    NegativeDuration,
    /// A document of another signal in a file of traces.
    #[error("document with logs or metrics skipped")]
    OtherSignal,
    /// A file without a byte of content.
    #[error("file is empty")]
    EmptyFile,
}

/// A set of warnings about one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WarningSet(u16);

impl WarningSet {
    /// Adds one.
    pub fn add(&mut self, warning: Warning) {
        self.0 |= 1 << warning as u16;
    }

    /// Adds all of `other`.
    pub fn add_all(&mut self, other: WarningSet) {
        self.0 |= other.0;
    }
}

/// Every warning, in the order of their discriminants.
const WARNINGS: [Warning; 12] = [
    Warning::InvalidUtf8,
    Warning::DuplicateKey,
    Warning::LongText,
    Warning::ManyAttributes,
    Warning::ManyEvents,
    Warning::StringIndex,
    Warning::SampleWeight,
    Warning::LinkId,
    Warning::UnknownProcess,
    Warning::NegativeDuration,
    Warning::OtherSignal,
    Warning::EmptyFile,
];

/// What happened to the spans that were offered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Spans that became rows.
    pub accepted: u64,
    /// Spans that were left out.
    pub rejected: u64,
    /// How many were left out, by [`Rejection::reason`].
    pub rejected_by_reason: BTreeMap<&'static str, u64>,
    /// The first spans that were left out: where they begin in their request, and why.
    pub rejections: Vec<(usize, Rejection)>,
    /// How many spans, resources or documents each warning is about.
    pub warnings: BTreeMap<Warning, u64>,
}

impl Tally {
    /// How many rejections are kept one by one.
    pub const KEPT: usize = 100;

    pub(crate) fn reject(&mut self, offset: usize, rejection: Rejection) {
        self.rejected += 1;
        *self.rejected_by_reason.entry(rejection.reason()).or_default() += 1;
        if self.rejections.len() < Self::KEPT {
            self.rejections.push((offset, rejection));
        }
    }

    pub(crate) fn warn(&mut self, set: WarningSet) {
        if set == WarningSet::default() {
            return;
        }
        for warning in WARNINGS {
            if set.0 & 1 << warning as u16 != 0 {
                *self.warnings.entry(warning).or_default() += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
