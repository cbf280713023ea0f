//! The columns of span events and span links.

use std::sync::Arc;

use arrow::array::{ArrayBuilder, ArrayRef, Int64Builder, ListArray, StringBuilder, StructArray};
use arrow::datatypes::DataType;
use schema::spans;

use crate::batch::maps::{Lists, MapColumn};
use crate::batch::text::{Texts, clip};
use crate::span::Span;
use crate::tally::Warning;

/// The column of span events.
#[derive(Debug)]
pub(super) struct EventColumn {
    lists: Lists,
    times: Int64Builder,
    names: StringBuilder,
    attributes: MapColumn,
    dropped: Int64Builder,
}

impl EventColumn {
    pub(super) fn new() -> Self {
        Self {
            lists: Lists::new(),
            times: Int64Builder::with_capacity(0),
            names: StringBuilder::with_capacity(0, 0),
            attributes: MapColumn::new(),
            dropped: Int64Builder::with_capacity(0),
        }
    }

    /// Adds the events of a span; returns the bytes of their text.
    pub(super) fn push(&mut self, span: &mut Span<'_>, limit: usize, texts: &mut Texts) -> usize {
        let mut bytes = 0;
        for event in &span.events {
            let time = i64::try_from(event.time).ok().filter(|time| *time != 0);
            self.times.append_option(time);
            let name = &event.name[..clip(&event.name, limit, &mut span.notes)];
            self.names.append_option((!name.is_empty()).then_some(name));
            let attributes = &span.inner_attributes[event.attributes.clone()];
            texts.read(attributes, limit, &mut span.notes);
            self.attributes.push(texts, attributes);
            self.dropped.append_option(count(event.dropped_attributes));
            bytes += ELEMENT_BYTES + name.len() + texts.bytes;
        }
        self.lists.push(self.names.len());
        bytes
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.times.finish()),
            Arc::new(self.names.finish()),
            self.attributes.finish(),
            Arc::new(self.dropped.finish()),
        ];
        list_of(spans::EVENTS, columns, &mut self.lists)
    }
}

/// The column of span links.
#[derive(Debug)]
pub(super) struct LinkColumn {
    lists: Lists,
    trace_ids: StringBuilder,
    span_ids: StringBuilder,
    trace_states: StringBuilder,
    attributes: MapColumn,
    flags: Int64Builder,
    dropped: Int64Builder,
}

impl LinkColumn {
    pub(super) fn new() -> Self {
        let text = || StringBuilder::with_capacity(0, 0);
        Self {
            lists: Lists::new(),
            trace_ids: text(),
            span_ids: text(),
            trace_states: text(),
            attributes: MapColumn::new(),
            flags: Int64Builder::with_capacity(0),
            dropped: Int64Builder::with_capacity(0),
        }
    }

    /// Adds the links of a span; returns the bytes of their text.
    pub(super) fn push(&mut self, span: &mut Span<'_>, limit: usize, texts: &mut Texts) -> usize {
        let mut bytes = 0;
        for link in &span.links {
            let (trace_id, span_id) = (link.trace_id.valid(), link.span_id.valid());
            if trace_id.is_none() || span_id.is_none() {
                span.notes.warn(Warning::LinkId);
            }
            push_hex(&mut self.trace_ids, trace_id);
            push_hex(&mut self.span_ids, span_id);
            let state = &link.trace_state[..clip(&link.trace_state, limit, &mut span.notes)];
            self.trace_states.append_option((!state.is_empty()).then_some(state));
            let attributes = &span.inner_attributes[link.attributes.clone()];
            texts.read(attributes, limit, &mut span.notes);
            self.attributes.push(texts, attributes);
            self.flags.append_option(count(link.flags));
            self.dropped.append_option(count(link.dropped_attributes));
            bytes += ELEMENT_BYTES + state.len() + texts.bytes;
        }
        self.lists.push(self.flags.len());
        bytes
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.trace_ids.finish()),
            Arc::new(self.span_ids.finish()),
            Arc::new(self.trace_states.finish()),
            self.attributes.finish(),
            Arc::new(self.flags.finish()),
            Arc::new(self.dropped.finish()),
        ];
        list_of(spans::LINKS, columns, &mut self.lists)
    }
}

/// What an event or a link takes beside its own text.
const ELEMENT_BYTES: usize = 96;

fn count(value: u32) -> Option<i64> {
    (value != 0).then_some(i64::from(value))
}

fn push_hex<const N: usize>(column: &mut StringBuilder, id: Option<&[u8; N]>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let Some(id) = id else { return column.append_null() };
    let mut hex = [0; 32];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(id) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    column.append_value(str::from_utf8(&hex[..2 * N]).expect("hex digits are ASCII"));
}

fn list_of(name: &str, columns: Vec<ArrayRef>, lists: &mut Lists) -> ArrayRef {
    let schema = spans::stored_schema();
    let column = schema.field_with_name(name).expect("the stored schema has the column");
    let DataType::List(element) = column.data_type() else {
        unreachable!("events and links are lists")
    };
    let DataType::Struct(fields) = element.data_type() else {
        unreachable!("events and links are structs")
    };
    let elements = StructArray::new(fields.clone(), columns, None);
    let (offsets, nulls) = lists.finish();
    Arc::new(ListArray::new(Arc::clone(element), offsets, Arc::new(elements), nulls))
}
