//! Every outcome has a counter of its own.

use super::*;

#[test]
fn each_reason_is_counted_by_its_name() {
    let stats = Stats::default();
    for (index, reason) in Reason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, index, "{reason:?} is out of order");
        stats.refused(Protocol::Grpc, reason);
        assert_eq!(stats.snapshot().requests_that_were(reason.label()), 1, "{reason:?}");
    }
    stats.accepted(Protocol::Http, Success::Partial);
    stats.accepted(Protocol::Http, Success::Full);
    let snapshot = stats.snapshot();
    assert!(snapshot.requests.contains(&(Protocol::Http, "ok", 1)));
    assert!(snapshot.requests.contains(&(Protocol::Http, "partial", 1)));
    assert!(snapshot.requests.contains(&(Protocol::Grpc, "ok", 0)));
}
