//! Builds batches of the stored `spans` table, one span at a time.
//!
//! In: resources and scopes, prepared once each, and [`Span`] records. Out:
//! [`SpanBatch`]es. All rules of the table are here and the formats know none of
//! them: which spans are rejected, how values become text, what is NULL, which
//! attributes have columns.
//!
//! A batch is cut when it has enough rows or bytes, also in the middle of a
//! request. Bytes are counted as in a file, where the attributes of a resource
//! repeat on every row: readers get them so, and Arrow panics when a text column
//! passes 2 GiB.

mod check;
mod columns;
mod context;
mod maps;
mod nested;
mod shapes;
mod table;
mod text;

use std::borrow::Cow;
use std::sync::Arc;

use schema::SpanBatch;
use schema::semconv::{self, PromotedValue, SpanFacts};

use crate::error::{Decoded, Error, Place};
use crate::span::{Attribute, Notes, Span, Value};
use crate::tally::{Rejection, Tally};
use check::Checked;
use context::{ResourceCells, ScopeCells};
use maps::SharedMap;
use shapes::Shapes;
use table::Columns;
use text::{Texts, clip};
pub(crate) use text::{push_double, push_integer};

/// The service of a span whose resource has no `service.name`.
pub const UNKNOWN_SERVICE: &str = "unknown_service";

/// When a batch is cut, and how much of one span is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows of a batch.
    pub batch_rows: usize,
    /// Bytes of a batch in its stored form; one row may exceed it.
    pub batch_bytes: usize,
    /// Bytes of all batches that one request may become before it is refused.
    pub request_bytes: usize,
    /// Attributes of one span, event, link, resource or scope; the rest is counted as dropped.
    pub attributes: usize,
    /// Events and links of one span; the rest is counted as dropped.
    pub events: usize,
    /// Bytes of one text; the rest is cut.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_rows: 32 * 1024,
            batch_bytes: 32 << 20,
            request_bytes: 2 << 30,
            attributes: 128,
            events: 4096,
            text_bytes: 64 << 10,
        }
    }
}

/// The resource of spans, ready to be repeated on every row.
#[derive(Debug)]
pub struct Resource(Arc<ResourceCells>);

/// The instrumentation scope of spans, ready to be repeated on every row.
#[derive(Debug)]
pub struct Scope(Arc<ScopeCells>);

impl Scope {
    /// Whether this is the scope of that name and version.
    pub(crate) fn is(&self, name: &str, version: &str) -> bool {
        self.0.name == name && self.0.version == version
    }
}

/// A scope as received.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScopeFields<'a> {
    /// Name.
    pub name: Cow<'a, str>,
    /// Version.
    pub version: Cow<'a, str>,
    /// Attributes in the order received.
    pub attributes: Vec<Attribute<'a>>,
    /// Schema URL of the spans below.
    pub schema_url: Cow<'a, str>,
}

/// Builds batches of the stored `spans` table.
#[derive(Debug)]
pub struct SpanBatchBuilder {
    limits: Limits,
    tally: Tally,
    rows: usize,
    bytes: usize,
    full: Vec<SpanBatch>,
    full_bytes: usize,
    texts: Texts,
    inner_texts: Texts,
    shapes: Shapes,
    columns: Columns,
    inputs: u32,
}

impl Default for SpanBatchBuilder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

/// What a row takes beside its text: fixed-width cells, offsets and validity.
const ROW_BYTES: usize = 512;

