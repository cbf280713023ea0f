//! One connection, from its first byte to its last.
//!
//! HTTP/1.1 and HTTP/2 are told by the first bytes. The limits against clients
//! that open much and send little are set here.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{Request, Response};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::server::Protocols;
use crate::server::answer::Answer;
use crate::server::pace::{Expired, Pace};
use crate::server::receiver::Receiver;
use crate::server::route;
use crate::server::socket::{LINGER, Socket};

/// What a client that speaks HTTP/2 sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client is told whose head does not come.
const HEAD_TIMED_OUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Bytes read at a time by HTTP/1.1.
const READ_BYTES: usize = 256 << 10;
/// Bytes of one request that a client of HTTP/2 may send before they are read.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for all requests of a connection.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Bytes of one frame of HTTP/2.
const FRAME_BYTES: u32 = 64 << 10;
/// Bytes of answers that a client of HTTP/2 need not have read.
const SEND_BYTES: usize = 64 << 10;
/// Requests that a client of HTTP/2 may take back before they are looked at, and faults it may make.
const RESETS: usize = 50;

/// What the connections of a listener share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) receiver: Arc<Receiver>,
    pub(super) protocols: Protocols,
    /// Becomes true when the server stops.
    pub(super) stop: watch::Receiver<bool>,
}

/// How a connection ended.
enum End {
    /// By itself.
    Done(hyper::Result<()>),
    /// Nothing came for too long.
    Expired(Expired),
}

/// Serves a connection until it ends.
pub(super) async fn drive(mut tcp: TcpStream, shared: Shared) {
    // Answers are small and complete; there is nothing to wait for.
    tcp.set_nodelay(true).ok();
    let settings = &shared.receiver.settings;
    let (head_timeout, idle_timeout) = (settings.header_timeout(), settings.idle_timeout());
    let mut stop = shared.stop.clone();
    let mut first = Vec::with_capacity(PREFACE.len());
    let sniffed = tokio::select! {
        biased;
        sniffed = timeout(head_timeout, sniff(&mut tcp, &mut first)) => sniffed,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    match sniffed {
        Ok(Some(true)) => {
            let pace = Pace::new(None, idle_timeout);
            http2(Socket::new(tcp, Bytes::from(first), pace), shared).await;
        }
        Ok(Some(false)) => {
            let pace = Pace::new(Some(head_timeout), idle_timeout);
            http1(Socket::new(tcp, Bytes::from(first), pace), shared).await;
        }
        Ok(None) => {}
        Err(_) => {
            shared.receiver.stats.head_timed_out();
            if !first.is_empty() {
                let pace = Pace::new(None, idle_timeout);
                say_goodbye(Socket::new(tcp, Bytes::new(), pace), HEAD_TIMED_OUT).await;
            }
        }
    }
}

/// Reads until it is clear whether the client speaks HTTP/2. `None` if it says nothing.
async fn sniff(tcp: &mut TcpStream, first: &mut Vec<u8>) -> Option<bool> {
    while first.len() < PREFACE.len() && PREFACE.starts_with(first) {
        let mut part = tcp.take((PREFACE.len() - first.len()) as u64);
        match part.read_buf(first).await {
            Ok(0) | Err(_) if first.is_empty() => return None,
            Ok(0) | Err(_) => return Some(false),
            Ok(_) => {}
        }
    }
    Some(first.starts_with(PREFACE))
}

async fn http1(socket: Socket, shared: Shared) {
    let (pace, stats) = (Arc::clone(&socket.pace), Arc::clone(&shared.receiver.stats));
    let settings = &shared.receiver.settings;
    let mut builder = http1::Builder::new();
    builder
        .half_close(true)
        // `Pace` knows the difference between a slow head and none.
        .header_read_timeout(None)
        .max_headers(settings.max_headers)
        .max_header_size(settings.max_header_bytes)
        .max_buf_size(READ_BYTES.max(settings.max_header_bytes));
    let service = service_fn(|request| Box::pin(respond(&shared, &pace, request)));
    let mut connection = builder.serve_connection(TokioIo::new(socket), service);
    let end = watched(&pace, shared.stop.clone(), |cx, stop| {
        if stop {
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(cx)
    })
    .await;
    let socket = connection.into_parts().io.into_inner();
    match end {
        End::Done(Ok(())) if !pace.has_unread() => {}
        End::Done(Ok(())) => say_goodbye(socket, b"").await,
        End::Done(Err(error)) => {
            stats.connection_failed();
            tracing::debug!(%error, "HTTP/1 connection failed");
            say_goodbye(socket, b"").await;
        }
        End::Expired(Expired::Head) => {
            stats.head_timed_out();
            say_goodbye(socket, HEAD_TIMED_OUT).await;
        }
        End::Expired(Expired::Idle) => {}
    }
}

async fn http2(socket: Socket, shared: Shared) {
    let pace = Arc::clone(&socket.pace);
    let stats = Arc::clone(&shared.receiver.stats);
    let settings = &shared.receiver.settings;
    let keep_alive = Duration::from_millis(settings.keep_alive_ms);
    let header_bytes = u32::try_from(settings.max_header_bytes).unwrap_or(u32::MAX);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.streams_per_connection)
        .max_header_list_size(header_bytes)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS)
        .max_send_buf_size(SEND_BYTES)
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(keep_alive)
        .keep_alive_timeout(keep_alive);
    let stop = shared.stop.clone();
    let service_pace = Arc::clone(&pace);
    let service = service_fn(move |request| {
        let (shared, pace) = (shared.clone(), Arc::clone(&service_pace));
        async move { respond(&shared, &pace, request).await }
    });
    let mut connection = builder.serve_connection(TokioIo::new(socket), service);
    let end = watched(&pace, stop, |cx, stop| {
        if stop {
            Pin::new(&mut connection).graceful_shutdown();
        }
        Pin::new(&mut connection).poll(cx)
    })
    .await;
    match end {
        End::Done(Ok(())) => {}
        End::Done(Err(error)) => {
            stats.connection_failed();
            tracing::debug!(%error, "HTTP/2 connection failed");
        }
        // A client that is there opens another connection when it needs one.
        End::Expired(_) => {
            Pin::new(&mut connection).graceful_shutdown();
            timeout(LINGER, connection).await.ok();
        }
    }
}

