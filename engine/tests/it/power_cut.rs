//! Power cuts, failing disks and damaged logs: what was acknowledged is there, once.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use engine::{Condition, DurablePuts, Error, Intake, IntakeError, OnCorruption};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use testing::{Loss, SimDisk};

use crate::it::numbered_spans::{Machine, send, visible};
use crate::it::sim::SimFiles;

/// What a client knows: each request was acknowledged, or it got no success.
#[derive(Debug, Default)]
struct Ledger {
    acknowledged: BTreeSet<u64>,
    sent: BTreeSet<u64>,
}

impl Ledger {
    /// Sends some requests at once; each has `EACH` spans.
    async fn send(&mut self, intake: &Intake, requests: u64, weight: usize) {
        const EACH: u64 = 3;
        let first = self.sent.len() as u64;
        let firsts: Vec<u64> = (0..requests).map(|i| first + i * EACH).collect();
        let answers = firsts.iter().map(|first| send(intake, *first, EACH, weight));
        let answers = futures::future::join_all(answers).await;
        for (first, answer) in firsts.into_iter().zip(answers) {
            self.sent.extend(first..first + EACH);
            if answer.is_ok() {
                self.acknowledged.extend(first..first + EACH);
            }
        }
    }

    #[track_caller]
    fn check(&self, found: &BTreeSet<u64>, when: &str) {
        let lost: Vec<_> = self.acknowledged.difference(found).collect();
        assert!(lost.is_empty(), "{when}: lost {lost:?}");
        let invented: Vec<_> = found.difference(&self.sent).collect();
        assert!(invented.is_empty(), "{when}: never sent {invented:?}");
    }
}

/// Requests alone and in groups, segment rolls, flushes, segment deletion, a restart in the middle.
/// Goes on after failures, as clients do, and ends without a shutdown.
async fn script(machine: &Machine) -> Ledger {
    let mut ledger = Ledger::default();
    if let Ok((_engine, intake)) = machine.open().await {
        ledger.send(&intake, 1, 100).await;
        ledger.send(&intake, 3, 700).await;
        let _ = intake.flush().await;
        ledger.send(&intake, 1, 6000).await;
        ledger.send(&intake, 1, 6000).await;
        ledger.send(&intake, 2, 3000).await;
        let _ = intake.flush().await;
        ledger.send(&intake, 1, 100).await;
        let _ = intake.shutdown().await;
    }
    if let Ok((_engine, intake)) = machine.open().await {
        ledger.send(&intake, 1, 5000).await;
        ledger.send(&intake, 1, 5000).await;
        ledger.send(&intake, 3, 2000).await;
        let _ = intake.flush().await;
        ledger.send(&intake, 1, 100).await;
    }
    ledger
}

/// Starts after a power cut, looks, loses power again, and looks again.
async fn check_recovery(machine: &Machine, ledger: &Ledger, when: &str) {
    let opened = machine.open().await;
    let (engine, intake) = opened.unwrap_or_else(|e| panic!("{when}: {e}"));
    let first = visible(&engine).await;
    ledger.check(&first, when);
    assert_eq!(intake.status().corrupt_bytes, 0, "{when}");
    let machine = machine.after_power_cut(Loss::Everything);
    let (engine, intake) = machine.open().await.unwrap_or_else(|e| panic!("{when}: {e}"));
    assert_eq!(visible(&engine).await, first, "{when}: the second start differs");
    send(&intake, 1_000_000, 1, 0).await.unwrap_or_else(|e| panic!("{when}: {e}"));
    intake.flush().await.unwrap_or_else(|e| panic!("{when}: {e}"));
    let after = visible(&engine).await;
    assert_eq!(after.len(), first.len() + 1, "{when}: a flush changes what is there");
}

/// Scenario: the power is cut at every step of a run, and unsynced changes are lost, kept, or
/// survive sector by sector.
/// Guarantees: the next start succeeds; every acknowledged span is there once, and none that was
/// never sent; the start after that finds the same.
#[tokio::test(flavor = "multi_thread")]
async fn at_every_step() {
    let whole = Machine::new();
    let ledger = script(&whole).await;
    assert_eq!(ledger.acknowledged, ledger.sent, "nothing fails without a fault");
    let steps = whole.disk.steps();
    assert!(steps > 70, "the script has {steps} steps");
    let runs = (1..=steps).map(|step| tokio::spawn(cut_at(step)));
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap();
    }
}

