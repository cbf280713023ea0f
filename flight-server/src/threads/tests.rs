//! Which threads a query gets.

use std::sync::mpsc;
use std::thread::ThreadId;

use super::{Compute, IdleThreads};

async fn thread(compute: &Compute) -> ThreadId {
    compute.run(async { Ok(std::thread::current().id()) }).await.expect("the work is done")
}

/// Scenario: one query after the other, and two at the same time.
/// Guarantees: the threads of the one serve the next; nobody shares them.
#[tokio::test]
async fn threads_serve_the_next_query() {
    let idle = IdleThreads::default();
    let (threads, compute) = idle.take(1).unwrap();
    let first = thread(&compute).await;
    let (other, other_compute) = idle.take(1).unwrap();
    assert_ne!(thread(&other_compute).await, first);
    drop(other);
    while !compute.is_idle() {
        tokio::task::yield_now().await;
    }
    idle.give(threads);
    let (_threads, compute) = idle.take(1).unwrap();
    assert_eq!(thread(&compute).await, first);
}

/// Scenario: a query came to its end, and something of it computes on without giving way.
/// Guarantees: the next query has other threads.
#[tokio::test]
async fn busy_threads_are_left() {
    let idle = IdleThreads::default();
    let (threads, compute) = idle.take(1).unwrap();
    let (end, ended) = mpsc::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel();
    compute.0.spawn(async move {
        begin.send(std::thread::current().id()).ok();
        ended.recv().ok();
    });
    let busy = begun.await.unwrap();
    idle.give(threads);
    let (_threads, compute) = idle.take(1).unwrap();
    assert_ne!(thread(&compute).await, busy);
    drop(end);
}
