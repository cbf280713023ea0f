//! OTLP trace requests in protobuf.
//!
//! Field numbers are those of `trace.proto`, `resource.proto` and `common.proto`
//! (opentelemetry-proto 1.9). Unknown fields are stepped over.

mod attribute;

use std::borrow::Cow;

use crate::batch::{Limits, Resource, ScopeFields, SpanBatchBuilder};
use crate::error::{Decoded, Result};
use crate::otlp::wire::Wire;
use crate::span::{Event, Id, Link, Notes, Span};
use crate::tally::Warning;
use crate::value::AttributeList;
use attribute::{Known, attribute, push_plain};

/// Decodes one `ExportTraceServiceRequest` into rows of `out`.
///
/// # Errors
///
/// The first byte that is not protobuf, or not of such a request.
pub fn decode(request: &[u8], out: &mut SpanBatchBuilder) -> Result<()> {
    // Broken input is for the decoder below to describe.
    out.expect_spans(count_spans(request).unwrap_or(0));
    let mut scratch = Scratch::new(out);
    let mut wire = Wire::new(request);
    while let Some(tag) = wire.tag()? {
        match tag.field {
            1 => resource_spans(wire.message(tag)?, &mut scratch, out)?,
            _ => wire.skip(tag)?,
        }
    }
    Ok(())
}

/// Decodes one `ResourceSpans`, of which requests consist.
pub(crate) fn decode_resource_spans(message: &[u8], out: &mut SpanBatchBuilder) -> Result<()> {
    let mut scratch = Scratch::new(out);
    Ok(resource_spans(Wire::new(message), &mut scratch, out)?)
}

/// How many spans there are in a request. Nothing is allocated for it, and no more than one
/// tag of each span is read.
fn count_spans(request: &[u8]) -> Decoded<usize> {
    let (mut spans, mut request) = (0, Wire::new(request));
    while let Some(tag) = request.tag()? {
        if tag.field != 1 {
            request.skip(tag)?;
            continue;
        }
        let mut resource = request.message(tag)?;
        while let Some(tag) = resource.tag()? {
            if tag.field != 2 {
                resource.skip(tag)?;
                continue;
            }
            let mut scope = resource.message(tag)?;
            while let Some(tag) = scope.tag()? {
                scope.skip(tag)?;
                spans += usize::from(tag.field == 2);
            }
        }
    }
    Ok(spans)
}

/// What is reused from span to span of a request.
struct Scratch<'a> {
    span: Span<'a>,
    known: Known<'a>,
}

impl Scratch<'_> {
    fn new(out: &mut SpanBatchBuilder) -> Self {
        Self { span: Span::default(), known: Known::new(out.next_input()) }
    }
}

fn resource_spans<'a>(
    wire: Wire<'a>,
    scratch: &mut Scratch<'a>,
    out: &mut SpanBatchBuilder,
) -> Decoded<()> {
    let (mut list, mut notes) = (Vec::new(), Notes::default());
    let mut schema_url = Cow::Borrowed("");
    let mut first = wire.clone();
    while let Some(tag) = first.tag()? {
        match tag.field {
            1 => {
                let mut resource = first.message(tag)?;
                let limits = *out.limits();
                let mut attributes =
                    AttributeList { list: &mut list, start: 0, notes: &mut notes, limits };
                while let Some(tag) = resource.tag()? {
                    match tag.field {
                        1 => drop(attribute(resource.message(tag)?, &mut attributes)?),
                        _ => resource.skip(tag)?,
                    }
                }
            }
            3 => schema_url = first.text(tag, &mut notes)?,
            _ => first.skip(tag)?,
        }
    }
    let resource = out.resource(&list, &schema_url, notes);
    let mut second = wire;
    while let Some(tag) = second.tag()? {
        match tag.field {
            2 => scope_spans(second.message(tag)?, &resource, scratch, out)?,
            _ => second.skip(tag)?,
        }
    }
    Ok(())
}

fn scope_spans<'a>(
    wire: Wire<'a>,
    resource: &Resource,
    scratch: &mut Scratch<'a>,
    out: &mut SpanBatchBuilder,
) -> Decoded<()> {
    let limits = *out.limits();
    let (mut fields, mut notes) = (ScopeFields::default(), Notes::default());
    let mut first = wire.clone();
    while let Some(tag) = first.tag()? {
        match tag.field {
            1 => scope(first.message(tag)?, &mut fields, &mut notes, limits)?,
            3 => fields.schema_url = first.text(tag, &mut notes)?,
            _ => first.skip(tag)?,
        }
    }
    let scope = out.scope(&fields, notes);
    let mut second = wire;
    while let Some(tag) = second.tag()? {
        match tag.field {
            2 => {
                span(second.message(tag)?, scratch, limits)?;
                scratch.span.offset = tag.at;
                out.admit(resource, &scope, &mut scratch.span)?;
            }
            _ => second.skip(tag)?,
        }
    }
    Ok(())
}

fn scope<'a>(
    mut wire: Wire<'a>,
    fields: &mut ScopeFields<'a>,
    notes: &mut Notes,
    limits: Limits,
) -> Decoded<()> {
    while let Some(tag) = wire.tag()? {
        match tag.field {
            1 => fields.name = wire.text(tag, notes)?,
            2 => fields.version = wire.text(tag, notes)?,
            3 => {
                let list = &mut fields.attributes;
                let mut attributes = AttributeList { list, start: 0, notes, limits };
                attribute(wire.message(tag)?, &mut attributes)?;
            }
            _ => wire.skip(tag)?,
        }
    }
    Ok(())
}

