//! Sketches as OTLP `ExponentialHistogramDataPoint`s, in protobuf.
//!
//! The buckets are the same, upper-inclusive; a data point counts in whole numbers, and does not
//! keep the few values that a sketch is exact for (semantics.md 3.3 and 3.5).

use prost::Message;

use super::buckets::{Buckets, MAX_INDEX, MIN_INDEX, shift_to};
use super::values::{Bucketed, Values};
use super::{MIN_SCALE, SCALE, Sketch, largest_remainder};

/// The fields of a data point that a sketch has. Times, attributes, exemplars and flags belong to
/// the metric.
#[derive(Clone, PartialEq, Message)]
struct DataPoint {
    #[prost(fixed64, tag = "4")]
    count: u64,
    #[prost(double, optional, tag = "5")]
    sum: Option<f64>,
    #[prost(sint32, tag = "6")]
    scale: i32,
    #[prost(fixed64, tag = "7")]
    zero_count: u64,
    #[prost(message, optional, tag = "8")]
    positive: Option<Range>,
    #[prost(message, optional, tag = "9")]
    negative: Option<Range>,
    #[prost(double, optional, tag = "12")]
    min: Option<f64>,
    #[prost(double, optional, tag = "13")]
    max: Option<f64>,
}

/// Counts of neighbouring buckets.
#[derive(Clone, PartialEq, Message)]
struct Range {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint64, repeated, tag = "2")]
    bucket_counts: Vec<u64>,
}

/// Why there is no data point, or no sketch.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// The bytes are no data point.
    Protobuf(prost::DecodeError),
    /// The scale is out of range.
    Scale(i32),
    /// `count` is not that of the buckets: given, counted.
    Count(u64, u128),
    /// A bucket of that scale and index holds no `f64`.
    Index(i32, i64),
    /// `min` or `max` is NaN, or `min` is above `max`.
    Ends(f64, f64),
    /// More observations than a data point can count.
    TooMany(f64),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Protobuf(error) => {
                write!(f, "the bytes are no OTLP ExponentialHistogramDataPoint: {error}")
            }
            Self::Scale(scale) => {
                write!(f, "scale {scale} is not from {MIN_SCALE} to {FINEST}, as OTLP has it")
            }
            Self::Count(given, counted) => {
                write!(f, "count is {given}, but the buckets hold {counted}")
            }
            Self::Index(scale, index) => {
                write!(f, "bucket {index} of scale {scale} lies beyond all doubles")
            }
            Self::Ends(min, max) => write!(f, "min {min} and max {max} are no range"),
            Self::TooMany(count) => {
                write!(f, "{count} observations are more than a data point can count, 2^64 - 1")
            }
        }
    }
}

impl std::error::Error for Error {}

/// The finest scale of OTLP; ours are coarser, and are had by shifting.
const FINEST: i32 = 20;

/// A sketch as a data point of its scale.
///
/// Counts are rounded by largest remainder, which keeps the rounded sum. `sum` is left out if some
/// value is negative, as OTLP asks for, and like `min` and `max` if unknown.
///
/// # Errors
///
/// [`Error::TooMany`] only.
pub fn encode(sketch: &Sketch) -> Result<Vec<u8>, Error> {
    let spilled;
    let bucketed = match &sketch.values {
        Values::Exact(exact) => {
            spilled = exact.bucketed(sketch.scale);
            &spilled
        }
        Values::Bucketed(bucketed) => bucketed,
    };
    let (positive, above) = dense(&bucketed.positive);
    let (negative, below) = dense(&bucketed.negative);
    let counts = [[bucketed.zero].as_slice(), &above, &below].concat();
    let too_many = || Error::TooMany(sketch.count());
    let mut counts = largest_remainder::round(&counts).ok_or_else(too_many)?.into_iter();
    let has_negative = !below.is_empty();
    let point = DataPoint {
        count: counts.as_slice().iter().sum(),
        sum: Some(sketch.sum()).filter(|sum| !sum.is_nan() && !has_negative),
        scale: sketch.scale.into(),
        zero_count: counts.next().unwrap_or(0),
        positive: positive.map(|offset| Range {
            offset,
            bucket_counts: counts.by_ref().take(above.len()).collect(),
        }),
        negative: negative.map(|offset| Range { offset, bucket_counts: counts.collect() }),
        min: sketch.min(),
        max: sketch.max(),
    };
    Ok(point.encode_to_vec())
}