impl SpanBatchBuilder {
    /// An empty builder.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            tally: Tally::default(),
            rows: 0,
            bytes: 0,
            full: Vec::new(),
            full_bytes: 0,
            texts: Texts::default(),
            inner_texts: Texts::default(),
            shapes: Shapes::default(),
            columns: Columns::new(),
            inputs: 0,
        }
    }

    /// A number for the next input, from which its decoder makes those of [`Span::key_list`].
    pub(crate) fn next_input(&mut self) -> u32 {
        self.inputs = self.inputs.wrapping_add(1);
        self.inputs
    }

    /// The limits, which decoders observe as well.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What happened to the spans since the tally was last taken.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The tally, which starts again at zero.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Makes room for that many spans, of which a decoder has counted that they will come.
    pub(crate) fn expect_spans(&mut self, spans: usize) {
        if self.rows == 0 {
            self.columns.expect_rows(spans.min(self.limits.batch_rows));
        }
    }

    /// Bytes of all rows that were not taken yet.
    pub fn pending_bytes(&self) -> usize {
        self.full_bytes + self.bytes
    }

    /// Drops all rows that were not taken yet, and the tally: the request they are from failed.
    pub fn clear(&mut self) {
        self.finish();
        self.tally = Tally::default();
    }

    /// Prepares a resource. A defect in `notes` rejects every span of it.
    pub fn resource(
        &mut self,
        attributes: &[Attribute<'_>],
        schema_url: &str,
        mut notes: Notes,
    ) -> Resource {
        let limit = self.limits.text_bytes;
        self.texts.read(attributes, limit, &mut notes);
        let service = self.texts.values(attributes).find(|(key, _)| *key == "service.name");
        let service = service.map(|(_, name)| name).filter(|name| !name.is_empty());
        let mut promoted = Vec::new();
        let conflict = semconv::promote_resource(self.texts.values(attributes), |column, value| {
            if let PromotedValue::Text(text) = value {
                promoted.push((column, text.to_owned()));
            }
        });
        let resource = ResourceCells {
            service_name: service.unwrap_or(UNKNOWN_SERVICE).to_owned(),
            attributes: SharedMap::new(&self.texts, attributes),
            promoted,
            conflict,
            schema_url: schema_url[..clip(schema_url, limit, &mut notes)].to_owned(),
            defect: notes.defect,
        };
        self.tally.warn(notes.warnings);
        Resource(Arc::new(resource))
    }

    /// Prepares a scope. A defect in `notes` rejects every span of it.
    pub fn scope(&mut self, fields: &ScopeFields<'_>, mut notes: Notes) -> Scope {
        let limit = self.limits.text_bytes;
        self.texts.read(&fields.attributes, limit, &mut notes);
        let mut text = |text: &str| text[..clip(text, limit, &mut notes)].to_owned();
        let scope = ScopeCells {
            name: text(&fields.name),
            version: text(&fields.version),
            schema_url: text(&fields.schema_url),
            attributes: SharedMap::new(&self.texts, &fields.attributes),
            defect: notes.defect,
        };
        self.tally.warn(notes.warnings);
        Scope(Arc::new(scope))
    }

    /// Adds a span as a row, or counts why it cannot be one.
    ///
    /// # Errors
    ///
    /// The first rule that the span breaks. Nothing was added then.
    pub fn append(
        &mut self,
        resource: &Resource,
        scope: &Scope,
        span: &mut Span<'_>,
    ) -> Result<(), Rejection> {
        let inherited = resource.0.defect.as_ref().or(scope.0.defect.as_ref());
        let checked = match inherited {
            Some(defect) => Err(defect.clone()),
            None => Checked::new(span),
        };
        match checked {
            Ok(checked) => {
                self.write(resource, scope, span, &checked);
                self.tally.accepted += 1;
                self.tally.warn(span.notes.warnings);
                if self.rows >= self.limits.batch_rows || self.bytes >= self.limits.batch_bytes {
                    self.cut();
                }
                Ok(())
            }
            Err(rejection) => {
                self.tally.reject(span.offset, rejection.clone());
                Err(rejection)
            }
        }
    }

    /// Adds a span for a decoder, to which a rejected span is no failure.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] if the request has become too many bytes of rows.
    pub(crate) fn admit(
        &mut self,
        resource: &Resource,
        scope: &Scope,
        span: &mut Span<'_>,
    ) -> Decoded<()> {
        // The tally has the rejection.
        self.append(resource, scope, span).ok();
        if self.pending_bytes() <= self.limits.request_bytes {
            return Ok(());
        }
        Err(Box::new(Error::TooLarge {
            place: Place::at(span.offset),
            what: "request, as rows that each repeat the attributes of their resource,",
            limit_bytes: self.limits.request_bytes,
        }))
    }

    /// The batches that are full, oldest first.
    pub fn take_full(&mut self) -> Vec<SpanBatch> {
        self.full_bytes = 0;
        std::mem::take(&mut self.full)
    }

    /// All rows that were not taken yet, as batches, oldest first.
    pub fn finish(&mut self) -> Vec<SpanBatch> {
        self.cut();
        self.take_full()
    }

    fn cut(&mut self) {
        if self.rows > 0 {
            self.full.push(self.columns.finish(self.rows));
            self.full_bytes += self.bytes;
            self.rows = 0;
            self.bytes = 0;
        }
    }

    fn write(
        &mut self,
        resource: &Resource,
        scope: &Scope,
        span: &mut Span<'_>,
        checked: &Checked,
    ) {
        let (row, limit, columns) = (self.rows, self.limits.text_bytes, &mut self.columns);
        let kind = check::kind_text(span.kind);
        let mut bytes = ROW_BYTES;
        bytes += columns.identity(row, span, checked, &kind, limit);
        bytes += columns.context.push(row, &resource.0, &scope.0);
        if !span.events.is_empty() {
            bytes += columns.events.set(row, span, limit, &mut self.inner_texts);
        }
        if !span.links.is_empty() {
            bytes += columns.links.set(row, span, limit, &mut self.inner_texts);
        }
        columns.dropped[0].set_count(row, span.dropped_attributes);
        columns.dropped[1].set_count(row, span.dropped_events);
        columns.dropped[2].set_count(row, span.dropped_links);
        self.bytes += bytes;
        self.attributes(span, &kind, resource.0.conflict);
        self.rows += 1;
    }

    /// The map of the span's attributes, and the promoted columns that come from it.
    fn attributes(&mut self, span: &mut Span<'_>, kind: &str, mut conflict: bool) {
        let (row, limit) = (self.rows, self.limits.text_bytes);
        let exception = span.events.iter().rfind(|event| event.name == "exception");
        let exception = exception.map_or(0..0, |event| event.attributes.clone());
        let exception = &span.inner_attributes[exception];
        // Read again: the text of the events is gone by now, and exceptions are few.
        self.inner_texts.read(exception, limit, &mut span.notes);
        let facts = SpanFacts { kind, failed: span.status == check::STATUS_ERROR };
        let attributes = &span.attributes[..];
        let (columns, bytes) = (&mut self.columns, &mut self.bytes);
        let promoted = &mut columns.promoted;
        let emit = |column, value: PromotedValue<'_>| *bytes += promoted.set(column, row, value);
        let (texts, exception) = (&mut self.texts, self.inner_texts.values(exception));
        if let Some(shape) = self.shapes.find(attributes, span.key_list, limit) {
            let (map, notes) = (&mut columns.attributes, &mut span.notes);
            map.set_shape(row, shape, texts, attributes, limit, notes);
            let value = |place| texts.get(place, attributes);
            let integer = |place: usize| match attributes[place].1 {
                Value::Int(number) => Some(number),
                _ => None,
            };
            conflict |= shape.plan.promote(facts, value, integer, exception, emit);
        } else {
            texts.read(attributes, limit, &mut span.notes);
            columns.attributes.set(row, texts, attributes);
            conflict |= semconv::promote_span(facts, texts.values(attributes), exception, emit);
        }
        self.bytes += texts.bytes;
        if conflict {
            self.columns.conflict.set(row, 1);
        }
    }
}

#[cfg(test)]
mod tests;
