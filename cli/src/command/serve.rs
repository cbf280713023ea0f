//! `spanlake serve`: receives and answers until it is told to stop.

use std::net::SocketAddr;

use anyhow::Result;
use engine::Location;

use crate::args::ServeArgs;
use crate::failure::Interrupted;
use crate::interrupt::StopSignals;
use crate::serve::{Config, Running, Served, start_logging};
use crate::{lake, terminal};

/// Serves a lake; creates it if there is none.
pub(crate) async fn run(args: ServeArgs) -> Result<()> {
    if args.settings {
        return Ok(terminal::say_lines(Config::reference()?.trim_end())?);
    }
    // Before anything is printed: whoever reads the addresses may send a signal.
    let mut signals = StopSignals::listen()?;
    let mut config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default(),
    };
    let location = Location::parse(args.lake.text())?;
    lake::find(&location).await?;
    if let Some(folder) = args.wal {
        config.wal.wal_dir = folder;
    }
    let patience = config.flight.shutdown_seconds;
    start_logging(args.log)?;
    let sockets = args.addresses.listen().await?;
    let (mut running, served) = tokio::select! {
        started = Running::start(&location, config, sockets) => started?,
        () = signals.next() => return Err(Interrupted.into()),
    };
    // Whoever started the server may have stopped reading; that is no reason to stop serving.
    let _ = say_addresses(args.lake.text(), &served);
    tokio::select! {
        error = running.fails() => return Err(error),
        () = signals.next() => {}
    }
    terminal::note(format_args!(
        "stopping; requests and queries have {patience} s, a second signal ends them now"
    ));
    tokio::select! {
        stopped = running.stop() => stopped,
        () = signals.next() => Err(Interrupted.into()),
    }
}

fn say_addresses(lake: &str, served: &Served) -> Result<()> {
    let listens = [
        (format!("Flight SQL of {lake}"), served.flight),
        ("OTLP/gRPC".into(), served.otlp_grpc),
        ("OTLP/HTTP".into(), served.otlp_http),
        ("Operations".into(), served.ops),
    ];
    for (what, address) in listens {
        if let Some(address) = address {
            terminal::say(format_args!("{what} listens on {address}"))?;
        }
    }
    Ok(terminal::say_lines(&how_to_connect(served))?)
}

fn how_to_connect(served: &Served) -> String {
    let query = |address: SocketAddr| {
        format!(
            "  Python     adbc_driver_flightsql.dbapi.connect(\"grpc://{address}\")\n  \
             JDBC       jdbc:arrow-flight-sql://{address}?useEncryption=false\n"
        )
    };
    let send = |address: SocketAddr| {
        format!(
            "  Collector  exporters: otlp: {{endpoint: \"{address}\", tls: {{insecure: true}}}}\n"
        )
    };
    let mut text = served.flight.map(query).unwrap_or_default();
    text.push_str(&served.otlp_grpc.map(send).unwrap_or_default());
    text + "Ctrl-C stops it."
}