async fn cut_at(step: u64) {
    let machine = Machine::new();
    machine.disk.cut_power_at(step);
    let ledger = script(&machine).await;
    // One kind at each step: neighbours differ by one change, and random ones come twice.
    let loss = match step % 4 {
        0 => Loss::Nothing,
        1 => Loss::Everything,
        _ => Loss::Some(step),
    };
    let when = format!("power cut at step {step}, {loss:?} lost");
    check_recovery(&machine.after_power_cut(loss), &ledger, &when).await;
}

/// Scenario: the power is cut at every step of a start that has a torn log to repair.
/// Guarantees: the start after that one finds every acknowledged span, once.
#[tokio::test(flavor = "multi_thread")]
async fn at_every_step_of_a_start() {
    let machine = Machine::new();
    let (_engine, intake) = machine.open().await.unwrap();
    let mut ledger = Ledger::default();
    ledger.send(&intake, 1, 9000).await;
    ledger.send(&intake, 1, 9000).await;
    intake.flush().await.unwrap();
    ledger.send(&intake, 1, 9000).await;
    ledger.send(&intake, 2, 1000).await;
    machine.disk.cut_power_at(machine.disk.steps() + 1);
    ledger.send(&intake, 1, 3000).await;
    let torn = machine.after_power_cut(Loss::Some(5));
    for step in 1.. {
        let machine = torn.after_power_cut(Loss::Nothing);
        machine.disk.cut_power_at(step);
        let opened = machine.open().await;
        if !machine.disk.is_cut() {
            assert!(step > 5, "a start has {step} steps");
            break;
        }
        drop(opened);
        for loss in [Loss::Everything, Loss::Some(step), Loss::Nothing] {
            let when = format!("power cut at step {step} of a start, {loss:?} lost");
            check_recovery(&machine.after_power_cut(loss), &ledger, &when).await;
        }
    }
}

/// Scenario: the first process on a machine is killed at every step of its start, the next one accepts
/// requests, and the power is cut.
/// Guarantees: they are there; what the first one made and did not sync takes nothing with it.
#[tokio::test(flavor = "multi_thread")]
async fn at_every_step_of_the_first_start() {
    for step in 1.. {
        let machine = Machine::new();
        machine.disk.cut_power_at(step);
        let opened = machine.open().await;
        if !machine.disk.is_cut() {
            assert!(step > 8, "a first start has {step} steps");
            break;
        }
        drop(opened);
        let machine = machine.after_power_cut(Loss::Nothing);
        let (_engine, intake) = machine.open().await.unwrap();
        let mut ledger = Ledger::default();
        ledger.send(&intake, 2, 100).await;
        assert_eq!(ledger.acknowledged, ledger.sent);
        let when = format!("killed at step {step} of the first start");
        check_recovery(&machine.after_power_cut(Loss::Everything), &ledger, &when).await;
    }
}

/// Scenario: a sync fails once, and the system then shows bytes that the disk does not have.
/// Guarantees: the request gets no success, nor does any later one; what was acknowledged before
/// can be flushed; the next start writes the log again, so that a power cut after it loses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_is_final() {
    let machine = Machine::new();
    let (engine, intake) = machine.open().await.unwrap();
    let mut ledger = Ledger::default();
    ledger.send(&intake, 2, 100).await;
    machine.disk.fail_syncs(1);
    for first in [100, 200] {
        let answer = send(&intake, first, 1, 100).await;
        assert!(matches!(answer, Err(IntakeError::Failed { .. })), "{answer:?}");
        assert!(answer.unwrap_err().retry_after().is_some());
    }
    assert!(matches!(intake.status().condition, Condition::Failed(_)));
    assert_eq!(visible(&engine).await, ledger.sent, "queries go on");
    drop((engine, intake));
    let kept = machine.after_power_cut(Loss::Everything);
    check_recovery(&kept, &ledger, "power cut after the failed sync").await;

    // The process starts again without a power cut: the unsynced request is still shown.
    let machine = Machine { disk: unlocked(&machine), ..machine };
    let (engine, _intake) = machine.open().await.unwrap();
    ledger.sent.insert(100);
    let shown = visible(&engine).await;
    ledger.check(&shown, "after a restart");
    let (engine, _intake) = machine.after_power_cut(Loss::Everything).open().await.unwrap();
    assert_eq!(visible(&engine).await, shown, "what was shown once stays");
}

