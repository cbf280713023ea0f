//! Flushes that nobody asks for: by size, by age, under pressure, and again after failures.

use std::time::{Duration, Instant};

use engine::{Condition, IntakeError};

use crate::it::numbered_spans::{Machine, send, until, visible};

/// Scenario: a request makes memory as large as a flush, or as old; or one is refused for want of room.
/// Guarantees: it is flushed without being asked for, and what was refused is accepted then.
#[tokio::test(flavor = "multi_thread")]
async fn flushes_start_by_themselves() {
    type Change = fn(&mut Machine);
    let cases: [(&str, Change); 3] = [
        ("size", |machine| machine.live.memtable_flush_bytes = 1),
        ("age", |machine| machine.live.flush_age_ms = 1),
        ("pressure", |machine| machine.live.memtable_max_bytes = 1),
    ];
    for (what, change) in cases {
        let mut machine = Machine::new();
        change(&mut machine);
        let (engine, intake) = machine.open().await.unwrap();
        send(&intake, 0, 10, 0).await.unwrap();
        if what == "pressure" {
            let refused = send(&intake, 10, 10, 0).await;
            assert!(matches!(refused, Err(IntakeError::Busy { .. })), "{refused:?}");
        }
        until(what, || intake.status().flushed_spans == 10).await;
        // Behind the flush, so that it has come to its end.
        intake.flush().await.unwrap();
        send(&intake, 10, 10, 0).await.unwrap();
        assert_eq!(visible(&engine).await, (0..20).collect(), "{what}");
    }
}

/// Scenario: the store is down while memory is full, and requests keep coming, each of which wakes the
/// loop that flushes; then the store is back.
/// Guarantees: the loop rests after each failure in spite of them, and flushes in the end by itself.
#[tokio::test(flavor = "multi_thread")]
async fn failed_flushes_are_tried_again_after_pauses() {
    let mut machine = Machine::new();
    machine.live.memtable_flush_bytes = 1;
    let (engine, intake) = machine.open().await.unwrap();
    machine.store.set_puts_fail(true);
    let started = Instant::now();
    let mut sent = 0;
    while intake.status().flush_failures < 2 {
        send(&intake, sent, 1, 0).await.unwrap();
        sent += 1;
    }
    // The first pause, whatever woke it.
    assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());
    let error = intake.status().flush_error.unwrap();
    assert!(error.contains("down"), "{error}");
    machine.store.set_puts_fail(false);
    until("all is flushed", || intake.status().flushed_spans == sent).await;
    assert_eq!(intake.status().flush_error, None);
    assert_eq!(visible(&engine).await, (0..sent).collect());
}

/// Scenario: the disk of the log is full, and is cleared while nobody sends anything.
/// Guarantees: the log notices, and says that it is ready; a request then succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn room_is_noticed_without_requests() {
    for can_allocate in [true, false] {
        let machine = Machine::new();
        if !can_allocate {
            machine.disk.forbid_allocation();
        }
        machine.disk.set_capacity(Some(40 << 10));
        let (engine, intake) = machine.open().await.unwrap();
        let mut sent = 0;
        while send(&intake, sent, 1, 4000).await.is_ok() {
            sent += 1;
        }
        assert!(matches!(intake.status().condition, Condition::NoSpace(_)));
        machine.disk.set_capacity(None);
        until("it is ready", || intake.status().condition == Condition::Ready).await;
        send(&intake, sent, 1, 4000).await.unwrap();
        assert_eq!(visible(&engine).await, (0..=sent).collect());
    }
}
