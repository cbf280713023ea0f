//! Where the server listens: addresses of this machine only, until it can check who calls.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, lookup_host};

use crate::failure::usage;

/// Switches a listener off.
const NONE: &str = "none";

/// The addresses as typed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Addresses {
    /// Address of the Flight SQL server; port 0 takes a free one, `none` switches it off.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:32010")]
    flight: String,
    /// Address for OTLP/gRPC.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4317")]
    otlp_grpc: String,
    /// Address for OTLP/HTTP.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4318")]
    otlp_http: String,
    /// Address of /healthz, /readyz and /metrics.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    ops: String,
}

/// The open listeners.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) flight: Option<TcpListener>,
    pub(crate) otlp_grpc: Option<TcpListener>,
    pub(crate) otlp_http: Option<TcpListener>,
    pub(crate) ops: Option<TcpListener>,
}

impl Addresses {
    /// Opens all listeners, or none. They queue connections until somebody accepts.
    pub(crate) async fn listen(&self) -> Result<Sockets> {
        // All are checked before one is opened, so that none is ever open to others.
        let flight = loopback(&self.flight).await?;
        let otlp_grpc = loopback(&self.otlp_grpc).await?;
        let otlp_http = loopback(&self.otlp_http).await?;
        let ops = loopback(&self.ops).await?;
        Ok(Sockets {
            flight: bind("--flight", &self.flight, flight).await?,
            otlp_grpc: bind("--otlp-grpc", &self.otlp_grpc, otlp_grpc).await?,
            otlp_http: bind("--otlp-http", &self.otlp_http, otlp_http).await?,
            ops: bind("--ops", &self.ops, ops).await?,
        })
    }
}

async fn bind(
    flag: &str,
    text: &str,
    addresses: Option<Vec<SocketAddr>>,
) -> Result<Option<TcpListener>> {
    let Some(addresses) = addresses else { return Ok(None) };
    let listener = TcpListener::bind(addresses.as_slice()).await.with_context(|| {
        format!("cannot listen on {text}; choose another address with {flag}, or `{flag} {NONE}`")
    })?;
    Ok(Some(listener))
}

/// What `text` stands for, if other machines cannot reach it.
async fn loopback(text: &str) -> Result<Option<Vec<SocketAddr>>> {
    if text == NONE {
        return Ok(None);
    }
    let addresses: Vec<SocketAddr> = match lookup_host(text).await {
        Ok(found) => found.collect(),
        Err(error) => {
            return usage(format!(
                "`{text}` is not an address: {error}; write HOST:PORT, e.g. 127.0.0.1:32010"
            ));
        }
    };
    match addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()) {
        Some(address) => usage(format!(
            "{address} can be reached from other machines, and this version has no authentication; \
             serve 127.0.0.1 or [::1] and let a proxy or an SSH tunnel check who calls"
        )),
        None => Ok(Some(addresses)),
    }
}
