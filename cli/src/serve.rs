//! The server: receives over OTLP, answers over Flight SQL, and tells how it is.
//!
//! ```text
//! OTLP/gRPC, OTLP/HTTP -> ingest -> sink -> engine::Intake
//! Flight SQL <- engine::Engine
//! ops: /healthz, /readyz, /metrics
//! ```

mod addresses;
mod assembling;
mod background;
mod config;
mod logs;
mod metrics;
mod ops;
mod reporting;
mod running;
mod sink;
mod watching;
mod webhook;

pub(crate) use addresses::{Addresses, Sockets};
pub(crate) use config::Config;
pub(crate) use logs::start_logging;
pub(crate) use running::{Running, Served};
