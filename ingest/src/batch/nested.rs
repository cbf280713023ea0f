//! The columns of span events and span links.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, StructArray};
use arrow::datatypes::{DataType, Field};

use crate::batch::columns::{IntColumn, Nulls, TextColumn};
use crate::batch::maps::{Lists, MapColumn};
use crate::batch::text::{Texts, clip};
use crate::span::Span;
use crate::tally::Warning;

/// The column of span events.
#[derive(Debug)]
pub(super) struct EventColumn {
    lists: Lists,
    /// How many events there are in all rows.
    len: usize,
    times: IntColumn,
    names: TextColumn,
    attributes: MapColumn,
    dropped: IntColumn,
}

impl EventColumn {
    pub(super) fn new() -> Self {
        Self {
            lists: Lists::new(),
            len: 0,
            times: IntColumn::new(),
            names: TextColumn::new(),
            attributes: MapColumn::new(),
            dropped: IntColumn::new(),
        }
    }

    /// Sets the events of a row; returns the bytes that they take.
    pub(super) fn set(
        &mut self,
        row: usize,
        span: &mut Span<'_>,
        limit: usize,
        texts: &mut Texts,
    ) -> usize {
        let mut bytes = 0;
        for event in &span.events {
            if let Some(time) = i64::try_from(event.time).ok().filter(|time| *time != 0) {
                self.times.set(self.len, time);
            }
            let name = &event.name[..clip(&event.name, limit, &mut span.notes)];
            self.names.set_text(self.len, name);
            let attributes = &span.inner_attributes[event.attributes.clone()];
            texts.read(attributes, limit, &mut span.notes);
            self.attributes.set(self.len, texts, attributes);
            self.dropped.set_count(self.len, event.dropped_attributes);
            self.len += 1;
            bytes += ELEMENT_BYTES + name.len() + texts.bytes;
        }
        self.lists.set(row, self.len);
        bytes
    }

    /// The events as an array; `None` if there are none.
    pub(super) fn finish(&mut self, field: &Field, rows: usize) -> Option<ArrayRef> {
        let len = std::mem::take(&mut self.len);
        let columns = [
            self.times.finish(len),
            self.names.finish(len),
            self.attributes.finish(len),
            self.dropped.finish(len),
        ];
        list_of(field, rows, columns, len, &mut self.lists)
    }
}

/// The column of span links.
#[derive(Debug)]
pub(super) struct LinkColumn {
    lists: Lists,
    /// How many links there are in all rows.
    len: usize,
    trace_ids: TextColumn,
    span_ids: TextColumn,
    trace_states: TextColumn,
    attributes: MapColumn,
    flags: IntColumn,
    dropped: IntColumn,
}

impl LinkColumn {
    pub(super) fn new() -> Self {
        Self {
            lists: Lists::new(),
            len: 0,
            trace_ids: TextColumn::new(),
            span_ids: TextColumn::new(),
            trace_states: TextColumn::new(),
            attributes: MapColumn::new(),
            flags: IntColumn::new(),
            dropped: IntColumn::new(),
        }
    }

    /// Sets the links of a row; returns the bytes that they take.
    pub(super) fn set(
        &mut self,
        row: usize,
        span: &mut Span<'_>,
        limit: usize,
        texts: &mut Texts,
    ) -> usize {
        let mut bytes = 0;
        for link in &span.links {
            let (trace_id, span_id) = (link.trace_id.valid(), link.span_id.valid());
            if trace_id.is_none() || span_id.is_none() {
                span.notes.warn(Warning::LinkId);
            }
            set_hex(&mut self.trace_ids, self.len, trace_id);
            set_hex(&mut self.span_ids, self.len, span_id);
            let state = &link.trace_state[..clip(&link.trace_state, limit, &mut span.notes)];
            self.trace_states.set_text(self.len, state);
            let attributes = &span.inner_attributes[link.attributes.clone()];
            texts.read(attributes, limit, &mut span.notes);
            self.attributes.set(self.len, texts, attributes);
            self.flags.set_count(self.len, link.flags);
            self.dropped.set_count(self.len, link.dropped_attributes);
            self.len += 1;
            bytes += ELEMENT_BYTES + state.len() + texts.bytes;
        }
        self.lists.set(row, self.len);
        bytes
    }

    /// The links as an array; `None` if there are none.
    pub(super) fn finish(&mut self, field: &Field, rows: usize) -> Option<ArrayRef> {
        let len = std::mem::take(&mut self.len);
        let columns = [
            self.trace_ids.finish(len),
            self.span_ids.finish(len),
            self.trace_states.finish(len),
            self.attributes.finish(len),
            self.flags.finish(len),
            self.dropped.finish(len),
        ];
        list_of(field, rows, columns, len, &mut self.lists)
    }
}

/// What an event or a link takes beside its own text.
const ELEMENT_BYTES: usize = 96;

fn set_hex<const N: usize>(column: &mut TextColumn, row: usize, id: Option<&[u8; N]>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let Some(id) = id else { return };
    let mut hex = [0; 32];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(id) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    column.set(row, str::from_utf8(&hex[..2 * N]).expect("hex digits are ASCII"));
}

fn list_of<const N: usize>(
    field: &Field,
    rows: usize,
    columns: [Option<ArrayRef>; N],
    len: usize,
    lists: &mut Lists,
) -> Option<ArrayRef> {
    let (offsets, absent) = lists.finish(rows)?;
    let DataType::List(element) = field.data_type() else {
        unreachable!("events and links are lists")
    };
    let DataType::Struct(fields) = element.data_type() else {
        unreachable!("events and links are structs")
    };
    let mut nulls = Nulls::new(len);
    let columns = columns.into_iter().zip(fields);
    let columns =
        columns.map(|(column, field)| column.unwrap_or_else(|| nulls.of(field.data_type())));
    let elements = StructArray::new(fields.clone(), columns.collect(), None);
    Some(Arc::new(ListArray::new(Arc::clone(element), offsets, Arc::new(elements), absent)))
}
