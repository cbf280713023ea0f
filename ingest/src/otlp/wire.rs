//! The protobuf wire format, as far as it lies in memory.

use std::borrow::Cow;

use crate::error::{Decoded, Error};
use crate::span::Notes;
use crate::tally::Warning;

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

/// Reads the fields of one message. Cloning is cheap and makes a bookmark.
#[derive(Debug, Clone)]
pub(crate) struct Wire<'a> {
    rest: &'a [u8],
    /// Position of the end of the message in the whole input.
    end: usize,
}

/// Number and wire type of the field that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Number of the field.
    pub(crate) field: u32,
    wire_type: u8,
    /// Where the tag stands in the whole input.
    pub(crate) at: usize,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, end: bytes.len() }
    }

    /// Where the next byte stands in the whole input.
    pub(crate) fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// The tag of the next field, or `None` at the end of the message.
    #[inline(always)]
    pub(crate) fn tag(&mut self) -> Decoded<Option<Tag>> {
        let Some((&byte, rest)) = self.rest.split_first() else { return Ok(None) };
        // One byte with a field number and a wire type that OTLP has, as nearly all tags are.
        const KNOWN: u8 = 1 << VARINT | 1 << FIXED64 | 1 << LENGTH | 1 << FIXED32;
        if (8..0x80).contains(&byte) && KNOWN >> (byte & 7) & 1 != 0 {
            let at = self.offset();
            self.rest = rest;
            return Ok(Some(Tag { field: u32::from(byte >> 3), wire_type: byte & 7, at }));
        }
        self.long_tag().map(Some)
    }

    #[cold]
    fn long_tag(&mut self) -> Decoded<Tag> {
        let at = self.offset();
        let tag = self.varint()?;
        let field = u32::try_from(tag >> 3).ok().filter(|field| (1..1 << 29).contains(field));
        let Some(field) = field else {
            return Err(Error::malformed(at, "invalid protobuf field number"));
        };
        let wire_type = (tag & 7) as u8;
        match wire_type {
            VARINT | FIXED64 | LENGTH | FIXED32 => Ok(Tag { field, wire_type, at }),
            3 | 4 => Err(Error::malformed(at, "protobuf groups are not part of OTLP")),
            _ => Err(Error::malformed(at, format!("invalid protobuf wire type {wire_type}"))),
        }
    }

    /// What is left of the message, as it is.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// A bytes field.
    #[inline(always)]
    pub(crate) fn bytes(&mut self, tag: Tag) -> Decoded<&'a [u8]> {
        tag.expect(LENGTH)?;
        let len = self.varint()?;
        let taken = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len));
        let Some((bytes, rest)) = taken else { return Err(self.too_short(tag, len)) };
        self.rest = rest;
        Ok(bytes)
    }

    #[cold]
    fn too_short(&self, tag: Tag, len: u64) -> Box<Error> {
        let left = self.rest.len();
        let reason = format!(
            "field {} has {len} bytes but only {left} are left; the input may be cut off",
            tag.field
        );
        Error::malformed(tag.at, reason)
    }

    /// A message field.
    #[inline(always)]
    pub(crate) fn message(&mut self, tag: Tag) -> Decoded<Wire<'a>> {
        let rest = self.bytes(tag)?;
        Ok(Wire { rest, end: self.offset() })
    }

    /// The next field, if it is a message with this number below 16 and shorter than 128 bytes.
    #[inline(always)]
    pub(crate) fn short_message(&mut self, field: u8) -> Option<Wire<'a>> {
        let [tag, len @ 0..0x80, rest @ ..] = self.rest else { return None };
        if *tag != field << 3 | LENGTH {
            return None;
        }
        let (message, rest) = rest.split_at_checked(usize::from(*len))?;
        self.rest = rest;
        Some(Wire { rest: message, end: self.offset() })
    }

    /// A string field; what is not UTF-8 becomes U+FFFD.
    #[inline]
    pub(crate) fn text(&mut self, tag: Tag, notes: &mut Notes) -> Decoded<Cow<'a, str>> {
        let bytes = self.bytes(tag)?;
        if let Ok(text) = str::from_utf8(bytes) {
            return Ok(Cow::Borrowed(text));
        }
        notes.warn(Warning::InvalidUtf8);
        Ok(String::from_utf8_lossy(bytes))
    }

    /// A field of an integer or enum type.
    #[inline]
    pub(crate) fn integer(&mut self, tag: Tag) -> Decoded<u64> {
        tag.expect(VARINT)?;
        self.varint()
    }

    /// A fixed64 or double field.
    #[inline]
    pub(crate) fn fixed64(&mut self, tag: Tag) -> Decoded<u64> {
        tag.expect(FIXED64)?;
        self.array().map(u64::from_le_bytes)
    }

    /// A fixed32 field.
    pub(crate) fn fixed32(&mut self, tag: Tag) -> Decoded<u32> {
        tag.expect(FIXED32)?;
        self.array().map(u32::from_le_bytes)
    }

    /// Steps over a field.
    pub(crate) fn skip(&mut self, tag: Tag) -> Decoded<()> {
        match tag.wire_type {
            VARINT => self.varint().map(drop),
            FIXED64 => self.array::<8>().map(drop),
            FIXED32 => self.array::<4>().map(drop),
            _ => self.bytes(tag).map(drop),
        }
    }

    /// A length that stands alone, and how many bytes it takes.
    pub(crate) fn length(mut self) -> Decoded<(u64, usize)> {
        let length = self.varint()?;
        Ok((length, self.offset()))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(*bytes)
            }
            None => Err(Error::truncated(self.offset(), "a protobuf field")),
        }
    }

    #[inline(always)]
    fn varint(&mut self) -> Decoded<u64> {
        // Nearly all tags and lengths are one byte, and those of spans are two.
        match self.rest {
            [byte @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            [low, high @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Decoded<u64> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                if index == 9 && byte > 1 {
                    break;
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        if self.rest.len() < 10 {
            return Err(Error::truncated(self.offset(), "a protobuf number"));
        }
        Err(Error::malformed(self.offset(), "protobuf number of more than 64 bits"))
    }
}

impl Tag {
    /// Whether the field holds bytes, text or a message.
    pub(crate) fn has_length(self) -> bool {
        self.wire_type == LENGTH
    }

    /// Whether the field holds eight plain bytes.
    pub(crate) fn is_fixed64(self) -> bool {
        self.wire_type == FIXED64
    }

    #[inline(always)]
    fn expect(self, wire_type: u8) -> Decoded<()> {
        if self.wire_type == wire_type { Ok(()) } else { Err(self.unexpected(wire_type)) }
    }

    #[cold]
    fn unexpected(self, wire_type: u8) -> Box<Error> {
        let reason = format!(
            "field {} has wire type {} where an OTLP trace request has {wire_type}; is this \
             another kind of message?",
            self.field, self.wire_type
        );
        Error::malformed(self.at, reason)
    }
}

#[cfg(test)]
mod tests;
