//! Answers Arrow Flight SQL over an engine.
//!
//! A request passes through these modules, from the socket to the engine and back:
//!
//! ```text
//! server -> access -> front -> service -> statement, prepared      (SQL in)
//!                                      -> catalogs, sql_info, xdbc (what is there)
//!                                      -> cancel
//! engine::Statement -> ticket ... DoGet ... results -> columns -> split -> client
//! ```
//!
//! A client first asks for a plan (`GetFlightInfo`) and gets a ticket, then fetches
//! the rows with it (`DoGet`). All SQL goes through [`engine::Session::prepare`],
//! which lets only reading statements pass; a ticket names a statement that passed,
//! and never holds SQL.
//!
//! # Not here
//!
//! No SQL functions and no tables: the engine has them. No authentication yet: the
//! server listens on loopback addresses only (`access`).

mod access;
mod cancel;
mod catalogs;
mod error;
mod front;
mod handles;
mod limits;
mod parameters;
mod placeholders;
mod prepared;
mod results;
mod server;
mod service;
mod settings;
mod socket;
mod split;
mod sql_info;
mod statement;
mod stats;
mod status;
mod threads;
mod ticket;
mod types;
mod xdbc;

pub use error::{Error, Result};
pub use server::serve;
pub use settings::Settings;
/// The file that declares [`Settings`], for references that are made from it.
pub const SETTINGS_SOURCE: &str = include_str!("settings.rs");

pub use stats::{QUERY_TIME_BOUNDS, QueryCounts, Stats};
