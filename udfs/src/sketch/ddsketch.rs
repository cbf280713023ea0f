//! Sketches as Datadog's `DDSketch`, in protobuf.
//!
//! A sketch of scale s is a DDSketch with `gamma = 2^(2^-s)`, `indexOffset = 0` and interpolation
//! NONE, with the same indexes as in Go and Java: bucket i is `[gamma^i, gamma^(i+1))`. Only values
//! exactly on a bound are counted one bucket lower here, which is within the error of either.
//!
//! The Python package `ddsketch` numbers buckets by their upper bound, one higher, and writes these
//! numbers unshifted: what it writes reads as too large by a factor of gamma in Go, in Java, and
//! here (semantics.md 3.2). Bytes do not tell; whoever has such bytes sets `indexOffset` to 1.

use std::collections::BTreeMap;

use prost::Message;

use super::buckets::{Buckets, MAX_INDEX, MIN_INDEX, base, shift_to};
use super::values::{Bucketed, Values};
use super::{MIN_SCALE, SCALE, Sketch};

#[derive(Clone, PartialEq, Message)]
struct DdSketch {
    #[prost(message, optional, tag = "1")]
    mapping: Option<IndexMapping>,
    #[prost(message, optional, tag = "2")]
    positive: Option<Store>,
    #[prost(message, optional, tag = "3")]
    negative: Option<Store>,
    #[prost(double, tag = "4")]
    zero_count: f64,
}

#[derive(Clone, PartialEq, Message)]
struct IndexMapping {
    #[prost(double, tag = "1")]
    gamma: f64,
    #[prost(double, tag = "2")]
    index_offset: f64,
    /// 0 is NONE; the others approximate the logarithm, and have other bounds.
    #[prost(int32, tag = "3")]
    interpolation: i32,
}

/// Both forms of counts; if both are there they add up.
#[derive(Clone, PartialEq, Message)]
struct Store {
    #[prost(btree_map = "sint32, double", tag = "1")]
    counts: BTreeMap<i32, f64>,
    #[prost(double, repeated, tag = "2")]
    contiguous: Vec<f64>,
    #[prost(sint32, tag = "3")]
    contiguous_offset: i32,
}

/// Why bytes are no sketch.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// The bytes are no DDSketch.
    Protobuf(prost::DecodeError),
    /// The buckets are others: gamma, index offset, interpolation.
    Mapping(f64, f64, i32),
    /// A count that is NaN, infinite or negative.
    Count(f64),
    /// A bucket of that index holds no `f64`.
    Index(i64),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Protobuf(error) => write!(f, "the bytes are no DDSketch: {error}"),
            Self::Mapping(gamma, offset, interpolation) => write!(
                f,
                "buckets with gamma {gamma}, indexOffset {offset} and interpolation \
                 {interpolation} are not buckets of a sketch; it takes gamma = 2^(2^-s) for a \
                 whole s from {MIN_SCALE} to {FINEST}, such as {}, a whole indexOffset, and \
                 interpolation 0 (NONE)",
                base(SCALE)
            ),
            Self::Count(count) => write!(f, "{count} is no count"),
            Self::Index(index) => write!(f, "bucket {index} lies beyond all doubles"),
        }
    }
}

impl std::error::Error for Error {}

/// The finest scale that is read, as for OTLP; ours are coarser, and are had by shifting.
const FINEST: i8 = 20;

/// How far two gammas of the same buckets may differ, relatively: what Go and Java allow.
const GAMMA_TOLERANCE: f64 = 1e-12;

/// A sketch as a DDSketch. It has no sum, no smallest and no largest value.
pub fn encode(sketch: &Sketch) -> Vec<u8> {
    let spilled;
    let bucketed = match &sketch.values {
        Values::Exact(exact) => {
            spilled = exact.bucketed(sketch.scale);
            &spilled
        }
        Values::Bucketed(bucketed) => bucketed,
    };
    let mapping = IndexMapping { gamma: base(sketch.scale), index_offset: 0.0, interpolation: 0 };
    DdSketch {
        mapping: Some(mapping),
        positive: Some(store(&bucketed.positive)),
        negative: Some(store(&bucketed.negative)),
        zero_count: bucketed.zero,
    }
    .encode_to_vec()
}

