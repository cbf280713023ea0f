//! Redaction of the protobuf encoding.
//!
//! Messages are copied field by field; only those on the way to a changed
//! attribute get new lengths.

use std::borrow::Cow;

use crate::error::Decoded;
use crate::otlp::wire::{Tag, Wire};
use crate::server::layout::Node;
use crate::server::redact::Text;
use crate::server::redact::rule::{Found, RuleSet};
use crate::server::wire_out;
use crate::value::MAX_DEPTH;

/// The payload with the rules applied and the number of changes, or `None` if nothing changed.
pub(super) fn rewrite(payload: &[u8], rules: &RuleSet) -> Decoded<Option<(Vec<u8>, u64)>> {
    let mut copy = Copy { payload, rules, out: Vec::with_capacity(payload.len()), changes: 0 };
    copy.message(Node::Request, Wire::new(payload), 0)?;
    Ok((copy.changes > 0).then_some((copy.out, copy.changes)))
}

struct Copy<'a> {
    payload: &'a [u8],
    rules: &'a RuleSet,
    out: Vec<u8>,
    changes: u64,
}

/// A field that holds a message, and where it ends in the payload.
struct Field<'a> {
    tag: Tag,
    message: Wire<'a>,
    end: usize,
}

impl<'a> Copy<'a> {
    fn message(&mut self, node: Node, mut wire: Wire<'a>, depth: usize) -> Decoded<()> {
        while let Some(tag) = wire.tag()? {
            let Some(child) = node.field(tag.field) else {
                wire.skip(tag)?;
                self.out.extend_from_slice(&self.payload[tag.at..wire.offset()]);
                continue;
            };
            let field = Field { tag, message: wire.message(tag)?, end: wire.offset() };
            match child {
                Node::Attribute => self.attribute(field, depth)?,
                Node::Value => self.element(field, depth)?,
                _ => self.nested(field, child, depth)?,
            }
        }
        Ok(())
    }

    /// Copies a message with whatever becomes of its content.
    fn nested(&mut self, field: Field<'a>, node: Node, depth: usize) -> Decoded<()> {
        let depth = depth + usize::from(matches!(node, Node::Array | Node::Object));
        let before = field.end - field.message.offset();
        wire_out::tag(&mut self.out, field.tag.field, wire_out::LENGTH);
        let start = wire_out::open(&mut self.out, before);
        if depth <= MAX_DEPTH {
            self.message(node, field.message, depth)?;
        } else if before > 0 {
            // Too deep to be stored, so the span will be rejected. Its content must not stay.
            self.changes += 1;
        }
        wire_out::close(&mut self.out, start, before);
        Ok(())
    }

    /// Copies an attribute, its value replaced, or nothing.
    fn attribute(&mut self, field: Field<'a>, depth: usize) -> Decoded<()> {
        let (mut key, mut text, mut raw) = (&b""[..], None, &b""[..]);
        let mut scan = field.message.clone();
        while let Some(tag) = scan.tag()? {
            match tag.field {
                1 => key = scan.bytes(tag)?,
                2 => {
                    let value = scan.message(tag)?;
                    raw = &self.payload[value.offset()..scan.offset()];
                    text = scalar(value)?;
                }
                _ => scan.skip(tag)?,
            }
        }
        match self.rules.judge(Some(key), text.as_deref(), raw) {
            None => return self.nested(field, Node::Attribute, depth),
            Some(Found::Drop) => {}
            Some(Found::Text(text)) => {
                let mut attribute = Vec::new();
                wire_out::bytes(&mut attribute, 1, key);
                wire_out::bytes(&mut attribute, 2, &text_value(&text));
                wire_out::bytes(&mut self.out, field.tag.field, &attribute);
            }
        }
        self.changes += 1;
        Ok(())
    }

    /// Copies a value, replaced by what the rules say about values.
    fn element(&mut self, field: Field<'a>, depth: usize) -> Decoded<()> {
        let text = scalar(field.message.clone())?;
        // The value of an attribute was judged together with its key and passes here as well.
        match self.rules.judge(None, text.as_deref(), b"") {
            None => return self.nested(field, Node::Value, depth),
            Some(Found::Drop) => {}
            Some(Found::Text(text)) => {
                wire_out::bytes(&mut self.out, field.tag.field, &text_value(&text));
            }
        }
        self.changes += 1;
        Ok(())
    }
}

/// The text of a scalar value; of several the last one counts, as it does for the decoder.
fn scalar<'a>(mut value: Wire<'a>) -> Decoded<Option<Text<'a>>> {
    let mut text = None;
    while let Some(tag) = value.tag()? {
        text = match tag.field {
            1 | 7 => Some(Cow::Borrowed(value.bytes(tag)?)),
            2 => Some(Cow::Borrowed(match value.integer(tag)? {
                0 => &b"false"[..],
                _ => &b"true"[..],
            })),
            3 => Some(Cow::Owned((value.integer(tag)? as i64).to_string().into_bytes())),
            4 => {
                let double = f64::from_bits(value.fixed64(tag)?);
                Some(Cow::Owned(double.to_string().into_bytes()))
            }
            5 | 6 => {
                value.skip(tag)?;
                None
            }
            _ => {
                value.skip(tag)?;
                continue;
            }
        };
    }
    Ok(text)
}

/// An `AnyValue` that is text.
fn text_value(text: &str) -> Vec<u8> {
    let mut value = Vec::with_capacity(text.len() + 2);
    wire_out::bytes(&mut value, 1, text.as_bytes());
    value
}
