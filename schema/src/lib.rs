//! The words that every part of Spanlake shares: tables, columns, ids, and the
//! meaning of OpenTelemetry attribute names.
//!
//! Every column name stands in this crate once; the other crates refer to it.
//! There are three forms of the `spans` table:
//!
//! - the **received** form ([`received`]): what decoders make and memory holds. What the
//!   spans of a request share is there once.
//! - the **stored** form ([`spans`]): what lies in Parquet and what a Delta
//!   reader sees. Ids are 16 and 8 bytes, times are `BIGINT` nanoseconds. Files that
//!   hold whole traces have more columns ([`assembled`]).
//! - the **SQL** form: what `SELECT * FROM spans` shows. Ids are lowercase hex,
//!   times are nanosecond timestamps, and the tree columns ([`tree`]) are there.
//!
//! # Not here
//!
//! No I/O, no wire format, no DataFusion.

pub mod assembled;
mod batch;
mod error;
pub mod ids;
pub mod promoted;
pub mod received;
pub mod renamed;
pub mod rollups;
pub mod semconv;
pub mod spans;
pub mod tree;

pub use batch::SpanBatch;
pub use error::{Error, Result};
pub use ids::{SpanId, TraceId};
