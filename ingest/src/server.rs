//! OTLP servers: gRPC and HTTP, into a [`Sink`].
//!
//! ```text
//! socket -> connection -> route -> grpc | http -> receiver -> Sink
//!                                                 |
//!                       admit -> read -> inflate -> count -> redact -> decode -> check
//! ```
//!
//! Each step is bounded before it begins: connections by number, heads and bodies
//! by bytes and time, memory by a budget that all requests share, decoding by a
//! number of threads. Who is refused learns whether to try again: overload is
//! retryable, bad data is not, and a span that breaks a rule costs only itself.
//!
//! It is our own server on `hyper`, since what OTLP demands of status codes and
//! limits is not what servers made for gRPC in general do.
//!
//! # Not here
//!
//! What happens to accepted spans: that is the [`Sink`]'s, and its answer is the
//! client's. How counters are shown. TLS and tokens.

mod admission;
mod answer;
mod body;
mod connection;
mod decode;
mod fault;
mod grpc;
mod http;
mod inflate;
mod items;
mod layout;
mod listener;
mod pace;
mod receiver;
mod redact;
mod reply;
mod route;
mod seldom;
mod settings;
mod socket;
mod stats;
mod wire_out;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use schema::SpanBatch;

pub use decode::{Decoded, Rules, decode};
pub use listener::serve;
pub use receiver::Receiver;
pub use redact::{Action, Rule};
pub use settings::{Secret, ServerSettings, SettingsError};
pub use stats::{Snapshot, Stats};

/// The file that declares [`ServerSettings`], for references that are made from it.
pub const SETTINGS_SOURCE: &str = include_str!("server/settings.rs");

/// Takes accepted spans.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Stores spans. When it returns `Ok`, the client is told that they are safe.
    ///
    /// The future is dropped if the client goes away or its deadline passes; the spans may be
    /// stored or not then.
    async fn store(&self, accepted: Accepted) -> Result<(), Refusal>;
}

/// The spans of one request.
#[derive(Debug)]
pub struct Accepted {
    /// How the payload is encoded.
    pub format: PayloadFormat,
    /// The request, decompressed and redacted. It may hold spans that were rejected: with the same
    /// [`Rules`] and time, [`decode`] gives the same batches again.
    pub payload: Bytes,
    /// When it came, in nanoseconds since the epoch.
    pub received_ns: i64,
    /// The rows.
    pub batches: Vec<SpanBatch>,
    /// The number of rows.
    pub spans: u64,
}

/// A request that the sink does not take. The client is asked to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Too much to do.
    Busy {
        /// Shortest time after which to try again.
        retry_after: Duration,
        /// For the client's log.
        reason: String,
    },
    /// Something that is needed does not work now.
    Unavailable {
        /// Shortest time after which to try again.
        retry_after: Duration,
        /// For the client's log.
        reason: String,
    },
}

/// How a payload is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadFormat {
    /// Protobuf.
    Protobuf,
    /// The JSON encoding of OTLP.
    Json,
}

impl PayloadFormat {
    /// A number for files. It never changes.
    pub fn code(self) -> u8 {
        match self {
            PayloadFormat::Protobuf => 1,
            PayloadFormat::Json => 2,
        }
    }

    /// The format of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(PayloadFormat::Protobuf),
            2 => Some(PayloadFormat::Json),
            _ => None,
        }
    }
}

/// A transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP.
    Http,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
        })
    }
}

/// What a listener takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    /// One transport. The other one is answered with where to go.
    Only(Protocol),
    /// Both.
    Both,
}

impl Protocols {
    fn include(self, protocol: Protocol) -> bool {
        match self {
            Protocols::Only(only) => only == protocol,
            Protocols::Both => true,
        }
    }
}

/// Tells the time in nanoseconds since the epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
