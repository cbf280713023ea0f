//! Accepting when the system cannot.

use std::collections::VecDeque;

use super::*;

/// Scenario: (A18) accepting fails for want of file descriptors, then for one client, then works.
/// Guarantees: the first is outlasted, both are counted, the client is served.
#[tokio::test]
async fn a18_accepting_goes_on_after_errors() {
    const TOO_MANY_OPEN_FILES: i32 = 24;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::net::TcpStream::connect(address).unwrap();
    let mut results: VecDeque<io::Error> = (0..5)
        .map(|_| io::Error::from_raw_os_error(TOO_MANY_OPEN_FILES))
        .chain([io::ErrorKind::ConnectionAborted.into()])
        .collect();
    let stats = Stats::default();
    let listener = &listener;
    let next = || {
        let error = results.pop_front();
        async move {
            match error {
                Some(error) => Err(error),
                None => next(listener).await,
            }
        }
    };
    let accepted = accept(next, Duration::from_millis(1), &stats, &Seldom::default()).await;
    assert_eq!(accepted.peer_addr().unwrap(), client.local_addr().unwrap());
    assert_eq!(stats.snapshot().accept_errors, 6);
}
