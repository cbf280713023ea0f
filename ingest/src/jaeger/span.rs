//! One Jaeger span into the record.

use std::borrow::Cow;

use crate::error::Decoded;
use crate::jaeger::reference::{self, Reference};
use crate::jaeger::{Context, tag, time};
use crate::json::{Json, number};
use crate::span::{Event, Id, Notes, Span, Value};
use crate::tally::{Rejection, Warning};
use crate::value::{AttributeList, JsonText};

/// Reads spans, reusing the memory of the one before.
#[derive(Default)]
pub(super) struct SpanReader<'a> {
    span: Span<'a>,
    references: Vec<Reference<'a>>,
}

/// Tags that OTLP has fields for.
#[derive(Default)]
struct Special<'a> {
    failed: bool,
    status: Option<i32>,
    scope_name: Cow<'a, str>,
    scope_version: Cow<'a, str>,
    library_name: Cow<'a, str>,
    library_version: Cow<'a, str>,
}

impl<'a> SpanReader<'a> {
    /// Reads a span and adds it to the rows.
    pub(super) fn read(
        &mut self,
        json: &mut Json<'a>,
        context: &mut Context<'_, 'a>,
    ) -> Decoded<()> {
        let (span, references) = (&mut self.span, &mut self.references);
        let limits = context.limits;
        span.clear();
        references.clear();
        json.peek()?;
        span.offset = json.offset();
        let mut special = Special::default();
        let (mut process_id, mut process, mut warnings) = (Cow::Borrowed(""), None, None);
        let (mut parent, mut start, mut duration) = (Id::Absent, 0, 0);
        let mut first = true;
        json.object()?;
        while let Some(key) = json.key(&mut first)? {
            match &*key {
                "traceID" | "traceId" => span.trace_id = reference::id(&json.string()?),
                "spanID" | "spanId" => span.span_id = reference::id(&json.string()?),
                "parentSpanID" | "parentSpanId" => parent = reference::id(&json.string()?),
                "operationName" => span.name = json.string()?,
                "references" => json.each(|json| {
                    if references.len() > limits.events {
                        span.notes.warn(Warning::ManyEvents);
                        span.dropped_links = span.dropped_links.saturating_add(1);
                        return json.skip();
                    }
                    references.push(reference::read(json)?);
                    Ok(())
                })?,
                // Of the flags of Jaeger only "sampled" means the same in OTLP.
                "flags" => {
                    let flags = number::integer(json.number()?);
                    span.flags = u32::from(flags.is_some_and(|flags| flags & 1 == 1));
                }
                "startTime" => start = nanos(json, "startTime", time::rfc3339, &mut span.notes)?,
                "duration" => duration = nanos(json, "duration", time::duration, &mut span.notes)?,
                "tags" => {
                    span.attributes.clear();
                    json.each(|json| {
                        let (key, value) = tag::read(json)?;
                        if let Some(value) = special.take(&key, value, span) {
                            let (list, notes) = (&mut span.attributes, &mut span.notes);
                            let mut list = AttributeList { list, start: 0, notes, limits };
                            match list.has_room() {
                                true => list.push(key, value, None),
                                false => span.dropped_attributes += 1,
                            }
                        }
                        Ok(())
                    })?;
                }
                "logs" => json.each(|json| log(json, span, context))?,
                "processID" | "processId" => process_id = json.string()?,
                "process" => process = Some(context.process(json)?),
                "warnings" => warnings = list_text(json, limits.text_bytes)?,
                _ => json.skip()?,
            }
        }
        span.start = timestamp(start);
        span.end = timestamp(start.saturating_add(duration));
        special.apply(span, context);
        reference::resolve(references, parent, limits.events, span);
        if let Some(text) = warnings {
            let value = Value::Text(Cow::Owned(text));
            span.attributes.push((Cow::Borrowed("jaeger.warnings"), value));
        }
        span.notes.warn_if(json.take_repaired(), Warning::InvalidUtf8);
        let resource = context.processes.get(&process_id).or(process.as_ref());
        span.notes.warn_if(resource.is_none(), Warning::UnknownProcess);
        context.out.admit(resource.unwrap_or(&context.unknown), &context.scope, span)
    }
}