fn span<'a>(mut wire: Wire<'a>, scratch: &mut Scratch<'a>, limits: Limits) -> Decoded<()> {
    let Scratch { span, known } = scratch;
    span.clear();
    // What we drop comes on top of what the sender dropped.
    let (mut attributes, mut events, mut links) = (0, 0, 0);
    while let Some(tag) = wire.tag()? {
        match tag.field {
            1 => span.trace_id = Id::from_bytes(wire.bytes(tag)?),
            2 => span.span_id = Id::from_bytes(wire.bytes(tag)?),
            3 => span.trace_state = wire.text(tag, &mut span.notes)?,
            4 => span.parent_span_id = Id::from_bytes(wire.bytes(tag)?),
            5 => span.name = known.text(wire.bytes(tag)?, &mut span.notes),
            6 => span.kind = wire.integer(tag)? as i32,
            7 => span.start = wire.fixed64(tag)?,
            8 => span.end = wire.fixed64(tag)?,
            9 => {
                let mut message = wire.message(tag)?;
                if span.attributes.is_empty() {
                    known.begin_list(&span.name);
                }
                // Attributes follow each other.
                loop {
                    let (list, notes) = (&mut span.attributes, &mut span.notes);
                    if list.len() >= limits.attributes || !push_plain(&message, known, list) {
                        known.other_key();
                        let mut list = AttributeList { list, start: 0, notes, limits };
                        attributes += u32::from(!attribute(message, &mut list)?);
                    }
                    match wire.short_message(9) {
                        Some(next) => message = next,
                        None => break,
                    }
                }
            }
            10 => span.dropped_attributes = wire.integer(tag)? as u32,
            11 if span.events.len() < limits.events => event(wire.message(tag)?, span, limits)?,
            11 => {
                wire.skip(tag)?;
                events += 1;
            }
            12 => span.dropped_events = wire.integer(tag)? as u32,
            13 if span.links.len() < limits.events => link(wire.message(tag)?, span, limits)?,
            13 => {
                wire.skip(tag)?;
                links += 1;
            }
            14 => span.dropped_links = wire.integer(tag)? as u32,
            15 => status(wire.message(tag)?, span)?,
            16 => span.flags = wire.fixed32(tag)?,
            _ => wire.skip(tag)?,
        }
    }
    if !span.attributes.is_empty() {
        span.key_list = known.end_list(&span.attributes);
    }
    if events > 0 || links > 0 {
        span.notes.warn(Warning::ManyEvents);
    }
    span.dropped_attributes = span.dropped_attributes.saturating_add(attributes);
    span.dropped_events = span.dropped_events.saturating_add(events);
    span.dropped_links = span.dropped_links.saturating_add(links);
    Ok(())
}

fn event<'a>(mut wire: Wire<'a>, span: &mut Span<'a>, limits: Limits) -> Decoded<()> {
    let mut event = Event::default();
    let (start, mut beyond) = (span.inner_attributes.len(), 0);
    let (list, notes) = (&mut span.inner_attributes, &mut span.notes);
    let mut attributes = AttributeList { list, start, notes, limits };
    while let Some(tag) = wire.tag()? {
        match tag.field {
            1 => event.time = wire.fixed64(tag)?,
            2 => event.name = wire.text(tag, attributes.notes)?,
            3 => beyond += u32::from(!attribute(wire.message(tag)?, &mut attributes)?),
            4 => event.dropped_attributes = wire.integer(tag)? as u32,
            _ => wire.skip(tag)?,
        }
    }
    event.attributes = attributes.range();
    event.dropped_attributes = event.dropped_attributes.saturating_add(beyond);
    span.events.push(event);
    Ok(())
}

fn link<'a>(mut wire: Wire<'a>, span: &mut Span<'a>, limits: Limits) -> Decoded<()> {
    let mut link = Link::default();
    let (start, mut beyond) = (span.inner_attributes.len(), 0);
    let (list, notes) = (&mut span.inner_attributes, &mut span.notes);
    let mut attributes = AttributeList { list, start, notes, limits };
    while let Some(tag) = wire.tag()? {
        match tag.field {
            1 => link.trace_id = Id::from_bytes(wire.bytes(tag)?),
            2 => link.span_id = Id::from_bytes(wire.bytes(tag)?),
            3 => link.trace_state = wire.text(tag, attributes.notes)?,
            4 => beyond += u32::from(!attribute(wire.message(tag)?, &mut attributes)?),
            5 => link.dropped_attributes = wire.integer(tag)? as u32,
            6 => link.flags = wire.fixed32(tag)?,
            _ => wire.skip(tag)?,
        }
    }
    link.attributes = attributes.range();
    link.dropped_attributes = link.dropped_attributes.saturating_add(beyond);
    span.links.push(link);
    Ok(())
}

fn status<'a>(mut wire: Wire<'a>, span: &mut Span<'a>) -> Decoded<()> {
    while let Some(tag) = wire.tag()? {
        match tag.field {
            2 => span.status_message = wire.text(tag, &mut span.notes)?,
            3 => span.status = wire.integer(tag)? as i32,
            _ => wire.skip(tag)?,
        }
    }
    Ok(())
}
