//! Columns of attribute maps.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, MapArray, NullBufferBuilder, StringArray, StringBuilder, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use schema::spans;

use crate::batch::columns::{append_copies, take_texts};
use crate::batch::text::Texts;
use crate::span::{Attribute, Notes};

/// Offsets and NULLs of a column of lists. An empty list is NULL; like in other columns, the
/// NULLs before a list are filled in when it comes.
#[derive(Debug)]
pub(super) struct Lists {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Lists {
    pub(super) fn new() -> Self {
        Self { offsets: vec![0], nulls: NullBufferBuilder::new(0) }
    }

    /// Sets the list of a row, which reaches up to element `end`.
    #[inline]
    pub(super) fn set(&mut self, row: usize, end: usize) {
        // Elements count towards the size at which a batch is cut.
        let end = i32::try_from(end).expect("a batch has fewer than 2^31 elements");
        let last = self.last();
        if last != end {
            self.fill(row, last);
            self.nulls.append_non_null();
            self.offsets.push(end);
        }
    }

    /// Sets lists of `len` elements in `count` rows from `row` on.
    fn set_run(&mut self, row: usize, count: usize, len: usize) {
        let last = self.last();
        if len == 0 || count == 0 {
            return;
        }
        self.fill(row, last);
        let fits = "a batch has fewer than 2^31 elements";
        let len = i32::try_from(len).expect(fits);
        let rows = i32::try_from(count).expect(fits);
        last.checked_add(len.checked_mul(rows).expect(fits)).expect(fits);
        self.offsets.extend((1..=rows).map(|rows| last + len * rows));
        self.nulls.append_n_non_nulls(count);
    }

    fn last(&self) -> i32 {
        self.offsets.last().copied().unwrap_or(0)
    }

    #[inline]
    fn fill(&mut self, row: usize, last: i32) {
        let missing = row + 1 - self.offsets.len();
        if missing > 0 {
            self.nulls.append_n_nulls(missing);
            self.offsets.resize(row + 1, last);
        }
    }

    /// `None` if all lists are empty.
    pub(super) fn finish(
        &mut self,
        rows: usize,
    ) -> Option<(OffsetBuffer<i32>, Option<NullBuffer>)> {
        if self.offsets.len() == 1 {
            return None;
        }
        self.fill(rows, self.last());
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = std::mem::replace(&mut self.offsets, next);
        Some((OffsetBuffer::new(ScalarBuffer::from(offsets)), self.nulls.finish()))
    }
}

/// A column of attribute maps. A map without entries is NULL: that is cheapest to store,
/// and the stored schema allows it.
#[derive(Debug)]
pub(super) struct MapColumn {
    lists: Lists,
    keys: StringBuilder,
    values: StringBuilder,
    entries: usize,
}

/// A map that many rows share.
#[derive(Debug)]
pub(super) struct SharedMap {
    keys: StringArray,
    values: StringArray,
    pub(super) bytes: usize,
}

impl SharedMap {
    pub(super) fn new(texts: &Texts, attributes: &[Attribute<'_>]) -> Self {
        Self {
            keys: texts.iter(attributes).map(|(key, _)| Some(key)).collect(),
            values: texts.iter(attributes).map(|(_, value)| value).collect(),
            bytes: texts.bytes,
        }
    }
}

impl MapColumn {
    pub(super) fn new() -> Self {
        Self {
            lists: Lists::new(),
            keys: StringBuilder::with_capacity(0, 0),
            values: StringBuilder::with_capacity(0, 0),
            entries: 0,
        }
    }

    /// Sets the map of a row.
    pub(super) fn set(&mut self, row: usize, texts: &Texts, attributes: &[Attribute<'_>]) {
        for (key, value) in texts.iter(attributes) {
            self.keys.append_value(key);
            self.values.append_option(value);
            self.entries += 1;
        }
        self.lists.set(row, self.entries);
    }

    /// Sets the map of a row whose keys are in an array already: each comes once. The texts
    /// have been read afterwards.
    #[inline]
    pub(super) fn set_distinct(
        &mut self,
        row: usize,
        keys: &StringArray,
        texts: &mut Texts,
        attributes: &[Attribute<'_>],
        limit: usize,
        notes: &mut Notes,
    ) {
        self.keys.append_array(keys).expect("a batch is cut before its text reaches 2 GiB");
        texts.read_distinct(attributes, limit, notes, |value| self.values.append_option(value));
        self.entries += keys.len();
        self.lists.set(row, self.entries);
    }

    /// Sets the same map in `count` rows from `row` on.
    pub(super) fn set_run(&mut self, row: usize, count: usize, map: &SharedMap) {
        append_copies(&mut self.keys, &map.keys, count);
        append_copies(&mut self.values, &map.values, count);
        self.entries += map.keys.len() * count;
        self.lists.set_run(row, count, map.keys.len());
    }

    /// The maps as an array; `None` if all are empty.
    pub(super) fn finish(&mut self, rows: usize) -> Option<ArrayRef> {
        let (offsets, nulls) = self.lists.finish(rows)?;
        let DataType::Map(entries, ordered) = spans::attribute_map() else {
            unreachable!("attribute_map() is a map type")
        };
        let DataType::Struct(fields) = entries.data_type() else {
            unreachable!("the entries of a map are a struct")
        };
        let columns = vec![take_texts(&mut self.keys), take_texts(&mut self.values)];
        self.entries = 0;
        let rows = StructArray::new(fields.clone(), columns, None);
        Some(Arc::new(MapArray::new(Arc::clone(&entries), offsets, rows, nulls, ordered)))
    }
}
