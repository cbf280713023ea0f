//! Starts the parts of the server in order, watches them, and stops them in order.
//!
//! Start: operations port, write-ahead log and lake, receivers, Flight SQL.
//! Stop: receivers first, so that nothing more comes in, and the assembly; then the flush.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use engine::{Clock, Condition, Engine, Intake, IntakeStatus, Location, SystemClock};
use ingest::server::{Protocol, Protocols, Receiver};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::assembling::Assembling;
use super::background::Background;
use super::metrics::{self, Counts};
use super::ops::{self, Observed};
use super::reporting::Reporting;
use super::sink::{IntakeSink, LoggedPayloads};
use super::watching::Watching;
use super::{Config, Sockets};
use crate::interrupt::panicked;

/// How often the write path is looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);
/// A flush that is so many times later than it should be is worth an alarm.
const LATE_FLUSHES: u32 = 6;
/// A flush may always be so late.
const LEAST_LAG: Duration = Duration::from_secs(60);

/// How long a stop waits for an assembly that is under way.
const LONGEST_ASSEMBLY: Duration = Duration::from_secs(5);

/// The server.
pub(crate) struct Running {
    watched: Arc<Watched>,
    intake: Intake,
    stop: watch::Sender<bool>,
    receiving: JoinSet<()>,
    answering: JoinSet<flight_server::Result<()>>,
    assembling: JoinHandle<()>,
    looking: Vec<JoinHandle<()>>,
    _background: Background,
}

/// Where the server listens.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) flight: Option<SocketAddr>,
    pub(crate) otlp_grpc: Option<SocketAddr>,
    pub(crate) otlp_http: Option<SocketAddr>,
    pub(crate) ops: Option<SocketAddr>,
}

/// What the operations port shows. It is there before the rest, and after it.
#[derive(Default)]
struct Watched {
    parts: OnceLock<Parts>,
    is_stopping: AtomicBool,
}

struct Parts {
    intake: Intake,
    receiver: Arc<Receiver>,
    otlp: Arc<ingest::server::Stats>,
    queries: Arc<flight_server::Stats>,
    assembled: Arc<Assembling>,
    latest_flush: Duration,
}

impl Running {
    /// Starts everything. What an earlier process had acknowledged is read back first.
    pub(crate) async fn start(
        location: &Location,
        config: Config,
        sockets: Sockets,
    ) -> Result<(Self, Served)> {
        let served = sockets.addresses()?;
        let watched = Arc::new(Watched::default());
        if let Some(listener) = sockets.ops {
            let watched: Arc<dyn Observed> = Arc::<Watched>::clone(&watched);
            tokio::spawn(ops::serve(listener, watched));
        }
        let latest_flush =
            (Duration::from_millis(config.wal.flush_age_ms) * LATE_FLUSHES).max(LEAST_LAG);
        let wal_dir = match config.wal.wal_dir.as_os_str().is_empty() {
            true => location.wal_folder().unwrap_or_default(),
            false => config.wal.wal_dir.clone(),
        };
        let decode = LoggedPayloads::new(config.ingest.rules());
        let (engine, intake) =
            Engine::open_live(location, config.engine, config.wal, decode).await?;
        let otlp = Arc::new(ingest::server::Stats::default());
        let queries = Arc::new(flight_server::Stats::default());
        let sink = Arc::new(IntakeSink(intake.clone()));
        let receiver = Receiver::new(config.ingest, sink, Arc::clone(&otlp), Arc::new(now_ns))
            .context("the settings cannot be used")?;
        let (stop, stopping) = watch::channel(false);

        let mut receiving = JoinSet::new();
        for (listener, protocol) in
            [(sockets.otlp_grpc, Protocol::Grpc), (sockets.otlp_http, Protocol::Http)]
        {
            let Some(listener) = listener else { continue };
            let (receiver, stopped) = (Arc::clone(&receiver), becomes_true(stopping.clone()));
            receiving.spawn(async move {
                let left = ingest::server::serve(listener, Protocols::Only(protocol), receiver, stopped);
                let left = left.await;
                if left > 0 {
                    tracing::warn!(%protocol, connections = left, "cut off: they did not end in time");
                }
            });
        }
        let assembled = Arc::new(Assembling::default());
        let background =
            Background::start("assembly").context("cannot start the threads of the assembly")?;
        let assembling = {
            let (assembled, engine) = (Arc::clone(&assembled), engine.clone());
            let (settings, retention) = (config.compact, config.retention);
            let stopping = stopping.clone();
            background
                .spawn(async move { assembled.run(engine, settings, retention, stopping).await })
        };
        let mut looking = Vec::new();
        if !config.watch.slo_files.is_empty() || config.watch.anomalies {
            let watching = Watching::new(engine.clone(), config.watch, &wal_dir)?;
            looking.push(tokio::spawn(watching.run(stopping.clone())));
        }
        if let Some(reporting) = Reporting::new(engine.clone(), &config.report, &wal_dir)? {
            looking.push(tokio::spawn(reporting.run(stopping.clone())));
        }
        let mut answering = JoinSet::new();
        if let Some(listener) = sockets.flight {
            let stopped = becomes_true(stopping);
            let queries = Arc::clone(&queries);
            answering.spawn(flight_server::serve(
                engine,
                listener,
                config.flight,
                queries,
                stopped,
            ));
        }
        let parts =
            Parts { intake: intake.clone(), receiver, otlp, queries, assembled, latest_flush };
        // Set once: this is the only place.
        let _ = watched.parts.set(parts);
        Ok((
            Self {
                watched,
                intake,
                stop,
                receiving,
                answering,
                assembling,
                looking,
                _background: background,
            },
            served,
        ))
    }

