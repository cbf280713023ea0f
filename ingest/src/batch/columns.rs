//! Columns of which most cells are NULL.
//!
//! A span has values for a few of the many columns. These columns are told only
//! of values, and the NULLs between them are made when the batch is complete, so
//! that a column without values costs nothing per span. A column that got no value
//! at all becomes no array: the batch shares one of NULLs among all such columns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, BooleanBufferBuilder, BooleanBuilder, FixedSizeBinaryArray,
    Float64Builder, Int64Array, NullBufferBuilder, StringArray, new_null_array,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;
use schema::promoted::{PROMOTED, PromotedType};
use schema::semconv::PromotedValue;

use crate::short;

/// Texts one behind the other. Arrow's own builder checks more with each of them.
#[derive(Debug, Default)]
pub(super) struct TextBuffer {
    text: Vec<u8>,
    ends: Vec<i32>,
}

impl TextBuffer {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Makes room for that many texts of `bytes` each.
    pub(super) fn expect(&mut self, texts: usize, bytes: usize) {
        self.ends.reserve(texts);
        self.text.reserve(texts * bytes);
    }

    #[inline]
    pub(super) fn push(&mut self, text: &str) {
        short::push(&mut self.text, text.as_bytes());
        self.ends.push(self.end());
    }

    /// Adds many texts.
    pub(super) fn extend(&mut self, texts: &StringArray) {
        texts.iter().for_each(|text| self.push(text.unwrap_or_default()));
    }

    #[inline]
    fn end(&self) -> i32 {
        i32::try_from(self.text.len()).expect("a batch is cut before its text reaches 2 GiB")
    }

    /// The texts as an array. Makes room for about as many again: batches of one file are alike, and
    /// growing step by step copies everything twice.
    pub(super) fn finish(&mut self, nulls: Option<NullBuffer>) -> ArrayRef {
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.extend_from_slice(&self.ends);
        self.ends.clear();
        self.array(offsets, nulls)
    }

    /// The texts of some rows as an array of all rows, in which the others are NULL.
    fn finish_sparse(&mut self, rows: &[u32], len: usize) -> ArrayRef {
        if rows.len() == len {
            return self.finish(None);
        }
        let mut offsets = Vec::with_capacity(len + 1);
        let mut last = 0;
        for (row, end) in rows.iter().zip(&self.ends) {
            offsets.resize(*row as usize + 1, last);
            last = *end;
        }
        offsets.resize(len + 1, last);
        self.ends.clear();
        self.array(offsets, Some(valid_only(rows, len)))
    }

    fn array(&mut self, offsets: Vec<i32>, nulls: Option<NullBuffer>) -> ArrayRef {
        let next = Vec::with_capacity(self.text.len());
        let text = std::mem::replace(&mut self.text, next);
        let offsets = OffsetBuffer::new(offsets.into());
        Arc::new(StringArray::new(offsets, Buffer::from_vec(text), nulls))
    }
}

/// NULL everywhere but in some rows.
fn valid_only(rows: &[u32], len: usize) -> NullBuffer {
    let mut valid = BooleanBufferBuilder::new(len);
    valid.append_n(len, false);
    rows.iter().for_each(|row| valid.set_bit(*row as usize, true));
    NullBuffer::new(valid.finish())
}

