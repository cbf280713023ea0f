//! Service level objectives: what users promise themselves, read from YAML files.
//!
//! ```text
//! files -> document (YAML with lines) -> openslo | short -> Slo -> sql (the rows that functions ask)
//! ```
//!
//! A file holds [OpenSLO](https://openslo.com) v1 documents, or the short form (a list under `slos`), or both.
//! What is wrong in one of them is a [`SloProblem`] with file, line and reason, and affects no other.

mod alerts;
mod check;
mod document;
mod files;
mod length;
mod openslo;
mod short;
mod sli;
mod sql;

use std::fmt;

pub use alerts::{Alert, Compare};
pub use length::{Length, Window};
pub use sli::{Budgeting, Rows, Sli, Sql};

/// One objective of one SLO.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// Its name; of an SLO with several objectives, `name/objective`.
    pub name: String,
    /// The service that it is about, as a word for people.
    pub service: Option<String>,
    /// What it promises, in words.
    pub description: Option<String>,
    /// Share of good events that is promised, in `[0, 1)`.
    pub objective: f64,
    /// The time over which the promise counts.
    pub window: Window,
    /// Which events count, and which of them are good.
    pub sli: Sli,
    /// What spends the budget: events, or slices of time.
    pub budgeting: Budgeting,
    /// When somebody is told.
    pub alerts: Vec<Alert>,
    /// Whether no data is an alert as well.
    pub alert_when_no_data: bool,
    /// Where it is written.
    pub place: Place,
}

impl Slo {
    /// Share of bad events that is allowed: `1 - objective`, without the noise of binary fractions.
    pub fn budget(&self) -> f64 {
        ((1.0 - self.objective) * 1e12).round() / 1e12
    }
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// Why an SLO is not watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SloProblem {
    /// The SLO, if it got so far as to have a name.
    pub slo: Option<String>,
    /// Where the reason is written.
    pub place: Place,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl fmt::Display for SloProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.place.file, self.place.line)?;
        if let Some(slo) = &self.slo {
            write!(f, "SLO `{slo}`: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// All SLOs of a set of files, and what is wrong with the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slos {
    /// Those that can be watched, by name.
    pub slos: Vec<Slo>,
    /// What is wrong, in the order of the files.
    pub problems: Vec<SloProblem>,
}
