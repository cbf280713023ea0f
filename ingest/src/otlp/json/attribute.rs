//! `KeyValue` and `AnyValue` in JSON.

use std::borrow::Cow;

use crate::error::Decoded;
use crate::json::Json;
use crate::otlp::json::integer;
use crate::span::Value;
use crate::tally::Warning;
use crate::value::{AttributeList, Fault, JsonText, decode_base64};

/// Reads an array of `KeyValue` into the list, in place of what is there; returns how many
/// are beyond its limit.
pub(super) fn attributes<'a>(
    json: &mut Json<'a>,
    list: &mut AttributeList<'_, 'a>,
) -> Decoded<u32> {
    let mut beyond = 0;
    list.list.truncate(list.start);
    json.each(|json| {
        if !list.has_room() {
            beyond += 1;
            return json.skip();
        }
        attribute(json, list)
    })?;
    Ok(beyond)
}

fn attribute<'a>(json: &mut Json<'a>, list: &mut AttributeList<'_, 'a>) -> Decoded<()> {
    let (mut key, mut value, mut first) = (Cow::Borrowed(""), Value::Empty, true);
    let mut text = JsonText::new(list.limits.text_bytes);
    json.object()?;
    while let Some(name) = json.key(&mut first)? {
        match &*name {
            "key" => key = json.string()?,
            "value" => value = any_value(json, &mut text)?,
            "keyStrindex" => list.notes.warn_if(string_index(json)?, Warning::StringIndex),
            _ => json.skip()?,
        }
    }
    list.notes.warn_if(text.string_index, Warning::StringIndex);
    list.push(key, value, text.fault);
    Ok(())
}

fn any_value<'a>(json: &mut Json<'a>, text: &mut JsonText) -> Decoded<Value<'a>> {
    let (mut value, mut first) = (Value::Empty, true);
    json.object()?;
    while let Some(name) = json.key(&mut first)? {
        value = match &*name {
            "stringValue" => Value::Text(json.string()?),
            "boolValue" => Value::Bool(json.boolean()?),
            "intValue" => Value::Int(integer(json, "intValue")?),
            "doubleValue" => Value::Double(double(json)?),
            "arrayValue" | "kvlistValue" => {
                text.out.clear();
                let write = if name == "arrayValue" { array } else { object };
                write(json, text, 1)?;
                Value::Text(Cow::Owned(std::mem::take(&mut text.out)))
            }
            "bytesValue" => Value::Bytes(Cow::Owned(bytes(json, text)?)),
            "stringValueStrindex" => {
                json.skip()?;
                text.string_index = true;
                Value::Empty
            }
            _ => {
                json.skip()?;
                continue;
            }
        };
    }
    Ok(value)
}

/// Writes an `ArrayValue`.
fn array(json: &mut Json<'_>, text: &mut JsonText, depth: usize) -> Decoded<()> {
    if text.too_deep(depth) {
        return json.skip();
    }
    text.out.push('[');
    let start = text.out.len();
    values(json, |json| {
        if text.is_full() {
            return json.skip();
        }
        text.separate(start);
        inner_value(json, text, depth)
    })?;
    text.out.push(']');
    Ok(())
}

/// Writes a `KeyValueList`.
fn object(json: &mut Json<'_>, text: &mut JsonText, depth: usize) -> Decoded<()> {
    if text.too_deep(depth) {
        return json.skip();
    }
    text.out.push('{');
    let start = text.out.len();
    values(json, |json| {
        if text.is_full() {
            return json.skip();
        }
        text.separate(start);
        // The value may stand before the key.
        let (mut key, mut value, mut first) = (Cow::Borrowed(""), None, true);
        json.object()?;
        while let Some(name) = json.key(&mut first)? {
            match &*name {
                "key" => {
                    key = json.string()?;
                    continue;
                }
                "value" => value = Some(json.offset()),
                _ => {}
            }
            json.skip()?;
        }
        text.string(&key);
        text.out.push(':');
        let Some(value) = value else {
            text.out.push_str("null");
            return Ok(());
        };
        let end = json.offset();
        json.seek(value);
        inner_value(json, text, depth)?;
        json.seek(end);
        Ok(())
    })?;
    text.out.push('}');
    Ok(())
}

/// Calls `read` for every element of the `values` of an `ArrayValue` or a `KeyValueList`.
fn values<'a>(
    json: &mut Json<'a>,
    mut read: impl FnMut(&mut Json<'a>) -> Decoded<()>,
) -> Decoded<()> {
    let mut first = true;
    json.object()?;
    while let Some(name) = json.key(&mut first)? {
        if name != "values" {
            json.skip()?;
            continue;
        }
        let mut first = true;
        json.array()?;
        while json.item(&mut first)? {
            read(json)?;
        }
    }
    Ok(())
}

/// The members of an `AnyValue`.
const KINDS: [&str; 8] = [
    "stringValue",
    "boolValue",
    "intValue",
    "doubleValue",
    "arrayValue",
    "kvlistValue",
    "bytesValue",
    "stringValueStrindex",
];

/// Writes an `AnyValue` that lies inside another one.
fn inner_value(json: &mut Json<'_>, text: &mut JsonText, depth: usize) -> Decoded<()> {
    let (start, mut first) = (text.out.len(), true);
    if json.null()? {
        text.out.push_str("null");
        return Ok(());
    }
    json.object()?;
    while let Some(name) = json.key(&mut first)? {
        if !KINDS.contains(&&*name) {
            json.skip()?;
            continue;
        }
        // Of several values the last one counts.
        text.out.truncate(start);
        match &*name {
            "stringValue" => text.string(&json.string()?),
            "boolValue" => text.out.push_str(if json.boolean()? { "true" } else { "false" }),
            "intValue" => text.integer(integer(json, "intValue")?),
            "doubleValue" => text.double(double(json)?),
            "arrayValue" => array(json, text, depth + 1)?,
            "kvlistValue" => object(json, text, depth + 1)?,
            "bytesValue" => {
                let bytes = bytes(json, text)?;
                text.bytes(&bytes);
            }
            _ => {
                text.string_index = true;
                json.skip()?;
            }
        }
    }
    if text.out.len() == start {
        text.out.push_str("null");
    }
    Ok(())
}

/// A double, as a number or as text.
fn double(json: &mut Json<'_>) -> Decoded<f64> {
    let quoted = json.peek()? == b'"';
    if !quoted {
        return Ok(json.number()?.parse().expect("every JSON number is a Rust number"));
    }
    let at = json.clone();
    let text = json.string()?;
    match &*text {
        "NaN" => Ok(f64::NAN),
        "Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        text => text.parse().map_err(|_| at.error("doubleValue is not a number")),
    }
}

/// Bytes from base64. What is not base64 is a fault of this value only.
fn bytes(json: &mut Json<'_>, text: &mut JsonText) -> Decoded<Vec<u8>> {
    let bytes = decode_base64(&json.string()?);
    if bytes.is_none() {
        text.fault = Some(Fault::Base64);
    }
    Ok(bytes.unwrap_or_default())
}

/// Whether a string index is there that is not 0, its default.
fn string_index(json: &mut Json<'_>) -> Decoded<bool> {
    Ok(integer::<i64>(json, "keyStrindex")? != 0)
}
