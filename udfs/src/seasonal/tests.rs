//! Against reference numbers, and on made-up weeks.

use super::{Calendar, Expected, Rate, Source, Spread, rates, values};

const HOURLY: Calendar = Calendar { week: 168, day: 24, hour: 1, weeks: 6, frozen: None };

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-4, "{found}, not {expected}");
}

/// T6.1, T6.3.
#[test]
fn median_and_deviation() {
    let spread = |values: &[f64]| Spread::of(&mut values.to_vec()).unwrap();
    let of = spread(&[120.0, 118.0, 125.0, 122.0, 119.0, 121.0, 124.0, 123.0]);
    assert_near(of.median, 121.5);
    for (value, score) in [(130.0, 2.8666), (140.0, 6.2391), (180.0, 19.7291)] {
        assert_near((value - of.median) / of.deviation, score);
    }
    let of = spread(&[210.0, 205.0, 220.0, 198.0, 215.0, 212.0]);
    assert_near(of.median, 211.0);
    for (value, score) in [(230.0, 2.563), (250.0, 5.261), (300.0, 12.006)] {
        assert!(((value - of.median) / of.deviation - score).abs() < 6e-4);
    }
    assert!(Spread::of(&mut []).is_none());
}

/// T6.2: more than half are equal.
#[test]
fn mean_deviation_where_the_median_one_is_zero() {
    let mut values = vec![10.0; 7];
    values.push(100.0);
    let of = Spread::of(&mut values).unwrap();
    assert_near(of.median, 10.0);
    assert_near((100.0 - of.median) / of.deviation, 6.38308);
    let of = Spread::of(&mut [7.0; 4]).unwrap();
    assert_eq!((of.median, of.deviation), (7.0, 0.0));
}

/// Weeks of a day that goes up and down, without noise.
fn wave(buckets: std::ops::Range<i64>) -> (Vec<i64>, Vec<Option<f64>>) {
    let value = |hour: i64| 100.0 + 50.0 * (hour as f64 * std::f64::consts::TAU / 24.0).sin();
    let buckets: Vec<i64> = buckets.collect();
    let values = buckets.iter().map(|hour| Some(value(*hour))).collect();
    (buckets, values)
}

fn of(expected: &[Option<Expected>], at: usize) -> Expected {
    expected[at].expect("an expectation")
}

#[test]
fn an_hour_is_expected_to_be_as_it_was() {
    let (buckets, series) = wave(0..4 * 168);
    let expected = values(&buckets, &series, &HOURLY);
    for (at, value) in series.iter().enumerate().take(4 * 168 - 1).skip(3 * 168 + 1) {
        let expected = of(&expected, at);
        assert_eq!((expected.source, expected.points), (Source::HourOfWeek, 6));
        // The mean of neighbours is within the curvature.
        assert!((expected.value / value.unwrap() - 1.0).abs() < 0.03, "{at}: {expected:?}");
    }
    // Nothing is known of the first hours, then of the last day, then of the week before.
    assert_eq!(expected[11], None);
    assert_eq!(of(&expected, 12).source, Source::LastDay);
    assert_eq!(of(&expected, 200).source, Source::LastDay);
    assert_eq!(of(&expected, 2 * 168).points, 4);
    assert_eq!(of(&expected, 2 * 168 - 24).source, Source::LastDay);
}

#[test]
fn what_was_unusual_does_not_count() {
    let (buckets, mut series) = wave(0..4 * 168);
    for (week, at) in [(1, 40), (2, 40), (2, 41)] {
        series[week * 168 + at] = Some(5_000.0);
    }
    let expected = values(&buckets, &series, &HOURLY);
    let found = of(&expected, 3 * 168 + 40);
    let usual = series[3 * 168 + 40].unwrap();
    assert!((found.value / usual - 1.0).abs() < 0.05, "{found:?}, not {usual}");
    assert!(found.deviation.unwrap() < 0.05 * usual, "{found:?}");
    assert!(found.points < 6);
}

