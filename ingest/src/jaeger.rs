//! Jaeger JSON, as the query API and the UI write it.
//!
//! `{"data": [trace, ..]}`, a trace, a span with its own process, or an array of
//! these. The storage model's JSON is read as well: ids in base64, RFC 3339
//! times, durations such as `5000ns`, values in `vStr`, `vInt64`, ...
//!
//! What Jaeger keeps in tags goes where OTLP has it, and the tag is gone then:
//! `span.kind`, `error` = true, `otel.status_code`, `otel.status_description`,
//! `otel.scope.*`, `otel.library.*`, `w3c.tracestate`. The first `CHILD_OF` in the
//! same trace is the parent, else the first `FOLLOWS_FROM` in the same trace; all
//! other references become links with `opentracing.ref_type`. Warnings of a span
//! become the attribute `jaeger.warnings`.

mod reference;
mod span;
mod tag;
mod time;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::batch::{Limits, Resource, Scope, ScopeFields, SpanBatchBuilder};
use crate::error::{Decoded, Result};
use crate::json::Json;
use crate::span::{Notes, Value};
use crate::tally::Warning;
use crate::value::AttributeList;
use span::SpanReader;

/// Processes of one trace; they are held in memory, where `"p":{}` would take many times its size.
const MAX_PROCESSES: usize = 1 << 16;

/// Decodes one Jaeger document into rows of `out`.
///
/// # Errors
///
/// The first byte that is not JSON, or not of such a document.
pub fn decode(document: &[u8], out: &mut SpanBatchBuilder) -> Result<()> {
    let mut json = Json::new(document);
    match json.peek()? {
        b'[' => json.each(|json| object(json, true, out))?,
        _ => object(&mut json, true, out)?,
    }
    Ok(json.end()?)
}

/// A trace, a span, or (if it may have `data`) the answer of the query API.
fn object(json: &mut Json<'_>, may_have_data: bool, out: &mut SpanBatchBuilder) -> Decoded<()> {
    json.peek()?;
    let start = json.offset();
    let (mut data, mut spans, mut is_span, mut is_answer) = (None, None, false, false);
    let mut first = true;
    let mut context = Context::new(out);
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "data" => data = Some(json.offset()),
            "spans" => spans = Some(json.offset()),
            "processes" => {
                context.processes(json)?;
                continue;
            }
            "processMap" => {
                json.each(|json| context.map_entry(json))?;
                continue;
            }
            "spanID" | "spanId" => is_span = true,
            "errors" | "total" => is_answer = true,
            _ => {}
        }
        json.skip()?;
    }
    let end = json.offset();
    if let Some(spans) = spans {
        json.seek(spans);
        let mut reader = SpanReader::default();
        json.each(|json| reader.read(json, &mut context))?;
    } else if is_span {
        json.seek(start);
        SpanReader::default().read(json, &mut context)?;
    } else if let Some(data) = data.filter(|_| may_have_data) {
        json.seek(data);
        match json.peek()? {
            b'[' => json.each(|json| object(json, false, context.out))?,
            _ => object(json, false, context.out)?,
        }
    } else if !is_answer {
        json.seek(start);
        return Err(json.error("neither a Jaeger trace (`spans`) nor a span (`spanID`)"));
    }
    json.seek(end);
    Ok(())
}

/// What the spans of one trace share.
struct Context<'o, 'a> {
    out: &'o mut SpanBatchBuilder,
    limits: Limits,
    processes: HashMap<Cow<'a, str>, Resource>,
    unknown: Resource,
    /// The scope of the span before, which most often is the scope of the next.
    scope: Scope,
}

impl<'o, 'a> Context<'o, 'a> {
    fn new(out: &'o mut SpanBatchBuilder) -> Self {
        Self {
            limits: *out.limits(),
            processes: HashMap::new(),
            unknown: out.resource(&[], "", Notes::default()),
            scope: out.scope(&ScopeFields::default(), Notes::default()),
            out,
        }
    }

    fn processes(&mut self, json: &mut Json<'a>) -> Decoded<()> {
        let mut first = true;
        json.object()?;
        while let Some(id) = json.key(&mut first)? {
            let process = self.process(json)?;
            self.insert(json, id, process)?;
        }
        Ok(())
    }

    /// An element of the storage model's process map.
    fn map_entry(&mut self, json: &mut Json<'a>) -> Decoded<()> {
        let (mut id, mut process, mut first) = (Cow::Borrowed(""), None, true);
        json.object()?;
        while let Some(key) = json.key(&mut first)? {
            match &*key {
                "processId" | "processID" => id = json.string()?,
                "process" => process = Some(self.process(json)?),
                _ => json.skip()?,
            }
        }
        process.map_or(Ok(()), |process| self.insert(json, id, process))
    }

    fn insert(&mut self, json: &Json<'a>, id: Cow<'a, str>, process: Resource) -> Decoded<()> {
        if self.processes.len() == MAX_PROCESSES {
            return Err(json.error("more than 65536 processes in one trace"));
        }
        self.processes.insert(id, process);
        Ok(())
    }

    /// A process is a resource: its service name and its tags.
    fn process(&mut self, json: &mut Json<'a>) -> Decoded<Resource> {
        let (mut attributes, mut notes) = (Vec::new(), Notes::default());
        let mut service = Cow::Borrowed("");
        let mut first = true;
        json.object()?;
        while let Some(key) = json.key(&mut first)? {
            match &*key {
                "serviceName" => service = json.string()?,
                "tags" => {
                    let (list, limits) = (&mut attributes, self.limits);
                    let mut list = AttributeList { list, start: 0, notes: &mut notes, limits };
                    json.each(|json| {
                        let (key, value) = tag::read(json)?;
                        // The name of the process is the one that Jaeger shows.
                        if key != "service.name" && list.has_room() {
                            list.push(key, value, None);
                        }
                        Ok(())
                    })?;
                }
                _ => json.skip()?,
            }
        }
        notes.warn_if(json.take_repaired(), Warning::InvalidUtf8);
        if !service.is_empty() {
            attributes.insert(0, (Cow::Borrowed("service.name"), Value::Text(service)));
        }
        Ok(self.out.resource(&attributes, "", notes))
    }

    fn enter_scope(&mut self, name: &str, version: &str) {
        if !self.scope.is(name, version) {
            let (name, version) = (Cow::Borrowed(name), Cow::Borrowed(version));
            let fields = ScopeFields { name, version, ..ScopeFields::default() };
            self.scope = self.out.scope(&fields, Notes::default());
        }
    }
}

#[cfg(test)]
mod tests;
