//! What was acknowledged survives `kill -9`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use crate::fixtures::{Folder, otlp, span};
use crate::server::{Client, Server};

/// Rounds of start, load and kill; `SPANLAKE_CRASH_ROUNDS` sets another number.
const ROUNDS: u64 = 5;
const CLIENTS: usize = 3;
const SPANS_PER_REQUEST: u64 = 7;

/// Scenario: clients send while the server is killed after a number of answers that differs each time,
/// while logs roll and flushes run; then it starts once more and is asked to stop.
/// Guarantees: every acknowledged span is there once, and no span is there twice.
#[test]
fn acknowledged_spans_survive_kill_9() {
    let rounds = std::env::var("SPANLAKE_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok());
    let folder = Folder::new();
    folder.write(
        "spanlake.toml",
        "[wal]\nwal_segment_bytes = 20000\nmemtable_flush_bytes = 100000\nflush_age_ms = 50\n",
    );
    let next = Arc::new(AtomicU64::new(1));
    let ledger = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..rounds.unwrap_or(ROUNDS) {
        let mut server = Server::start(&folder, &["--config", "spanlake.toml"]);
        let (acknowledged, answers) = mpsc::channel();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut client = Client::connect(server.http).expect("a connection");
                let (next, ledger) = (Arc::clone(&next), Arc::clone(&ledger));
                let acknowledged = acknowledged.clone();
                thread::spawn(move || {
                    loop {
                        let trace = next.fetch_add(1, Ordering::Relaxed);
                        let spans: Vec<_> = (1..=SPANS_PER_REQUEST)
                            .map(|number| span(trace, number, (number > 1).then_some(1), "GET /"))
                            .collect();
                        let Ok((200, _)) = client.export(&otlp(&spans)) else { break };
                        ledger.lock().expect("no panic").insert(trace);
                        if acknowledged.send(()).is_err() {
                            break;
                        }
                    }
                })
            })
            .collect();
        drop(acknowledged);
        // Between 0 and 400 answers, spread without a pattern.
        let wanted = (round * 7919 + 13) % 401;
        answers.iter().take(wanted as usize).for_each(drop);
        server.kill();
        drop(answers);
        clients.into_iter().for_each(|client| client.join().expect("no panic"));
    }
    let server = Server::start(&folder, &["--config", "spanlake.toml"]);
    assert_eq!(server.stop(), Some(0));

    let rows = folder.values(
        "SELECT trace_id, count(*) AS n, count(DISTINCT span_id) AS ids FROM spans GROUP BY 1 ORDER BY 1",
    );
    let found: BTreeMap<u64, &str> = rows
        .lines()
        .map(|line| {
            let (trace, counts) = line.split_once(',').expect("columns");
            (u64::from_str_radix(&trace[16..], 16).expect("our id"), counts)
        })
        .collect();
    let whole = format!("{SPANS_PER_REQUEST},{SPANS_PER_REQUEST}");
    for (trace, counts) in &found {
        assert_eq!(*counts, whole, "trace {trace}: spans, different spans");
    }
    let ledger = ledger.lock().expect("no panic");
    let lost: Vec<_> = ledger.iter().filter(|trace| !found.contains_key(trace)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged are lost: {lost:?}", lost.len(), ledger.len());
    eprintln!("{} acknowledged requests, {} stored", ledger.len(), found.len());
}