/// Contiguous counts: the Python package reads no others.
fn store(buckets: &Buckets) -> Store {
    let mut store = Store::default();
    let Some((first, _)) = buckets.iter().next() else { return store };
    store.contiguous_offset = first;
    for (index, count) in buckets.iter() {
        store.contiguous.resize(index.abs_diff(first) as usize, 0.0);
        store.contiguous.push(count);
    }
    store
}

/// A DDSketch as a sketch; empty if the DDSketch is. Sum, smallest and largest value are unknown.
///
/// # Errors
///
/// If the bytes are no DDSketch, or its buckets are not those of a sketch.
pub fn decode(bytes: &[u8]) -> Result<Sketch, Error> {
    let given = DdSketch::decode(bytes).map_err(Error::Protobuf)?;
    let mapping = given.mapping.unwrap_or_default();
    let (scale, offset) = scale_and_offset(&mapping).ok_or(Error::Mapping(
        mapping.gamma,
        mapping.index_offset,
        mapping.interpolation,
    ))?;
    let mut reader = StoreReader { scale, offset, count: given.zero_count, is_light: false };
    checked(given.zero_count)?;
    let positive = reader.read(given.positive.unwrap_or_default())?;
    let negative = reader.read(given.negative.unwrap_or_default())?;
    let StoreReader { count, is_light, .. } = reader;
    if count == 0.0 {
        return Ok(Sketch::default());
    }
    let is_light = is_light || given.zero_count.fract() != 0.0;
    let (zero, sum) = (given.zero_count, f64::NAN);
    let bucketed = Bucketed { count, sum, is_light, zero, positive, negative };
    Ok(Sketch {
        min: f64::NAN,
        max: f64::NAN,
        scale: scale.min(SCALE),
        values: Values::Bucketed(Box::new(bucketed)),
    })
}

/// The scale with that gamma, which may be finer than ours, and the whole index offset.
fn scale_and_offset(mapping: &IndexMapping) -> Option<(i8, i64)> {
    let IndexMapping { gamma, index_offset, interpolation } = mapping;
    let is_whole = index_offset.fract() == 0.0 && index_offset.abs() <= f64::from(i32::MAX);
    if *interpolation != 0 || !is_whole {
        return None;
    }
    // Finer ones by halving: the square root of gamma is that of the next scale.
    let mut finest = base(SCALE);
    let finer = (SCALE + 1..=FINEST).map(move |scale| {
        finest = finest.sqrt();
        (scale, finest)
    });
    let mut all = (MIN_SCALE..=SCALE).map(|scale| (scale, base(scale))).chain(finer);
    let same =
        |expected: f64| *gamma == expected || (gamma / expected - 1.0).abs() < GAMMA_TOLERANCE;
    let (scale, _) = all.find(|(_, expected)| same(*expected))?;
    Some((scale, *index_offset as i64))
}

struct StoreReader {
    scale: i8,
    offset: i64,
    count: f64,
    /// Whether some count is no whole number, so some weight may be less than 1.
    is_light: bool,
}

impl StoreReader {
    fn read(&mut self, store: Store) -> Result<Buckets, Error> {
        let mut buckets = Buckets::default();
        for (index, count) in store.counts {
            self.add(&mut buckets, index.into(), count)?;
        }
        for (index, count) in (i64::from(store.contiguous_offset)..).zip(store.contiguous) {
            self.add(&mut buckets, index, count)?;
        }
        Ok(buckets)
    }

    fn add(&mut self, buckets: &mut Buckets, index: i64, count: f64) -> Result<(), Error> {
        checked(count)?;
        if count > 0.0 {
            let finer = self.scale.saturating_sub(SCALE).max(0);
            let shift = shift_to(self.scale.min(SCALE));
            let bounds = i64::from(MIN_INDEX >> shift)..=i64::from(MAX_INDEX >> shift);
            let at = (index - self.offset) >> finer;
            let at = Some(at).filter(|at| bounds.contains(at)).and_then(|at| at.try_into().ok());
            buckets.add(at.ok_or(Error::Index(index))?, count);
            self.count += count;
            self.is_light |= count.fract() != 0.0;
        }
        Ok(())
    }
}

fn checked(count: f64) -> Result<(), Error> {
    if count >= 0.0 && count.is_finite() { Ok(()) } else { Err(Error::Count(count)) }
}

#[cfg(test)]
mod tests;
