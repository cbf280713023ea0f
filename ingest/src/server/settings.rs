//! What a user may set about the OTLP servers: plain data with defaults.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::batch::Limits;
use crate::server::decode::Rules;
use crate::server::redact::Rule;

/// Settings of the OTLP servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Largest request in bytes, before and after decompression.
    pub max_request_bytes: usize,
    /// Most spans, events, links, attributes and array elements in one request.
    pub max_items_per_request: usize,
    /// Memory that requests may hold together, in bytes. Default: a quarter of the machine's.
    pub in_flight_bytes: usize,
    /// Threads that may decompress and decode at the same time. Default: the machine's cores.
    pub decode_threads: usize,
    /// Open connections, all listeners together.
    pub connections: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// Bytes of all headers of one request.
    pub max_header_bytes: usize,
    /// Headers of one HTTP/1.1 request.
    pub max_headers: usize,
    /// Time to send the headers of a request, in milliseconds.
    pub header_timeout_ms: u64,
    /// Time to send the body of a request, in milliseconds.
    pub body_timeout_ms: u64,
    /// Time from the headers of a request to its answer, in milliseconds.
    pub request_timeout_ms: u64,
    /// Time that a connection may be open without a request, in milliseconds.
    pub idle_timeout_ms: u64,
    /// How often an HTTP/2 client is asked whether it is there, and how long it may take to say so, in
    /// milliseconds.
    pub keep_alive_ms: u64,
    /// Time that running requests get when the server stops, in milliseconds.
    pub drain_timeout_ms: u64,
    /// How far ahead of the server's clock a span may start, in seconds.
    pub future_window_seconds: u64,
    /// How long ago a span may have started, in seconds. Default: any time.
    pub retention_seconds: Option<u64>,
    /// Shortest time after which an overloaded server asks clients to come back, in seconds.
    pub retry_after_min_seconds: u64,
    /// Longest such time; the answers lie between the two at random.
    pub retry_after_max_seconds: u64,
    /// Attributes kept of one span, event, link, resource or scope; the rest is counted as dropped.
    pub max_attributes: usize,
    /// Events and links kept of one span; the rest is counted as dropped.
    pub max_events: usize,
    /// Bytes kept of one text; the rest is cut.
    pub max_text_bytes: usize,
    /// What is taken out of attributes before anything is written. The first rule that fits counts.
    pub redaction: Vec<Rule>,
    /// Key of the hashes that redaction writes. Needed by rules with the action `hash`.
    #[serde(skip_serializing)]
    pub redaction_hash_key: Secret,
}

/// A text that is never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(set)" })
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ingest.{name}: {reason}")]
pub struct SettingsError {
    /// The setting.
    pub name: &'static str,
    /// What is wrong with its value, and what would be right.
    pub reason: String,
}

/// Longest time that can be set, in milliseconds: a week. Clocks cannot count to any number.
const MOST_MS: u64 = 7 * 24 * 3_600_000;

impl Default for ServerSettings {
    fn default() -> Self {
        let max_request_bytes = 64 << 20;
        let limits = Limits::default();
        Self {
            max_request_bytes,
            max_items_per_request: 262_144,
            in_flight_bytes: (machine_memory_bytes() / 4).max(2 * max_request_bytes),
            decode_threads: std::thread::available_parallelism().map_or(1, usize::from),
            connections: 1024,
            streams_per_connection: 100,
            max_header_bytes: 16 << 10,
            max_headers: 100,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            request_timeout_ms: 60_000,
            idle_timeout_ms: 300_000,
            keep_alive_ms: 20_000,
            drain_timeout_ms: 25_000,
            future_window_seconds: 24 * 3600,
            retention_seconds: None,
            retry_after_min_seconds: 1,
            retry_after_max_seconds: 5,
            max_attributes: limits.attributes,
            max_events: limits.events,
            max_text_bytes: limits.text_bytes,
            redaction: Vec::new(),
            redaction_hash_key: Secret::default(),
        }
    }
}

impl ServerSettings {
    /// What decides which spans of a payload become which rows.
    pub fn rules(&self) -> Rules {
        Rules {
            max_attributes: self.max_attributes,
            max_events: self.max_events,
            max_text_bytes: self.max_text_bytes,
            // Rows repeat what they share, so they may take a multiple of the request.
            max_row_bytes: self.max_request_bytes.saturating_mul(8),
            future_window_seconds: self.future_window_seconds,
            retention_seconds: self.retention_seconds,
        }
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    ///
    /// The first setting that cannot be used.
    pub fn check(&self) -> Result<(), SettingsError> {
        let at_least = |name, value: u64, least: u64| {
            let reason = format!("{value} is too small, use at least {least}");
            if value < least { Err(SettingsError { name, reason }) } else { Ok(()) }
        };
        at_least("max_request_bytes", self.max_request_bytes as u64, 1)?;
        // A request is there twice while it is decompressed.
        let twice = (self.max_request_bytes as u64).saturating_mul(2);
        at_least("in_flight_bytes", self.in_flight_bytes as u64, twice)?;
        at_least("decode_threads", self.decode_threads as u64, 1)?;
        at_least("connections", self.connections as u64, 1)?;
        at_least("streams_per_connection", self.streams_per_connection.into(), 1)?;
        at_least("max_header_bytes", self.max_header_bytes as u64, 1024)?;
        at_least("keep_alive_ms", self.keep_alive_ms, 1)?;
        at_least("retry_after_min_seconds", self.retry_after_min_seconds, 1)?;
        let min = self.retry_after_min_seconds;
        at_least("retry_after_max_seconds", self.retry_after_max_seconds, min)?;
        for (name, value) in [
            ("header_timeout_ms", self.header_timeout_ms),
            ("body_timeout_ms", self.body_timeout_ms),
            ("request_timeout_ms", self.request_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("keep_alive_ms", self.keep_alive_ms),
            ("drain_timeout_ms", self.drain_timeout_ms),
        ] {
            if value > MOST_MS {
                let reason = format!("{value} is too large, use at most {MOST_MS}");
                return Err(SettingsError { name, reason });
            }
        }
        Ok(())
    }

    pub(super) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(super) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(super) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }
}

/// Memory of the machine in bytes, or 4 GiB where the system does not say.
fn machine_memory_bytes() -> usize {
    const UNKNOWN: usize = 4 << 30;
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return UNKNOWN };
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.map_or(UNKNOWN, |kib| kib << 10)
}

#[cfg(test)]
mod tests;
