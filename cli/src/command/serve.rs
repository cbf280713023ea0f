//! `spanlake serve`: answers queries over Arrow Flight SQL until it is told to stop.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use flight_server::Settings;
use tokio::net::{TcpListener, lookup_host};

use crate::args::ServeArgs;
use crate::command::open;
use crate::failure::{Interrupted, usage};
use crate::interrupt::StopSignals;
use crate::terminal;

/// Serves a lake that exists.
pub(crate) async fn run(args: ServeArgs) -> Result<()> {
    // Before anything is printed: whoever reads the address may send a signal.
    let mut signals = StopSignals::listen()?;
    let addresses = loopback_addresses(&args.flight).await?;
    let engine = open(&args.lake).await?;
    let listener = TcpListener::bind(addresses.as_slice()).await.with_context(|| {
        format!("cannot listen on {}, choose another address with --flight", args.flight)
    })?;
    let address = listener.local_addr()?;
    let settings = Settings::default();
    let patience = settings.shutdown_seconds;
    terminal::say(format_args!("Flight SQL of {} listens on {address}", args.lake.text()))?;
    terminal::say_lines(&how_to_connect(address))?;

    let (stop, stopped) = tokio::sync::oneshot::channel();
    let shutdown = async {
        // An error means that the sender is gone, which stops the server too.
        let _ = stopped.await;
    };
    let serving = flight_server::serve(engine, listener, settings, shutdown);
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        () = signals.next() => {}
    }
    terminal::note(format_args!(
        "stopping; running queries have {patience} s, a second signal ends them now"
    ));
    let _ = stop.send(());
    tokio::select! {
        ended = &mut serving => Ok(ended?),
        () = signals.next() => Err(Interrupted.into()),
    }
}

/// What `text` stands for, if other machines cannot reach it.
async fn loopback_addresses(text: &str) -> Result<Vec<SocketAddr>> {
    let addresses: Vec<SocketAddr> = match lookup_host(text).await {
        Ok(found) => found.collect(),
        Err(error) => {
            return usage(format!(
                "`{text}` is not an address: {error}; write HOST:PORT, e.g. 127.0.0.1:32010"
            ));
        }
    };
    // Checked before the port is opened, so that it is never open to others, not even for a moment.
    match addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()) {
        Some(address) => usage(format!(
            "{address} can be reached from other machines, and this version has no authentication; \
             serve 127.0.0.1 or [::1] and let a proxy or an SSH tunnel check who calls"
        )),
        None => Ok(addresses),
    }
}

fn how_to_connect(address: SocketAddr) -> String {
    format!(
        "  Python  adbc_driver_flightsql.dbapi.connect(\"grpc://{address}\")\n  \
         JDBC    jdbc:arrow-flight-sql://{address}?useEncryption=false\n\
         Ctrl-C stops it."
    )
}
