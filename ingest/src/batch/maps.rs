//! Columns of attribute maps.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, MapArray, NullBufferBuilder, StringArray, StringBuilder, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use schema::spans;

use crate::batch::columns::take_texts;
use crate::batch::text::Texts;
use crate::span::Attribute;

/// Offsets and NULLs of a column of lists. An empty list is NULL.
#[derive(Debug)]
pub(super) struct Lists {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Lists {
    pub(super) fn new() -> Self {
        Self { offsets: vec![0], nulls: NullBufferBuilder::new(0) }
    }

    /// Ends a list that reaches up to element `end`.
    pub(super) fn push(&mut self, end: usize) {
        // Elements count towards the size at which a batch is cut.
        let end = i32::try_from(end).expect("a batch has fewer than 2^31 elements");
        self.nulls.append(self.offsets.last() != Some(&end));
        self.offsets.push(end);
    }

    pub(super) fn finish(&mut self) -> (OffsetBuffer<i32>, Option<NullBuffer>) {
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = std::mem::replace(&mut self.offsets, next);
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), self.nulls.finish())
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

    pub(super) fn push(&mut self, texts: &Texts, attributes: &[Attribute<'_>]) {
        for (key, value) in texts.iter(attributes) {
            self.keys.append_value(key);
            match value {
                Some(value) => self.values.append_value(value),
                None => self.values.append_null(),
            }
            self.entries += 1;
        }
        self.lists.push(self.entries);
    }

    pub(super) fn push_shared(&mut self, map: &SharedMap) {
        let fits = "a batch is cut before its text reaches 2 GiB";
        self.keys.append_array(&map.keys).expect(fits);
        self.values.append_array(&map.values).expect(fits);
        self.entries += map.keys.len();
        self.lists.push(self.entries);
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let DataType::Map(entries, ordered) = spans::attribute_map() else {
            unreachable!("attribute_map() is a map type")
        };
        let DataType::Struct(fields) = entries.data_type() else {
            unreachable!("the entries of a map are a struct")
        };
        let columns = vec![take_texts(&mut self.keys), take_texts(&mut self.values)];
        self.entries = 0;
        let rows = StructArray::new(fields.clone(), columns, None);
        let (offsets, nulls) = self.lists.finish();
        Arc::new(MapArray::new(Arc::clone(&entries), offsets, rows, nulls, ordered))
    }
}