    /// Waits until a part fails; says why.
    pub(crate) async fn fails(&mut self) -> anyhow::Error {
        let mut ticks = interval(WATCH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    if let Condition::Failed(reason) = self.intake.status().condition {
                        return anyhow!(
                            "the write-ahead log failed: {reason}; restart, and what was \
                             acknowledged is read back"
                        );
                    }
                }
                Some(ended) = self.receiving.join_next() => match ended {
                    Ok(()) => return anyhow!("a receiver ended by itself"),
                    Err(error) => return panicked(&error),
                },
                Some(ended) = self.answering.join_next() => match ended {
                    Ok(Ok(())) => return anyhow!("the Flight SQL server ended by itself"),
                    Ok(Err(error)) => return error.into(),
                    Err(error) => return panicked(&error),
                },
            }
        }
    }

    /// Stops: running requests and queries end, then all spans are flushed.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.watched.is_stopping.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
        while self.receiving.join_next().await.is_some() {}
        // Nothing is lost: what it has not committed nobody has seen.
        if timeout(LONGEST_ASSEMBLY, &mut self.assembling).await.is_err() {
            self.assembling.abort();
        }
        for looking in &self.looking {
            // They read the lake, and what they write is whole or not there.
            looking.abort();
        }
        let flushed = self.intake.shutdown().await.context(
            "the last flush failed; what was acknowledged is in the write-ahead log, and the next \
             start flushes it",
        );
        while let Some(ended) = self.answering.join_next().await {
            ended.map_err(|error| panicked(&error))??;
        }
        let flushed = flushed?;
        tracing::info!(spans = flushed.spans, "flushed and stopped");
        Ok(())
    }
}

impl Sockets {
    fn addresses(&self) -> Result<Served> {
        let address = |listener: &Option<TcpListener>| {
            listener.as_ref().map(TcpListener::local_addr).transpose()
        };
        Ok(Served {
            flight: address(&self.flight)?,
            otlp_grpc: address(&self.otlp_grpc)?,
            otlp_http: address(&self.otlp_http)?,
            ops: address(&self.ops)?,
        })
    }
}

impl Observed for Watched {
    fn not_ready(&self) -> Vec<String> {
        let Some(parts) = self.parts.get() else {
            return vec!["starting: the write-ahead log is read back".into()];
        };
        let mut reasons = reasons(&parts.intake.status(), parts.latest_flush);
        if self.is_stopping.load(Ordering::Relaxed) {
            reasons.insert(0, "stopping".into());
        }
        reasons
    }

    fn metrics(&self) -> String {
        let Some(parts) = self.parts.get() else { return "# EOF\n".into() };
        let counts = Counts {
            intake: parts.intake.status(),
            receiver: parts.otlp.snapshot(),
            in_flight_bytes: parts.receiver.in_flight_bytes(),
            queries: parts.queries.snapshot(),
            assembled: parts.assembled.counts(),
            is_ready: self.not_ready().is_empty(),
        };
        metrics::render(counts).unwrap_or_else(|_| "# EOF\n".into())
    }
}

/// Why no more requests should come.
fn reasons(status: &IntakeStatus, latest_flush: Duration) -> Vec<String> {
    let mut reasons = Vec::new();
    match &status.condition {
        Condition::Ready => {}
        Condition::NoSpace(reason) => reasons.push(format!("wal: {reason}")),
        Condition::Failed(reason) => reasons.push(format!("wal: failed: {reason}")),
        Condition::Closed => reasons.push("stopping".into()),
    }
    if status.wal_bytes >= status.wal_busy_bytes {
        reasons.push(format!(
            "wal: {} bytes, the limit is {}",
            status.wal_bytes, status.wal_busy_bytes
        ));
    }
    if let Some(error) = &status.flush_error {
        reasons.push(format!("store: {error}"));
    }
    if let Some(lag) = status.oldest_unflushed.filter(|lag| *lag > latest_flush) {
        reasons.push(format!("lag: the oldest unflushed span came {} s ago", lag.as_secs()));
    }
    reasons
}

async fn becomes_true(mut flag: watch::Receiver<bool>) {
    // An error means that the sender is gone, which stops the server too.
    let _ = flag.wait_for(|is_set| *is_set).await;
}

fn now_ns() -> i64 {
    SystemClock.now().timestamp_nanos_opt().unwrap_or(i64::MAX)
}
