//! Reading the log back: more than fits into memory, and what does not decode.

use std::collections::BTreeSet;

use engine::{Error, OnCorruption, Payload};
use testing::Loss;

use crate::it::numbered_spans::{Machine, payload, send, spans, visible};

/// A machine that was killed with thirty requests in several segments, and may now hold little in memory.
async fn killed_with_a_long_log() -> (Machine, BTreeSet<u64>) {
    let mut machine = Machine::new();
    let (_engine, intake) = machine.open().await.unwrap();
    for request in 0..30 {
        send(&intake, request * 10, 10, 2000).await.unwrap();
    }
    machine = machine.after_power_cut(Loss::Everything);
    assert!(machine.segments().len() > 3, "{:?}", machine.segments());
    machine.live.memtable_flush_bytes = 1;
    (machine, (0..300).collect())
}

/// Scenario: the log holds more than memory may.
/// Guarantees: the start flushes what it has read, segment by segment, and all is there once.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_flushed_while_it_is_read() {
    let (mut machine, sent) = killed_with_a_long_log().await;
    let (engine, intake) = machine.open().await.unwrap();
    let status = intake.status();
    assert_eq!(status.replayed_records, 30);
    assert_eq!((status.committed_seq, status.memtable_rows), (30, 0));
    assert_eq!(visible(&engine).await, sent);
    assert!(engine.snapshot().await.unwrap().version > 3, "more than one flush");
    intake.flush().await.unwrap();
    assert_eq!(machine.segments().len(), 0, "the log may forget what was flushed");
    // What comes now stays in the log: no flush is quicker than the power cut.
    drop((engine, intake));
    machine.live.memtable_flush_bytes = u64::MAX;
    let (_engine, intake) = machine.open().await.unwrap();
    send(&intake, 300, 10, 0).await.unwrap();
    let (engine, intake) = machine.after_power_cut(Loss::Everything).open().await.unwrap();
    assert_eq!(intake.status().replayed_records, 1);
    assert_eq!(visible(&engine).await, (0..310).collect());
}

/// Scenario: the power is cut while a start flushes what it reads.
/// Guarantees: the next start finds all of it, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_flushes_can_be_cut_off() {
    let (long, sent) = killed_with_a_long_log().await;
    for step in (1..).step_by(3) {
        let machine = long.after_power_cut(Loss::Nothing);
        machine.disk.cut_power_at(step);
        drop(machine.open().await);
        let is_cut = machine.disk.is_cut();
        for loss in [Loss::Everything, Loss::Some(step)] {
            let machine = machine.after_power_cut(loss);
            let (engine, _intake) = machine.open().await.unwrap();
            assert_eq!(visible(&engine).await, sent, "cut at step {step}, {loss:?} lost");
        }
        if !is_cut {
            assert!(step > 20, "it has {step} steps");
            break;
        }
    }
}

/// Scenario: a record of the log has a valid checksum and does not decode.
/// Guarantees: the start is refused by file and offset; under quarantine everything else is there, the
/// file is kept, and once it is flushed the next start is as any other.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_does_not_decode_is_damage() {
    let mut machine = Machine::new();
    let (_engine, intake) = machine.open().await.unwrap();
    send(&intake, 0, 10, 0).await.unwrap();
    let strange = Payload { bytes: "strange".into(), ..payload(10, 10, 0) };
    intake.append(strange, vec![spans(10, 10)]).await.unwrap();
    send(&intake, 20, 10, 0).await.unwrap();
    machine = machine.after_power_cut(Loss::Everything);
    let segment = machine.segments().remove(0);
    let error = machine.open().await.expect_err("it does not decode");
    assert!(matches!(error, Error::DamagedLog { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("does not decode: not two numbers: strange"), "{text}");
    assert!(text.contains(segment.to_str().unwrap()) && !text.contains("at byte 0:"), "{text}");

    machine = machine.after_power_cut(Loss::Everything);
    machine.live.on_corruption = OnCorruption::Quarantine;
    let (engine, intake) = machine.open().await.unwrap();
    let others: BTreeSet<u64> = (0..10).chain(20..30).collect();
    assert_eq!(visible(&engine).await, others);
    assert_eq!(intake.status().corrupt_bytes, "strange".len() as u64);
    assert!(machine.disk.read(&segment.with_extension("wal.corrupt")).is_ok(), "it is kept");
    intake.flush().await.unwrap();
    machine = machine.after_power_cut(Loss::Everything);
    machine.live.on_corruption = OnCorruption::Refuse;
    let (engine, _intake) = machine.open().await.unwrap();
    assert_eq!(visible(&engine).await, others);
}

/// Scenario: it is the last record that does not decode, so no flush ever goes beyond it.
/// Guarantees: quarantine is needed once; after it the start is as any other, with what is flushed
/// and what is still in the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_last_record_that_does_not_decode_is_met_once() {
    let mut machine = Machine::new();
    let (_engine, intake) = machine.open().await.unwrap();
    send(&intake, 0, 10, 0).await.unwrap();
    let strange = Payload { bytes: "strange".into(), ..payload(10, 10, 0) };
    intake.append(strange, vec![spans(10, 10)]).await.unwrap();
    machine = machine.after_power_cut(Loss::Everything);
    machine.open().await.expect_err("it does not decode");

    machine = machine.after_power_cut(Loss::Everything);
    machine.live.on_corruption = OnCorruption::Quarantine;
    drop(machine.open().await.unwrap());
    for flush in [false, true] {
        machine = machine.after_power_cut(Loss::Everything);
        machine.live.on_corruption = OnCorruption::Refuse;
        let (engine, intake) = machine.open().await.unwrap();
        assert_eq!(visible(&engine).await, (0..10).collect());
        assert_eq!(intake.status().corrupt_bytes, 0);
        if flush {
            intake.flush().await.unwrap();
        }
    }
    machine = machine.after_power_cut(Loss::Everything);
    let (engine, intake) = machine.open().await.unwrap();
    send(&intake, 20, 10, 0).await.unwrap();
    assert_eq!(visible(&engine).await, (0..10).chain(20..30).collect());
}
