//! Log lines on stderr: text for people, JSON for machines.

use std::io::IsTerminal;

use anyhow::{Result, anyhow};
use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// What is logged unless `SPANLAKE_LOG` says otherwise.
const DEFAULT_FILTER: &str =
    "info,h2=warn,hyper=warn,delta_kernel=warn,buoyant_kernel=warn,deltalake_core=warn";

/// Starts logging, once per process.
pub(crate) fn start_logging(format: Option<LogFormat>) -> Result<()> {
    let filter = match std::env::var("SPANLAKE_LOG") {
        Ok(text) => EnvFilter::try_new(&text)
            .map_err(|error| anyhow!("SPANLAKE_LOG is `{text}`: {error}; write e.g. info"))?,
        Err(_) => EnvFilter::new(DEFAULT_FILTER),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match format.unwrap_or_default() {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow!("cannot start logging: {error}"))
}
