//! The live write path from outside: what an answer promises, and what a query sees.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{
    CompactSettings, Condition, Engine, Error, IntakeError, LiveSettings, Location, Settings,
};
use testing::Loss;

use crate::it::fixtures::rows;
use crate::it::numbered_spans::{Machine, Numbered, payload, send, spans, visible};

fn numbers(end: u64) -> BTreeSet<u64> {
    (0..end).collect()
}

/// Scenario: a request is accepted, and the next statement is a query; then it is flushed.
/// Guarantees: the query sees the spans before and after the flush, once.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_is_visible() {
    let (engine, intake) = Machine::new().open().await.unwrap();
    for round in 0..3 {
        send(&intake, round * 10, 10, 0).await.unwrap();
        assert_eq!(visible(&engine).await, numbers(round * 10 + 10));
        if round == 1 {
            assert_eq!(intake.flush().await.unwrap().spans, 20);
            assert_eq!(visible(&engine).await, numbers(20));
        }
    }
    let session = engine.session().await.unwrap();
    assert_eq!(rows(&session, "SELECT count(*) FROM spans").await, [["30"]]);
    let traces = rows(&session, "SELECT count(*), max(span_count) FROM traces").await;
    assert_eq!(traces, [["8", "4"]], "trees join what is in files and in memory");
    let status = intake.status();
    assert_eq!((status.logged_spans, status.flushed_spans, status.memtable_rows), (30, 20, 10));
    assert_eq!((status.logged_seq, status.committed_seq), (3, 2));
    assert_eq!(status.condition, Condition::Ready);
    assert_eq!(intake.flush().await.unwrap().spans, 10);
    assert_eq!(intake.flush().await.unwrap().version, None, "nothing more to flush");
}

/// Scenario: a tree query over assembled files is planned, then rows come to memory.
/// Guarantees: stored tree columns are read; with fresh rows trees are computed, for these, without a sort.
#[tokio::test(flavor = "multi_thread")]
async fn only_fresh_rows_have_trees_computed() {
    let (engine, intake) = Machine::new().open().await.unwrap();
    send(&intake, 0, 40, 0).await.unwrap();
    intake.flush().await.unwrap();
    engine.assemble(&CompactSettings::default().at_once()).await.unwrap();
    let plan = async || {
        let session = engine.session().await.unwrap();
        let plan = rows(&session, "EXPLAIN FORMAT INDENT SELECT span_id, depth FROM spans").await;
        plan.iter().find(|row| row[0] == "physical_plan").unwrap()[1].clone()
    };
    let assembled = plan().await;
    assert!(!assembled.contains("SpanTreeExec") && assembled.contains(".parquet"), "{assembled}");
    send(&intake, 40, 10, 0).await.unwrap();
    let mixed = plan().await;
    let (trees, files) = (mixed.find("SpanTreeExec").unwrap(), mixed.find(".parquet").unwrap());
    assert!(files < trees && mixed.matches("SpanTreeExec").count() == 1, "{mixed}");
    assert!(!mixed.contains("WindowAggExec") && !mixed.contains("SortExec"), "{mixed}");
}

/// Scenario: predicates, limits and counts over files and memory.
/// Guarantees: a filter holds for the rows in memory too, and statistics count both.
#[tokio::test(flavor = "multi_thread")]
async fn filters_see_memory() {
    let (engine, intake) = Machine::new().open().await.unwrap();
    send(&intake, 0, 100, 0).await.unwrap();
    intake.flush().await.unwrap();
    send(&intake, 100, 100, 0).await.unwrap();
    send(&intake, 200, 100, 0).await.unwrap();
    let session = engine.session().await.unwrap();
    for (sql, expected) in [
        ("SELECT count(*) FROM spans", "300"),
        ("SELECT count(*) FROM spans WHERE duration_ns BETWEEN 90 AND 209", "120"),
        ("SELECT max(duration_ns) - min(duration_ns) FROM spans", "299"),
        ("SELECT count(*) FROM (SELECT * FROM spans LIMIT 250)", "250"),
        ("SELECT count(*) FROM spans WHERE span_id = '00000000000000fb'", "1"),
        ("SELECT sum(child_count) FROM spans WHERE is_root", "75"),
        (
            "SELECT count(*) FROM storage.spans WHERE start_time_unix_nano >= 1794182400000250000",
            "50",
        ),
        ("SELECT count(DISTINCT trace_id) FROM spans WHERE http_route IS NULL", "75"),
    ] {
        assert_eq!(rows(&session, sql).await, [[expected]], "{sql}");
    }
}

