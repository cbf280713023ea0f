//! What a series usually is at some time of the week (semantics.md 6.2 and 6.3).
//!
//! ```text
//! usual       which values are far from those of their hour of the week in all weeks: they do not count
//! expected    the median of that hour in the weeks before, else of the last 24 hours
//! trend       how the last 24 hours compare with what was expected of them: a factor
//! ```
//!
//! A series is a list of buckets, numbered by time, with a value each or none. Weeks and days are so
//! many buckets.

use std::collections::HashMap;
use std::ops::Range;

/// A deviation of this many times the typical one makes a value unusual (Iglewicz and Hoaglin).
const UNUSUAL: f64 = 3.5;
/// What differs less than this from the median is never unusual.
const LEAST_DEVIATION: f64 = 0.05;
/// `MAD / 0.6745` is the standard deviation of normal values.
const MAD_OF_NORMAL: f64 = 0.6745;
/// The same for the mean absolute deviation, where more than half of the values are equal.
const MEAN_DEVIATION_OF_NORMAL: f64 = 1.253314;
/// Fewer values say nothing of an hour of the week.
const LEAST_POINTS: usize = 4;
/// Fewer values say nothing of a day; they must reach back for half of it, too.
const LEAST_OF_A_DAY: usize = 12;
/// A trend is no more than this, up or down.
const LARGEST_TREND: f64 = 2.0;
/// What happens on more days than the rest of this share is usual, if not for its hour.
const USUAL_DAYS: f64 = 0.9;
/// Fewer days say nothing of what happens on most.
const LEAST_DAYS: usize = 14;
/// A rate of errors is unusual below this probability,
const IMPROBABLE: f64 = 1e-3;
/// and at least this much above the usual one.
const LEAST_RISE: f64 = 0.005;

/// How buckets make up days and weeks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calendar {
    /// Buckets per week.
    pub(crate) week: i64,
    /// Buckets per day.
    pub(crate) day: i64,
    /// Buckets per hour, at least 1: trends are worked out once an hour.
    pub(crate) hour: i64,
    /// How many weeks to look back.
    pub(crate) weeks: i64,
    /// The trend stays as it was before this bucket.
    pub(crate) frozen: Option<i64>,
}

/// Where an expectation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    HourOfWeek,
    LastDay,
}

/// What is expected of one bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Expected {
    pub(crate) value: f64,
    /// The standard deviation as the median absolute deviation has it; none for rates.
    pub(crate) deviation: Option<f64>,
    /// The same for the whole series: what its hours have, or what most days have at times.
    pub(crate) typical_deviation: Option<f64>,
    /// Of how many values it is.
    pub(crate) points: usize,
    pub(crate) source: Source,
}

/// The median of some values, and how far they lie from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    /// As a standard deviation.
    pub(crate) deviation: f64,
}

impl Spread {
    /// Of no values, none. Puts them in order.
    pub(crate) fn of(values: &mut [f64]) -> Option<Self> {
        let median = median(values)?;
        let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
        let mean = distances.iter().sum::<f64>() / distances.len() as f64;
        let mad = self::median(&mut distances)?;
        let deviation =
            if mad > 0.0 { mad / MAD_OF_NORMAL } else { mean * MEAN_DEVIATION_OF_NORMAL };
        Some(Self { median, deviation })
    }
}

/// The middle of some values, or of the two in the middle.
fn median(values: &mut [f64]) -> Option<f64> {
    let upper = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let odd = values.len() % 2 == 1;
    let (below, middle, _) = values.select_nth_unstable_by(upper, f64::total_cmp);
    let middle = *middle;
    if odd {
        return Some(middle);
    }
    below.iter().copied().max_by(f64::total_cmp).map(|lower| lower + (middle - lower) / 2.0)
}

/// Where the buckets from one number up to another lie.
fn between(buckets: &[i64], from: i64, to: i64) -> Range<usize> {
    buckets.partition_point(|bucket| *bucket < from)..buckets.partition_point(|bucket| *bucket < to)
}

/// The place of each bucket. Of several with one number, the last counts.
fn places(buckets: &[i64]) -> HashMap<i64, usize> {
    buckets.iter().enumerate().map(|(at, bucket)| (*bucket, at)).collect()
}

/// What is expected of each bucket of a series. Buckets ascend.
pub(crate) fn values(
    buckets: &[i64],
    values: &[Option<f64>],
    calendar: &Calendar,
) -> Vec<Option<Expected>> {
    let series = Series { buckets, values, calendar, places: places(buckets) };
    let Usual { usual, typical, of_days } = series.usual();
    let mut expected: Vec<Option<Expected>> =
        buckets.iter().map(|bucket| series.expected(*bucket, &usual)).collect();
    let trends = series.trends(&expected);
    for (expected, trend) in expected.iter_mut().zip(trends) {
        let Some(expected) = expected else { continue };
        if expected.source == Source::HourOfWeek {
            expected.value *= trend;
            expected.deviation = expected.deviation.map(|deviation| deviation * trend);
        }
        let typical = typical.map(|typical| typical * expected.value);
        expected.typical_deviation = typical.into_iter().chain(of_days).reduce(f64::max);
    }
    expected
}

