//! Accepts connections until the server stops, whatever happens on the way.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::server::Protocols;
use crate::server::connection::{self, Shared};
use crate::server::receiver::Receiver;
use crate::server::seldom::Seldom;
use crate::server::stats::Stats;

/// How long to wait when no connection can be accepted: others have to close first.
const BACKOFF: Duration = Duration::from_millis(100);

/// Serves connections until `shutdown` is ready, then lets running requests end.
///
/// Returns the number of connections that did not end in time.
pub async fn serve(
    listener: TcpListener,
    protocols: Protocols,
    receiver: Arc<Receiver>,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let (stop, stopping) = watch::channel(false);
    let stats = Arc::clone(&receiver.stats);
    let shared = Shared { receiver, protocols, stop: stopping };
    let (failed, full) = (Seldom::default(), Seldom::default());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let tcp = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            tcp = accept(|| next(&listener), BACKOFF, &stats, &failed) => tcp,
        };
        let permit = Arc::clone(&shared.receiver.connections).try_acquire_owned();
        let Ok(permit) = permit else {
            stats.over_limit();
            if let Some(suppressed) = full.may_tell() {
                let limit = shared.receiver.settings.connections;
                tracing::warn!(limit, suppressed, "closing connections: too many are open");
            }
            continue;
        };
        let open = Open::new(permit, Arc::clone(&stats));
        let shared = shared.clone();
        connections.spawn(async move {
            let _open = open;
            connection::drive(tcp, shared).await;
        });
    }
    drop(listener);
    stop.send_replace(true);
    let drain = Duration::from_millis(shared.receiver.settings.drain_timeout_ms);
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    timeout(drain, all_ended).await.ok();
    let cut = connections.len();
    if cut > 0 {
        tracing::warn!(connections = cut, "closing connections that did not end in time");
    }
    connections.shutdown().await;
    cut
}

async fn next(listener: &TcpListener) -> io::Result<TcpStream> {
    Ok(listener.accept().await?.0)
}

/// The next connection. Errors are of one client, or pass when others close.
async fn accept<F: Future<Output = io::Result<TcpStream>>>(
    mut next: impl FnMut() -> F,
    backoff: Duration,
    stats: &Stats,
    log: &Seldom,
) -> TcpStream {
    loop {
        let error = match next().await {
            Ok(tcp) => return tcp,
            Err(error) => error,
        };
        stats.accept_failed();
        if let Some(suppressed) = log.may_tell() {
            tracing::warn!(%error, suppressed, "cannot accept connections");
        }
        let of_client = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::Interrupted
        );
        if !of_client {
            sleep(backoff).await;
        }
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("serving a connection panicked");
    }
}

/// A connection that is open until this is dropped.
struct Open {
    stats: Arc<Stats>,
    _permit: OwnedSemaphorePermit,
}

impl Open {
    fn new(permit: OwnedSemaphorePermit, stats: Arc<Stats>) -> Self {
        stats.connected();
        Self { stats, _permit: permit }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.stats.disconnected();
    }
}

#[cfg(test)]
mod tests;
