//! Columns of which most cells are NULL.
//!
//! A span has values for a few of the many columns. These columns are told only
//! of values; the NULLs before a value are filled in when it comes, so that a
//! column without values costs nothing per span. A column that got no value at
//! all becomes no array: the batch shares one of NULLs among all such columns.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, FixedSizeBinaryArray, Float64Builder, Int64Builder,
    NullBufferBuilder, StringBuilder, new_null_array,
};
use arrow::buffer::Buffer;
use arrow::datatypes::DataType;
use schema::promoted::{PROMOTED, PromotedType};
use schema::semconv::PromotedValue;

/// Takes the texts of a builder and prepares it for about as many again: batches of one file
/// are alike, and growing step by step copies everything twice.
pub(super) fn take_texts(builder: &mut StringBuilder) -> ArrayRef {
    let (items, bytes) = (builder.len(), builder.values_slice().len());
    let array = Arc::new(builder.finish());
    if bytes > 0 {
        *builder = StringBuilder::with_capacity(items, bytes);
    }
    array
}

/// A text column.
#[derive(Debug)]
pub(super) struct TextColumn {
    cells: StringBuilder,
    /// How many rows to make room for when the first value comes.
    room: usize,
}

/// Bytes of text to make room for in a row. Most text of promoted columns is about that long.
const TEXT_BYTES: usize = 8;

impl TextColumn {
    pub(super) fn new() -> Self {
        Self { cells: StringBuilder::with_capacity(0, 0), room: 0 }
    }

    /// Makes room for that many rows, if the column gets a value at all.
    pub(super) fn expect_rows(&mut self, rows: usize) {
        self.room = rows;
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize, value: &str) {
        self.begin();
        self.fill(row);
        self.cells.append_value(value);
    }

    /// Sets a text of which the empty one is NULL.
    #[inline]
    pub(super) fn set_text(&mut self, row: usize, value: &str) {
        if !value.is_empty() {
            self.set(row, value);
        }
    }

    #[inline]
    fn begin(&mut self) {
        if self.room > 0 {
            let rows = std::mem::take(&mut self.room);
            if self.cells.is_empty() {
                self.cells = StringBuilder::with_capacity(rows, rows * TEXT_BYTES);
            }
        }
    }

    #[inline]
    fn fill(&mut self, row: usize) {
        let missing = row - self.cells.len();
        if missing > 0 {
            self.cells.append_nulls(missing);
        }
    }

    pub(super) fn finish(&mut self, rows: usize) -> Option<ArrayRef> {
        if self.cells.is_empty() {
            return None;
        }
        self.fill(rows);
        Some(take_texts(&mut self.cells))
    }
}

/// An integer column.
#[derive(Debug)]
pub(super) struct IntColumn {
    cells: Int64Builder,
    /// How many rows to make room for when the first value comes.
    room: usize,
}

impl IntColumn {
    pub(super) fn new() -> Self {
        Self { cells: Int64Builder::with_capacity(0), room: 0 }
    }

    /// Makes room for that many rows, if the column gets a value at all.
    pub(super) fn expect_rows(&mut self, rows: usize) {
        self.room = rows;
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize, value: i64) {
        if self.room > 0 {
            let rows = std::mem::take(&mut self.room);
            if self.cells.is_empty() {
                self.cells = Int64Builder::with_capacity(rows);
            }
        }
        self.fill(row);
        self.cells.append_value(value);
    }

    /// Sets a count, of which zero is NULL.
    #[inline]
    pub(super) fn set_count(&mut self, row: usize, value: u32) {
        if value != 0 {
            self.set(row, i64::from(value));
        }
    }

    #[inline]
    fn fill(&mut self, row: usize) {
        let missing = row - self.cells.len();
        if missing > 0 {
            self.cells.append_nulls(missing);
        }
    }

    pub(super) fn finish(&mut self, rows: usize) -> Option<ArrayRef> {
        if self.cells.is_empty() {
            return None;
        }
        self.fill(rows);
        self.room = rows;
        Some(Arc::new(self.cells.finish()))
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

    /// Makes room for that many rows in the columns that get values.
    pub(super) fn expect_rows(&mut self, rows: usize) {
        for column in &mut self.0 {
            match column {
                Column::Text(column) => column.expect_rows(rows),
                Column::Int(column) => column.expect_rows(rows),
            }
        }
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