/// What the whole series says.
struct Usual {
    /// Which values are usual.
    usual: Vec<bool>,
    /// How far values lie from their median, relative to it.
    typical: Option<f64>,
    /// A deviation of which the largest distance of most days is not unusual.
    of_days: Option<f64>,
}

struct Series<'a> {
    buckets: &'a [i64],
    values: &'a [Option<f64>],
    calendar: &'a Calendar,
    places: HashMap<i64, usize>,
}

impl Series<'_> {
    /// All weeks count here, also later ones: what happened once is not usual, whenever it did.
    fn usual(&self) -> Usual {
        let mut cells: HashMap<i64, Vec<f64>> = HashMap::new();
        for (bucket, value) in self.buckets.iter().zip(self.values) {
            let Some(value) = value else { continue };
            for near in -1..=1 {
                let cell = (bucket + near).rem_euclid(self.calendar.week);
                cells.entry(cell).or_default().push(*value);
            }
        }
        let medians: HashMap<i64, f64> = cells
            .into_iter()
            .filter(|(_, values)| values.len() >= LEAST_POINTS)
            .filter_map(|(cell, mut values)| Some((cell, median(&mut values)?)))
            .collect();
        let mut days: HashMap<i64, f64> = HashMap::new();
        let mut relative = Vec::new();
        let mut distances = Vec::with_capacity(self.buckets.len());
        for (bucket, value) in self.buckets.iter().zip(self.values) {
            let median = medians.get(&bucket.rem_euclid(self.calendar.week));
            let distance =
                median.zip(*value).map(|(median, value)| ((value - median).abs(), *median));
            distances.push(distance);
            let Some((distance, median)) = distance else { continue };
            let largest = days.entry(bucket.div_euclid(self.calendar.day)).or_default();
            *largest = largest.max(distance);
            if median > 0.0 {
                relative.push(distance / median);
            }
        }
        let typical = median(&mut relative).map(|typical| typical / MAD_OF_NORMAL);
        let mut days: Vec<f64> = days.into_values().collect();
        days.sort_by(f64::total_cmp);
        let most = (days.len() as f64 * USUAL_DAYS) as usize;
        let of_days = (days.len() >= LEAST_DAYS).then(|| days[most - 1] / UNUSUAL);
        let limit = UNUSUAL * typical.unwrap_or(0.0).max(LEAST_DEVIATION);
        let is_usual = |distance: &Option<(f64, f64)>| {
            distance.is_none_or(|(distance, median)| distance <= limit * median || median <= 0.0)
        };
        Usual { usual: distances.iter().map(is_usual).collect(), typical, of_days }
    }

    fn usual_value(&self, bucket: i64, usual: &[bool]) -> Option<f64> {
        let at = *self.places.get(&bucket)?;
        self.values[at].filter(|_| usual[at])
    }

    /// Without a trend.
    fn expected(&self, bucket: i64, usual: &[bool]) -> Option<Expected> {
        let mut points = Vec::new();
        for week in 1..=self.calendar.weeks {
            let same = bucket - week * self.calendar.week;
            points.extend(self.usual_value(same, usual));
            // The mean of its neighbours is about there too, also where values rise or fall all the time.
            let before = self.usual_value(same - 1, usual);
            let after = self.usual_value(same + 1, usual);
            match (before, after) {
                (Some(before), Some(after)) => points.push(before + (after - before) / 2.0),
                (one, other) => points.extend(one.or(other)),
            }
        }
        if points.len() >= LEAST_POINTS {
            return described(&mut points, Source::HourOfWeek);
        }
        let last = between(self.buckets, bucket - self.calendar.day, bucket);
        let oldest = last.clone().find(|at| self.values[*at].is_some())?;
        let mut day: Vec<f64> = last.filter_map(|at| self.values[at]).collect();
        let reaches = (bucket - self.buckets[oldest]) * 2 >= self.calendar.day;
        if day.len() < LEAST_OF_A_DAY || !reaches {
            return None;
        }
        described(&mut day, Source::LastDay)
    }

    /// The trend at each bucket.
    fn trends(&self, expected: &[Option<Expected>]) -> Vec<f64> {
        let mut known: HashMap<i64, f64> = HashMap::new();
        let mut trend_before = |end: i64| {
            *known.entry(end).or_insert_with(|| {
                let ratio = |at: usize| {
                    let expected = expected[at]?;
                    let seasonal = expected.source == Source::HourOfWeek && expected.value > 0.0;
                    seasonal.then_some(self.values[at]? / expected.value)
                };
                let day = between(self.buckets, end - self.calendar.day, end);
                let mut ratios: Vec<f64> = day.filter_map(ratio).collect();
                if ratios.len() < LEAST_OF_A_DAY {
                    return 1.0;
                }
                let trend = median(&mut ratios).unwrap_or(1.0);
                trend.clamp(1.0 / LARGEST_TREND, LARGEST_TREND)
            })
        };
        let ends = self.buckets.iter().map(|bucket| {
            let hour = bucket - bucket.rem_euclid(self.calendar.hour);
            self.calendar.frozen.map_or(hour, |frozen| hour.min(frozen))
        });
        ends.map(&mut trend_before).collect()
    }
}

