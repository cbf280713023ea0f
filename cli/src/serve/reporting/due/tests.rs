//! Weeks that are due, also after a night in which nobody was there.

use super::{ReportSettings, Schedule};

fn due(cron: &str, time_zone: &str, now: &str) -> Option<String> {
    let settings = ReportSettings {
        cron: cron.into(),
        time_zone: time_zone.into(),
        ..ReportSettings::default()
    };
    Schedule::read(&settings).unwrap().unwrap().week_due(now.parse().unwrap())
}

#[test]
fn the_week_that_ended_last() {
    let tuesday = |now| due("0 7 * * TUE", "Europe/Berlin", now).unwrap();
    // Seven in Berlin is six in UTC in winter, and five in summer.
    assert_eq!(tuesday("2026-11-17T05:59:00Z"), "2026-W45");
    assert_eq!(tuesday("2026-11-17T06:00:00Z"), "2026-W46");
    assert_eq!(tuesday("2026-07-07T05:00:00Z"), "2026-W27");
    // Days later it is still that one, and the next Monday as well.
    assert_eq!(tuesday("2026-11-20T12:00:00Z"), "2026-W46");
    assert_eq!(tuesday("2026-11-23T23:00:00Z"), "2026-W46");
    // The turn of the year: 2026 has 53 weeks.
    assert_eq!(tuesday("2027-01-05T07:00:00Z"), "2026-W53");
}

#[test]
fn an_hour_that_the_clock_leaves_out_or_has_twice() {
    let at_half_past_two = |now| due("30 2 * * SUN", "Europe/Berlin", now);
    assert_eq!(at_half_past_two("2026-03-29T12:00:00Z").as_deref(), Some("2026-W12"));
    assert_eq!(at_half_past_two("2026-10-25T12:00:00Z").as_deref(), Some("2026-W42"));
}

#[test]
fn what_is_no_schedule() {
    assert!(Schedule::read(&ReportSettings::default()).unwrap().is_none());
    for (cron, zone, named) in [
        ("every tuesday", "UTC", "report.cron"),
        ("0 7 * * TUE", "Mars/Olympus", "report.time_zone"),
    ] {
        let settings = ReportSettings {
            cron: cron.into(),
            time_zone: zone.into(),
            ..ReportSettings::default()
        };
        let error = Schedule::read(&settings).unwrap_err().to_string();
        assert!(error.starts_with(named), "{error}");
    }
}
