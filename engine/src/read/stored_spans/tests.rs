//! Which start times a query can see, by its filters.

use std::ops::RangeInclusive;

use datafusion::logical_expr::{Expr, col, lit};

use super::wanted_starts;

const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

fn start() -> Expr {
    col("start_time_unix_nano")
}

#[test]
fn each_comparison_bounds_its_side() {
    // A bound that is left out of the filter may stay: a file more is read, none too few.
    let cases = [
        (start().gt(lit(5_i64)), 5..=i64::MAX),
        (start().gt_eq(lit(5_i64)), 5..=i64::MAX),
        (start().lt(lit(5_i64)), i64::MIN..=5),
        (start().lt_eq(lit(5_i64)), i64::MIN..=5),
        (start().eq(lit(5_i64)), 5..=5),
        (lit(5_i64).lt(start()), 5..=i64::MAX),
        (lit(5_i64).gt_eq(start()), i64::MIN..=5),
        (lit(5_i64).eq(start()), 5..=5),
        (start().between(lit(2_i64), lit(7_i64)), 2..=7),
        (start().between(lit(2_i64), col("end_time_unix_nano")), 2..=i64::MAX),
    ];
    for (filter, expected) in cases {
        assert_eq!(wanted_starts(std::slice::from_ref(&filter)), expected, "{filter}");
    }
}

#[test]
fn filters_narrow_each_other() {
    let filters = [
        start().gt_eq(lit(2_i64)),
        start().gt(lit(3_i64)),
        start().between(lit(1_i64), lit(9_i64)),
        start().lt(lit(8_i64)),
    ];
    assert_eq!(wanted_starts(&filters), 3..=8);
}

#[test]
fn other_filters_let_everything_through() {
    let filters = [
        start().not_eq(lit(5_i64)),
        start().not_between(lit(2_i64), lit(7_i64)),
        start().gt(col("end_time_unix_nano")),
        start().gt(lit(5.0)),
        col("end_time_unix_nano").lt(lit(5_i64)),
        start().lt(lit(5_i64)).or(start().gt(lit(9_i64))),
    ];
    for filter in filters {
        assert_eq!(wanted_starts(std::slice::from_ref(&filter)), ALL, "{filter}");
    }
    assert_eq!(wanted_starts(&[]), ALL);
}
