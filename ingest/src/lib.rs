//! Wire formats in, batches of spans out.
//!
//! ```text
//! file -> file::SpanReader -+
//!                           +-> otlp::{protobuf, json}, jaeger -> Span -> SpanBatchBuilder -> SpanBatch
//! request ------------------+
//! ```
//!
//! A decoder knows its format and fills one reusable [`Span`] record; the builder
//! knows the rules of the table and nothing of formats. What breaks a rule is
//! counted in a [`Tally`] and left out; what breaks the format is an [`Error`].
//!
//! # Not here
//!
//! No storage and no engine: whoever calls gets batches and keeps them.

mod batch;
mod error;
pub mod file;
pub mod jaeger;
mod json;
pub mod otlp;
mod sampling;
pub mod server;
mod short;
mod span;
mod tally;
mod value;

pub use batch::{Limits, Resource, Scope, ScopeFields, SpanBatchBuilder, UNKNOWN_SERVICE};
pub use error::{Error, Place, Result};
pub use file::{Format, Options, RejectedSpan, Report, SpanReader};
pub use span::{Attribute, Event, Id, Link, Notes, Span, Value};
pub use tally::{Rejection, Tally, Warning, WarningSet};
