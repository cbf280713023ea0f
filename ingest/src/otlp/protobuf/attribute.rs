//! `KeyValue` and `AnyValue` in protobuf.

use std::borrow::Cow;

use crate::error::Decoded;
use crate::otlp::wire::Wire;
use crate::span::{Notes, Value};
use crate::tally::Warning;
use crate::value::{AttributeList, JsonText};

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
