//! Generates traces of an online shop: realistic, with known incidents, and
//! the same bytes for the same seed on every machine.
//!
//! ```text
//! Settings -> Plan -> arrivals -> spans of a trace -> batches -> OTLP bytes
//!             plan    traffic     trace + shop        stream     encode, write
//! ```
//!
//! `shop` declares services, operations and incidents as data; `trace`
//! interprets them. The whole chain is a lazy iterator, so that 50 million
//! spans need no more memory than 50 thousand.
//!
//! ```
//! use datasets::{Plan, Settings};
//!
//! let plan = Plan::new(&Settings { spans: 1_000, ..Settings::default() })?;
//! let spans: usize = plan.requests().map(|request| request.spans().count()).sum();
//! assert_eq!(spans as u64, plan.expected_spans());
//! # Ok::<(), datasets::Error>(())
//! ```
//!
//! # Not here
//!
//! No clock, no system randomness, no network, and no reading: `ingest` decodes.

mod compress;
mod encode;
mod error;
mod fleet;
mod incident;
mod plan;
mod random;
mod settings;
mod shop;
mod span;
mod stream;
mod trace;
mod traffic;
mod visitor;
mod write;

pub use compress::Compressed;
pub use encode::{Encoding, encode};
pub use error::{Error, Result};
pub use incident::{Incident, IncidentKind};
pub use plan::{Plan, RootOperation};
pub use settings::Settings;
pub use span::{
    Attribute, Event, Kind, Link, Request, Resource, ResourceSpans, Scope, ScopeSpans, Span, Value,
};
pub use stream::Requests;
pub use write::{Compression, Format, Summary, write, write_file};
