//! A server in front of a sink that does as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ingest::server::{
    Accepted, Protocols, Receiver, Refusal, ServerSettings, Sink, Snapshot, Stats, serve,
};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// The time of the servers in tests: 2023-11-14T22:13:20Z.
pub(crate) const NOW: i64 = 1_700_000_000_000_000_000;

/// What the sink does with spans.
#[derive(Debug, Clone, Default)]
pub(crate) enum Answer {
    #[default]
    Store,
    Refuse(Refusal),
    /// Waits for [`FakeSink::release`], then stores.
    Wait,
    Panic,
}

/// Keeps what it is given.
#[derive(Debug, Default)]
pub(crate) struct FakeSink {
    pub(crate) stored: Mutex<Vec<Accepted>>,
    answer: Mutex<Answer>,
    waiting: Mutex<usize>,
    released: Notify,
}

#[async_trait]
impl Sink for FakeSink {
    async fn store(&self, accepted: Accepted) -> Result<(), Refusal> {
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Answer::Store => {}
            Answer::Refuse(refusal) => return Err(refusal),
            Answer::Panic => panic!("a fault of the sink"),
            Answer::Wait => {
                let released = self.released.notified();
                *self.waiting.lock().unwrap() += 1;
                released.await;
            }
        }
        self.stored.lock().unwrap().push(accepted);
        Ok(())
    }
}

impl FakeSink {
    pub(crate) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// Stores what waits, and everything after it.
    pub(crate) fn release(&self) {
        self.answer(Answer::Store);
        self.released.notify_waiters();
    }

    pub(crate) fn waiting(&self) -> usize {
        *self.waiting.lock().unwrap()
    }

    /// The spans stored, and forgets them.
    pub(crate) fn take_spans(&self) -> u64 {
        self.take().iter().map(|accepted| accepted.spans).sum()
    }

    pub(crate) fn take(&self) -> Vec<Accepted> {
        std::mem::take(&mut *self.stored.lock().unwrap())
    }
}

/// A server on a port of its own.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) sink: Arc<FakeSink>,
    pub(crate) receiver: Arc<Receiver>,
    stats: Arc<Stats>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<usize>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(ServerSettings::default()).await
    }

    pub(crate) async fn with(settings: ServerSettings) -> Self {
        Self::speaking(Protocols::Both, settings).await
    }

    pub(crate) async fn speaking(protocols: Protocols, settings: ServerSettings) -> Self {
        let (sink, stats) = (Arc::new(FakeSink::default()), Arc::new(Stats::default()));
        let receiver = Receiver::new(
            settings,
            Arc::clone(&sink) as Arc<dyn Sink>,
            Arc::clone(&stats),
            Arc::new(|| NOW),
        )
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { drop(stopped.await) };
        let task = tokio::spawn(serve(listener, protocols, Arc::clone(&receiver), shutdown));
        Self { address, sink, receiver, stats, stop: Some(stop), task }
    }

    pub(crate) fn stats(&self) -> Snapshot {
        self.stats.snapshot()
    }

    /// Tells the server to stop.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits for its end; returns how many connections were cut.
    pub(crate) async fn stopped(self) -> usize {
        self.task.await.unwrap()
    }
}

/// Waits until something is so, however long the machine takes.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..6000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}
