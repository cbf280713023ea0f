//! The columns of one batch, from cells to a record batch.

use arrow::array::{ArrayRef, RecordBatch, StringBuilder, new_null_array};
use arrow::datatypes::Field;
use schema::promoted::PROMOTED;
use schema::semconv::PromotedValue;
use schema::{SpanBatch, spans};

use crate::batch::check::{self, Checked};
use crate::batch::columns::{
    DoubleColumn, FlagColumn, IdColumn, IntColumn, PromotedColumns, TextColumn, take_texts,
};
use crate::batch::maps::MapColumn;
use crate::batch::nested::{EventColumn, LinkColumn};
use crate::batch::text::clip;
use crate::batch::{Resource, Scope};
use crate::sampling::{self, Weight};
use crate::span::Span;
use crate::tally::Warning;

/// The columns of the batch that is being built.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) trace_id: IdColumn<16>,
    pub(super) span_id: IdColumn<8>,
    pub(super) parent_span_id: IdColumn<8>,
    pub(super) trace_state: TextColumn,
    pub(super) flags: IntColumn,
    pub(super) service_name: StringBuilder,
    pub(super) span_name: StringBuilder,
    pub(super) span_kind: StringBuilder,
    pub(super) start: IntColumn,
    pub(super) duration: IntColumn,
    pub(super) negative_duration: IntColumn,
    pub(super) status_code: StringBuilder,
    pub(super) status_message: TextColumn,
    pub(super) scope_name: TextColumn,
    pub(super) scope_version: TextColumn,
    pub(super) scope_attributes: MapColumn,
    pub(super) schema_url: TextColumn,
    pub(super) attributes: MapColumn,
    pub(super) resource_attributes: MapColumn,
    pub(super) events: EventColumn,
    pub(super) links: LinkColumn,
    pub(super) dropped: [IntColumn; 3],
    pub(super) sample_weight: DoubleColumn,
    pub(super) conflict: FlagColumn,
    pub(super) promoted: PromotedColumns,
}

impl Columns {
    pub(super) fn new() -> Self {
        let text = || StringBuilder::with_capacity(0, 0);
        Self {
            trace_id: IdColumn::new(),
            span_id: IdColumn::new(),
            parent_span_id: IdColumn::new(),
            trace_state: TextColumn::new(),
            flags: IntColumn::new(),
            service_name: text(),
            span_name: text(),
            span_kind: text(),
            start: IntColumn::new(),
            duration: IntColumn::new(),
            negative_duration: IntColumn::new(),
            status_code: text(),
            status_message: TextColumn::new(),
            scope_name: TextColumn::new(),
            scope_version: TextColumn::new(),
            scope_attributes: MapColumn::new(),
            schema_url: TextColumn::new(),
            attributes: MapColumn::new(),
            resource_attributes: MapColumn::new(),
            events: EventColumn::new(),
            links: LinkColumn::new(),
            dropped: [IntColumn::new(), IntColumn::new(), IntColumn::new()],
            sample_weight: DoubleColumn::new(),
            conflict: FlagColumn::new(),
            promoted: PromotedColumns::new(),
        }
    }

    /// Ids, name, times, status, sampling; returns the bytes of text.
    pub(super) fn identity(
        &mut self,
        row: usize,
        span: &mut Span<'_>,
        checked: &Checked,
        limit: usize,
    ) -> usize {
        let notes = &mut span.notes;
        self.trace_id.push(Some(checked.trace_id));
        self.span_id.push(Some(checked.span_id));
        self.parent_span_id.push(checked.parent_span_id);
        self.flags.set_count(row, span.flags);
        self.start.set(row, checked.start);
        self.duration.set(row, checked.duration);
        if let Some(by) = checked.negative_duration {
            notes.warn(Warning::NegativeDuration);
            self.negative_duration.set(row, by);
        }
        self.span_kind.append_value(check::kind_text(span.kind));
        self.status_code.append_value(check::status_text(span.status));
        let name = &span.name[..clip(&span.name, limit, notes)];
        self.span_name.append_value(name);
        let message = &span.status_message[..clip(&span.status_message, limit, notes)];
        self.status_message.set_text(row, message);
        match sampling::weight(&span.trace_state, &checked.trace_id) {
            Weight::Known(weight) => self.sample_weight.set(row, weight),
            Weight::Invalid => notes.warn(Warning::SampleWeight),
            Weight::Unknown => {}
        }
        let state = &span.trace_state[..clip(&span.trace_state, limit, notes)];
        self.trace_state.set_text(row, state);
        name.len() + message.len() + state.len()
    }

