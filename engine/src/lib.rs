//! Stores spans and answers SQL over them.
//!
//! Data moves one way, and each stage is one module:
//!
//! ```text
//! import: SpanBatch -> write::Writer ----------------> Parquet files -> catalog::commit
//! live:   requests  -> write::Intake: log, memtable -> Parquet files -> catalog::commit
//!                                            |                               |
//!                                            +---------> Snapshot <----------+
//!                                                           |
//!                              batches <- sql::Session <- read::StoredSpans
//! ```
//!
//! A [`Snapshot`] is the only thing the two paths share: one immutable value that
//! names the files of one version of the table, and the acknowledged rows that are
//! in none of them. A query reads one snapshot from beginning to end; readers never
//! lock a writer.
//!
//! # Not here
//!
//! No wire protocol, no command line, and no knowledge of who calls.

mod assemble;
mod catalog;
mod check;
mod clock;
mod column_cache;
mod content_hash;
mod data_file_reader;
mod disk;
mod engine;
mod error;
mod location;
mod memory_size;
mod paths;
mod read;
mod remove;
mod rollup;
mod settings;
mod slo;
mod snapshot;
mod sorted_listing;
mod sql;
mod text_dictionary;
mod thin;
mod trace_index;
mod write;

pub use assemble::Assembled;
pub use check::{Checked, Finding};
pub use clock::{Clock, SystemClock};
pub use disk::{DiskFile, DurablePuts, FileSystem, LocalDisk, Lock};
pub use engine::{Components, Engine};
pub use error::{Error, Result};
pub use location::Location;
pub use remove::{Expired, Removed, Unused, UnusedFile};
pub use rollup::RollupParts;
pub use settings::{
    CompactSettings, LiveSettings, OnCorruption, RetentionSettings, Settings, THREAD_STACK_BYTES,
};
pub use slo::{
    Alert, Budgeting, Compare, Length, Place, Rows, Sli, Slo, SloProblem, Slos, Sql, Window,
};
pub use snapshot::{DataFile, Layout, MemoryChunk, Snapshot};
pub use sql::{
    PLANNING_STACK_BYTES, Parameter, ParameterKind, Query, Session, Statement, TableFunction,
    TableInfo, columns, table_functions,
};
pub use write::{
    Committed, Condition, Decode, Intake, IntakeError, IntakeStatus, Payload, TIMING_BOUNDS,
    Timings, Writer, count_segments,
};

/// The file that declares [`Settings`], for references that are made from it.
pub const SETTINGS_SOURCE: &str = include_str!("settings.rs");
/// The file that declares [`CompactSettings`].
pub const COMPACT_SETTINGS_SOURCE: &str = include_str!("settings/compact.rs");
/// The file that declares [`RetentionSettings`].
pub const RETENTION_SETTINGS_SOURCE: &str = include_str!("settings/retention.rs");
/// The file that declares [`LiveSettings`].
pub const LIVE_SETTINGS_SOURCE: &str = include_str!("settings/live.rs");
