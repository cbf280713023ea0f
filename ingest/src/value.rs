//! What all decoders share about attributes: lists with a limit, values inside values.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::batch::{Limits, push_double, push_integer};
use crate::span::{Attribute, Notes, Value};
use crate::tally::{Rejection, Warning};

/// How many arrays and objects may lie inside each other.
pub(crate) const MAX_DEPTH: usize = 64;

/// What is wrong with a value; it is reported with the key, which may come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nested deeper than [`MAX_DEPTH`].
    Depth,
    /// Bytes that are not base64.
    Base64,
}

/// Writes a value that lies inside an array or an object as JSON text.
#[derive(Debug)]
pub(crate) struct JsonText {
    pub(crate) out: String,
    pub(crate) fault: Option<Fault>,
    /// Whether there was text by index, without the table it needs.
    pub(crate) string_index: bool,
    limit: usize,
}

impl JsonText {
    pub(crate) fn new(limit: usize) -> Self {
        Self { out: String::new(), fault: None, string_index: false, limit }
    }

    /// Whether more text would be cut off anyway.
    pub(crate) fn is_full(&self) -> bool {
        self.out.len() > self.limit
    }

    /// Whether a container at this depth is too deep; if so, that is noted.
    pub(crate) fn too_deep(&mut self, depth: usize) -> bool {
        let too_deep = depth > MAX_DEPTH;
        if too_deep {
            self.fault = Some(Fault::Depth);
        }
        too_deep
    }

    /// Writes `,` unless it is the first element after position `start`.
    pub(crate) fn separate(&mut self, start: usize) {
        if self.out.len() > start {
            self.out.push(',');
        }
    }

    pub(crate) fn string(&mut self, text: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.out.push('"');
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|b| b < 0x20 || b == b'"' || b == b'\\') {
            self.out.push_str(&rest[..at]);
            match rest.as_bytes()[at] {
                b'"' => self.out.push_str("\\\""),
                b'\\' => self.out.push_str("\\\\"),
                b'\n' => self.out.push_str("\\n"),
                b'\r' => self.out.push_str("\\r"),
                b'\t' => self.out.push_str("\\t"),
                control => {
                    self.out.push_str("\\u00");
                    self.out.push(char::from(HEX[usize::from(control >> 4)]));
                    self.out.push(char::from(HEX[usize::from(control & 15)]));
                }
            }
            rest = &rest[at + 1..];
        }
        self.out.push_str(rest);
        self.out.push('"');
    }

    pub(crate) fn integer(&mut self, value: i64) {
        push_integer(&mut self.out, value);
    }

    /// A double; what JSON has no number for becomes text.
    pub(crate) fn double(&mut self, value: f64) {
        let quote = if value.is_finite() { "" } else { "\"" };
        self.out.push_str(quote);
        push_double(&mut self.out, value);
        self.out.push_str(quote);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.push('"');
        STANDARD.encode_string(bytes, &mut self.out);
        self.out.push('"');
    }
}

/// A list of attributes that is being decoded: the end of a vector that others share.
pub(crate) struct AttributeList<'s, 'a> {
    pub(crate) list: &'s mut Vec<Attribute<'a>>,
    /// Where this list begins in the vector.
    pub(crate) start: usize,
    pub(crate) notes: &'s mut Notes,
    pub(crate) limits: Limits,
}

impl<'a> AttributeList<'_, 'a> {
    /// Whether there is room for one more attribute; if not, that is noted.
    pub(crate) fn has_room(&mut self) -> bool {
        let room = self.list.len() - self.start < self.limits.attributes;
        if !room {
            self.notes.warn(Warning::ManyAttributes);
        }
        room
    }

    /// Adds an attribute; a fault in its value is one of the span.
    #[inline]
    pub(crate) fn push(&mut self, key: Cow<'a, str>, value: Value<'a>, fault: Option<Fault>) {
        if let Some(fault) = fault {
            let key = key.chars().take(100).collect();
            self.notes.reject(match fault {
                Fault::Depth => Rejection::Depth { key },
                Fault::Base64 => Rejection::Base64 { key },
            });
        }
        self.list.push((key, value));
    }

    /// The part of the vector that this list is.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.list.len()
    }
}

/// Bytes from base64 of either alphabet, padded or not.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::alphabet;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const PLAIN: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

    PLAIN.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}
