//! One span on its way from the wire to the columns.
//!
//! Every format fills this record and nothing else. It borrows from the input
//! and its vectors are reused from span to span, so that decoding allocates per
//! request and not per span. Nothing here is checked: the rules are applied once,
//! by [`crate::SpanBatchBuilder::append`].

use std::borrow::Cow;
use std::ops::Range;

use crate::tally::{Rejection, Warning, WarningSet};

/// An attribute as received.
pub type Attribute<'a> = (Cow<'a, str>, Value<'a>);

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value<'a> {
    /// No value: NULL in the map.
    #[default]
    Empty,
    /// Text, and arrays and objects as JSON text.
    Text(Cow<'a, str>),
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Bytes: base64 in the map.
    Bytes(Cow<'a, [u8]>),
}

/// An id of `N` bytes as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Id<const N: usize> {
    /// Not there, or empty.
    #[default]
    Absent,
    /// `N` bytes, which may be all zero.
    Bytes([u8; N]),
    /// Another number of bytes.
    WrongLength,
    /// Text that is not the hex form of an id.
    NotHex,
}

/// An event of a span. Its attributes are a part of [`Span::inner_attributes`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event<'a> {
    /// Nanoseconds since the epoch; 0 is unknown.
    pub time: u64,
    /// Name of the event.
    pub name: Cow<'a, str>,
    /// Where its attributes begin and end.
    pub attributes: Range<usize>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
}

/// A link of a span. Its attributes are a part of [`Span::inner_attributes`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Link<'a> {
    /// The linked trace.
    pub trace_id: Id<16>,
    /// The linked span.
    pub span_id: Id<8>,
    /// W3C trace state of the linked span.
    pub trace_state: Cow<'a, str>,
    /// Where its attributes begin and end.
    pub attributes: Range<usize>,
    /// Flags of the link.
    pub flags: u32,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
}

/// A span as received.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Span<'a> {
    /// Where the span begins in its request, in bytes.
    pub offset: usize,
    /// Id of the trace.
    pub trace_id: Id<16>,
    /// Id of the span.
    pub span_id: Id<8>,
    /// Id of the parent.
    pub parent_span_id: Id<8>,
    /// W3C trace state.
    pub trace_state: Cow<'a, str>,
    /// OTLP flags.
    pub flags: u32,
    /// Name.
    pub name: Cow<'a, str>,
    /// OTLP number of the kind.
    pub kind: i32,
    /// Start in nanoseconds since the epoch; [`u64::MAX`] if it does not fit.
    pub start: u64,
    /// End in nanoseconds since the epoch; [`u64::MAX`] if it does not fit.
    pub end: u64,
    /// OTLP number of the status.
    pub status: i32,
    /// Status message.
    pub status_message: Cow<'a, str>,
    /// Attributes in the order received.
    pub attributes: Vec<Attribute<'a>>,
    /// Spans with the same number have the same keys in the same order; 0 says nothing.
    pub key_list: u64,
    /// Events in the order received.
    pub events: Vec<Event<'a>>,
    /// Links in the order received.
    pub links: Vec<Link<'a>>,
    /// The attributes of all events and links.
    pub inner_attributes: Vec<Attribute<'a>>,
    /// Attributes that the sender or the decoder dropped.
    pub dropped_attributes: u32,
    /// Events that the sender or the decoder dropped.
    pub dropped_events: u32,
    /// Links that the sender or the decoder dropped.
    pub dropped_links: u32,
    /// What the decoder noticed.
    pub notes: Notes,
}

/// What a decoder noticed in a span, a resource or a scope and the record cannot show.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Notes {
    /// A broken rule: the span, or every span below the resource or scope, is rejected.
    pub defect: Option<Rejection>,
    /// What had to be repaired.
    pub warnings: WarningSet,
}

impl Notes {
    pub(crate) fn warn(&mut self, warning: Warning) {
        self.warnings.add(warning);
    }

    pub(crate) fn warn_if(&mut self, happened: bool, warning: Warning) {
        if happened {
            self.warn(warning);
        }
    }

    /// Keeps the first defect.
    pub(crate) fn reject(&mut self, rejection: Rejection) {
        self.defect.get_or_insert(rejection);
    }
}

impl<'a> Span<'a> {
    /// Makes the record ready for the next span, keeping its memory.
    pub fn clear(&mut self) {
        // Field by field: the record is large, and moving it costs as much as decoding.
        let Span {
            offset,
            trace_id,
            span_id,
            parent_span_id,
            trace_state,
            flags,
            name,
            kind,
            start,
            end,
            status,
            status_message,
            attributes,
            key_list,
            events,
            links,
            inner_attributes,
            dropped_attributes,
            dropped_events,
            dropped_links,
            notes,
        } = self;
        (*offset, *start, *end, *key_list) = (0, 0, 0, 0);
        (*trace_id, *span_id, *parent_span_id) = (Id::Absent, Id::Absent, Id::Absent);
        for text in [trace_state, name, status_message] {
            *text = Cow::Borrowed("");
        }
        (*flags, *kind, *status) = (0, 0, 0);
        (*dropped_attributes, *dropped_events, *dropped_links) = (0, 0, 0);
        attributes.clear();
        events.clear();
        links.clear();
        inner_attributes.clear();
        *notes = Notes::default();
    }
}

impl<const N: usize> Id<N> {
    /// An id of the protobuf encoding.
    #[inline]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match <[u8; N]>::try_from(bytes) {
            Ok(bytes) => Id::Bytes(bytes),
            Err(_) if bytes.is_empty() => Id::Absent,
            Err(_) => Id::WrongLength,
        }
    }

    /// An id of the OTLP/JSON encoding: exactly `2 * N` hex digits of either case.
    pub fn from_hex(text: &str) -> Self {
        let mut bytes = [0; N];
        match schema::ids::decode_hex(text.as_bytes(), &mut bytes) {
            Some(()) => Id::Bytes(bytes),
            None if text.is_empty() => Id::Absent,
            None => Id::NotHex,
        }
    }

    /// An id of which leading zeros were dropped, as Jaeger writes them.
    pub fn from_short_hex(text: &str) -> Self {
        let digits = text.as_bytes();
        let Some(missing) = (2 * N).checked_sub(digits.len()) else { return Id::NotHex };
        // `N` is 8 or 16, so 32 digits hold every id.
        let mut padded = [b'0'; 32];
        padded[missing..2 * N].copy_from_slice(digits);
        let mut bytes = [0; N];
        match schema::ids::decode_hex(&padded[..2 * N], &mut bytes) {
            _ if digits.is_empty() => Id::Absent,
            Some(()) => Id::Bytes(bytes),
            None => Id::NotHex,
        }
    }

    /// The bytes of an id that is not all zero.
    #[inline]
    pub fn valid(&self) -> Option<&[u8; N]> {
        match self {
            Id::Bytes(bytes) if *bytes != [0; N] => Some(bytes),
            _ => None,
        }
    }
}