/// Scenario: the process is killed with spans in the log, twice, and then flushes.
/// Guarantees: each acknowledged span is there once, after every start.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing() {
    let mut machine = Machine::new();
    for start in 0..4 {
        let (engine, intake) = machine.open().await.unwrap();
        assert_eq!(visible(&engine).await, numbers(start * 20));
        send(&intake, start * 20, 5, 100).await.unwrap();
        send(&intake, start * 20 + 5, 15, 100).await.unwrap();
        if start == 2 {
            intake.flush().await.unwrap();
        }
        machine = machine.after_power_cut(Loss::Everything);
    }
}

/// Scenario: a shutdown, and the next start.
/// Guarantees: everything is in the lake, nothing more is accepted, and there is nothing to read back.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_leaves_nothing_behind() {
    let machine = Machine::new();
    let (_, intake) = machine.open().await.unwrap();
    send(&intake, 0, 10, 0).await.unwrap();
    assert_eq!(intake.shutdown().await.unwrap().spans, 10);
    assert_eq!(send(&intake, 10, 1, 0).await, Err(IntakeError::Closed));
    assert_eq!(intake.status().condition, Condition::Closed);
    let (engine, intake) = machine.open().await.unwrap();
    assert_eq!(intake.status().replayed_records, 0);
    assert_eq!(machine.segments().len(), 0);
    send(&intake, 10, 10, 0).await.unwrap();
    assert_eq!(visible(&engine).await, numbers(20), "numbers go on behind the flushed records");
    intake.flush().await.unwrap();
    assert_eq!(visible(&engine).await, numbers(20));
}

/// Scenario: many requests at once, flushed while they come, with small segments.
/// Guarantees: all are there once; syncs are shared; flushed segments are deleted.
#[tokio::test(flavor = "multi_thread")]
async fn requests_share_syncs_and_segments_go() {
    let machine = Machine::new();
    let (engine, intake) = machine.open().await.unwrap();
    for round in 0..5 {
        let sent = (0..20).map(|i| send(&intake, round * 100 + i * 5, 5, 1000));
        for result in futures::future::join_all(sent).await {
            result.unwrap();
        }
        intake.flush().await.unwrap();
    }
    assert_eq!(visible(&engine).await, numbers(500));
    intake.shutdown().await.unwrap();
    let status = intake.status();
    assert_eq!(status.logged_requests, 100);
    assert!(status.wal_syncs.count < 100, "{:?}", status.wal_syncs);
    assert!(machine.segments().len() <= 2, "{:?}", machine.segments());
}

