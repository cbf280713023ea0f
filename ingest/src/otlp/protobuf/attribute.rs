//! `KeyValue` and `AnyValue` in protobuf.

use std::borrow::Cow;

use crate::error::Decoded;
use crate::otlp::wire::Wire;
use crate::short;
use crate::span::{Attribute, Notes, Value};
use crate::tally::Warning;
use crate::value::{AttributeList, JsonText};

/// Texts of the request that are known to be valid: keys and most values repeat from span to
/// span, and to compare is cheaper than to check again.
#[derive(Debug)]
pub(super) struct Known<'a> {
    keys: [&'a str; 128],
    values: [&'a str; 256],
    /// The keys that spans of a name had last.
    lists: [KeyList<'a>; 32],
    /// The list that the keys of the span are compared with.
    list: usize,
    /// Whether all keys of the span were those of the list so far.
    is_same: bool,
    next_list: u64,
}

#[derive(Debug, Default)]
struct KeyList<'a> {
    number: u64,
    keys: Vec<&'a str>,
}

impl<'a> Known<'a> {
    /// Nothing is known of an input, which has a number of its own.
    pub(super) fn new(input: u32) -> Self {
        Self {
            keys: [""; 128],
            values: [""; 256],
            lists: Default::default(),
            list: 0,
            is_same: false,
            next_list: u64::from(input) << 32,
        }
    }

    /// The keys of a span follow: most likely those of the last span of that name.
    #[inline]
    pub(super) fn begin_list(&mut self, name: &str) {
        let last = name.as_bytes().last().copied().unwrap_or_default();
        self.list = (usize::from(last) + 7 * name.len()) % self.lists.len();
        self.is_same = true;
    }

    /// The number of the list that the keys of the span are.
    #[inline]
    pub(super) fn end_list(&mut self, attributes: &[Attribute<'a>]) -> u64 {
        let list = &self.lists[self.list];
        if self.is_same && list.keys.len() == attributes.len() {
            return list.number;
        }
        self.learn(attributes)
    }

    #[cold]
    fn learn(&mut self, attributes: &[Attribute<'a>]) -> u64 {
        let list = &mut self.lists[self.list];
        list.keys.clear();
        for (key, _) in attributes {
            let Cow::Borrowed(key) = *key else {
                // Repaired text is seldom, and not in the input.
                list.keys.clear();
                return 0;
            };
            list.keys.push(key);
        }
        self.next_list += 1;
        list.number = self.next_list;
        list.number
    }

    /// The key at a place of the span, if it is valid text.
    #[inline(always)]
    fn key(&mut self, place: usize, bytes: &'a [u8]) -> Option<&'a str> {
        if self.is_same
            && let Some(key) = self.lists[self.list].keys.get(place)
            && short::same(key.as_bytes(), bytes)
        {
            return Some(key);
        }
        self.is_same = false;
        text(&mut self.keys, bytes)
    }

    /// A key of the span was read by other means.
    #[inline]
    pub(super) fn other_key(&mut self) {
        self.is_same = false;
    }

    /// A text that is likely to come again; what is not UTF-8 becomes U+FFFD.
    #[inline]
    pub(super) fn text(&mut self, bytes: &'a [u8], notes: &mut Notes) -> Cow<'a, str> {
        match text(&mut self.values, bytes) {
            Some(text) => Cow::Borrowed(text),
            None => {
                notes.warn(Warning::InvalidUtf8);
                String::from_utf8_lossy(bytes)
            }
        }
    }
}

/// Bytes as text, if they are valid; `known` has texts in places that depend on some of their
/// bytes.
#[inline(always)]
fn text<'a, const N: usize>(known: &mut [&'a str; N], bytes: &'a [u8]) -> Option<&'a str> {
    let Some((last, rest)) = bytes.split_last() else { return Some("") };
    let middle = rest.get(rest.len() / 2).copied().unwrap_or(0);
    let place = usize::from(*last) + 5 * usize::from(middle) + 11 * bytes.len();
    let known = &mut known[place % N];
    if !short::same(known.as_bytes(), bytes) {
        *known = str::from_utf8(bytes).ok()?;
    }
    Some(known)
}

/// Adds a `KeyValue` in the one form that senders write: the key, then a value of a plain
/// type, all text valid and all lengths in one byte. False for any other form, right or wrong.
#[inline(always)]
pub(super) fn push_plain<'a>(
    wire: &Wire<'a>,
    known: &mut Known<'a>,
    list: &mut Vec<Attribute<'a>>,
) -> bool {
    let [0x0a, key_len @ 0..0x80, rest @ ..] = wire.rest() else { return false };
    let Some((key, rest)) = rest.split_at_checked(usize::from(*key_len)) else { return false };
    let [0x12, len @ 0..0x80, value @ ..] = rest else { return false };
    if value.len() != usize::from(*len) {
        return false;
    }
    let Some(key) = known.key(list.len(), key) else { return false };
    // Text is added by itself: a value that is first put together and then moved costs more
    // than all the rest here.
    if let [0x0a, len @ 0..0x80, bytes @ ..] = value
        && bytes.len() == usize::from(*len)
    {
        let Some(text) = text(&mut known.values, bytes) else { return false };
        list.push((Cow::Borrowed(key), Value::Text(Cow::Borrowed(text))));
        return true;
    }
    let value = match value {
        [0x18, number @ ..] => varint(number).map(Value::Int),
        [0x10, flag @ 0..2] => Some(Value::Bool(*flag == 1)),
        [0x21, double @ ..] => {
            double.try_into().ok().map(|double| Value::Double(f64::from_le_bytes(double)))
        }
        _ => None,
    };
    let Some(value) = value else { return false };
    list.push((Cow::Borrowed(key), value));
    true
}

/// A number that takes all of `bytes`, of at most 63 bits: nine times seven.
#[inline]
fn varint(bytes: &[u8]) -> Option<i64> {
    let (last @ 0..0x80, rest) = bytes.split_last()? else { return None };
    if rest.len() > 8 {
        return None;
    }
    rest.iter().rev().try_fold(i64::from(*last), |value, &byte| {
        (byte >= 0x80).then_some(value << 7 | i64::from(byte & 0x7f))
    })
}

/// Decodes one `KeyValue` into the list; false if the list is full.
pub(super) fn attribute<'a>(wire: Wire<'a>, list: &mut AttributeList<'_, 'a>) -> Decoded<bool> {
    if !list.has_room() {
        return Ok(false);
    }
    let (key, value) = key_value(wire, list.notes)?;
    let mut text = JsonText::new(list.limits.text_bytes);
    let value = match value {
        Some(value) => any_value(value, &mut text, list.notes)?,
        None => Value::Empty,
    };
    list.push(key, value, text.fault);
    Ok(true)
}

/// The key and the encoded value, in whichever order they stand.
fn key_value<'a>(
    mut wire: Wire<'a>,
    notes: &mut Notes,
) -> Decoded<(Cow<'a, str>, Option<Wire<'a>>)> {
    let (mut key, mut value) = (Cow::Borrowed(""), None);
    while let Some(tag) = wire.tag()? {
        match tag.field {
            1 => key = wire.text(tag, notes)?,
            2 => value = Some(wire.message(tag)?),
            3 => {
                if wire.integer(tag)? != 0 {
                    notes.warn(Warning::StringIndex);
                }
            }
            _ => wire.skip(tag)?,
        }
    }
    Ok((key, value))
}

fn any_value<'a>(mut wire: Wire<'a>, text: &mut JsonText, notes: &mut Notes) -> Decoded<Value<'a>> {
    let mut value = Value::Empty;
    while let Some(tag) = wire.tag()? {
        value = match tag.field {
            1 => Value::Text(wire.text(tag, notes)?),
            2 => Value::Bool(wire.integer(tag)? != 0),
            3 => Value::Int(wire.integer(tag)? as i64),
            4 => Value::Double(f64::from_bits(wire.fixed64(tag)?)),
            5 | 6 => {
                text.out.clear();
                let message = wire.message(tag)?;
                let write = if tag.field == 5 { array } else { object };
                write(message, text, 1, notes)?;
                Value::Text(Cow::Owned(std::mem::take(&mut text.out)))
            }
            7 => Value::Bytes(Cow::Borrowed(wire.bytes(tag)?)),
            8 => {
                wire.integer(tag)?;
                notes.warn(Warning::StringIndex);
                Value::Empty
            }
            _ => {
                wire.skip(tag)?;
                continue;
            }
        };
    }
    Ok(value)
}

