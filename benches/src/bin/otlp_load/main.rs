//! Sends OTLP/gRPC trace requests to a receiver and says how fast they were acknowledged.
//!
//! ```text
//! otlp_load --to 127.0.0.1:4317 --seconds 30 [--rate 125000]
//! ```
//!
//! Spans have ten attributes and about 400 bytes of OTLP each; ids never repeat.

mod template;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Parser;
use engine::{Clock, SystemClock};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use template::Template;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const TEMPLATES: u64 = 16;

/// Sends OTLP/gRPC trace requests and measures.
#[derive(Debug, Parser)]
struct Args {
    /// The receiver.
    #[arg(long, default_value = "127.0.0.1:4317")]
    to: String,
    /// How long to send.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Spans per second to aim at; 0 is as fast as they are acknowledged.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Spans per request.
    #[arg(long, default_value_t = 4096)]
    spans: u64,
    /// Services per request.
    #[arg(long, default_value_t = 4)]
    resources: u64,
    /// Requests under way at a time.
    #[arg(long, default_value_t = 8)]
    in_flight: u64,
    /// Number of the first request, so that a second run sends other ids.
    #[arg(long, default_value_t = 0)]
    first: u64,
}

#[derive(Debug, Default)]
struct Counts {
    next: AtomicU64,
    acknowledged: AtomicU64,
    bytes: AtomicU64,
    retries: AtomicU64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(args))
}

async fn run(args: Args) -> Result<()> {
    let templates: Vec<Template> =
        (0..TEMPLATES).map(|seed| Template::new(seed, args.spans, args.resources)).collect();
    let sender = connect(&args.to).await?;
    let templates = Arc::new(templates);
    let counts = Arc::new(Counts { next: args.first.into(), ..Counts::default() });
    let started = Instant::now();
    let stop = started + Duration::from_secs(args.seconds);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..args.in_flight {
        let pace = Pace { started, rate: args.rate, first: args.first };
        let (templates, counts) = (Arc::clone(&templates), Arc::clone(&counts));
        let (sender, to) = (sender.clone(), args.to.clone());
        tasks.spawn(async move { send_until(stop, pace, sender, &to, &templates, &counts).await });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    latencies.sort_unstable();
    let seconds = started.elapsed().as_secs_f64();
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (spans, bytes) = (get(&counts.acknowledged), get(&counts.bytes));
    let at = |q: f64| latencies.get(((latencies.len() - 1) as f64 * q) as usize).copied();
    report(&format!(
        "{spans} spans acknowledged in {seconds:.1} s: {:.0} spans/s, {:.1} MB/s, {:.0} bytes per span, \
         {} retries, latency p50 {:?} p99 {:?}, next request {}",
        spans as f64 / seconds,
        bytes as f64 / 1e6 / seconds,
        bytes as f64 / spans.max(1) as f64,
        get(&counts.retries),
        at(0.5).unwrap_or_default(),
        at(0.99).unwrap_or_default(),
        get(&counts.next),
    ));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
fn report(line: &str) {
    println!("{line}");
}

#[derive(Debug, Clone, Copy)]
struct Pace {
    started: Instant,
    rate: u64,
    first: u64,
}

impl Pace {
    /// When request number `request` is due.
    fn due(self, request: u64, spans: u64) -> Instant {
        if self.rate == 0 {
            return self.started;
        }
        let spans_before = ((request - self.first) * spans) as f64;
        self.started + Duration::from_secs_f64(spans_before / self.rate as f64)
    }
}

async fn send_until(
    stop: Instant,
    pace: Pace,
    mut sender: SendRequest<Full<Bytes>>,
    to: &str,
    templates: &[Template],
    counts: &Counts,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while Instant::now() < stop {
        let request = counts.next.fetch_add(1, Ordering::Relaxed);
        let template = &templates[(request % TEMPLATES) as usize];
        tokio::time::sleep_until(pace.due(request, template.spans).into()).await;
        let now_ns = SystemClock.now().timestamp_micros() as u64 * 1000;
        let body = template.fill(request, now_ns);
        let sent = Instant::now();
        while !export(&mut sender, to, body.clone()).await? {
            counts.retries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        latencies.push(sent.elapsed());
        counts.acknowledged.fetch_add(template.spans, Ordering::Relaxed);
        counts.bytes.fetch_add(template.len() as u64, Ordering::Relaxed);
    }
    Ok(latencies)
}

async fn connect(to: &str) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Sends one request; false if it should be sent again.
async fn export(sender: &mut SendRequest<Full<Bytes>>, to: &str, body: Bytes) -> Result<bool> {
    const OK: &str = "0";
    const UNAVAILABLE: &str = "14";
    let request = http::Request::post(format!("http://{to}{EXPORT}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(body))?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let (head, body) = response.into_parts();
    let body = body.collect().await?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let header = |name| trailers.get(name).or_else(|| head.headers.get(name));
    match header("grpc-status").and_then(|status| status.to_str().ok()) {
        Some(OK) => Ok(true),
        Some(UNAVAILABLE) => Ok(false),
        status => bail!("status {status:?}: {:?}", header("grpc-message")),
    }
}
