//! Weeks and ranges: which are accepted, and what the refusals say.

use super::Range;

fn bounds(text: &str) -> (String, String) {
    let range = Range::week(text).unwrap();
    (range.from().to_rfc3339(), range.to().to_rfc3339())
}

fn refusal(text: &str) -> String {
    Range::week(text).unwrap_err().to_string()
}

#[test]
fn a_week_runs_from_monday_to_monday() {
    let (from, to) = bounds("2026-W46");
    assert_eq!(from, "2026-11-09T00:00:00+00:00");
    assert_eq!(to, "2026-11-16T00:00:00+00:00");
    assert_eq!(bounds("2026-w46"), bounds("2026-W46"));
    assert_eq!(bounds("2026-W5"), bounds("2026-W05"));
}

#[test]
fn the_first_week_may_begin_in_the_year_before() {
    assert_eq!(bounds("2026-W01").0, "2025-12-29T00:00:00+00:00");
}

#[test]
fn some_years_have_a_week_53() {
    // Years whose 1 January, or 31 December, is a Thursday.
    for year in ["2015", "2020", "2026", "2032"] {
        assert!(Range::week(&format!("{year}-W53")).is_ok(), "{year}");
    }
    assert_eq!(bounds("2026-W53").1, "2027-01-04T00:00:00+00:00");
    assert_eq!(
        refusal("2025-W53"),
        "`2025-W53` is not a week: 2025 has the weeks 1 to 52; write an ISO week such as 2026-W46"
    );
}

#[test]
fn what_is_no_week_is_refused_with_the_reason() {
    assert!(refusal("2026-W54").contains("2026 has the weeks 1 to 53"));
    assert!(refusal("2026-W00").contains("2026 has the weeks 1 to 53"));
    for text in ["", "46", "2026-46", "2026W46", "W46", "2026-W", "2026-W046", "2026-W+1", "last"] {
        assert!(refusal(text).contains("it is not a year, `-W` and a week"), "{text}");
    }
    assert!(refusal("9999-W01").contains("only the years 1678 to 2261"));
}

#[test]
fn a_range_takes_dates_and_times() {
    let days = Range::between("2026-11-09", "2026-11-16").unwrap();
    assert_eq!(days.from(), Range::week("2026-W46").unwrap().from());
    let zone =
        Range::between("2026-11-09T02:00:00+02:00", "2026-11-09T00:00:00.000000001Z").unwrap();
    assert_eq!(zone.from(), days.from());
    assert_eq!((zone.to() - zone.from()).num_nanoseconds(), Some(1));
}

#[test]
fn a_range_must_have_a_start_before_its_end() {
    let refusal = |from, to| Range::between(from, to).unwrap_err().to_string();
    assert!(refusal("2026-11-09", "2026-11-09").contains("the end is not after the start"));
    assert!(refusal("2026-11-10", "2026-11-09").contains("the end is not after the start"));
    assert!(refusal("yesterday", "2026-11-09").contains("neither a date nor an RFC 3339 time"));
    assert!(refusal("2026-11-09T00:00:00", "2026-11-10").contains("with its zone"));
}

#[test]
fn the_week_before_a_tuesday_is_the_last_full_one() {
    let tuesday = "2026-11-17T09:00:00Z".parse().unwrap();
    assert_eq!(Range::week_before(tuesday).unwrap(), Range::week("2026-W46").unwrap());
    let monday = "2026-11-16T00:00:00Z".parse().unwrap();
    assert_eq!(Range::week_before(monday).unwrap(), Range::week("2026-W46").unwrap());
}

#[test]
fn a_range_says_what_it_is() {
    assert_eq!(
        Range::week("2026-W46").unwrap().to_string(),
        "2026-W46 (2026-11-09 to 2026-11-16 UTC)"
    );
    let range = Range::between("2026-11-09T08:00:00Z", "2026-11-10").unwrap();
    assert_eq!(range.to_string(), "2026-11-09 08:00:00 to 2026-11-10 UTC");
}

#[test]
fn a_range_round_trips_through_json() {
    for range in [
        Range::week("2026-W46").unwrap(),
        Range::between("2026-11-09T08:00:00.123456789Z", "2026-11-10").unwrap(),
    ] {
        let text = serde_json::to_string(&range).unwrap();
        assert_eq!(serde_json::from_str::<Range>(&text).unwrap(), range, "{text}");
    }
}

#[test]
fn the_range_before() {
    let week = Range::week("2026-W01").unwrap();
    assert_eq!(week.before().unwrap(), Range::week("2025-W52").unwrap());
    let hours = Range::between("2026-11-10T06:00:00Z", "2026-11-10T09:00:00Z").unwrap();
    let before = Range::between("2026-11-10T03:00:00Z", "2026-11-10T06:00:00Z").unwrap();
    assert_eq!(hours.before().unwrap(), before);
    assert!(Range::between("1678-01-01", "1690-01-01").unwrap().before().is_none());
}
