//! A value of a table, and how people read it: by its type, and by the unit in the name of its column.

use chrono::DateTime;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::{Error, Result};
use crate::format;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// None.
    Null,
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Truth(bool),
    /// Nanoseconds since the epoch.
    Time(i64),
}

/// A column is a share of one if one of the words of its name is one of these.
const SHARES: [&str; 8] =
    ["share", "rate", "remaining", "coverage", "probability", "specificity", "support", "ratio"];

impl Cell {
    /// As people read it, in a column of that name.
    pub fn shown(&self, column: &str) -> String {
        match self {
            Self::Null => "-".into(),
            Self::Text(text) => text.clone(),
            Self::Truth(true) => "yes".into(),
            Self::Truth(false) => "no".into(),
            Self::Time(ns) => DateTime::from_timestamp_nanos(*ns).format("%F %T").to_string(),
            Self::Number(number) if column.ends_with("_ns") => format::duration(*number),
            Self::Number(number) if column.ends_with("_minutes") => minutes(*number),
            Self::Number(number) if column == "objective" => {
                // 99.9 % is not 100 %.
                format!("{} %", (number * 1e7).round() / 1e5)
            }
            Self::Number(number) if is_share(column) => format::share(*number),
            Self::Number(number) => format::number(*number),
        }
    }

    /// Whether it stands at the left of its column, as text does.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

/// `5 min`, `6 h`, `30 d`: the largest unit of which there are whole ones.
fn minutes(minutes: f64) -> String {
    match minutes {
        days if days >= 1_440.0 && days % 1_440.0 == 0.0 => {
            format!("{} d", format::number(days / 1_440.0))
        }
        hours if hours >= 60.0 && hours % 60.0 == 0.0 => {
            format!("{} h", format::number(hours / 60.0))
        }
        minutes => format!("{} min", format::number(minutes)),
    }
}

fn is_share(column: &str) -> bool {
    // Burn rates and risk ratios are multiples.
    let mut words = column.split('_');
    !words.clone().any(|word| matches!(word, "burn" | "risk"))
        && words.any(|word| SHARES.contains(&word))
}

/// The rows of a batch.
pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<Cell>>> {
    let columns = batch.columns().iter().map(|column| cells(column));
    let columns: Vec<Vec<Cell>> = columns.collect::<Result<_>>()?;
    let row = |row: usize| columns.iter().map(|column| column[row].clone()).collect();
    Ok((0..batch.num_rows()).map(row).collect())
}

fn cells(array: &dyn Array) -> Result<Vec<Cell>> {
    let internal = |error: datafusion::arrow::error::ArrowError| Error::Internal {
        reason: format!("a column of an answer: {error}"),
    };
    let to = |data_type| cast(array, &data_type).map_err(internal);
    Ok(match array.data_type() {
        DataType::Boolean => {
            array.as_boolean().iter().map(|value| value.map_or(Cell::Null, Cell::Truth)).collect()
        }
        DataType::Timestamp(_, zone) => {
            let nanos = to(DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()))?;
            let nanos = cast(&nanos, &DataType::Int64).map_err(internal)?;
            let values = nanos.as_primitive::<Int64Type>().iter();
            values.map(|value| value.map_or(Cell::Null, Cell::Time)).collect()
        }
        data_type if data_type.is_numeric() => {
            let numbers = to(DataType::Float64)?;
            let values = numbers.as_primitive::<Float64Type>().iter();
            values
                .map(|value| {
                    value.filter(|value| value.is_finite()).map_or(Cell::Null, Cell::Number)
                })
                .collect()
        }
        _ => {
            let options = FormatOptions::new();
            let formatter = ArrayFormatter::try_new(array, &options).map_err(internal)?;
            let cell = |row| match array.is_null(row) {
                true => Cell::Null,
                false => Cell::Text(formatter.value(row).to_string()),
            };
            (0..array.len()).map(cell).collect()
        }
    })
}
