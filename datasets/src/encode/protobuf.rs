//! OTLP protobuf. Field numbers are those of opentelemetry-proto.

use crate::span::{Attribute, Event, Link, Request, ResourceSpans, ScopeSpans, Span, Value};

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;
const STATUS_ERROR: u64 = 2;

/// Appends the message of a request.
pub(super) fn request(request: &Request, out: &mut Vec<u8>) {
    for group in &request.resource_spans {
        message(out, 1, |out| resource_spans(group, out));
    }
}

fn resource_spans(group: &ResourceSpans, out: &mut Vec<u8>) {
    message(out, 1, |out| attributes(out, 1, &group.resource.attributes));
    for scope in &group.scope_spans {
        message(out, 2, |out| scope_spans(scope, out));
    }
}

fn scope_spans(group: &ScopeSpans, out: &mut Vec<u8>) {
    message(out, 1, |out| {
        bytes(out, 1, group.scope.name.as_bytes());
        bytes(out, 2, group.scope.version.as_bytes());
    });
    for one in &group.spans {
        message(out, 2, |out| span(one, out));
    }
}

fn span(span: &Span, out: &mut Vec<u8>) {
    bytes(out, 1, &span.trace_id);
    bytes(out, 2, &span.span_id);
    if let Some(parent) = span.parent_span_id {
        bytes(out, 4, &parent);
    }
    bytes(out, 5, span.name.as_bytes());
    key(out, 6, VARINT);
    varint(out, span.kind as u64);
    fixed64(out, 7, span.start_ns);
    fixed64(out, 8, span.end_ns);
    attributes(out, 9, &span.attributes);
    for one in &span.events {
        message(out, 11, |out| event(one, out));
    }
    for one in &span.links {
        message(out, 13, |out| link(one, out));
    }
    if let Some(text) = &span.error {
        message(out, 15, |out| {
            bytes(out, 2, text.as_bytes());
            key(out, 3, VARINT);
            varint(out, STATUS_ERROR);
        });
    }
    key(out, 16, FIXED32);
    out.extend(span.flags.to_le_bytes());
}

fn event(event: &Event, out: &mut Vec<u8>) {
    fixed64(out, 1, event.time_ns);
    bytes(out, 2, event.name.as_bytes());
    attributes(out, 3, &event.attributes);
}

fn link(link: &Link, out: &mut Vec<u8>) {
    bytes(out, 1, &link.trace_id);
    bytes(out, 2, &link.span_id);
}

fn attributes(out: &mut Vec<u8>, field: u32, all: &[Attribute]) {
    for attribute in all {
        message(out, field, |out| {
            bytes(out, 1, attribute.key.as_bytes());
            message(out, 2, |out| value(&attribute.value, out));
        });
    }
}

/// A value is a choice, so it is written also if it is zero or empty.
fn value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => bytes(out, 1, text.as_bytes()),
        Value::Bool(truth) => {
            key(out, 2, VARINT);
            varint(out, u64::from(*truth));
        }
        Value::Int(number) => {
            key(out, 3, VARINT);
            varint(out, *number as u64);
        }
        Value::Double(number) => fixed64(out, 4, number.to_bits()),
    }
}

/// A message within a message. Its length comes first but is known last: one
/// byte is kept free, and the rare long message is moved to make room.
fn message(out: &mut Vec<u8>, field: u32, content: impl FnOnce(&mut Vec<u8>)) {
    key(out, field, BYTES);
    let place = out.len();
    out.push(0);
    content(out);
    let length = out.len() - place - 1;
    if length < 0x80 {
        out[place] = length as u8;
        return;
    }
    let mut prefix = Vec::with_capacity(5);
    varint(&mut prefix, length as u64);
    out.splice(place..=place, prefix);
}

fn bytes(out: &mut Vec<u8>, field: u32, content: &[u8]) {
    key(out, field, BYTES);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn fixed64(out: &mut Vec<u8>, field: u32, number: u64) {
    key(out, field, FIXED64);
    out.extend(number.to_le_bytes());
}

fn key(out: &mut Vec<u8>, field: u32, wire_type: u8) {
    varint(out, u64::from(field << 3) | u64::from(wire_type));
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests;
