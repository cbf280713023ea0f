//! Rows side by side: widths, cutting, alignment.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Row, Value};

/// No value is cut below this many columns: a trace id fits.
const LEAST_CUT: usize = 36;

/// Marks a value that was cut.
const CUT: &str = "...";

/// The columns of a table.
pub(super) struct Grid {
    columns: Vec<Column>,
    /// Whether the rows that were measured fit the terminal.
    pub(super) fits: bool,
}

#[derive(Debug, Clone, Copy)]
struct Column {
    width: usize,
    is_numeric: bool,
    /// Whether longer values are cut.
    is_cut: bool,
}

impl Grid {
    /// Widths for these rows; long columns are cut to fit `terminal`.
    pub(super) fn fit(
        titles: &Row,
        numeric: &[bool],
        rows: &[Row],
        terminal: Option<usize>,
    ) -> Self {
        let mut columns: Vec<Column> = titles
            .iter()
            .zip(numeric)
            .enumerate()
            .map(|(number, (title, is_numeric))| {
                let values = rows.iter().map(|row| row[number].width()).max().unwrap_or(0);
                Column { width: values.max(title.width()), is_numeric: *is_numeric, is_cut: false }
            })
            .collect();
        let Some(terminal) = terminal else { return Self { columns, fits: true } };
        // Text of several lines was laid out by whoever wrote it, and is not cut.
        let is_laid_out = |number: usize| rows.iter().any(|row| row[number].0.len() > 1);
        let may_be_cut: Vec<bool> = (0..columns.len()).map(|number| !is_laid_out(number)).collect();
        while total(&columns) > terminal {
            let widest = (0..columns.len())
                .filter(|number| may_be_cut[*number] && columns[*number].width > LEAST_CUT)
                .max_by_key(|number| columns[*number].width);
            let Some(widest) = widest else { break };
            let over = total(&columns) - terminal;
            let column = &mut columns[widest];
            // Step by step, so that two long columns share the room.
            column.width = (column.width - over.min(1 + column.width / 8)).max(LEAST_CUT);
            column.is_cut = true;
        }
        let fits = total(&columns) <= terminal;
        Self { columns, fits }
    }

    /// The titles, centered, and the line below them.
    pub(super) fn header(&self, titles: &Row) -> String {
        let centered = |(title, column): (&Value, &Column)| {
            let title = title.0.join(" ");
            let left = column.width.saturating_sub(title.width()) / 2;
            (" ".repeat(left) + &title, false)
        };
        let cells: Vec<(String, bool)> = titles.iter().zip(&self.columns).map(centered).collect();
        let mut text = String::new();
        self.push_line(&cells, &mut text);
        let dashes: Vec<String> =
            self.columns.iter().map(|column| "-".repeat(column.width + 2)).collect();
        text.push_str(&dashes.join("+"));
        text.push('\n');
        text
    }

    /// One row, which takes as many lines as its highest value.
    pub(super) fn push_row(&self, row: &Row, text: &mut String) {
        let height = row.iter().map(|value| value.0.len()).max().unwrap_or(1);
        for line in 0..height {
            let fitted = |(value, column): (&Value, &Column)| {
                let (cell, goes_on) = line_of(value, line);
                (fit(cell, *column), goes_on)
            };
            let cells: Vec<(String, bool)> = row.iter().zip(&self.columns).map(fitted).collect();
            self.push_line(&cells, text);
        }
    }

    /// Cells side by side; a `+` follows those that go on in the next line.
    fn push_line(&self, cells: &[(String, bool)], text: &mut String) {
        let start = text.len();
        for (number, ((cell, goes_on), column)) in cells.iter().zip(&self.columns).enumerate() {
            if number > 0 {
                text.push('|');
            }
            text.push(' ');
            text.push_str(cell);
            let padding = column.width.saturating_sub(cell.width());
            text.push_str(&" ".repeat(padding));
            text.push(if *goes_on { '+' } else { ' ' });
        }
        text.truncate(start + text[start..].trim_end_matches(' ').len());
        text.push('\n');
    }
}

/// One line of a value, and whether another follows.
fn line_of(value: &Value, line: usize) -> (&str, bool) {
    (value.0.get(line).map_or("", String::as_str), line + 1 < value.0.len())
}

/// Columns of the terminal that a row takes.
fn total(columns: &[Column]) -> usize {
    let cells: usize = columns.iter().map(|column| column.width + 2).sum();
    cells + columns.len().saturating_sub(1)
}

/// The cell, right-aligned if it is a number, cut if it must be.
fn fit(cell: &str, column: Column) -> String {
    let width = cell.width();
    if width > column.width && column.is_cut {
        let mut cut = String::new();
        let mut left = column.width.saturating_sub(CUT.len());
        for c in cell.chars() {
            let width = c.width().unwrap_or(0);
            if width > left {
                break;
            }
            left -= width;
            cut.push(c);
        }
        return cut + CUT;
    }
    if column.is_numeric {
        return " ".repeat(column.width.saturating_sub(width)) + cell;
    }
    cell.to_owned()
}