/// The same disk, for a process that starts when the one before has ended.
fn unlocked(machine: &Machine) -> SimDisk {
    machine.disk.unlock(&machine.live.wal_dir.join("lock"));
    machine.disk.clone()
}

/// Scenario: the disk of the log fills up, with and without reserved room, and is cleared again.
/// Guarantees: requests are refused with a time to come back and leave nothing behind; they
/// succeed when there is room; nothing acknowledged is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_passes() {
    for can_allocate in [true, false] {
        let machine = Machine::new();
        if !can_allocate {
            machine.disk.forbid_allocation();
        }
        machine.disk.set_capacity(Some(50 << 10));
        let (engine, intake) = machine.open().await.unwrap();
        let mut ledger = Ledger::default();
        for _ in 0..20 {
            ledger.send(&intake, 1, 4000).await;
        }
        assert!(ledger.acknowledged.len() < ledger.sent.len(), "the disk was full");
        assert!(matches!(intake.status().condition, Condition::NoSpace(_)));
        let answer = send(&intake, 5000, 1, 4000).await;
        assert!(matches!(answer, Err(IntakeError::NoSpace { .. })), "{answer:?}");
        assert_eq!(visible(&engine).await, ledger.acknowledged);
        let cut = machine.after_power_cut(Loss::Some(1));
        if let Err(error) = cut.open().await {
            assert!(matches!(error, Error::Disk { .. }), "there is no room to start: {error:?}");
        }
        let cut = cut.after_power_cut(Loss::Everything);
        cut.disk.set_capacity(None);
        check_recovery(&cut, &ledger, "cut while full").await;
        machine.disk.set_capacity(None);
        ledger.send(&intake, 2, 4000).await;
        assert_eq!(intake.status().condition, Condition::Ready);
        assert_eq!(visible(&engine).await, ledger.acknowledged);
        check_recovery(&machine.after_power_cut(Loss::Everything), &ledger, "cut later").await;
    }
}

/// Scenario: the system stores only a few bytes per call.
/// Guarantees: the rest is written by further calls.
#[tokio::test(flavor = "multi_thread")]
async fn short_writes_are_continued() {
    let machine = Machine::new();
    machine.disk.set_largest_write(Some(100));
    let (_engine, intake) = machine.open().await.unwrap();
    let mut ledger = Ledger::default();
    ledger.send(&intake, 3, 1000).await;
    assert_eq!(ledger.acknowledged, ledger.sent);
    check_recovery(&machine.after_power_cut(Loss::Everything), &ledger, "short writes").await;
}

/// Where the records of a segment begin.
const RECORDS: usize = 16 << 10;

/// A machine that was killed with six requests in two segments: four and two.
async fn killed_with_two_segments() -> (Machine, Ledger) {
    let machine = Machine::new();
    let (_engine, intake) = machine.open().await.unwrap();
    let mut ledger = Ledger::default();
    for _ in 0..6 {
        ledger.send(&intake, 1, 4000).await;
    }
    let machine = machine.after_power_cut(Loss::Everything);
    assert_eq!(machine.segments().len(), 2);
    (machine, ledger)
}

/// Scenario: bytes at the end of the last segment were being written when the power went.
/// Guarantees: they are dropped and counted; what was synced before is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_is_dropped_and_counted() {
    let (machine, ledger) = killed_with_two_segments().await;
    let last = machine.segments().pop().unwrap();
    machine
        .disk
        .damage(&last, |bytes| {
            let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
            bytes[end + 1..end + 20].fill(0xab);
        })
        .unwrap();
    let (engine, intake) = machine.open().await.unwrap();
    assert_eq!(visible(&engine).await, ledger.acknowledged);
    assert_eq!(intake.status().torn_bytes, 19);
    let (engine, intake) = machine.after_power_cut(Loss::Everything).open().await.unwrap();
    assert_eq!(visible(&engine).await, ledger.acknowledged);
    assert_eq!(intake.status().torn_bytes, 0, "counted once");
}