/// Scenario: readers query while requests are accepted and flushed.
/// Guarantees: a reader sees each span at most once, every span that was acknowledged before its
/// query, and none that was not sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_each_span_once_during_flushes() {
    const REQUESTS: u64 = 60;
    const EACH: u64 = 7;
    let (engine, intake) = Machine::new().open().await.unwrap();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let sent = Arc::new(AtomicU64::new(0));
    let writer = {
        let (intake, acknowledged, sent) =
            (intake.clone(), Arc::clone(&acknowledged), Arc::clone(&sent));
        tokio::spawn(async move {
            for request in 0..REQUESTS {
                sent.store((request + 1) * EACH, Ordering::SeqCst);
                send(&intake, request * EACH, EACH, 0).await.unwrap();
                acknowledged.store((request + 1) * EACH, Ordering::SeqCst);
            }
        })
    };
    let flusher = {
        let (intake, acknowledged) = (intake.clone(), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            while acknowledged.load(Ordering::SeqCst) < REQUESTS * EACH {
                intake.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    };
    let readers = (0..2).map(|_| {
        let (engine, acknowledged, sent) =
            (engine.clone(), Arc::clone(&acknowledged), Arc::clone(&sent));
        tokio::spawn(async move {
            loop {
                let before = acknowledged.load(Ordering::SeqCst);
                let seen = visible(&engine).await.len() as u64;
                let after = sent.load(Ordering::SeqCst);
                assert!(before <= seen && seen <= after, "{before} <= {seen} <= {after}");
                if before == REQUESTS * EACH {
                    return;
                }
            }
        })
    });
    for task in readers.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    writer.await.unwrap();
    flusher.await.unwrap();
}

/// Scenario: more flushes than fit between two checkpoints of the table log, then a kill.
/// Guarantees: the mark of the last flush is still found, so that nothing is read back twice.
#[tokio::test(flavor = "multi_thread")]
async fn marks_survive_checkpoints() {
    let machine = Machine::new();
    let (_engine, intake) = machine.open().await.unwrap();
    for request in 0..22 {
        send(&intake, request * 2, 2, 0).await.unwrap();
        intake.flush().await.unwrap();
    }
    send(&intake, 44, 2, 0).await.unwrap();
    let (engine, intake) = machine.after_power_cut(Loss::Everything).open().await.unwrap();
    assert_eq!(intake.status().replayed_records, 1);
    assert_eq!(visible(&engine).await, numbers(46));
}

/// Scenario: a second process opens the same log; then the first one ends.
/// Guarantees: the second one is told who has it, and can have it afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn one_process_per_log() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::parse(folder.path().join("lake").to_str().unwrap()).unwrap();
    let live = LiveSettings { wal_dir: folder.path().join("wal"), ..LiveSettings::default() };
    let open =
        || Engine::open_live(&location, Settings::default(), live.clone(), Arc::new(Numbered));
    let (_, intake) = open().await.unwrap();
    send(&intake, 0, 10, 0).await.unwrap();
    let error = open().await.expect_err("the log is in use");
    let holder = format!("in use by process {}", std::process::id());
    assert!(matches!(error, Error::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains(&holder), "{error}");
    intake.shutdown().await.unwrap();
    let (engine, intake) = open().await.unwrap();
    assert_eq!(visible(&engine).await, numbers(10));
    send(&intake, 10, 10, 0).await.unwrap();
    // Killed: the log stays as it is, and its thread ends with the last handle.
    drop((engine, intake));
}

/// Scenario: the log of one lake is opened with another lake.
/// Guarantees: it is refused, for its records would be taken for flushed or be stored twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_belongs_to_one_lake() {
    let machine = Machine::new();
    machine.open().await.unwrap().1.shutdown().await.unwrap();
    let other = Machine { disk: machine.disk.clone(), ..Machine::new() };
    let error = other.open().await.expect_err("another lake");
    assert!(matches!(error, Error::OtherLake { .. }), "{error:?}");
}

/// Scenario: more spans in memory, or more bytes in the log, than allowed while the store is down.
/// Guarantees: requests are refused as busy, queries go on, and all is well when the store is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_is_busy_until_a_flush() {
    let mut machine = Machine::new();
    machine.live.wal_max_bytes = 400 << 10;
    let (engine, intake) = machine.open().await.unwrap();
    machine.store.set_puts_fail(true);
    let mut accepted = 0;
    let error = loop {
        match send(&intake, accepted * 10, 10, 5000).await {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, IntakeError::Busy { .. }), "{error:?}");
    assert!(error.retry_after().is_some());
    assert!((20..=40).contains(&accepted), "{accepted}");
    assert_eq!(visible(&engine).await, numbers(accepted * 10));
    assert!(intake.flush().await.is_err());
    assert!(intake.status().flush_error.is_some());
    machine.store.set_puts_fail(false);
    intake.flush().await.unwrap();
    assert_eq!(intake.status().flush_error, None);
    let more = (0..5).map(|i| send(&intake, (accepted + i) * 10, 10, 5000));
    for result in futures::future::join_all(more).await {
        result.unwrap();
    }
    assert_eq!(visible(&engine).await, numbers((accepted + 5) * 10));
    let too_large = payload(0, 1, 330 << 10);
    let refused = intake.append(too_large, vec![spans(0, 1)]).await;
    assert!(matches!(refused, Err(IntakeError::Refused { .. })), "{refused:?}");
}