/// Writes an `ArrayValue`.
fn array(mut wire: Wire<'_>, text: &mut JsonText, depth: usize, notes: &mut Notes) -> Decoded<()> {
    if text.too_deep(depth) {
        return Ok(());
    }
    text.out.push('[');
    let start = text.out.len();
    while let Some(tag) = wire.tag()? {
        match tag.field {
            1 if text.is_full() => break,
            1 => {
                text.separate(start);
                inner_value(wire.message(tag)?, text, depth, notes)?;
            }
            _ => wire.skip(tag)?,
        }
    }
    text.out.push(']');
    Ok(())
}

/// Writes a `KeyValueList`.
fn object(mut wire: Wire<'_>, text: &mut JsonText, depth: usize, notes: &mut Notes) -> Decoded<()> {
    if text.too_deep(depth) {
        return Ok(());
    }
    text.out.push('{');
    let start = text.out.len();
    while let Some(tag) = wire.tag()? {
        match tag.field {
            1 if text.is_full() => break,
            1 => {
                let (key, value) = key_value(wire.message(tag)?, notes)?;
                text.separate(start);
                text.string(&key);
                text.out.push(':');
                match value {
                    Some(value) => inner_value(value, text, depth, notes)?,
                    None => text.out.push_str("null"),
                }
            }
            _ => wire.skip(tag)?,
        }
    }
    text.out.push('}');
    Ok(())
}

/// Writes an `AnyValue` that lies inside another one.
fn inner_value(
    mut wire: Wire<'_>,
    text: &mut JsonText,
    depth: usize,
    notes: &mut Notes,
) -> Decoded<()> {
    let start = text.out.len();
    while let Some(tag) = wire.tag()? {
        if !(1..=8).contains(&tag.field) {
            wire.skip(tag)?;
            continue;
        }
        // Of several values the last one counts.
        text.out.truncate(start);
        match tag.field {
            1 => {
                let value = wire.text(tag, notes)?;
                text.string(&value);
            }
            2 => text.out.push_str(if wire.integer(tag)? != 0 { "true" } else { "false" }),
            3 => text.integer(wire.integer(tag)? as i64),
            4 => text.double(f64::from_bits(wire.fixed64(tag)?)),
            5 => array(wire.message(tag)?, text, depth + 1, notes)?,
            6 => object(wire.message(tag)?, text, depth + 1, notes)?,
            7 => text.bytes(wire.bytes(tag)?),
            _ => {
                wire.integer(tag)?;
                notes.warn(Warning::StringIndex);
            }
        }
    }
    if text.out.len() == start {
        text.out.push_str("null");
    }
    Ok(())
}