fn described(points: &mut [f64], source: Source) -> Option<Expected> {
    let Spread { median, deviation } = Spread::of(points)?;
    Some(Expected {
        value: median,
        deviation: Some(deviation),
        typical_deviation: None,
        points: points.len(),
        source,
    })
}

/// Errors of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) errors: f64,
    pub(crate) calls: f64,
}

impl Rate {
    fn add(&mut self, other: Self) {
        self.errors += other.errors;
        self.calls += other.calls;
    }

    fn less(self, other: Self) -> Self {
        Self { errors: self.errors - other.errors, calls: self.calls - other.calls }
    }

    /// The rate behind it: never 0, as nothing can be told from no errors.
    fn smooth(self) -> f64 {
        ((self.errors.max(0.0) + 0.5) / (self.calls.max(0.0) + 1.0)).min(1.0)
    }

    /// Whether it is more than `rate` and chance explain.
    fn is_unusual(self, rate: f64) -> bool {
        self.calls > 0.0
            && self.errors / self.calls >= rate + rate.max(LEAST_RISE)
            && crate::chance::binomial_tail(self.errors as u64, self.calls as u64, rate)
                < IMPROBABLE
    }
}

/// What rate is expected of each bucket of a series of errors and calls. Buckets ascend.
///
/// It is that of all calls at the hour of the week, its neighbours included, but no less than that of
/// the whole series: few calls without an error do not make the next error a surprise.
pub(crate) fn rates(
    buckets: &[i64],
    rates: &[Option<Rate>],
    calendar: &Calendar,
) -> Vec<Option<Expected>> {
    let places = places(buckets);
    let rate = |bucket: i64| places.get(&bucket).and_then(|at| rates[*at]);
    let near = |bucket: i64| {
        let mut sum = Rate::default();
        (-1..=1).filter_map(|near| rate(bucket + near)).for_each(|rate| sum.add(rate));
        sum
    };
    let mut cells: HashMap<i64, Rate> = HashMap::new();
    for bucket in buckets {
        cells.entry(bucket.rem_euclid(calendar.week)).or_default().add(near(*bucket));
    }
    // Against the other weeks: what happened once would make itself usual.
    let is_usual = |bucket: &i64| {
        let cell = cells.get(&bucket.rem_euclid(calendar.week)).copied().unwrap_or_default();
        let others = cell.less(near(*bucket));
        let unusual = rate(*bucket).is_some_and(|rate| rate.is_unusual(others.smooth()));
        others.calls <= 0.0 || !unusual
    };
    let usual: Vec<bool> = buckets.iter().map(is_usual).collect();
    let usual_rate = |bucket: i64| {
        let at = *places.get(&bucket)?;
        rates[at].filter(|_| usual[at])
    };
    let mut whole = Rate::default();
    buckets.iter().filter_map(|bucket| usual_rate(*bucket)).for_each(|rate| whole.add(rate));
    let pooled = |at: &mut dyn Iterator<Item = i64>| {
        let mut sum = Rate::default();
        let mut points = 0;
        for rate in at.filter_map(usual_rate) {
            sum.add(rate);
            points += 1;
        }
        (sum, points)
    };
    let expected = |bucket: &i64| {
        let weeks = 1..=calendar.weeks;
        let mut same =
            weeks.flat_map(|week| (-1..=1).map(move |near| bucket - week * calendar.week + near));
        let (sum, points) = pooled(&mut same);
        if points >= LEAST_POINTS {
            return Some((sum, points, Source::HourOfWeek));
        }
        let day = between(buckets, bucket - calendar.day, *bucket);
        let (sum, points) = pooled(&mut day.map(|at| buckets[at]));
        (points >= LEAST_OF_A_DAY).then_some((sum, points, Source::LastDay))
    };
    let described = |at: usize| {
        let (sum, points, source) = expected(&buckets[at])?;
        // Without itself: it must not make itself usual.
        let own = rates[at].filter(|_| usual[at]).unwrap_or_default();
        let value = sum.smooth().max(whole.less(own).smooth());
        Some(Expected { value, deviation: None, typical_deviation: None, points, source })
    };
    (0..buckets.len()).map(described).collect()
}

#[cfg(test)]
mod tests;
