//! The operations port: /healthz, /readyz and /metrics over HTTP/1.1.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Connections at a time; a scraper needs one.
const CONNECTIONS: usize = 32;
/// How long a client may take for its request.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// How long a connection may stay.
const CONNECTION_TIME: Duration = Duration::from_secs(300);
/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the operations port tells.
pub(super) trait Observed: Send + Sync + 'static {
    /// Why no requests should be sent here; empty if they should.
    fn not_ready(&self) -> Vec<String>;
    /// The metrics, in OpenMetrics text.
    fn metrics(&self) -> String;
}

/// Answers until it is dropped.
pub(super) async fn serve(listener: TcpListener, observed: Arc<dyn Observed>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else { continue };
        let observed = Arc::clone(&observed);
        tokio::spawn(async move {
            let _permit = permit;
            let answer = service_fn(|request| {
                let response = respond(&request, &*observed);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIME)
                .serve_connection(TokioIo::new(stream), answer);
            // Whoever asked learns of a broken connection by itself.
            let _ = timeout(CONNECTION_TIME, connection).await;
        });
    }
}

fn respond(request: &Request<Incoming>, observed: &dyn Observed) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let path = request.uri().path();
    let (status, kind, body) = match path {
        "/healthz" | "/readyz" | "/metrics"
            if request.method() != Method::GET && request.method() != Method::HEAD =>
        {
            (StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n".to_owned())
        }
        "/healthz" => (StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/readyz" => match observed.not_ready() {
            reasons if reasons.is_empty() => (StatusCode::OK, TEXT, "ready\n".to_owned()),
            reasons => (StatusCode::SERVICE_UNAVAILABLE, TEXT, lines(&reasons)),
        },
        "/metrics" => (StatusCode::OK, OPEN_METRICS, observed.metrics()),
        _ => (StatusCode::NOT_FOUND, TEXT, "there are /healthz, /readyz and /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn lines(reasons: &[String]) -> String {
    reasons.iter().map(|reason| format!("{reason}\n")).collect()
}
