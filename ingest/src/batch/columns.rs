//! Columns of which most cells are NULL.
//!
//! A span has values for a few of the many columns. These columns are told only
//! of values; the NULLs before a value are filled in when it comes, so that a
//! column without values costs nothing per span.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, Int64Builder,
    StringBuilder,
};
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
pub(super) struct TextColumn(StringBuilder);

impl TextColumn {
    pub(super) fn new() -> Self {
        Self(StringBuilder::with_capacity(0, 0))
    }

    pub(super) fn set(&mut self, row: usize, value: &str) {
        let missing = row - self.0.len();
        if missing > 0 {
            self.0.append_nulls(missing);
        }
        self.0.append_value(value);
    }

    /// Sets a text of which the empty one is NULL.
    pub(super) fn set_text(&mut self, row: usize, value: &str) {
        if !value.is_empty() {
            self.set(row, value);
        }
    }

    pub(super) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.0.append_nulls(rows - self.0.len());
        take_texts(&mut self.0)
    }
}

/// An integer column.
#[derive(Debug)]
pub(super) struct IntColumn(Int64Builder);

impl IntColumn {
    pub(super) fn new() -> Self {
        Self(Int64Builder::with_capacity(0))
    }

    pub(super) fn set(&mut self, row: usize, value: i64) {
        self.0.append_nulls(row - self.0.len());
        self.0.append_value(value);
    }

    /// Sets a count, of which zero is NULL.
    pub(super) fn set_count(&mut self, row: usize, value: u32) {
        if value != 0 {
            self.set(row, i64::from(value));
        }
    }

    pub(super) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.0.append_nulls(rows - self.0.len());
        Arc::new(self.0.finish())
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

    pub(super) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.0.append_nulls(rows - self.0.len());
        Arc::new(self.0.finish())
    }
}

/// A column that is true or NULL.
#[derive(Debug)]
pub(super) struct FlagColumn(BooleanBuilder);

impl FlagColumn {
    pub(super) fn new() -> Self {
        Self(BooleanBuilder::with_capacity(0))
    }

    pub(super) fn set(&mut self, row: usize) {
        self.0.append_nulls(row - self.0.len());
        self.0.append_value(true);
    }

    pub(super) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.0.append_nulls(rows - self.0.len());
        Arc::new(self.0.finish())
    }
}

/// A column of ids of `N` bytes.
#[derive(Debug)]
pub(super) struct IdColumn<const N: usize>(FixedSizeBinaryBuilder);

impl<const N: usize> IdColumn<N> {
    pub(super) fn new() -> Self {
        let width = i32::try_from(N).expect("an id is short");
        Self(FixedSizeBinaryBuilder::with_capacity(0, width))
    }

    pub(super) fn push(&mut self, id: Option<[u8; N]>) {
        match id {
            Some(id) => self.0.append_value(id).expect("the array has the width of the column"),
            None => self.0.append_null(),
        }
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// All promoted columns.
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

    pub(super) fn finish(&mut self, index: usize, rows: usize) -> ArrayRef {
        match &mut self.0[index] {
            Column::Text(column) => column.finish(rows),
            Column::Int(column) => column.finish(rows),
        }
    }
}
