//! Columns of attribute maps.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, MapArray, NullBufferBuilder, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use schema::spans;

use crate::batch::columns::{TextBuffer, null_only, row_number};
use crate::batch::shapes::Shape;
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
    keys: TextBuffer,
    values: TextBuffer,
    /// The entries whose value is NULL.
    absent: Vec<u32>,
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
            keys: TextBuffer::default(),
            values: TextBuffer::default(),
            absent: Vec::new(),
        }
    }

    /// Sets the map of a row.
    pub(super) fn set(&mut self, row: usize, texts: &Texts, attributes: &[Attribute<'_>]) {
        for (key, value) in texts.iter(attributes) {
            self.keys.push(key);
            push_value(&mut self.values, &mut self.absent, value);
        }
        self.lists.set(row, self.keys.len());
    }

    /// Sets the map of a row.
    pub(super) fn set_shared(&mut self, row: usize, map: &SharedMap) {
        self.keys.extend(&map.keys);
        map.values.iter().for_each(|value| push_value(&mut self.values, &mut self.absent, value));
        self.lists.set(row, self.keys.len());
    }

    /// The maps as an array; `None` if all are empty.
    pub(super) fn finish(&mut self, rows: usize) -> Option<ArrayRef> {
        let (offsets, nulls) = self.lists.finish(rows)?;
        let columns =
            vec![self.keys.finish(None), finish_values(&mut self.values, &mut self.absent)];
        Some(map_of(&spans::attribute_map(), columns, offsets, nulls))
    }
}

/// The column of the attributes of spans: keys are numbers in a list of their own.
#[derive(Debug)]
pub(super) struct AttributeColumn {
    lists: Lists,
    keys: TextBuffer,
    /// The number of the key of each entry.
    numbers: Vec<i32>,
    values: TextBuffer,
    /// The entries whose value is NULL.
    absent: Vec<u32>,
    /// Counts the batches, so that a shape knows whether its keys are in this one.
    batch: u64,
}

impl AttributeColumn {
    pub(super) fn new() -> Self {
        Self {
            lists: Lists::new(),
            keys: TextBuffer::default(),
            numbers: Vec::new(),
            values: TextBuffer::default(),
            absent: Vec::new(),
            batch: 1,
        }
    }

    /// Sets the map of a row.
    pub(super) fn set(&mut self, row: usize, texts: &Texts, attributes: &[Attribute<'_>]) {
        for (key, value) in texts.iter(attributes) {
            self.numbers.push(self.next_number());
            self.keys.push(key);
            push_value(&mut self.values, &mut self.absent, value);
        }
        self.lists.set(row, self.numbers.len());
    }

    /// Sets the map of a row whose keys are those of a shape. The texts have been read afterwards.
    #[inline]
    pub(super) fn set_shape(
        &mut self,
        row: usize,
        shape: &mut Shape,
        texts: &mut Texts,
        attributes: &[Attribute<'_>],
        limit: usize,
        notes: &mut Notes,
    ) {
        if shape.batch != self.batch {
            shape.batch = self.batch;
            shape.first = self.next_number();
            self.keys.extend(&shape.keys);
        }
        self.numbers.extend((shape.first..).take(attributes.len()));
        let (values, absent) = (&mut self.values, &mut self.absent);
        texts.read_distinct(attributes, limit, notes, |value| push_value(values, absent, value));
        self.lists.set(row, self.numbers.len());
    }

    fn next_number(&self) -> i32 {
        i32::try_from(self.keys.len()).expect("a batch has fewer than 2^31 keys")
    }

    /// The maps as an array; `None` if all are empty.
    pub(super) fn finish(&mut self, rows: usize, data_type: &DataType) -> Option<ArrayRef> {
        let (offsets, nulls) = self.lists.finish(rows)?;
        self.batch += 1;
        let next = Vec::with_capacity(self.numbers.len());
        let numbers = Int32Array::from(std::mem::replace(&mut self.numbers, next));
        let keys = DictionaryArray::try_new(numbers, self.keys.finish(None));
        let keys: ArrayRef = Arc::new(keys.expect("an entry has the number of a key"));
        let columns = vec![keys, finish_values(&mut self.values, &mut self.absent)];
        Some(map_of(data_type, columns, offsets, nulls))
    }
}

#[inline]
fn push_value(values: &mut TextBuffer, absent: &mut Vec<u32>, value: Option<&str>) {
    if value.is_none() {
        absent.push(row_number(values.len()));
    }
    values.push(value.unwrap_or_default());
}

fn finish_values(values: &mut TextBuffer, absent: &mut Vec<u32>) -> ArrayRef {
    let nulls = null_only(absent, values.len());
    absent.clear();
    values.finish(nulls)
}

fn map_of(
    data_type: &DataType,
    columns: Vec<ArrayRef>,
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let DataType::Map(entries, ordered) = data_type else { unreachable!("it is a map type") };
    let DataType::Struct(fields) = entries.data_type() else {
        unreachable!("the entries of a map are a struct")
    };
    let rows = StructArray::new(fields.clone(), columns, None);
    Arc::new(MapArray::new(Arc::clone(entries), offsets, rows, nulls, *ordered))
}
