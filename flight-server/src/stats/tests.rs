//! What is counted.

use super::*;

#[test]
fn queries_are_counted_by_outcome() {
    let stats = Arc::new(Stats::default());
    let _running = Counted::begin(&stats);
    Counted::begin(&stats).end(&Ok(()));
    Counted::begin(&stats).end::<()>(&Err(Status::deadline_exceeded("late")));
    drop(Counted::begin(&stats));
    let counts = stats.snapshot();
    assert_eq!(counts.running, 1);
    assert_eq!(
        counts.ended,
        BTreeMap::from([("cancelled", 1), ("deadline_exceeded", 1), ("ok", 1)])
    );
    assert_eq!(counts.buckets.iter().sum::<u64>(), 3);
}