/// Scenario: a bit flips in a record that has others behind it: in the last segment and in an
/// earlier one; or in a header; or a whole segment is gone.
/// Guarantees: the start is refused, with file and offset; under quarantine it goes on with
/// everything else, keeps the damaged file and counts it, and the next start has nothing to add.
#[tokio::test(flavor = "multi_thread")]
async fn damage_is_refused_or_set_aside() {
    type Damage = fn(&SimDisk, &[std::path::PathBuf]);
    let cases: [(&str, Damage, usize, u64); 5] = [
        (
            "a body in the first segment",
            |disk, paths| flip_at(disk, &paths[0], RECORDS + 900),
            0,
            3,
        ),
        (
            "a length in the first segment",
            |disk, paths| flip_at(disk, &paths[0], RECORDS + 2),
            0,
            3,
        ),
        ("a body in the last segment", |disk, paths| flip_at(disk, &paths[1], RECORDS + 900), 1, 3),
        ("the header of the first segment", |disk, paths| flip_at(disk, &paths[0], 30), 0, 12),
        ("the header of the last segment", |disk, paths| flip_at(disk, &paths[1], 30), 1, 6),
    ];
    for (what, damage, file, lost) in cases {
        let (mut machine, ledger) = killed_with_two_segments().await;
        let segments = machine.segments();
        damage(&machine.disk, &segments);
        let error = machine.open().await.expect_err(what);
        assert!(matches!(error, Error::DamagedLog { .. }), "{what}: {error:?}");
        let name = segments[file].display().to_string();
        assert!(error.to_string().contains(&name), "{what}: {error}");
        machine = machine.after_power_cut(Loss::Everything);
        machine.live.on_corruption = OnCorruption::Quarantine;
        let (engine, intake) = machine.open().await.unwrap_or_else(|e| panic!("{what}: {e}"));
        let found = visible(&engine).await;
        assert_eq!(found.len() as u64, ledger.sent.len() as u64 - lost, "{what}");
        assert!(found.is_subset(&ledger.sent), "{what}");
        assert!(intake.status().corrupt_bytes > 0, "{what}");
        let aside = segments[file].with_extension("wal.corrupt");
        assert!(machine.disk.read(&aside).is_ok(), "{what}: the file is kept");
        send(&intake, 500, 1, 0).await.unwrap();
        machine = machine.after_power_cut(Loss::Everything);
        machine.live.on_corruption = OnCorruption::Refuse;
        let (engine, intake) = machine.open().await.unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(visible(&engine).await.len(), found.len() + 1, "{what}");
        intake.flush().await.unwrap();
        assert_eq!(visible(&engine).await.len(), found.len() + 1, "{what}");
    }
}

fn flip_at(disk: &SimDisk, path: &Path, at: usize) {
    disk.damage(path, |bytes| bytes[at] ^= 4).unwrap();
}

/// Scenario: a segment is deleted behind our back, and foreign files lie in the folder.
/// Guarantees: the gap is refused by name; foreign files are left alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_segment_is_noticed() {
    let (mut machine, ledger) = killed_with_two_segments().await;
    let foreign = machine.live.wal_dir.join("notes.txt");
    machine.disk.create_new(&foreign).unwrap();
    let (engine, intake) = machine.open().await.unwrap();
    assert_eq!(visible(&engine).await, ledger.acknowledged);
    drop((engine, intake));
    machine = machine.after_power_cut(Loss::Nothing);
    assert!(machine.disk.read(&foreign).is_ok());
    let segments = machine.segments();
    machine.disk.remove(&segments[0]).unwrap();
    let error = machine.open().await.expect_err("a gap");
    assert!(error.to_string().contains("missing before it"), "{error}");
    assert!(error.to_string().contains(segments[1].to_str().unwrap()), "{error}");
    machine = machine.after_power_cut(Loss::Nothing);
    machine.live.on_corruption = OnCorruption::Quarantine;
    let (engine, _intake) = machine.open().await.unwrap();
    assert_eq!(visible(&engine).await.len(), 6);
}

