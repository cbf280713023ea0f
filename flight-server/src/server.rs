//! Serves Flight SQL on a listener until it is told to stop.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use engine::Engine;
use futures::StreamExt;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::access;
use crate::error::Result;
use crate::front::Front;
use crate::service::Service;
use crate::settings::Settings;
use crate::socket::Socket;
use crate::stats::Stats;
use crate::threads::Threads;

/// Requests that one connection may have open: no limit is the transport's default.
const STREAMS_PER_CONNECTION: u32 = 256;
/// How often a silent client is asked whether it is still there, and how long it has to answer.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Time for the last errors to reach their clients after running queries were cut off.
const GOODBYE: Duration = Duration::from_secs(5);
/// Time for a client to read what it was sent last and to close its side of the connection.
const LINGER: Duration = Duration::from_secs(2);
/// Pause after a failed accept: without file descriptors, accepting fails at once and again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves Flight SQL over `engine` on `listener`, until `shutdown` is ready.
///
/// After that no connection is accepted, and running queries have
/// [`Settings::shutdown_seconds`] to finish; the rest ends with `UNAVAILABLE`. Queries are counted in
/// `stats`.
///
/// # Errors
///
/// [`crate::Error::NotLoopback`] if other machines could connect, [`crate::Error::Listen`] and
/// [`crate::Error::Serve`] if the listener or the transport fails.
pub async fn serve(
    engine: Engine,
    listener: TcpListener,
    settings: Settings,
    stats: Arc<Stats>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    access::check_address(listener.local_addr()?)?;
    let patience = Duration::from_secs(settings.shutdown_seconds);
    let request_bytes = settings.max_request_bytes;
    let (_threads, compute) = Threads::start(settings.concurrent_queries)?;
    let (stop, stopped) = watch::channel(false);
    let service = Service::new(engine, settings, stats, compute, stopped);
    let service = FlightServiceServer::new(Front(service))
        .max_decoding_message_size(request_bytes)
        // Results are cut to size before; a limit here would break the rest.
        .max_encoding_message_size(usize::MAX);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).then(|accepted| async {
        if accepted.is_err() {
            sleep(ACCEPT_PAUSE).await;
        }
        accepted.map(|tcp| Socket::new(tcp, LINGER))
    });
    let (close, closed) = oneshot::channel::<()>();
    let serving = Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_service(InterceptedService::new(service, access::check_request))
        .serve_with_incoming_shutdown(incoming, async {
            // An error means that this function was dropped, which stops the server too.
            let _ = closed.await;
        });
    let mut serving = pin!(serving);

    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        () = shutdown => {}
    }
    let _ = close.send(());
    if let Ok(ended) = timeout(patience, &mut serving).await {
        return Ok(ended?);
    }
    stop.send_replace(true);
    match timeout(GOODBYE, &mut serving).await {
        Ok(ended) => Ok(ended?),
        Err(_) => Ok(()),
    }
}
