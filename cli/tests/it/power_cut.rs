//! What was acknowledged survives a power cut, on real system calls.
//!
//! Lake and log lie on a mounted disk that forgets what was not synced
//! (`testing::MountedDisk`). LazyFS does the same from outside; this needs nothing but
//! `/dev/fuse` and the right to mount.

use testing::{Loss, MountedDisk, SimDisk};

use crate::fixtures::Folder;
use crate::ledger::{Ledger, rounds};
use crate::server::Server;

const LAKE: &str = "disk/shop/lake";
const ARGS: [&str; 4] = ["--config", "spanlake.toml", "--lake", LAKE];

/// How the power goes.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// At one call to the disk, which may have its effect or not; the server lives on for a moment.
    Call,
    /// With the server, after some answers.
    Answer,
    /// At one of the first calls of a start, after the process before it was killed at some call.
    Start,
}

/// Scenario: clients send to a server whose log rolls and whose flushes run. The power is cut at some
/// call to the disk, at some answer, or while the server starts after a kill; what was not synced is
/// lost, or survives sector by sector and name by name.
/// Guarantees: the next start succeeds; every acknowledged span is there once, and none twice.
#[test]
fn acknowledged_spans_survive_a_power_cut() {
    let folder = Folder::new();
    folder.write(
        "spanlake.toml",
        "[wal]\nwal_segment_bytes = 20000\nmemtable_flush_bytes = 100000\nflush_age_ms = 50\n",
    );
    std::fs::create_dir(folder.path().join("disk")).expect("a folder");
    let mount = |disk: &SimDisk| MountedDisk::mount(disk, &folder.path().join("disk"));
    let mut disk = SimDisk::new();
    let mut mounted = match mount(&disk) {
        Ok(mounted) => mounted,
        Err(error) => {
            eprintln!(
                "SKIPPED acknowledged_spans_survive_a_power_cut: a folder cannot be mounted here: \
                 {error}; it needs /dev/fuse and root"
            );
            return;
        }
    };
    let ledger = Ledger::default();
    for round in 0..rounds("SPANLAKE_POWER_CUT_ROUNDS", 3) {
        // Spread without a pattern.
        let chance = round * 7919 + 13;
        let cut = [Cut::Call, Cut::Start, Cut::Answer][(round % 3) as usize];
        if let Cut::Start = cut {
            disk.cut_power_at(disk.steps() + 1 + chance % 1000);
            run_until_it_fails(&folder, &ledger);
            mounted.unmount().expect("the server is gone");
            disk = disk.after_power_cut(Loss::Nothing);
            mounted = mount(&disk).expect("mounted before");
        }
        match cut {
            Cut::Call => disk.cut_power_at(disk.steps() + 1 + chance % 1000),
            Cut::Start => disk.cut_power_at(disk.steps() + 1 + chance % 61),
            Cut::Answer => {}
        }
        match cut {
            Cut::Call | Cut::Start => run_until_it_fails(&folder, &ledger),
            Cut::Answer => {
                let mut server = Server::start(&folder, &ARGS);
                let load = ledger.load(&server);
                load.wait_for((chance % 401) as usize);
                server.kill();
                load.end();
            }
        }
        mounted.unmount().expect("the server is gone");
        let loss = if round % 2 == 0 { Loss::Everything } else { Loss::Some(round) };
        disk = disk.after_power_cut(loss);
        mounted = mount(&disk).expect("mounted before");

        let server = Server::start(&folder, &ARGS);
        assert_eq!(server.stop(), Some(0));
        let when = format!("round {round}, cut at {cut:?} {chance}, {loss:?} lost");
        eprintln!("{}", ledger.check(&folder, LAKE, &when));
    }
    assert!(ledger.len() > 0, "nothing was acknowledged");
}

/// Runs a server under load until its disk fails, and kills it.
fn run_until_it_fails(folder: &Folder, ledger: &Ledger) {
    // It may fail before it listens.
    let Some(mut server) = Server::try_start(folder, &ARGS) else { return };
    let load = ledger.load(&server);
    load.wait_until_it_fails();
    server.kill();
    load.end();
}
