//! Every warning is counted as itself; rejections are counted beyond those kept.

use super::{Rejection, Tally, WARNINGS, WarningSet};

#[test]
fn warnings_are_told_apart() {
    for (index, warning) in WARNINGS.into_iter().enumerate() {
        assert_eq!(warning as usize, index, "{warning}");
        let (mut set, mut tally) = (WarningSet::default(), Tally::default());
        set.add(warning);
        tally.warn(set);
        tally.warn(set);
        assert_eq!(tally.warnings.into_iter().collect::<Vec<_>>(), [(warning, 2)]);
    }
}

#[test]
fn all_rejections_are_counted_and_the_first_are_kept() {
    let mut tally = Tally::default();
    for offset in 0..250 {
        tally.reject(offset, Rejection::Depth { key: offset.to_string() });
    }
    assert_eq!((tally.rejected, tally.rejections.len()), (250, Tally::KEPT));
    assert_eq!(tally.rejected_by_reason["attribute nested deeper than 64 levels"], 250);
    assert_eq!(tally.rejections[99].1.to_string(), "attribute `99` nested deeper than 64 levels");
}
