//! When a flush is due, and when after a failure.

use std::time::Duration;

use super::{next_pause, until_due};
use crate::settings::LiveSettings;
use crate::write::memtable::MemtableSize;

/// Scenario: memory is empty, has young rows, rows of the age to flush and older, or many bytes; or
/// requests are being refused.
/// Guarantees: a flush is due by age, by size and under pressure, and never without rows.
#[test]
fn a_flush_is_due_by_age_by_size_and_under_pressure() {
    let settings = LiveSettings {
        flush_age_ms: 10_000,
        memtable_flush_bytes: 1000,
        ..LiveSettings::default()
    };
    let ms = Duration::from_millis;
    for (bytes, age, is_pressed, expected) in [
        (0, None, false, ms(10_000)),
        (0, None, true, ms(10_000)),
        (999, Some(ms(0)), false, ms(10_000)),
        (999, Some(ms(9_999)), false, ms(1)),
        (1, Some(ms(10_000)), false, ms(0)),
        (1, Some(ms(60_000)), false, ms(0)),
        (1000, Some(ms(0)), false, ms(0)),
        (1, Some(ms(0)), true, ms(0)),
    ] {
        let size = MemtableSize { bytes, rows: bytes, age };
        assert_eq!(until_due(&size, is_pressed, &settings), expected, "{size:?}, {is_pressed}");
    }
}

/// Scenario: flushes fail again and again.
/// Guarantees: each pause is twice the one before, up to half a minute.
#[test]
fn pauses_grow_up_to_a_limit() {
    let pauses =
        std::iter::successors(Some(next_pause(None)), |last| Some(next_pause(Some(*last))));
    let pauses: Vec<u128> = pauses.take(10).map(|pause| pause.as_millis()).collect();
    assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
}
