//! Tests of `settings`.

use super::*;

#[test]
fn the_default_week_is_2026_w46() {
    let settings = Settings::default();
    assert_eq!(settings.start.to_rfc3339(), "2026-11-09T00:00:00+00:00");
    let (start, end) = settings.range_ns().unwrap();
    assert_eq!(end - start, 7 * DAY_NS);
}

#[test]
fn impossible_settings_are_named() {
    let check = |settings: Settings, part: &str| {
        let message = settings.range_ns().unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    };
    let default = Settings::default();
    check(Settings { spans: 999, ..default }, "999 spans");
    check(Settings { days: 0, ..default }, "0 days");
    check(Settings { days: 367, ..default }, "367 days");
    check(Settings { start: DateTime::<Utc>::MIN_UTC, ..default }, "outside 1970");
    check(Settings { start: DateTime::from_timestamp(-1, 0).unwrap(), ..default }, "outside 1970");
}