/// Scenario: the process dies right after a flush was committed, before its segments are deleted,
/// and an attempt to commit that got no answer turns out to have succeeded.
/// Guarantees: what the table holds is not read back, and not flushed again.
#[tokio::test(flavor = "multi_thread")]
async fn a_committed_flush_is_not_repeated() {
    let machine = Machine::new();
    let (engine, intake) = machine.open().await.unwrap();
    let mut ledger = Ledger::default();
    ledger.send(&intake, 2, 5000).await;
    // The log as it is before the flush, with the table as it is after it.
    let disk = machine.disk.after_power_cut(Loss::Everything);
    machine.store.lose_answers(true);
    assert!(intake.flush().await.is_err(), "the answer is lost");
    assert_eq!(intake.status().memtable_rows, 6, "nobody knows");
    machine.store.lose_answers(false);
    machine.store.set_puts_fail(false);
    assert_eq!(visible(&engine).await, ledger.sent);
    let killed = Machine { store: machine.store.after_power_cut(&disk), disk, ..machine.clone() };
    let (restarted, again) = killed.open().await.unwrap();
    assert_eq!(again.status().replayed_records, 0);
    assert_eq!(visible(&restarted).await, ledger.sent);
    intake.flush().await.unwrap();
    assert_eq!(visible(&engine).await, ledger.sent);
    assert_eq!(intake.status().memtable_rows, 0);
}

/// Scenario: a process starts from the log of another one that was thought dead and flushes once more.
/// Guarantees: each span is there once in every query of both; the new process flushes the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_of_a_dead_process_is_noticed() {
    let machine = Machine::new();
    let (_old_engine, old) = machine.open().await.unwrap();
    let mut ledger = Ledger::default();
    ledger.send(&old, 1, 100).await;
    ledger.send(&old, 1, 100).await;
    let disk = machine.disk.after_power_cut(Loss::Everything);
    let store = machine.store.shared_by(&disk);
    let (engine, new) = Machine { disk, store, ..machine }.open().await.unwrap();
    ledger.send(&new, 2, 100).await;
    assert_eq!(old.flush().await.unwrap().spans, 6);
    assert_eq!(visible(&engine).await, ledger.sent);
    assert_eq!(new.flush().await.unwrap().spans, 6, "only what the table does not have");
    assert_eq!(visible(&engine).await, ledger.sent);
}

/// Scenario: the power is cut at every step of a put into a lake on local disk.
/// Guarantees: a put that was acknowledged is whole; one that was not is whole or absent, and a
/// name that exists is never replaced by a conditional put.
#[tokio::test(flavor = "multi_thread")]
async fn puts_are_durable() {
    let folder = tempfile::tempdir().unwrap();
    let local = || LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let key = Key::from("spans/_delta_log/0.json");
    let path = local().path_to_filesystem(&key).unwrap();
    let content = vec![7; 3000];
    for mode in [PutMode::Create, PutMode::Overwrite] {
        for step in 1.. {
            let disk = SimDisk::new();
            for folder in folder.path().ancestors().collect::<Vec<_>>().iter().rev().skip(1) {
                disk.create_dir(folder).unwrap();
                disk.sync_dir(folder.parent().unwrap()).unwrap();
            }
            disk.cut_power_at(disk.steps() + step);
            let store = DurablePuts::new(local(), Arc::new(SimFiles(disk.clone())));
            let options = PutOptions::from(mode.clone());
            let put = store.put_opts(&key, content.clone().into(), options).await;
            assert_eq!(put.is_err(), disk.is_cut());
            for loss in [Loss::Everything, Loss::Nothing, Loss::Some(step), Loss::Some(step * 7)] {
                match disk.after_power_cut(loss).read(&path) {
                    Ok(found) => assert_eq!(found, content, "step {step}, {loss:?}"),
                    Err(error) => assert!(put.is_err(), "step {step}, {loss:?}: {error}"),
                }
            }
            if put.is_ok() {
                break;
            }
        }
    }
    let store = DurablePuts::new(local(), Arc::new(engine::LocalDisk));
    store.put(&key, content.clone().into()).await.unwrap();
    let again = store.put_opts(&key, vec![1].into(), PutMode::Create.into()).await;
    assert!(matches!(again, Err(object_store::Error::AlreadyExists { .. })), "{again:?}");
    assert_eq!(store.get(&key).await.unwrap().bytes().await.unwrap(), content);
}
