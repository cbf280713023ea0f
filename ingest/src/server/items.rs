//! Counts what a request holds before any of it is decoded.
//!
//! A byte limit is no memory limit: two bytes on the wire are an empty span, and a
//! span is hundreds of bytes of columns. The walks here allocate next to nothing
//! and stop at the limit.

use crate::error::{Decoded, Error};
use crate::otlp::wire::Wire;
use crate::server::PayloadFormat;
use crate::server::layout::Node;
use crate::value::MAX_DEPTH;

/// Why a request is refused by its walk.
#[derive(Debug)]
pub(super) enum Refused {
    /// It holds more items than allowed.
    TooMany,
    /// It is not well-formed.
    Broken(Box<Error>),
}

impl From<Box<Error>> for Refused {
    fn from(error: Box<Error>) -> Self {
        Refused::Broken(error)
    }
}

/// Fails if there are more than `limit` items (resources, scopes, spans, events, links,
/// attributes, array elements) in a payload.
pub(super) fn check(format: PayloadFormat, payload: &[u8], limit: usize) -> Result<(), Refused> {
    // No item takes less than two bytes in either encoding.
    if payload.len() / 2 <= limit {
        return Ok(());
    }
    match format {
        PayloadFormat::Protobuf => {
            Walk { left: limit }.message(Node::Request, Wire::new(payload), 0)
        }
        PayloadFormat::Json => elements(payload, limit),
    }
}

struct Walk {
    left: usize,
}

impl Walk {
    fn message(&mut self, node: Node, mut wire: Wire<'_>, depth: usize) -> Result<(), Refused> {
        while let Some((child, message)) = next(node, &mut wire)? {
            if child.is_item_of(node) {
                self.left = self.left.checked_sub(1).ok_or(Refused::TooMany)?;
            }
            if child == Node::Attribute && is_scalar(message.rest()) {
                continue;
            }
            let depth = depth + usize::from(matches!(child, Node::Array | Node::Object));
            // The decoder does not look deeper either.
            if depth <= MAX_DEPTH {
                self.message(child, message, depth)?;
            }
        }
        Ok(())
    }
}

/// Whether an attribute is a key and a scalar value in the form that senders write, as nearly all
/// are: then there is nothing to count in it. False for any other form.
fn is_scalar(attribute: &[u8]) -> bool {
    let [0x0a, key_len @ 0..0x80, rest @ ..] = attribute else { return false };
    let Some([0x12, len @ 0..0x80, value @ ..]) = rest.get(usize::from(*key_len)..) else {
        return false;
    };
    value.len() == usize::from(*len)
        && match value {
            [0x0a, len @ 0..0x80, text @ ..] => text.len() == usize::from(*len),
            [0x10, 0 | 1] => true,
            [0x18, number @ .., 0..0x80] => {
                number.len() < 9 && number.iter().all(|byte| *byte >= 0x80)
            }
            [0x21, double @ ..] => double.len() == 8,
            _ => false,
        }
}

/// The next message of the layout; scalars and unknown fields are stepped over.
fn next<'a>(node: Node, wire: &mut Wire<'a>) -> Decoded<Option<(Node, Wire<'a>)>> {
    while let Some(tag) = wire.tag()? {
        match node.field(tag.field) {
            Some(child) => return Ok(Some((child, wire.message(tag)?))),
            None => wire.skip(tag)?,
        }
    }
    Ok(None)
}

/// Counts the elements of all arrays: in OTLP/JSON these are the items. What is not JSON is left
/// for the decoder to find.
fn elements(payload: &[u8], limit: usize) -> Result<(), Refused> {
    let mut open = Brackets::default();
    let (mut left, mut rest) = (limit, payload);
    // Whether an array has been opened and nothing of it was seen yet.
    let mut fresh = false;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let ends = byte == b']';
        if std::mem::take(&mut fresh) && !ends {
            if byte.is_ascii_whitespace() {
                fresh = true;
                continue;
            }
            left = left.checked_sub(1).ok_or(Refused::TooMany)?;
        }
        match byte {
            b'[' => {
                open.push(true);
                fresh = true;
            }
            b'{' => open.push(false),
            b']' | b'}' => open.pop(),
            b',' if open.in_array() => left = left.checked_sub(1).ok_or(Refused::TooMany)?,
            b'"' => rest = behind_string(rest),
            _ => {}
        }
    }
    Ok(())
}

/// What comes after the closing quote.
fn behind_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        if rest[at] == b'"' {
            return &rest[at + 1..];
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    &[]
}

/// The open brackets, one bit each.
#[derive(Debug, Default)]
struct Brackets {
    words: Vec<u64>,
    len: usize,
}

impl Brackets {
    fn push(&mut self, array: bool) {
        let (word, bit) = (self.len / 64, self.len % 64);
        if word == self.words.len() {
            self.words.push(0);
        }
        self.words[word] &= !(1 << bit);
        self.words[word] |= u64::from(array) << bit;
        self.len += 1;
    }

    fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    fn in_array(&self) -> bool {
        self.len.checked_sub(1).is_some_and(|last| self.words[last / 64] & (1 << (last % 64)) != 0)
    }
}

#[cfg(test)]
mod tests;
