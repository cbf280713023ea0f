//! Reports: questions that a team asks again and again, answered from a lake.
//!
//! The first one is **Trace Tuesday**: once a week a team looks at the slowest 1 %
//! of its traces and asks where their time went. Data moves one way:
//!
//! ```text
//! Session -> tuesday::queries -> tuesday::{ranking, causes, medoid, ...} -> TuesdayReport
//!                                                                              |
//!                                             html, markdown, json, headline <-+
//! ```
//!
//! A report is plain data ([`TuesdayReport`]); rendering it asks no more questions
//! and cannot fail. The same lake and the same range give the same report, to the
//! byte: nothing in it depends on the clock or on the order of rows.
//!
//! # Not here
//!
//! No command line, no files, no schedule, and no SQL functions: percentiles that a
//! query shall compute are in `udfs`.

mod diff;
mod error;
mod format;
mod graph;
mod instant;
pub mod page;
mod render;
mod triage;
mod tuesday;
mod watch;
mod week;

pub use diff::diff;
pub use error::{Error, Result};
pub use graph::{Edge, Health, Node, NodeKind, ServiceGraph};
pub use render::{headline, html, json, markdown};
pub use triage::{TriageOptions, triage};
pub use tuesday::model;
pub use tuesday::model::TuesdayReport;
pub use tuesday::{Options, tuesday};
pub use watch::{anomalies, slo_backtest, slo_status};
pub use week::Range;
