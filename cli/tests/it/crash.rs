//! What was acknowledged survives `kill -9`.

use crate::fixtures::Folder;
use crate::ledger::{Ledger, rounds};
use crate::server::Server;

/// Scenario: clients send while the server is killed after a number of answers that differs each time,
/// while logs roll and flushes run; then it starts once more and is asked to stop.
/// Guarantees: every acknowledged span is there once, and no span is there twice.
#[test]
fn acknowledged_spans_survive_kill_9() {
    let folder = Folder::new();
    folder.write(
        "spanlake.toml",
        "[wal]\nwal_segment_bytes = 20000\nmemtable_flush_bytes = 100000\nflush_age_ms = 50\n",
    );
    let ledger = Ledger::default();
    for round in 0..rounds("SPANLAKE_CRASH_ROUNDS", 5) {
        let mut server = Server::start(&folder, &["--config", "spanlake.toml"]);
        let load = ledger.load(&server);
        // Between 0 and 400 answers, spread without a pattern.
        load.wait_for(((round * 7919 + 13) % 401) as usize);
        server.kill();
        load.end();
    }
    let server = Server::start(&folder, &["--config", "spanlake.toml"]);
    assert_eq!(server.stop(), Some(0));
    eprintln!("{}", ledger.check(&folder, "lake", "after all kills"));
}
