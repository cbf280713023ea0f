//! OTLP trace requests in JSON.
//!
//! The encoding of the OTLP specification: names in lowerCamelCase, ids in hex,
//! 64-bit integers as text or numbers, enum values as integers only. Unknown
//! members are stepped over; of a member that comes twice the last one counts.

mod attribute;

use std::borrow::Cow;

use crate::batch::{Limits, ScopeFields, SpanBatchBuilder};
use crate::error::{Decoded, Result};
use crate::json::{Json, number};
use crate::span::{Event, Id, Link, Notes, Span};
use crate::tally::Warning;
use crate::value::AttributeList;
use attribute::attributes;

/// Scopes of one resource; they are held in memory, where `{},` would take many times its size.
const MAX_SCOPES: usize = 1 << 16;

/// Decodes one `ExportTraceServiceRequest` into rows of `out`.
///
/// # Errors
///
/// The first byte that is not JSON, or not of such a request.
pub fn decode(request: &[u8], out: &mut SpanBatchBuilder) -> Result<()> {
    let mut json = Json::new(request);
    let (mut scratch, mut first) = (Span::default(), true);
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "resourceSpans" => json.each(|json| resource_spans(json, &mut scratch, out))?,
            _ => json.skip()?,
        }
    }
    Ok(json.end()?)
}

/// Decodes one element of `resourceSpans`.
pub(crate) fn decode_resource_spans(element: &[u8], out: &mut SpanBatchBuilder) -> Result<()> {
    let mut json = Json::new(element);
    resource_spans(&mut json, &mut Span::default(), out)?;
    Ok(json.end()?)
}

/// A scope, and where its spans are.
#[derive(Default)]
struct ScopeHead<'a> {
    fields: ScopeFields<'a>,
    notes: Notes,
    spans: Option<usize>,
}

fn resource_spans<'a>(
    json: &mut Json<'a>,
    scratch: &mut Span<'a>,
    out: &mut SpanBatchBuilder,
) -> Decoded<()> {
    let limits = *out.limits();
    let (mut list, mut notes) = (Vec::new(), Notes::default());
    let (mut schema_url, mut scopes) = (Cow::Borrowed(""), Vec::new());
    let mut first = true;
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "resource" => {
                list.clear();
                let mut attributes =
                    AttributeList { list: &mut list, start: 0, notes: &mut notes, limits };
                resource(json, &mut attributes)?;
            }
            "scopeSpans" => {
                scopes.clear();
                json.each(|json| {
                    let head = scope_head(json, limits)?;
                    if scopes.len() == MAX_SCOPES {
                        return Err(json.error("more than 65536 scopes below one resource"));
                    }
                    scopes.push(head);
                    Ok(())
                })?;
            }
            "schemaUrl" => schema_url = json.string()?,
            _ => json.skip()?,
        }
    }
    note_repairs(json, &mut notes);
    let end = json.offset();
    let resource = out.resource(&list, &schema_url, notes);
    for head in scopes {
        let scope = out.scope(&head.fields, head.notes);
        let Some(spans) = head.spans else { continue };
        json.seek(spans);
        json.each(|json| {
            span(json, scratch, limits)?;
            out.admit(&resource, &scope, scratch)
        })?;
    }
    json.seek(end);
    Ok(())
}

fn resource<'a>(json: &mut Json<'a>, list: &mut AttributeList<'_, 'a>) -> Decoded<()> {
    let mut first = true;
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "attributes" => drop(attributes(json, list)?),
            _ => json.skip()?,
        }
    }
    Ok(())
}

fn scope_head<'a>(json: &mut Json<'a>, limits: Limits) -> Decoded<ScopeHead<'a>> {
    let (mut head, mut first) = (ScopeHead::default(), true);
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "scope" => scope(json, &mut head, limits)?,
            "spans" => {
                json.peek()?;
                head.spans = Some(json.offset());
                json.skip()?;
            }
            "schemaUrl" => head.fields.schema_url = json.string()?,
            _ => json.skip()?,
        }
    }
    note_repairs(json, &mut head.notes);
    Ok(head)
}

fn scope<'a>(json: &mut Json<'a>, head: &mut ScopeHead<'a>, limits: Limits) -> Decoded<()> {
    let mut first = true;
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "name" => head.fields.name = json.string()?,
            "version" => head.fields.version = json.string()?,
            "attributes" => {
                let (list, notes) = (&mut head.fields.attributes, &mut head.notes);
                attributes(json, &mut AttributeList { list, start: 0, notes, limits })?;
            }
            _ => json.skip()?,
        }
    }
    Ok(())
}

