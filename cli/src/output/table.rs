//! Tables for people, as psql draws them.
//!
//! Widths are taken from the first rows, which are held back until then; later
//! rows are written as they come and may be wider. On a terminal long values are
//! cut, and a row that cannot fit is written one column per line, uncut.

mod grid;
mod records;

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use unicode_width::UnicodeWidthStr;

use super::cell::Cells;
use super::{RowWriter, Sink};
use crate::terminal::escape;
use grid::Grid;

/// Rows that decide the widths.
const MEASURED_ROWS: usize = 1_000;

/// How tables are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableStyle {
    /// Columns of the terminal; `None` for a file or pipe, where nothing is cut.
    pub(crate) width: Option<usize>,
    /// Whether each row is written one column per line.
    pub(crate) expanded: Expanded,
}

/// When rows are written one column per line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expanded {
    /// Always.
    On,
    /// Never.
    Off,
    /// If they do not fit the terminal otherwise.
    Auto,
}

/// A value as lines of printable text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Value(Vec<String>);

impl Value {
    fn new(text: &str) -> Self {
        Self(
            text.split('\n').map(|line| escape(line.trim_end_matches('\r')).into_owned()).collect(),
        )
    }

    fn width(&self) -> usize {
        self.0.iter().map(|line| line.width()).max().unwrap_or(0)
    }
}

type Row = Vec<Value>;

pub(super) struct Table {
    style: TableStyle,
    schema: SchemaRef,
    sink: Sink,
    held_back: Vec<Row>,
    shape: Option<Shape>,
    /// Rows written.
    rows: u64,
}

/// What was decided once the first rows were seen.
enum Shape {
    Grid(Grid),
    Records,
}

impl Table {
    pub(super) fn new(schema: &SchemaRef, style: TableStyle, sink: Sink) -> Self {
        Self {
            style,
            schema: Arc::clone(schema),
            sink,
            held_back: Vec::new(),
            shape: None,
            rows: 0,
        }
    }

    fn titles(&self) -> Row {
        self.schema.fields().iter().map(|field| Value::new(field.name())).collect()
    }

    /// Decides the shape and writes what was held back.
    fn begin(&mut self) -> Result<()> {
        let titles = self.titles();
        let rows = std::mem::take(&mut self.held_back);
        let numeric: Vec<bool> =
            self.schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
        let grid = Grid::fit(&titles, &numeric, &rows, self.style.width);
        let expand = match self.style.expanded {
            Expanded::On => true,
            Expanded::Off => false,
            Expanded::Auto => !grid.fits && !rows.is_empty(),
        };
        let shape = if expand { Shape::Records } else { Shape::Grid(grid) };
        if let Shape::Grid(grid) = &shape {
            self.sink.write_all(grid.header(&titles).as_bytes())?;
        }
        self.shape = Some(shape);
        self.write_rows(&rows)
    }

    fn write_rows(&mut self, rows: &[Row]) -> Result<()> {
        let titles = self.titles();
        let mut text = String::new();
        for row in rows {
            self.rows += 1;
            match &self.shape {
                Some(Shape::Grid(grid)) => grid.push_row(row, &mut text),
                _ => records::push_row(&titles, row, self.rows, &mut text),
            }
        }
        Ok(self.sink.write_all(text.as_bytes())?)
    }
}

impl RowWriter for Table {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = rows_of(batch)?;
        if self.shape.is_some() {
            return self.write_rows(&rows);
        }
        self.held_back.extend(rows);
        if self.held_back.len() >= MEASURED_ROWS { self.begin() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<()> {
        if self.shape.is_none() {
            self.begin()?;
        }
        Ok(self.sink.flush()?)
    }
}

fn rows_of(batch: &RecordBatch) -> Result<Vec<Row>> {
    let schema = batch.schema();
    let mut cells = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, array)| Cells::try_new(field, array))
        .collect::<Result<Vec<_>, _>>()?;
    let mut text = String::new();
    let mut value = |cells: &mut Cells<'_>, row| {
        text.clear();
        if cells.append(row, &mut text) { Value::new(&text) } else { Value::new("NULL") }
    };
    Ok((0..batch.num_rows())
        .map(|row| cells.iter_mut().map(|cells| value(cells, row)).collect())
        .collect())
}

#[cfg(test)]
mod tests;
