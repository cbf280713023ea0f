//! Clients that send until the server is gone, and a ledger of what it acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::fixtures::{Folder, otlp, span};
use crate::server::{Client, Server};

const CLIENTS: usize = 3;
const SPANS_PER_REQUEST: u64 = 7;

/// Which requests were acknowledged, over the lives of several servers.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Number of the next request, which is one trace.
    next: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<BTreeSet<u64>>>,
}

/// Clients that send as fast as they get answers.
#[derive(Debug)]
pub(crate) struct Load {
    answers: Receiver<()>,
    clients: Vec<JoinHandle<()>>,
}

impl Ledger {
    /// Starts clients. Each ends with the first request that is not acknowledged.
    pub(crate) fn load(&self, server: &Server) -> Load {
        let (acknowledges, answers) = mpsc::channel();
        let clients = (0..CLIENTS)
            .map(|_| {
                let client = Client::connect(server.http);
                let (next, acknowledged) = (Arc::clone(&self.next), Arc::clone(&self.acknowledged));
                let acknowledges = acknowledges.clone();
                thread::spawn(move || {
                    // A server that loses its power may be gone already.
                    let Ok(mut client) = client else { return };
                    loop {
                        let trace = 1 + next.fetch_add(1, Ordering::Relaxed);
                        let spans: Vec<_> = (1..=SPANS_PER_REQUEST)
                            .map(|number| span(trace, number, (number > 1).then_some(1), "GET /"))
                            .collect();
                        let Ok((200, _)) = client.export(&otlp(&spans)) else { break };
                        acknowledged.lock().expect("no panic").insert(trace);
                        if acknowledges.send(()).is_err() {
                            break;
                        }
                    }
                })
            })
            .collect();
        Load { answers, clients }
    }

    /// Number of acknowledged requests.
    pub(crate) fn len(&self) -> usize {
        self.acknowledged.lock().expect("no panic").len()
    }

    /// Panics unless every acknowledged span is in the lake, and none is there twice or in part; tells
    /// how many there are.
    #[track_caller]
    pub(crate) fn check(&self, folder: &Folder, lake: &str, when: &str) -> String {
        const SQL: &str = "SELECT trace_id, count(*) AS n, count(DISTINCT span_id) AS ids \
                           FROM spans GROUP BY 1 ORDER BY 1";
        let csv = folder.run(["sql", "--lake", lake, "--format", "csv", SQL]).ok();
        let found: BTreeMap<u64, &str> = csv
            .lines()
            .skip(1)
            .map(|line| {
                let (trace, counts) = line.split_once(',').expect("columns");
                (u64::from_str_radix(&trace[16..], 16).expect("our id"), counts)
            })
            .collect();
        let whole = format!("{SPANS_PER_REQUEST},{SPANS_PER_REQUEST}");
        for (trace, counts) in &found {
            assert_eq!(*counts, whole, "{when}: trace {trace}: spans, different spans");
        }
        let ledger = self.acknowledged.lock().expect("no panic");
        let lost: Vec<_> = ledger.iter().filter(|trace| !found.contains_key(trace)).collect();
        let (all, sent) = (ledger.len(), self.next.load(Ordering::Relaxed));
        assert!(lost.is_empty(), "{when}: {} of {all} acknowledged are lost: {lost:?}", lost.len());
        assert!(found.keys().all(|trace| *trace <= sent), "{when}: something was never sent");
        format!("{when}: {all} acknowledged requests, {} stored", found.len())
    }
}

impl Load {
    /// Waits until so many requests were acknowledged, or no client is left.
    pub(crate) fn wait_for(&self, answers: usize) {
        self.answers.iter().take(answers).for_each(drop);
    }

    /// Waits until no client is left.
    pub(crate) fn wait_until_it_fails(&self) {
        self.wait_for(usize::MAX);
    }

    /// Ends the clients; the server is gone.
    pub(crate) fn end(self) {
        drop(self.answers);
        self.clients.into_iter().for_each(|client| client.join().expect("no panic"));
    }
}

/// The number in a variable of the environment, or another one.
pub(crate) fn rounds(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(default, |text| text.parse().expect("a number of rounds"))
}
