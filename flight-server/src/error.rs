//! Why the server could not start or go on.

use std::net::SocketAddr;

/// The result of a server operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A server failure. What goes wrong in one request is told to its client instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address can be reached from other machines, and there is no authentication. Use a loopback address.
    #[error(
        "{address} is not a loopback address; without authentication only 127.0.0.1 and [::1] are served"
    )]
    NotLoopback {
        /// The address of the listener.
        address: SocketAddr,
    },

    /// The listener or the threads for queries are not usable.
    #[error("cannot listen for Flight SQL clients")]
    Listen(#[from] std::io::Error),

    /// The transport failed.
    #[error("the Flight SQL server stopped")]
    Serve(#[from] tonic::transport::Error),
}
