//! The reports from outside: a lake in memory, the report of one week, and the same
//! computed again by other means.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod it {
    mod lake;
    mod oracle;
    mod skew;
    mod tuesday;
    mod week;
}
