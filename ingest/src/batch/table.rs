//! The columns of one batch, from cells to a record batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::Field;
use schema::promoted::{Origin, PROMOTED};
use schema::received::received_schema;
use schema::{SpanBatch, spans};

use crate::batch::check::{self, Checked};
use crate::batch::columns::{
    DoubleColumn, FlagColumn, IdColumn, IntColumn, Nulls, PromotedColumns, TextBuffer, TextColumn,
};
use crate::batch::context::ContextColumns;
use crate::batch::maps::AttributeColumn;
use crate::batch::nested::{EventColumn, LinkColumn};
use crate::batch::text::clip;
use crate::sampling::{self, Weight};
use crate::span::Span;
use crate::tally::Warning;

/// The columns of the batch that is being built.
#[derive(Debug)]
pub(super) struct Columns {
    trace_id: IdColumn<16>,
    span_id: IdColumn<8>,
    parent_span_id: IdColumn<8>,
    trace_state: TextColumn,
    flags: IntColumn,
    span_name: TextBuffer,
    span_kind: TextBuffer,
    start: Vec<i64>,
    duration: Vec<i64>,
    negative_duration: IntColumn,
    status_code: TextBuffer,
    status_message: TextColumn,
    sample_weight: DoubleColumn,
    pub(super) attributes: AttributeColumn,
    pub(super) events: EventColumn,
    pub(super) links: LinkColumn,
    pub(super) dropped: [IntColumn; 3],
    pub(super) conflict: FlagColumn,
    pub(super) promoted: PromotedColumns,
    pub(super) context: ContextColumns,
}

/// Bytes to make room for in a row of a name, kind or status.
const NAME_BYTES: usize = 16;

impl Columns {
    pub(super) fn new() -> Self {
        Self {
            trace_id: IdColumn::new(),
            span_id: IdColumn::new(),
            parent_span_id: IdColumn::new(),
            trace_state: TextColumn::new(),
            flags: IntColumn::new(),
            span_name: TextBuffer::default(),
            span_kind: TextBuffer::default(),
            start: Vec::new(),
            duration: Vec::new(),
            negative_duration: IntColumn::new(),
            status_code: TextBuffer::default(),
            status_message: TextColumn::new(),
            sample_weight: DoubleColumn::new(),
            attributes: AttributeColumn::new(),
            events: EventColumn::new(),
            links: LinkColumn::new(),
            dropped: [IntColumn::new(), IntColumn::new(), IntColumn::new()],
            conflict: FlagColumn::new(),
            promoted: PromotedColumns::new(),
            context: ContextColumns::new(),
        }
    }

    /// Makes room for that many rows where they certainly go.
    pub(super) fn expect_rows(&mut self, rows: usize) {
        self.trace_id.expect_rows(rows);
        self.span_id.expect_rows(rows);
        self.parent_span_id.expect_rows(rows);
        self.start.reserve(rows);
        self.duration.reserve(rows);
        for column in [&mut self.span_name, &mut self.span_kind, &mut self.status_code] {
            column.expect(rows, NAME_BYTES);
        }
    }

    /// Ids, name, times, status, sampling; returns the bytes of text.
    pub(super) fn identity(
        &mut self,
        row: usize,
        span: &mut Span<'_>,
        checked: &Checked,
        kind: &str,
        limit: usize,
    ) -> usize {
        let notes = &mut span.notes;
        self.trace_id.push(Some(checked.trace_id));
        self.span_id.push(Some(checked.span_id));
        self.parent_span_id.push(checked.parent_span_id);
        self.flags.set_count(row, span.flags);
        self.start.push(checked.start);
        self.duration.push(checked.duration);
        if let Some(by) = checked.negative_duration {
            notes.warn(Warning::NegativeDuration);
            self.negative_duration.set(row, by);
        }
        self.span_kind.push(kind);
        self.status_code.push(&check::status_text(span.status));
        let name = &span.name[..clip(&span.name, limit, notes)];
        self.span_name.push(name);
        let message = &span.status_message[..clip(&span.status_message, limit, notes)];
        self.status_message.set_text(row, message);
        if span.trace_state.is_empty() {
            return name.len() + message.len();
        }
        match sampling::weight(&span.trace_state, &checked.trace_id) {
            Weight::Known(weight) => self.sample_weight.set(row, weight),
            Weight::Invalid => notes.warn(Warning::SampleWeight),
            Weight::Unknown => {}
        }
        let state = &span.trace_state[..clip(&span.trace_state, limit, notes)];
        self.trace_state.set_text(row, state);
        name.len() + message.len() + state.len()
    }

    /// The rows as a batch; the columns are empty afterwards.
    pub(super) fn finish(&mut self, rows: usize) -> SpanBatch {
        let context = self.context.finish(rows);
        let schema = received_schema();
        let mut nulls = Nulls::new(rows);
        let first_promoted = schema.fields().len() - PROMOTED.len();
        let columns = schema.fields().iter().enumerate().map(|(index, field)| {
            let column = match index.checked_sub(first_promoted) {
                Some(promoted) => match PROMOTED[promoted].origin {
                    Origin::Resource => self.context.promoted(promoted, &context),
                    Origin::Span => self.promoted.finish(promoted, rows),
                },
                None => {
                    let shared = self.context.column(field.name(), &context);
                    shared.or_else(|| self.column(field, rows))
                }
            };
            column.unwrap_or_else(|| nulls.of(field.data_type()))
        });
        let columns = columns.collect();
        let batch =
            RecordBatch::try_new(schema, columns).expect("columns have the types asked for");
        SpanBatch::try_new(batch).expect("the batch has the received schema")
    }

    /// A column that is neither promoted nor of the context; `None` if all its cells are NULL.
    fn column(&mut self, field: &Field, rows: usize) -> Option<ArrayRef> {
        match field.name().as_str() {
            spans::TRACE_ID => Some(self.trace_id.finish()),
            spans::SPAN_ID => Some(self.span_id.finish()),
            spans::PARENT_SPAN_ID => Some(self.parent_span_id.finish()),
            spans::TRACE_STATE => self.trace_state.finish(rows),
            spans::FLAGS => self.flags.finish(rows),
            spans::SPAN_NAME => Some(self.span_name.finish(None)),
            spans::SPAN_KIND => Some(self.span_kind.finish(None)),
            spans::START_TIME_UNIX_NANO => Some(take_times(&mut self.start)),
            spans::DURATION_NS => Some(take_times(&mut self.duration)),
            spans::NEGATIVE_DURATION_NS => self.negative_duration.finish(rows),
            spans::STATUS_CODE => Some(self.status_code.finish(None)),
            spans::STATUS_MESSAGE => self.status_message.finish(rows),
            spans::ATTRIBUTES => self.attributes.finish(rows, field.data_type()),
            spans::EVENTS => self.events.finish(field, rows),
            spans::LINKS => self.links.finish(field, rows),
            spans::DROPPED_ATTRIBUTES_COUNT => self.dropped[0].finish(rows),
            spans::DROPPED_EVENTS_COUNT => self.dropped[1].finish(rows),
            spans::DROPPED_LINKS_COUNT => self.dropped[2].finish(rows),
            spans::SAMPLE_WEIGHT => self.sample_weight.finish(rows),
            spans::SEMCONV_CONFLICT => self.conflict.finish(rows),
            // A column that others fill.
            _ => None,
        }
    }
}

fn take_times(times: &mut Vec<i64>) -> ArrayRef {
    let next = Vec::with_capacity(times.len());
    Arc::new(Int64Array::from(std::mem::replace(times, next)))
}