/// NULL in some rows only.
pub(super) fn null_only(rows: &[u32], len: usize) -> Option<NullBuffer> {
    if rows.is_empty() {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(len);
    valid.append_n(len, true);
    rows.iter().for_each(|row| valid.set_bit(*row as usize, false));
    Some(NullBuffer::new(valid.finish()))
}

/// The number of a row within its batch.
#[inline]
pub(super) fn row_number(row: usize) -> u32 {
    u32::try_from(row).expect("a batch has fewer than 2^31 rows")
}

/// A text column. A row is set at most once, and rows come in order.
#[derive(Debug, Default)]
pub(super) struct TextColumn {
    rows: Vec<u32>,
    cells: TextBuffer,
}

impl TextColumn {
    pub(super) fn new() -> Self {
        Self::default()
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize, value: &str) {
        self.rows.push(row_number(row));
        self.cells.push(value);
    }

    /// Sets a text of which the empty one is NULL.
    #[inline]
    pub(super) fn set_text(&mut self, row: usize, value: &str) {
        if !value.is_empty() {
            self.set(row, value);
        }
    }

    pub(super) fn finish(&mut self, rows: usize) -> Option<ArrayRef> {
        if self.rows.is_empty() {
            return None;
        }
        let array = self.cells.finish_sparse(&self.rows, rows);
        self.rows.clear();
        Some(array)
    }
}

/// An integer column. A row is set at most once, and rows come in order.
#[derive(Debug, Default)]
pub(super) struct IntColumn {
    rows: Vec<u32>,
    cells: Vec<i64>,
}

impl IntColumn {
    pub(super) fn new() -> Self {
        Self::default()
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize, value: i64) {
        self.rows.push(row_number(row));
        self.cells.push(value);
    }

    /// Sets a count, of which zero is NULL.
    #[inline]
    pub(super) fn set_count(&mut self, row: usize, value: u32) {
        if value != 0 {
            self.set(row, i64::from(value));
        }
    }

    pub(super) fn finish(&mut self, rows: usize) -> Option<ArrayRef> {
        if self.rows.is_empty() {
            return None;
        }
        let array = if self.rows.len() == rows {
            let next = Vec::with_capacity(rows);
            Int64Array::from(std::mem::replace(&mut self.cells, next))
        } else {
            let mut cells = vec![0; rows];
            for (row, value) in self.rows.iter().zip(self.cells.drain(..)) {
                cells[*row as usize] = value;
            }
            Int64Array::new(cells.into(), Some(valid_only(&self.rows, rows)))
        };
        self.rows.clear();
        Some(Arc::new(array))
    }
}

/// The column of sample weights.
#[derive(Debug)]
pub(super) struct DoubleColumn(Float64Builder);

impl DoubleColumn {
    pub(super) fn new() -> Self {
        Self(Float64Builder::with_capacity(0))
    }

    pub(super) fn set(&mut self, row: usize, value: f64) {
        self.0.append_nulls(row - self.0.len());
        self.0.append_value(value);
    }

    pub(super) fn finish(&mut self, rows: usize) -> Option<ArrayRef> {
        if self.0.is_empty() {
            return None;
        }
        self.0.append_nulls(rows - self.0.len());
        Some(Arc::new(self.0.finish()))
    }
}

/// A column that is true or NULL.
#[derive(Debug)]
pub(super) struct FlagColumn(BooleanBuilder);

impl FlagColumn {
    pub(super) fn new() -> Self {
        Self(BooleanBuilder::with_capacity(0))
    }

    /// Sets `count` rows from `row` on.
    pub(super) fn set(&mut self, row: usize, count: usize) {
        self.0.append_nulls(row - self.0.len());
        self.0.append_n(count, true);
    }

    pub(super) fn finish(&mut self, rows: usize) -> Option<ArrayRef> {
        if self.0.is_empty() {
            return None;
        }
        self.0.append_nulls(rows - self.0.len());
        Some(Arc::new(self.0.finish()))
    }
}

/// A column of ids of `N` bytes.
#[derive(Debug)]
pub(super) struct IdColumn<const N: usize> {
    ids: Vec<[u8; N]>,
    nulls: NullBufferBuilder,
}

impl<const N: usize> IdColumn<N> {
    pub(super) fn new() -> Self {
        Self { ids: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    /// Makes room for that many rows.
    pub(super) fn expect_rows(&mut self, rows: usize) {
        self.ids.reserve(rows);
    }

    #[inline]
    pub(super) fn push(&mut self, id: Option<[u8; N]>) {
        self.nulls.append(id.is_some());
        self.ids.push(id.unwrap_or([0; N]));
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let width = i32::try_from(N).expect("an id is short");
        let next = Vec::with_capacity(self.ids.len());
        let ids = std::mem::replace(&mut self.ids, next).into_flattened();
        let nulls = self.nulls.finish();
        Arc::new(FixedSizeBinaryArray::new(width, Buffer::from_vec(ids), nulls))
    }
}

/// The arrays of NULLs of one batch, one for each type: most columns of a batch are empty, and
/// memory for each of them would be more than for the columns that are not.
pub(super) struct Nulls {
    rows: usize,
    arrays: Vec<ArrayRef>,
}

impl Nulls {
    pub(super) fn new(rows: usize) -> Self {
        Self { rows, arrays: Vec::new() }
    }

    pub(super) fn of(&mut self, data_type: &DataType) -> ArrayRef {
        if let Some(array) = self.arrays.iter().find(|array| array.data_type() == data_type) {
            return Arc::clone(array);
        }
        let array = new_null_array(data_type, self.rows);
        self.arrays.push(Arc::clone(&array));
        array
    }
}

/// The promoted columns of spans; those of resources stay empty here.
#[derive(Debug)]
pub(super) struct PromotedColumns(Vec<Column>);

#[derive(Debug)]
enum Column {
    Text(TextColumn),
    Int(IntColumn),
}

impl PromotedColumns {
    pub(super) fn new() -> Self {
        let column = |data_type| match data_type {
            PromotedType::Text => Column::Text(TextColumn::new()),
            PromotedType::Int => Column::Int(IntColumn::new()),
        };
        Self(PROMOTED.iter().map(|promoted| column(promoted.data_type)).collect())
    }

    /// Sets a cell; returns the bytes it takes.
    #[inline]
    pub(super) fn set(&mut self, index: usize, row: usize, value: PromotedValue<'_>) -> usize {
        match (&mut self.0[index], value) {
            (Column::Text(column), PromotedValue::Text(text)) => {
                column.set(row, text);
                text.len()
            }
            (Column::Int(column), PromotedValue::Int(number)) => {
                column.set(row, number);
                0
            }
            // `schema::semconv` gives every column values of its own type.
            _ => 0,
        }
    }

    pub(super) fn finish(&mut self, index: usize, rows: usize) -> Option<ArrayRef> {
        match &mut self.0[index] {
            Column::Text(column) => column.finish(rows),
            Column::Int(column) => column.finish(rows),
        }
    }
}