/// The first index and all counts from there on.
fn dense(buckets: &Buckets) -> (Option<i32>, Vec<f64>) {
    let mut counts = Vec::new();
    let Some((first, _)) = buckets.iter().next() else { return (None, counts) };
    for (index, count) in buckets.iter() {
        // Indexes lie within the range of `f64`: 140,000 counts at most.
        counts.resize(index.abs_diff(first) as usize, 0.0);
        counts.push(count);
    }
    (Some(first), counts)
}

/// A data point as a sketch; empty if the point is.
///
/// Scales above [`SCALE`] are lowered to it; lower ones stay, with their larger error. Values that
/// the point counts as zero, because they are within its `zero_threshold`, are zero. Of a point
/// without `sum`, `min` or `max` these are unknown.
///
/// # Errors
///
/// If the bytes are no data point, or contradict themselves.
pub fn decode(bytes: &[u8]) -> Result<Sketch, Error> {
    let point = DataPoint::decode(bytes).map_err(Error::Protobuf)?;
    if !(i32::from(MIN_SCALE)..=FINEST).contains(&point.scale) {
        return Err(Error::Scale(point.scale));
    }
    let ranges = [point.positive.unwrap_or_default(), point.negative.unwrap_or_default()];
    let in_buckets = ranges.iter().flat_map(|range| &range.bucket_counts);
    let counted = in_buckets.map(|count| u128::from(*count)).sum::<u128>();
    let counted = counted + u128::from(point.zero_count);
    if counted != u128::from(point.count) {
        return Err(Error::Count(point.count, counted));
    }
    if counted == 0 {
        return Ok(Sketch::default());
    }
    let (min, max) = (point.min.unwrap_or(f64::NEG_INFINITY), point.max.unwrap_or(f64::INFINITY));
    if min > max || min.is_nan() || max.is_nan() {
        return Err(Error::Ends(min, max));
    }
    let [positive, negative] = ranges;
    let bucketed = Bucketed {
        count: point.count as f64,
        sum: point.sum.unwrap_or(f64::NAN),
        is_light: false,
        zero: point.zero_count as f64,
        positive: buckets(point.scale, &positive)?,
        negative: buckets(point.scale, &negative)?,
    };
    // In range: checked above.
    let scale = i8::try_from(point.scale).unwrap_or(SCALE).min(SCALE);
    Ok(Sketch {
        min: point.min.unwrap_or(f64::NAN),
        max: point.max.unwrap_or(f64::NAN),
        scale,
        values: Values::Bucketed(Box::new(bucketed)),
    })
}

fn buckets(scale: i32, range: &Range) -> Result<Buckets, Error> {
    let finer = (scale - i32::from(SCALE)).max(0);
    let shift = shift_to(i8::try_from(scale).unwrap_or(SCALE).min(SCALE));
    let bounds = i64::from(MIN_INDEX >> shift)..=i64::from(MAX_INDEX >> shift);
    let mut buckets = Buckets::default();
    for (index, count) in (i64::from(range.offset)..).zip(&range.bucket_counts) {
        if *count > 0 {
            let at = index >> finer;
            let at = Some(at).filter(|at| bounds.contains(at)).and_then(|at| at.try_into().ok());
            buckets.add(at.ok_or(Error::Index(scale, index))?, *count as f64);
        }
    }
    Ok(buckets)
}

#[cfg(test)]
mod tests;
