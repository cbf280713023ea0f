//! Counts what the servers do.
//!
//! Counters are shared by all listeners and only grow; gauges say how it is now.
//! Whoever shows them takes a [`Snapshot`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::server::Protocol;
use crate::server::fault::{REASONS, Reason};
use crate::tally::{Tally, Warning};

/// Counters of the OTLP servers.
#[derive(Debug, Default)]
pub struct Stats {
    /// By protocol: accepted in full, accepted in part, and refused by reason.
    requests: [[AtomicU64; REASONS + 2]; 2],
    bytes: AtomicU64,
    payload_bytes: AtomicU64,
    spans: AtomicU64,
    redacted_attributes: AtomicU64,
    open_connections: AtomicU64,
    connections: AtomicU64,
    connections_over_limit: AtomicU64,
    connection_errors: AtomicU64,
    accept_errors: AtomicU64,
    head_timeouts: AtomicU64,
    abandoned: AtomicU64,
    repairs: Mutex<Repairs>,
}

#[derive(Debug, Default)]
struct Repairs {
    rejected: BTreeMap<&'static str, u64>,
    warnings: BTreeMap<Warning, u64>,
}

/// What the counters said at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Answered requests by protocol and outcome: `ok`, `partial`, or why they were refused.
    pub requests: Vec<(Protocol, &'static str, u64)>,
    /// Bytes of bodies received, as they came.
    pub bytes: u64,
    /// Bytes of accepted payloads, decompressed.
    pub payload_bytes: u64,
    /// Spans that were accepted and stored.
    pub spans: u64,
    /// Spans that were left out, by reason.
    pub rejected_spans: BTreeMap<&'static str, u64>,
    /// How many spans, resources or scopes each warning was about.
    pub warnings: BTreeMap<Warning, u64>,
    /// Attributes that redaction changed or removed.
    pub redacted_attributes: u64,
    /// Connections that are open now.
    pub open_connections: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Connections that were closed at once, since too many were open.
    pub connections_over_limit: u64,
    /// Connections that ended with an error.
    pub connection_errors: u64,
    /// Times that no connection could be accepted, as when file descriptors run out.
    pub accept_errors: u64,
    /// Connections that were closed because headers did not come.
    pub head_timeouts: u64,
    /// Requests whose client went away before the answer.
    pub abandoned: u64,
}

/// How a request ended that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Success {
    /// Every span.
    Full,
    /// Some spans.
    Partial,
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

impl Stats {
    /// The counters as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut requests = Vec::new();
        let outcomes = ["ok", "partial"].into_iter().chain(Reason::ALL.map(Reason::label));
        for (outcome, index) in outcomes.zip(0..) {
            for protocol in [Protocol::Grpc, Protocol::Http] {
                let count = get(&self.requests[protocol as usize][index]);
                requests.push((protocol, outcome, count));
            }
        }
        let repairs = self.repairs.lock().unwrap_or_else(PoisonError::into_inner);
        Snapshot {
            requests,
            bytes: get(&self.bytes),
            payload_bytes: get(&self.payload_bytes),
            spans: get(&self.spans),
            rejected_spans: repairs.rejected.clone(),
            warnings: repairs.warnings.clone(),
            redacted_attributes: get(&self.redacted_attributes),
            open_connections: get(&self.open_connections),
            connections: get(&self.connections),
            connections_over_limit: get(&self.connections_over_limit),
            connection_errors: get(&self.connection_errors),
            accept_errors: get(&self.accept_errors),
            head_timeouts: get(&self.head_timeouts),
            abandoned: get(&self.abandoned),
        }
    }

    pub(super) fn accepted(&self, protocol: Protocol, how: Success) {
        add(&self.requests[protocol as usize][how as usize], 1);
    }

    pub(super) fn refused(&self, protocol: Protocol, reason: Reason) {
        add(&self.requests[protocol as usize][2 + reason as usize], 1);
    }

    pub(super) fn received(&self, bytes: usize) {
        add(&self.bytes, bytes as u64);
    }

    pub(super) fn stored(&self, spans: u64, payload_bytes: usize) {
        add(&self.spans, spans);
        add(&self.payload_bytes, payload_bytes as u64);
    }

    pub(super) fn redacted(&self, attributes: u64) {
        add(&self.redacted_attributes, attributes);
    }

    pub(super) fn tallied(&self, tally: &Tally) {
        if tally.rejected_by_reason.is_empty() && tally.warnings.is_empty() {
            return;
        }
        let mut repairs = self.repairs.lock().unwrap_or_else(PoisonError::into_inner);
        for (reason, count) in &tally.rejected_by_reason {
            *repairs.rejected.entry(reason).or_default() += count;
        }
        for (warning, count) in &tally.warnings {
            *repairs.warnings.entry(*warning).or_default() += count;
        }
    }

    pub(super) fn connected(&self) {
        add(&self.connections, 1);
        add(&self.open_connections, 1);
    }

    pub(super) fn disconnected(&self) {
        self.open_connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn over_limit(&self) {
        add(&self.connections_over_limit, 1);
    }

    pub(super) fn connection_failed(&self) {
        add(&self.connection_errors, 1);
    }

    pub(super) fn accept_failed(&self) {
        add(&self.accept_errors, 1);
    }

    pub(super) fn head_timed_out(&self) {
        add(&self.head_timeouts, 1);
    }

    pub(super) fn abandoned(&self) {
        add(&self.abandoned, 1);
    }
}

impl Snapshot {
    /// How many requests ended so, over both protocols.
    pub fn requests_that_were(&self, outcome: &str) -> u64 {
        self.requests
            .iter()
            .filter(|(_, name, _)| *name == outcome)
            .map(|(_, _, count)| count)
            .sum()
    }
}

#[cfg(test)]
mod tests;
