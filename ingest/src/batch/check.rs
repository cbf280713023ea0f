//! The rules that a span must keep to become a row.

use std::borrow::Cow;

use crate::span::{Id, Span};
use crate::tally::Rejection;

/// OTLP number of the status `error`.
pub(super) const STATUS_ERROR: i32 = 2;

/// The identity and the times of a span that keeps the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) parent_span_id: Option<[u8; 8]>,
    pub(super) start: i64,
    pub(super) duration: i64,
    pub(super) negative_duration: Option<i64>,
}

impl Checked {
    pub(super) fn new(span: &Span<'_>) -> Result<Self, Rejection> {
        let trace_id = required(span.trace_id, Rejection::TraceId, Rejection::TraceIdText)?;
        let span_id = required(span.span_id, Rejection::SpanId, Rejection::SpanIdText)?;
        let parent_span_id = match span.parent_span_id {
            Id::WrongLength => return Err(Rejection::ParentSpanId),
            Id::NotHex => return Err(Rejection::ParentSpanIdText),
            // All zero means that there is no parent.
            id => id.valid().copied(),
        };
        let start = time(span.start, Rejection::StartZero, Rejection::StartRange)?;
        let end = time(span.end, Rejection::EndZero, Rejection::EndRange)?;
        if let Some(defect) = &span.notes.defect {
            return Err(defect.clone());
        }
        Ok(Self {
            trace_id,
            span_id,
            parent_span_id,
            start,
            duration: (end - start).max(0),
            negative_duration: (end < start).then(|| start - end),
        })
    }
}

fn required<const N: usize>(
    id: Id<N>,
    invalid: Rejection,
    not_hex: Rejection,
) -> Result<[u8; N], Rejection> {
    match id.valid() {
        Some(bytes) => Ok(*bytes),
        None if id == Id::NotHex => Err(not_hex),
        None => Err(invalid),
    }
}

/// The largest number itself is refused: it is a mark for "never", and nothing can be
/// computed with it.
fn time(nanos: u64, zero: Rejection, range: Rejection) -> Result<i64, Rejection> {
    match i64::try_from(nanos) {
        Ok(0) => Err(zero),
        Ok(nanos) if nanos < i64::MAX => Ok(nanos),
        _ => Err(range),
    }
}

/// The text of an OTLP span kind.
pub(super) fn kind_text(kind: i32) -> Cow<'static, str> {
    Cow::Borrowed(match kind {
        0 => "unspecified",
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        other => return Cow::Owned(format!("unknown({other})")),
    })
}

/// The text of an OTLP status code.
pub(super) fn status_text(status: i32) -> Cow<'static, str> {
    Cow::Borrowed(match status {
        0 => "unset",
        1 => "ok",
        STATUS_ERROR => "error",
        other => return Cow::Owned(format!("unknown({other})")),
    })
}