    /// What the span has from its resource and its scope; returns the bytes of text.
    pub(super) fn context(&mut self, row: usize, resource: &Resource, scope: &Scope) -> usize {
        self.service_name.append_value(&resource.service_name);
        self.resource_attributes.push_shared(&resource.attributes);
        let mut bytes = resource.service_name.len() + resource.attributes.bytes;
        for (column, text) in &resource.promoted {
            bytes += self.promoted.set(*column, row, PromotedValue::Text(text));
        }
        self.scope_name.set_text(row, &scope.name);
        self.scope_version.set_text(row, &scope.version);
        self.scope_attributes.push_shared(&scope.attributes);
        let own_url = Some(&scope.schema_url).filter(|url| !url.is_empty());
        let schema_url = own_url.unwrap_or(&resource.schema_url);
        self.schema_url.set_text(row, schema_url);
        bytes + scope.name.len() + scope.version.len() + scope.attributes.bytes + schema_url.len()
    }

    /// The rows as a batch; the columns are empty afterwards.
    pub(super) fn finish(&mut self, rows: usize) -> SpanBatch {
        let schema = spans::stored_schema();
        let columns = schema.fields().iter().map(|field| self.column(field, rows)).collect();
        let batch =
            RecordBatch::try_new(schema, columns).expect("columns have the types asked for");
        SpanBatch::try_new(batch).expect("the batch has the stored schema")
    }

    fn column(&mut self, field: &Field, rows: usize) -> ArrayRef {
        match field.name().as_str() {
            spans::TRACE_ID => self.trace_id.finish(),
            spans::SPAN_ID => self.span_id.finish(),
            spans::PARENT_SPAN_ID => self.parent_span_id.finish(),
            spans::TRACE_STATE => self.trace_state.finish(rows),
            spans::FLAGS => self.flags.finish(rows),
            spans::SERVICE_NAME => take_texts(&mut self.service_name),
            spans::SPAN_NAME => take_texts(&mut self.span_name),
            spans::SPAN_KIND => take_texts(&mut self.span_kind),
            spans::START_TIME_UNIX_NANO => self.start.finish(rows),
            spans::DURATION_NS => self.duration.finish(rows),
            spans::NEGATIVE_DURATION_NS => self.negative_duration.finish(rows),
            spans::STATUS_CODE => take_texts(&mut self.status_code),
            spans::STATUS_MESSAGE => self.status_message.finish(rows),
            spans::SCOPE_NAME => self.scope_name.finish(rows),
            spans::SCOPE_VERSION => self.scope_version.finish(rows),
            spans::SCOPE_ATTRIBUTES => self.scope_attributes.finish(),
            spans::SCHEMA_URL => self.schema_url.finish(rows),
            spans::ATTRIBUTES => self.attributes.finish(),
            spans::RESOURCE_ATTRIBUTES => self.resource_attributes.finish(),
            spans::EVENTS => self.events.finish(),
            spans::LINKS => self.links.finish(),
            spans::DROPPED_ATTRIBUTES_COUNT => self.dropped[0].finish(rows),
            spans::DROPPED_EVENTS_COUNT => self.dropped[1].finish(rows),
            spans::DROPPED_LINKS_COUNT => self.dropped[2].finish(rows),
            spans::SAMPLE_WEIGHT => self.sample_weight.finish(rows),
            spans::SEMCONV_CONFLICT => self.conflict.finish(rows),
            name => match PROMOTED.iter().position(|column| column.name == name) {
                Some(index) => self.promoted.finish(index, rows),
                // A column that others fill.
                None => new_null_array(field.data_type(), rows),
            },
        }
    }
}
