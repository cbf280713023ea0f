//! Tags: keys with typed values, of spans, processes and logs.

use std::borrow::Cow;

use crate::error::Decoded;
use crate::json::{Json, number};
use crate::span::Value;

/// A value before its type is known: the type may come after it.
enum Raw<'a> {
    Absent,
    Text(Cow<'a, str>),
    Number(&'a str),
    Bool(bool),
}

/// Reads a tag of the query API or of the storage model.
pub(super) fn read<'a>(json: &mut Json<'a>) -> Decoded<(Cow<'a, str>, Value<'a>)> {
    let (mut key, mut kind, mut raw) = (Cow::Borrowed(""), Cow::Borrowed(""), Raw::Absent);
    let mut is_model = false;
    let mut first = true;
    json.object()?;
    while let Some(member) = json.key(&mut first)? {
        match &*member {
            "key" => key = json.string()?,
            "type" => kind = json.string()?,
            "vType" => {
                kind = json.string()?;
                is_model = true;
            }
            "value" | "vStr" | "vBool" | "vInt64" | "vFloat64" | "vBinary" => raw = value(json)?,
            _ => json.skip()?,
        }
    }
    // The storage model leaves out what is the default of its type.
    let value = match raw {
        Raw::Absent if is_model => default_of(&kind),
        raw => typed(&kind, raw),
    };
    Ok((key, value))
}

fn value<'a>(json: &mut Json<'a>) -> Decoded<Raw<'a>> {
    Ok(match json.peek()? {
        b'"' => Raw::Text(json.string()?),
        b't' | b'f' => Raw::Bool(json.boolean()?),
        b'[' | b'{' => Raw::Text(json.raw()?),
        _ => Raw::Number(json.number()?),
    })
}

/// A value of its declared type. One that does not fit the type stays text.
fn typed<'a>(kind: &str, raw: Raw<'a>) -> Value<'a> {
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    match raw {
        Raw::Absent => Value::Empty,
        Raw::Bool(value) => Value::Bool(value),
        Raw::Number(text) if is("string") => Value::Text(Cow::Borrowed(text)),
        Raw::Number(text) if is("float64") => double(Cow::Borrowed(text)),
        Raw::Number(text) => integer(text).unwrap_or_else(|| double(Cow::Borrowed(text))),
        Raw::Text(text) if is("bool") => match &*text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::Text(text),
        },
        Raw::Text(text) if is("int64") => integer(&text).unwrap_or(Value::Text(text)),
        Raw::Text(text) if is("float64") => double(text),
        // Binary values are base64 (or hex, from Elasticsearch) text already.
        Raw::Text(text) => Value::Text(text),
    }
}

fn integer<'a>(text: &str) -> Option<Value<'a>> {
    number::integer(text).and_then(|number| i64::try_from(number).ok()).map(Value::Int)
}

fn double(text: Cow<'_, str>) -> Value<'_> {
    text.parse().map_or(Value::Text(text), Value::Double)
}

fn default_of<'a>(kind: &str) -> Value<'a> {
    match kind {
        "BOOL" => Value::Bool(false),
        "INT64" => Value::Int(0),
        "FLOAT64" => Value::Double(0.0),
        _ => Value::Text(Cow::Borrowed("")),
    }
}

/// The value as text, where only text makes sense.
pub(super) fn into_text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Text(text) => text,
        Value::Bool(value) => Cow::Owned(value.to_string()),
        Value::Int(value) => Cow::Owned(value.to_string()),
        Value::Double(value) => Cow::Owned(value.to_string()),
        Value::Empty | Value::Bytes(_) => Cow::Borrowed(""),
    }
}
