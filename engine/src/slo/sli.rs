//! Which events count, and which of them are good.

use super::Place;
use super::alerts::Compare;
use super::document::{Node, Result};
use super::length::Length;
use crate::sql::functions::{parse_expr, parse_query};

/// A part of a statement, and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Sql {
    /// What the parser made of it: it holds no comment, and ends where it should.
    pub text: String,
    /// Where it was written.
    pub place: Place,
}

impl Sql {
    /// Reads a condition or another expression.
    pub(super) fn expression(node: &Node<'_>) -> Result<Self> {
        let text = node.text()?;
        let parsed = parse_expr(&text);
        let parsed = parsed.map_err(|error| node.wrong(format!("no condition in SQL: {error}")))?;
        Ok(Self { text: parsed.to_string(), place: node.place() })
    }

    /// Reads a query.
    pub(super) fn query(node: &Node<'_>) -> Result<Self> {
        let text = node.text()?;
        let parsed = parse_query(&text);
        let parsed = parsed.map_err(|error| node.wrong(format!("no query in SQL: {error}")))?;
        Ok(Self { text: parsed.to_string(), place: node.place() })
    }

    /// The same place, with other text.
    pub(super) fn with(self, text: String) -> Self {
        Self { text, ..self }
    }
}

/// Which events count, and which of them are good.
#[derive(Debug, Clone, PartialEq)]
pub enum Sli {
    /// Rows of one table: those that satisfy `valid` count, and those that also satisfy `good` are good.
    Rows {
        /// `spans` or `traces`.
        table: &'static str,
        /// A condition in SQL.
        valid: Sql,
        /// A condition in SQL. A row for which it is unknown is not good.
        good: Sql,
    },
    /// Two sets of rows.
    Ratio {
        /// The good ones, or the bad ones.
        part: Rows,
        /// Whether `part` has the good ones.
        is_good: bool,
        /// All that count.
        total: Rows,
    },
    /// Rows with a share, each between 0 and 1.
    Raw {
        /// Rows with a `value`.
        rows: Rows,
        /// Whether the share is the good one.
        is_success: bool,
    },
    /// Rows with a value that is to be at most, or at least, so much.
    Threshold {
        /// Rows with a `value`.
        rows: Rows,
        /// How it is compared.
        compare: Compare,
        /// With what.
        limit: f64,
    },
}

/// Rows of time, weight and, if asked for, a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Rows of a table that satisfy a condition.
    Where {
        /// `spans` or `traces`.
        table: &'static str,
        /// A condition in SQL.
        condition: Sql,
        /// An expression in SQL.
        value: Option<Sql>,
    },
    /// A query that returns `start_time`, `sample_weight` and, if asked for, `value`.
    Query(Sql),
}

/// What spends the budget.
#[derive(Debug, Clone, PartialEq)]
pub enum Budgeting {
    /// Every bad event.
    Occurrences,
    /// Every slice of time whose share of good events is less than `target`.
    Timeslices {
        /// How long a slice is.
        slice: Length,
        /// The share of good events of a good slice.
        target: f64,
        /// Whether a slice without events is a good one; else it does not count.
        is_empty_good: bool,
    },
    /// The share of bad events of every slice of time.
    RatioTimeslices {
        /// How long a slice is.
        slice: Length,
        /// Whether a slice without events is a good one; else it does not count.
        is_empty_good: bool,
    },
}

/// Reads the name of a table that has events.
pub(super) fn table(node: &Node<'_>) -> Result<&'static str> {
    match node.text()?.as_str() {
        "spans" => Ok("spans"),
        "traces" => Ok("traces"),
        other => Err(node.wrong(format!("`{other}` is neither spans nor traces"))),
    }
}

impl Rows {
    /// Reads an OpenSLO `metricSource`, whose `spec` is ours.
    pub(super) fn read(source: &Node<'_>) -> Result<Self> {
        source.only(&["metricSourceRef", "type", "spec"])?;
        if let Some(kind) = source.get("type")
            && !kind.text()?.eq_ignore_ascii_case("spanlake")
        {
            return Err(kind.wrong(format!(
                "metrics of `{}` cannot be asked here; set `type: spanlake`, and say what counts \
                 with `where` or `query` in `spec`",
                kind.text()?
            )));
        }
        let spec = source.need("spec")?;
        spec.only(&["table", "where", "value", "query"])?;
        match (spec.get("query"), spec.get("where")) {
            (Some(query), None) => Ok(Self::Query(Sql::query(&query)?)),
            (None, Some(condition)) => Ok(Self::Where {
                table: spec.optional("table", table)?.unwrap_or("spans"),
                condition: Sql::expression(&condition)?,
                value: spec.optional("value", Sql::expression)?,
            }),
            _ => Err(spec.wrong(
                "say what counts: either `where` with a condition on the rows of `table`, or `query`",
            )),
        }
    }
}