impl<'a> Special<'a> {
    /// Keeps the value of a tag that is none of an OTLP span; gives back any other.
    fn take(&mut self, key: &str, value: Value<'a>, span: &mut Span<'a>) -> Option<Value<'a>> {
        match (key, value) {
            ("error", Value::Bool(true)) => self.failed = true,
            ("error", Value::Text(text)) if text == "true" => self.failed = true,
            ("span.kind", Value::Text(text)) => match kind(&text) {
                Some(kind) => span.kind = kind,
                None => return Some(Value::Text(text)),
            },
            ("otel.status_code", Value::Text(text)) => match status(&text) {
                Some(status) => self.status = Some(status),
                None => return Some(Value::Text(text)),
            },
            ("otel.status_description", Value::Text(text)) => span.status_message = text,
            ("w3c.tracestate", Value::Text(text)) => span.trace_state = text,
            ("otel.scope.name", Value::Text(text)) => self.scope_name = text,
            ("otel.scope.version", Value::Text(text)) => self.scope_version = text,
            ("otel.library.name", Value::Text(text)) => self.library_name = text,
            ("otel.library.version", Value::Text(text)) => self.library_version = text,
            (_, value) => return Some(value),
        }
        None
    }

    fn apply(&self, span: &mut Span<'a>, context: &mut Context<'_, 'a>) {
        // To Jaeger the `error` tag is the truth.
        span.status = if self.failed { 2 } else { self.status.unwrap_or(0) };
        let name = if self.scope_name.is_empty() { &self.library_name } else { &self.scope_name };
        let version =
            if self.scope_version.is_empty() { &self.library_version } else { &self.scope_version };
        context.enter_scope(name, version);
    }
}

fn kind(text: &str) -> Option<i32> {
    Some(match text {
        "internal" => 1,
        "server" => 2,
        "client" => 3,
        "producer" => 4,
        "consumer" => 5,
        _ => return None,
    })
}

fn status(text: &str) -> Option<i32> {
    Some(match text.to_ascii_uppercase().as_str() {
        "UNSET" => 0,
        "OK" => 1,
        "ERROR" => 2,
        _ => return None,
    })
}

/// A log is an event; its name is the field `event`, else `message`.
fn log<'a>(json: &mut Json<'a>, span: &mut Span<'a>, context: &Context<'_, 'a>) -> Decoded<()> {
    let limits = context.limits;
    if span.events.len() >= limits.events {
        span.notes.warn(Warning::ManyEvents);
        span.dropped_events = span.dropped_events.saturating_add(1);
        return json.skip();
    }
    let (mut event, mut message) = (Event::default(), Cow::Borrowed(""));
    let (list, start) = (&mut span.inner_attributes, 0);
    let start = start + list.len();
    let mut list = AttributeList { list, start, notes: &mut span.notes, limits };
    let (mut time, mut first) = (0, true);
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "timestamp" => time = nanos(json, "timestamp", time::rfc3339, list.notes)?,
            "fields" => json.each(|json| {
                let (key, value) = tag::read(json)?;
                match &*key {
                    "event" => {
                        event.name = tag::into_text(value);
                        return Ok(());
                    }
                    "message" => message = tag::into_text(value.clone()),
                    _ => {}
                }
                match list.has_room() {
                    true => list.push(key, value, None),
                    false => event.dropped_attributes += 1,
                }
                Ok(())
            })?,
            _ => json.skip()?,
        }
    }
    event.time = u64::try_from(time).unwrap_or(0);
    if event.name.is_empty() {
        event.name = message;
    }
    event.attributes = list.range();
    span.events.push(event);
    Ok(())
}

/// A number of microseconds, or text. What is neither rejects the span.
fn nanos(
    json: &mut Json<'_>,
    field: &'static str,
    parse: fn(&str) -> Option<i128>,
    notes: &mut Notes,
) -> Decoded<i128> {
    if json.peek()? != b'"' {
        let at = json.clone();
        return time::micros(json.number()?)
            .ok_or_else(|| at.error(format!("{field} is too large")));
    }
    let text = json.string()?;
    let nanos = parse(&text).or_else(|| time::micros(&text));
    if nanos.is_none() {
        let text = text.chars().take(64).collect();
        notes.reject(Rejection::TimeText { field, text });
    }
    // Any valid time will do: the span is rejected, and for this reason.
    Ok(nanos.unwrap_or(1))
}

/// A time that the table will judge; what no `u64` holds is out of range there as well.
fn timestamp(nanos: i128) -> u64 {
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

/// An array of text as compact JSON text; `None` if it is empty.
fn list_text(json: &mut Json<'_>, limit: usize) -> Decoded<Option<String>> {
    let mut text = JsonText::new(limit);
    json.each(|json| {
        if text.is_full() || json.peek()? != b'"' {
            return json.skip();
        }
        let start = usize::from(!text.out.is_empty());
        text.out.push_str(if start == 0 { "[" } else { "," });
        text.string(&json.string()?);
        Ok(())
    })?;
    if text.out.is_empty() {
        return Ok(None);
    }
    text.out.push(']');
    Ok(Some(text.out))
}
