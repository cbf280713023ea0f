//! OTLP/JSON: lower camel case, ids in hex, 64-bit numbers as text, enumerations
//! as numbers.

use std::io::Write;

use crate::span::{Attribute, Event, Link, Request, ResourceSpans, ScopeSpans, Span, Value};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends the JSON of a request.
pub(super) fn request(request: &Request, out: &mut Vec<u8>) {
    list(out, "{\"resourceSpans\":", &request.resource_spans, resource_spans);
    out.push(b'}');
}

fn resource_spans(group: &ResourceSpans, out: &mut Vec<u8>) {
    list(out, "{\"resource\":{\"attributes\":", &group.resource.attributes, attribute);
    list(out, "},\"scopeSpans\":", &group.scope_spans, scope_spans);
    out.push(b'}');
}

fn scope_spans(group: &ScopeSpans, out: &mut Vec<u8>) {
    raw(out, "{\"scope\":{\"name\":");
    text(out, group.scope.name);
    raw(out, ",\"version\":");
    text(out, group.scope.version);
    list(out, "},\"spans\":", &group.spans, span);
    out.push(b'}');
}

fn span(span: &Span, out: &mut Vec<u8>) {
    raw(out, "{\"traceId\":");
    hex(out, &span.trace_id);
    raw(out, ",\"spanId\":");
    hex(out, &span.span_id);
    if let Some(parent) = span.parent_span_id {
        raw(out, ",\"parentSpanId\":");
        hex(out, &parent);
    }
    raw(out, ",\"flags\":");
    number(out, span.flags.into());
    raw(out, ",\"name\":");
    text(out, span.name);
    raw(out, ",\"kind\":");
    number(out, span.kind as u64);
    raw(out, ",\"startTimeUnixNano\":\"");
    number(out, span.start_ns);
    raw(out, "\",\"endTimeUnixNano\":\"");
    number(out, span.end_ns);
    list(out, "\",\"attributes\":", &span.attributes, attribute);
    if !span.events.is_empty() {
        list(out, ",\"events\":", &span.events, event);
    }
    if !span.links.is_empty() {
        list(out, ",\"links\":", &span.links, link);
    }
    if let Some(message) = &span.error {
        raw(out, ",\"status\":{\"message\":");
        text(out, message);
        raw(out, ",\"code\":2}");
    }
    out.push(b'}');
}

fn event(event: &Event, out: &mut Vec<u8>) {
    raw(out, "{\"timeUnixNano\":\"");
    number(out, event.time_ns);
    raw(out, "\",\"name\":");
    text(out, event.name);
    list(out, ",\"attributes\":", &event.attributes, attribute);
    out.push(b'}');
}

fn link(link: &Link, out: &mut Vec<u8>) {
    raw(out, "{\"traceId\":");
    hex(out, &link.trace_id);
    raw(out, ",\"spanId\":");
    hex(out, &link.span_id);
    out.push(b'}');
}

fn attribute(attribute: &Attribute, out: &mut Vec<u8>) {
    raw(out, "{\"key\":");
    text(out, attribute.key);
    match &attribute.value {
        Value::Text(value) => {
            raw(out, ",\"value\":{\"stringValue\":");
            text(out, value);
            raw(out, "}}");
        }
        Value::Int(value) => {
            raw(out, ",\"value\":{\"intValue\":\"");
            if *value < 0 {
                out.push(b'-');
            }
            number(out, value.unsigned_abs());
            raw(out, "\"}}");
        }
        Value::Double(value) => {
            write!(out, ",\"value\":{{\"doubleValue\":{value}}}}}")
                .expect("writing to memory cannot fail");
        }
        Value::Bool(true) => raw(out, ",\"value\":{\"boolValue\":true}}"),
        Value::Bool(false) => raw(out, ",\"value\":{\"boolValue\":false}}"),
    }
}

fn list<T>(out: &mut Vec<u8>, before: &str, items: &[T], write: fn(&T, &mut Vec<u8>)) {
    raw(out, before);
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn raw(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut plain = 0;
    let bytes = text.as_bytes();
    for (place, byte) in bytes.iter().enumerate() {
        if *byte >= b' ' && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[plain..place]);
        plain = place + 1;
        match byte {
            b'"' => raw(out, "\\\""),
            b'\\' => raw(out, "\\\\"),
            b'\n' => raw(out, "\\n"),
            b'\t' => raw(out, "\\t"),
            _ => {
                raw(out, "\\u00");
                out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

fn hex(out: &mut Vec<u8>, id: &[u8]) {
    out.push(b'"');
    for byte in id {
        out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests;