#[test]
fn a_trend_is_followed_and_bounded_and_can_be_frozen() {
    let (buckets, mut series) = wave(0..4 * 168);
    for value in &mut series[3 * 168..] {
        *value = value.map(|value| value * 1.3);
    }
    let usual = |at: usize| series[at].unwrap() / 1.3;
    let expected = values(&buckets, &series, &HOURLY);
    let found = of(&expected, 3 * 168 + 2);
    assert!((found.value / usual(3 * 168 + 2) - 1.0).abs() < 0.05, "after two hours: {found:?}");
    let found = of(&expected, 3 * 168 + 30);
    assert!((found.value / usual(3 * 168 + 30) - 1.3).abs() < 0.05, "after a day: {found:?}");
    let frozen = Calendar { frozen: Some(3 * 168 + 1), ..HOURLY };
    let found = of(&values(&buckets, &series, &frozen), 3 * 168 + 30);
    assert!((found.value / usual(3 * 168 + 30) - 1.0).abs() < 0.05, "frozen: {found:?}");
    for value in &mut series[3 * 168..] {
        *value = value.map(|value| value * 10.0);
    }
    let found = of(&values(&buckets, &series, &HOURLY), 3 * 168 + 30);
    assert!((found.value / (series[3 * 168 + 30].unwrap() / 13.0) - 2.0).abs() < 0.1, "{found:?}");
}

#[test]
fn gaps_and_single_values() {
    assert!(values(&[], &[], &HOURLY).is_empty());
    assert_eq!(values(&[7], &[Some(1.0)], &HOURLY), [None]);
    assert_eq!(values(&[7, 8], &[None, None], &HOURLY), [None, None]);
    // Twelve values within the last hours do not reach back for half a day of five-minute buckets.
    let short = Calendar { week: 2016, day: 288, hour: 12, weeks: 6, frozen: None };
    let buckets: Vec<i64> = (0..200).collect();
    let expected = values(&buckets, &vec![Some(5.0); 200], &short);
    assert_eq!(expected.iter().position(Option::is_some), Some(144));
    // Times before 1970 are times.
    let buckets: Vec<i64> = (-700..-1).collect();
    let expected = values(&buckets, &vec![Some(5.0); 699], &HOURLY);
    assert_eq!(of(&expected, 698).value, 5.0);
}

#[test]
fn rates_of_the_same_hours_without_what_was_unusual() {
    let buckets: Vec<i64> = (0..4 * 168).collect();
    let mut series = vec![Some(Rate { errors: 1.0, calls: 100.0 }); buckets.len()];
    let expected = rates(&buckets, &series, &HOURLY);
    // 9 hours of 3 weeks: (9 + 0.5) / (900 + 1).
    assert_near(of(&expected, 3 * 168 + 40).value, 9.5 / 901.0);
    assert_eq!(of(&expected, 3 * 168 + 40).points, 9);
    series[2 * 168 + 40] = Some(Rate { errors: 60.0, calls: 100.0 });
    series[2 * 168 + 41] = Some(Rate { errors: 60.0, calls: 100.0 });
    let expected = rates(&buckets, &series, &HOURLY);
    assert_eq!(of(&expected, 3 * 168 + 40).points, 7);
    assert_near(of(&expected, 3 * 168 + 40).value, 7.5 / 701.0);
    assert_eq!(expected[11], None);
    assert_eq!(of(&expected, 12).source, Source::LastDay);
}

#[test]
fn few_calls_without_errors_are_no_promise() {
    let buckets: Vec<i64> = (0..4 * 168).collect();
    let rate = |hour: &i64| {
        let quiet = hour % 24 == 3;
        Some(Rate { errors: f64::from(u8::from(!quiet)) * 2.0, calls: 100.0 })
    };
    let series: Vec<_> = buckets.iter().map(rate).collect();
    let found = of(&rates(&buckets, &series, &HOURLY), 3 * 168 + 3);
    assert!(found.value > 0.015, "{found:?}");
}

#[test]
fn what_happens_on_most_days_is_usual() {
    // Every day at another hour, a job; nothing else.
    let at = |day: i64, hour: i64| hour == day * 7 % 24;
    let value = |bucket: &i64| if at(bucket / 24, bucket % 24) { 40.0 } else { 0.0 };
    let buckets: Vec<i64> = (0..4 * 168).collect();
    let mut series: Vec<_> = buckets.iter().map(|bucket| Some(value(bucket))).collect();
    let deviation = |series: &[Option<f64>]| {
        of(&values(&buckets, series, &HOURLY), 4 * 168 - 1).typical_deviation.unwrap()
    };
    assert_near(deviation(&series), 40.0 / 3.5);
    // Two days of something else, a twelfth of all, do not count.
    for value in &mut series[600..648] {
        *value = Some(9_000.0);
    }
    assert_near(deviation(&series), 40.0 / 3.5);
    // Of a few days, nothing is said.
    let few: Vec<i64> = (0..240).collect();
    let expected = values(&few, &series[..240], &HOURLY);
    assert_eq!(of(&expected, 239).typical_deviation, None);
}