fn span<'a>(json: &mut Json<'a>, span: &mut Span<'a>, limits: Limits) -> Decoded<()> {
    span.clear();
    json.peek()?;
    span.offset = json.offset();
    // What we drop comes on top of what the sender dropped.
    let (mut beyond, mut events, mut links) = (0, 0, 0);
    let mut first = true;
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "traceId" => span.trace_id = Id::from_hex(&json.string()?),
            "spanId" => span.span_id = Id::from_hex(&json.string()?),
            "parentSpanId" => span.parent_span_id = Id::from_hex(&json.string()?),
            "traceState" => span.trace_state = json.string()?,
            "flags" => span.flags = integer(json, "flags")?,
            "name" => span.name = json.string()?,
            "kind" => span.kind = enumeration(json, "kind", "server is 2")?,
            "startTimeUnixNano" => span.start = integer(json, "startTimeUnixNano")?,
            "endTimeUnixNano" => span.end = integer(json, "endTimeUnixNano")?,
            "attributes" => {
                let (list, notes) = (&mut span.attributes, &mut span.notes);
                beyond = attributes(json, &mut AttributeList { list, start: 0, notes, limits })?;
            }
            "droppedAttributesCount" => span.dropped_attributes = integer(json, &key)?,
            "events" => {
                span.events.clear();
                events = limited(json, limits, |json| event(json, span, limits))?;
            }
            "droppedEventsCount" => span.dropped_events = integer(json, &key)?,
            "links" => {
                span.links.clear();
                links = limited(json, limits, |json| link(json, span, limits))?;
            }
            "droppedLinksCount" => span.dropped_links = integer(json, &key)?,
            "status" => status(json, span)?,
            _ => json.skip()?,
        }
    }
    if events > 0 || links > 0 {
        span.notes.warn(Warning::ManyEvents);
    }
    span.dropped_attributes = span.dropped_attributes.saturating_add(beyond);
    span.dropped_events = span.dropped_events.saturating_add(events);
    span.dropped_links = span.dropped_links.saturating_add(links);
    note_repairs(json, &mut span.notes);
    Ok(())
}

/// Reads the elements of an array up to the limit; returns how many there are beyond.
fn limited<'a>(
    json: &mut Json<'a>,
    limits: Limits,
    mut read: impl FnMut(&mut Json<'a>) -> Decoded<()>,
) -> Decoded<u32> {
    let (mut room, mut beyond) = (limits.events, 0);
    json.each(|json| {
        if room == 0 {
            beyond += 1;
            return json.skip();
        }
        room -= 1;
        read(json)
    })?;
    Ok(beyond)
}

fn event<'a>(json: &mut Json<'a>, span: &mut Span<'a>, limits: Limits) -> Decoded<()> {
    let (mut event, mut first, mut beyond) = (Event::default(), true, 0);
    let (start, notes) = (span.inner_attributes.len(), &mut span.notes);
    let mut list = AttributeList { list: &mut span.inner_attributes, start, notes, limits };
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "timeUnixNano" => event.time = integer(json, "timeUnixNano")?,
            "name" => event.name = json.string()?,
            "attributes" => beyond = attributes(json, &mut list)?,
            "droppedAttributesCount" => event.dropped_attributes = integer(json, &key)?,
            _ => json.skip()?,
        }
    }
    event.attributes = list.range();
    event.dropped_attributes = event.dropped_attributes.saturating_add(beyond);
    span.events.push(event);
    Ok(())
}

fn link<'a>(json: &mut Json<'a>, span: &mut Span<'a>, limits: Limits) -> Decoded<()> {
    let (mut link, mut first, mut beyond) = (Link::default(), true, 0);
    let (start, notes) = (span.inner_attributes.len(), &mut span.notes);
    let mut list = AttributeList { list: &mut span.inner_attributes, start, notes, limits };
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "traceId" => link.trace_id = Id::from_hex(&json.string()?),
            "spanId" => link.span_id = Id::from_hex(&json.string()?),
            "traceState" => link.trace_state = json.string()?,
            "attributes" => beyond = attributes(json, &mut list)?,
            "droppedAttributesCount" => link.dropped_attributes = integer(json, &key)?,
            "flags" => link.flags = integer(json, "flags")?,
            _ => json.skip()?,
        }
    }
    link.attributes = list.range();
    link.dropped_attributes = link.dropped_attributes.saturating_add(beyond);
    span.links.push(link);
    Ok(())
}

fn status<'a>(json: &mut Json<'a>, span: &mut Span<'a>) -> Decoded<()> {
    let mut first = true;
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "message" => span.status_message = json.string()?,
            "code" => span.status = enumeration(json, "status code", "error is 2")?,
            _ => json.skip()?,
        }
    }
    Ok(())
}

fn note_repairs(json: &mut Json<'_>, notes: &mut Notes) {
    if json.take_repaired() {
        notes.warn(Warning::InvalidUtf8);
    }
}

/// An integer, as a number or as text.
fn integer<T: TryFrom<i128>>(json: &mut Json<'_>, name: &str) -> Decoded<T> {
    let quoted = json.peek()? == b'"';
    let at = json.clone();
    let text = if quoted { json.string()? } else { Cow::Borrowed(json.number()?) };
    let number = number::integer(&text).and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| at.error(format!("{name} is not an integer of its range")))
}

/// The number of an enum value.
fn enumeration(json: &mut Json<'_>, name: &str, example: &str) -> Decoded<i32> {
    if json.peek()? != b'"' {
        return integer(json, name);
    }
    let at = json.clone();
    let text: String = json.string()?.chars().take(64).collect();
    Err(at.error(format!(
        "{name} is the text `{text}`, but OTLP/JSON writes enum values as integers ({example})"
    )))
}
