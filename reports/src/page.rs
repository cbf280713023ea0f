//! A page of answers: sentences first, then the tables and figures that they rest on, each with its SQL.
//!
//! What one statement returns is a [`Table`]; whoever makes a page asks with [`Table::ask`] and writes sentences.

mod cell;
mod html;
mod text;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::json::ArrayWriter;
use engine::Session;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Error, Result};

pub use cell::Cell;

/// A page.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// Which time and data it is about.
    pub scope: String,
    /// What was found, the most urgent first.
    pub answers: Vec<Answer>,
    /// What the answers rest on.
    pub sections: Vec<Section>,
}

/// One sentence.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// How urgent it is.
    pub level: Level,
    /// The sentence.
    pub text: String,
}

/// How urgent something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Somebody should look now.
    Alert,
    /// Somebody should look soon.
    Warning,
    /// Worth knowing.
    Note,
    /// All is well.
    Good,
}

impl Level {
    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alert => "ALERT",
            Self::Warning => "WARN",
            Self::Note => "NOTE",
            Self::Good => "OK",
        }
    }
}

/// A part of a page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What to see in it.
    pub text: Option<String>,
    /// A drawing, as SVG.
    #[serde(skip)]
    pub figure: Option<String>,
    /// Rows.
    pub table: Option<Table>,
}

/// The answer of a statement.
#[derive(Debug, Clone, Serialize)]
pub struct Table {
    /// The statement.
    pub sql: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows as objects.
    rows: Box<RawValue>,
    #[serde(skip)]
    cells: Vec<Vec<Cell>>,
}

impl Table {
    /// Asks a statement whose answer is small.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] if it cannot be asked.
    pub async fn ask(session: &Session, sql: &str) -> Result<Self> {
        let query = session.query(sql).await?;
        let columns = query.schema().fields().iter().map(|field| field.name().clone()).collect();
        let batches = query.collect().await?;
        let mut cells = Vec::new();
        for batch in &batches {
            cells.extend(cell::rows(batch)?);
        }
        Ok(Self { sql: sql.into(), columns, rows: json_rows(&batches)?, cells })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.cells.iter().map(|cells| Row { columns: &self.columns, cells })
    }
}

/// A row of a table, whose values are found by name.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [String],
    cells: &'a [Cell],
}

impl<'a> Row<'a> {
    /// The value of a column; nothing if there is no such column.
    pub fn get(&self, name: &str) -> &'a Cell {
        const NOTHING: &Cell = &Cell::Null;
        let at = self.columns.iter().position(|column| column == name);
        at.and_then(|at| self.cells.get(at)).unwrap_or(NOTHING)
    }

    /// A text; empty if there is none.
    pub fn text(&self, name: &str) -> &'a str {
        match self.get(name) {
            Cell::Text(text) => text,
            _ => "",
        }
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Cell::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether something is known to hold.
    pub fn holds(&self, name: &str) -> bool {
        matches!(self.get(name), Cell::Truth(true))
    }
}

fn json_rows(batches: &[RecordBatch]) -> Result<Box<RawValue>> {
    let internal = |reason: String| Error::Internal { reason };
    let mut writer = ArrayWriter::new(Vec::new());
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    writer.write_batches(&batches).map_err(|error| internal(error.to_string()))?;
    writer.finish().map_err(|error| internal(error.to_string()))?;
    let mut text = String::from_utf8(writer.into_inner()).map_err(|e| internal(e.to_string()))?;
    if text.is_empty() {
        text.push_str("[]");
    }
    RawValue::from_string(text).map_err(|error| internal(error.to_string()))
}

impl Page {
    /// As an HTML page that needs nothing else: no script, no font, no other file.
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// As text for a terminal, in columns.
    pub fn text(&self) -> String {
        text::columns(self)
    }

    /// As Markdown, with the SQL.
    pub fn markdown(&self) -> String {
        text::document(self)
    }

    /// The answers alone, one in each line.
    pub fn headline(&self) -> String {
        text::answers(self)
    }

    /// As JSON. Ends with a line break.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// The most urgent answer.
    pub fn level(&self) -> Level {
        self.answers.iter().map(|answer| answer.level).min().unwrap_or(Level::Good)
    }
}

#[cfg(test)]
mod tests;
