//! Queues, clocks and caps.

use tonic::Code;

use super::*;

fn settings(running: usize, waiting: usize, wait: u64) -> Settings {
    Settings {
        concurrent_queries: running,
        queued_queries: waiting,
        queue_wait_seconds: wait,
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let gate = Gate::new(&settings(1, 0, 1_000));
    let permit = gate.enter().await.unwrap();
    assert_eq!(gate.enter().await.unwrap_err().code(), Code::ResourceExhausted);
    drop(permit);
    assert!(gate.enter().await.is_ok());
}

#[tokio::test]
async fn waiting_ends() {
    let gate = Gate::new(&settings(1, 1, 0));
    let _permit = gate.enter().await.unwrap();
    assert_eq!(gate.enter().await.unwrap_err().code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn a_turn_passes_on() {
    let gate = Arc::new(Gate::new(&settings(1, 1, 1_000)));
    let first = gate.enter().await.unwrap();
    let next = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { gate.enter().await.map(drop) }
    });
    drop(first);
    next.await.unwrap().unwrap();
}

#[tokio::test]
async fn computing_takes_from_the_time() {
    let mut time = ComputeTime::new(Duration::from_secs(1_000));
    assert_eq!(time.spend(async { 7 }).await.unwrap(), 7);
    time.spend(tokio::task::yield_now()).await.unwrap();
    assert!(time.left < time.allowed && time.left > Duration::from_secs(900), "{time:?}");
    time.left = Duration::ZERO;
    let late = time.spend(std::future::pending::<()>()).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert!(late.message().contains("1000 s"), "{late:?}");
}

#[test]
fn results_are_capped() {
    let settings = Settings { max_result_rows: 10, max_result_bytes: 100, ..Settings::default() };
    let mut size = ResultSize::new(&settings);
    size.add(10, 50).unwrap();
    let error = size.add(1, 1).unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert!(error.message().contains("more than 10 rows"), "{error:?}");

    let mut size = ResultSize::new(&settings);
    let error = size.add(1, 101).unwrap_err();
    assert!(error.message().contains("more than 100 bytes"), "{error:?}");
}
