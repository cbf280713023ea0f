//! Runs `.slt` files: SQL statements with the output that they must have.
//!
//! The files are those of SQLite's sqllogictest, as many engines write them:
//!
//! ```text
//! query TI
//! SELECT name, n FROM (VALUES ('a', 1), ('', NULL)) AS t(name, n)
//! ----
//! a 1
//! (empty) NULL
//! ```
//!
//! The letters after `query` are the column types: `T` text, `I` integer, `R`
//! number with a fraction, `B` boolean, `P` timestamp, `D` date or duration, `?`
//! anything else. They must be right. Numbers with a fraction show 12
//! significant digits, so that the last bit of a sum does not matter.
//!
//! With `SLT_UPDATE=1` in the environment the files are rewritten with the output
//! that the statements have now; the difference is then reviewed like code.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::prelude::SessionContext;
use sqllogictest::{
    AsyncDB, ColumnType, DBOutput, Runner, default_normalizer, default_validator,
    strict_column_validator,
};

mod cell;

/// Runs every `.slt` file of a folder, in name order, each in a session of its
/// own. The folder is relative to the crate under test.
///
/// # Panics
///
/// If the folder has no such file, or if a file fails; the message says where.
pub async fn run_slt_dir(dir: impl AsRef<Path>, session: impl Fn() -> SessionContext) {
    let update = std::env::var_os("SLT_UPDATE").is_some();
    let files = slt_files(dir.as_ref());
    assert!(!files.is_empty(), "no .slt file in {}", dir.as_ref().display());
    let mut failures = Vec::new();
    for file in &files {
        let mut runner = Runner::new(|| {
            let session = Session(session());
            async move { Ok(session) }
        });
        runner.with_column_validator(strict_column_validator);
        let result = if update {
            let updated = runner.update_test_file(
                file,
                " ",
                default_validator,
                default_normalizer,
                strict_column_validator,
            );
            updated.await.map_err(|error| error.to_string())
        } else {
            runner.run_file_async(file).await.map_err(|error| error.to_string())
        };
        failures.extend(result.err().map(|error| format!("{}: {error}", file.display())));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn slt_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", dir.display()));
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "slt"))
        .collect();
    files.sort();
    files
}

/// A DataFusion session, as the runner wants to see it.
struct Session(SessionContext);

#[async_trait]
impl AsyncDB for Session {
    type Error = DataFusionError;
    type ColumnType = Column;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Column>, DataFusionError> {
        let frame = self.0.sql(sql).await?;
        let types: Vec<Column> =
            frame.schema().fields().iter().map(|field| Column::of(field.data_type())).collect();
        let batches = frame.collect().await?;
        if types.is_empty() {
            return Ok(DBOutput::StatementComplete(0));
        }
        let mut rows = Vec::new();
        for batch in &batches {
            rows.extend(format_rows(batch)?);
        }
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "datafusion"
    }
}

fn format_rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>, DataFusionError> {
    let format_row = |row| batch.columns().iter().map(|column| cell::format(column, row)).collect();
    (0..batch.num_rows()).map(format_row).collect()
}

/// The type of a result column, as one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Text,
    Integer,
    Real,
    Boolean,
    Timestamp,
    Date,
    Other,
}

impl Column {
    fn of(data_type: &DataType) -> Column {
        match data_type {
            DataType::Dictionary(_, values) => Column::of(values),
            DataType::Boolean => Column::Boolean,
            DataType::Timestamp(..) => Column::Timestamp,
            DataType::Date32 | DataType::Date64 => Column::Date,
            DataType::Time32(_) | DataType::Time64(_) => Column::Date,
            DataType::Duration(_) | DataType::Interval(_) => Column::Date,
            other if other.is_string() => Column::Text,
            other if other.is_integer() => Column::Integer,
            other if other.is_numeric() => Column::Real,
            _ => Column::Other,
        }
    }
}

impl ColumnType for Column {
    fn from_char(letter: char) -> Option<Column> {
        Some(match letter {
            'T' => Column::Text,
            'I' => Column::Integer,
            'R' => Column::Real,
            'B' => Column::Boolean,
            'P' => Column::Timestamp,
            'D' => Column::Date,
            '?' => Column::Other,
            _ => return None,
        })
    }

    fn to_char(&self) -> char {
        match self {
            Column::Text => 'T',
            Column::Integer => 'I',
            Column::Real => 'R',
            Column::Boolean => 'B',
            Column::Timestamp => 'P',
            Column::Date => 'D',
            Column::Other => '?',
        }
    }
}
