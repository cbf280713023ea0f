//! What a user may set: plain data with defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of the Flight SQL server. They bound what one client, or all together, may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Largest message accepted from a client, in bytes: SQL text, or one batch of parameters.
    pub max_request_bytes: usize,
    /// Largest message sent to a client, in bytes. Most clients accept 4 MiB unless told otherwise.
    pub max_message_bytes: usize,
    /// Queries that run at the same time.
    pub concurrent_queries: usize,
    /// Queries that may wait for their turn; more are refused at once.
    pub queued_queries: usize,
    /// How long a query may wait for its turn, in seconds.
    pub queue_wait_seconds: u64,
    /// How long a query may compute, in seconds. Time in which the client reads does not count.
    pub query_seconds: u64,
    /// How long a client may stop reading its result, in seconds.
    pub stalled_client_seconds: u64,
    /// How long a result may take altogether, computing and reading, in seconds.
    pub result_seconds: u64,
    /// Most rows in one result.
    pub max_result_rows: u64,
    /// Most bytes in one result.
    pub max_result_bytes: u64,
    /// Tickets kept at the same time; the one that was used longest ago makes room.
    pub tickets: usize,
    /// How long a ticket can be redeemed, in seconds.
    pub ticket_seconds: u64,
    /// Prepared statements kept at the same time; the one that was used longest ago makes room.
    pub prepared_statements: usize,
    /// How long a prepared statement is kept after its last use, in seconds.
    pub prepared_statement_seconds: u64,
    /// Bytes of SQL and parameters kept for tickets, and as many for prepared statements.
    pub kept_bytes: usize,
    /// Most rows of parameters bound to a prepared statement: each runs it once.
    pub max_parameter_rows: usize,
    /// Most parameter values bound to a prepared statement: rows times parameters.
    pub max_parameter_values: usize,
    /// Most bytes of parameters bound to a prepared statement.
    pub max_parameter_bytes: usize,
    /// How long running queries may go on after the server was told to stop, in seconds.
    pub shutdown_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_request_bytes: 4 << 20,
            max_message_bytes: 4 << 20,
            concurrent_queries: 8,
            queued_queries: 64,
            queue_wait_seconds: 10,
            query_seconds: 60,
            stalled_client_seconds: 30,
            result_seconds: 600,
            max_result_rows: 10_000_000,
            max_result_bytes: 1 << 30,
            tickets: 1024,
            ticket_seconds: 300,
            prepared_statements: 256,
            prepared_statement_seconds: 600,
            kept_bytes: 32 << 20,
            max_parameter_rows: 1_000,
            max_parameter_values: 100_000,
            max_parameter_bytes: 4 << 20,
            shutdown_seconds: 25,
        }
    }
}

impl Settings {
    pub(crate) fn query_time(&self) -> Duration {
        Duration::from_secs(self.query_seconds)
    }

    pub(crate) fn result_time(&self) -> Duration {
        Duration::from_secs(self.result_seconds)
    }

    pub(crate) fn stalled_client_time(&self) -> Duration {
        Duration::from_secs(self.stalled_client_seconds)
    }
}