async fn respond(
    shared: &Shared,
    pace: &Arc<Pace>,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let running = pace.request();
    let receiver = Arc::clone(&shared.receiver);
    Ok(route::answer(receiver, shared.protocols, request, running).await)
}

/// Polls a connection until it ends or its pace is too slow. `poll` is told once when to stop.
async fn watched(
    pace: &Pace,
    mut stop: watch::Receiver<bool>,
    mut poll: impl FnMut(&mut Context<'_>, bool) -> Poll<hyper::Result<()>>,
) -> End {
    let mut stop = Box::pin(async move { stop.wait_for(|stop| *stop).await.map(drop).ok() });
    let (mut stopping, mut alarm) = (false, Alarm::default());
    poll_fn(|cx| {
        let stop_now = !stopping && stop.as_mut().poll(cx).is_ready();
        stopping |= stop_now;
        if let Poll::Ready(ended) = poll(cx, stop_now) {
            return Poll::Ready(End::Done(ended));
        }
        // Only now: what was just read may have changed what is waited for.
        alarm.poll(pace, cx).map(End::Expired)
    })
    .await
}

/// Wakes a connection at its deadline.
#[derive(Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    fn poll(&mut self, pace: &Pace, cx: &mut Context<'_>) -> Poll<Expired> {
        let Some((at, expired)) = pace.deadline() else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx).map(|()| expired)
    }
}

/// Sends last words, and reads what still comes so that the client gets to read them.
async fn say_goodbye(mut socket: Socket, words: &[u8]) {
    let until = Instant::now() + LINGER;
    let goodbye = async {
        socket.write_all(words).await?;
        socket.shutdown().await
    };
    tokio::time::timeout_at(until, Box::pin(goodbye)).await.ok();
}
