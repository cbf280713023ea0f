//! Stores spans and answers SQL over them.
//!
//! Data moves one way, and each stage is one module:
//!
//! ```text
//! SpanBatch -> write::Writer -> Parquet files -> catalog::commit
//!                                                     |
//!                                                  Snapshot
//!                                                     |
//!                        batches <- sql::Session <- read::StoredSpans
//! ```
//!
//! A [`Snapshot`] is the only thing the two paths share: one immutable value that
//! names the files of one version of the table. A query reads one snapshot from
//! beginning to end; readers never lock a writer.
//!
//! # Not here
//!
//! No wire protocol, no command line, and no knowledge of who calls.

mod catalog;
mod clock;
mod engine;
mod error;
mod location;
mod paths;
mod read;
mod settings;
mod snapshot;
mod sorted_listing;
mod sql;
mod write;

pub use clock::{Clock, SystemClock};
pub use engine::Engine;
pub use error::{Error, Result};
pub use location::Location;
pub use settings::{Settings, THREAD_STACK_BYTES};
pub use snapshot::{DataFile, Snapshot};
pub use sql::{Query, Session, Statement, TableInfo};
pub use write::{Committed, Writer};
