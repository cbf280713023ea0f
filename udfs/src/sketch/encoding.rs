//! Sketches as bytes: what is stored in columns, and travels between the steps of an aggregation.
//!
//! Most sketches of a rollup are of few values, so few values are short: one span of 12 ms takes six
//! bytes. Equal sketches are equal bytes, and nothing is lost (the last bits of sums of fractions
//! excepted, which depend on the order of merging).
//!
//! ```text
//! sketch  = version u8 (2) | flags u8 | scale i8 if SCALE | values or buckets
//! values  = until the end, by value: value | weight if WEIGHTS
//! value   = f64 if FLOATS, else varint: the first zigzag, then the difference to the one before
//! weight  = f64 if FRACTIONS, else varint
//!
//! buckets = sum | min | max | zero | positive | negative      if BUCKETS
//! sum, min, max = f64 if FLOATS (NaN: unknown), else zigzag varint
//! zero    = count f64, zero f64 if FRACTIONS, else zero varint
//! positive, negative = n varint | first index zigzag varint if n > 0 | n times count
//! count   = if FRACTIONS: gap varint | f64
//!           else: 2 * count varint, plus 1 if a gap follows | gap - 1 varint if so
//! ```
//!
//! A gap is the number of empty buckets between the one before and this one. Indexes ascend. Numbers
//! of fixed length are little-endian; a varint is that of Protocol Buffers. Reader and writer change
//! together, with a new version.

use super::buckets::{Buckets, MAX_INDEX, MIN_INDEX, shift_to};
use super::values::{Bucketed, Exact, Values};
use super::{EXACT_VALUES, MIN_SCALE, SCALE, Sketch};

const VERSION: u8 = 2;

/// There are buckets, not values.
const BUCKETS: u8 = 1;
/// Values, sum, min and max are not all small integers.
const FLOATS: u8 = 2;
/// Values have weights.
const WEIGHTS: u8 = 4;
/// Weights and counts are not all small integers.
const FRACTIONS: u8 = 8;
/// The scale is not the finest.
const LOWER_SCALE: u8 = 16;
/// Some weight may be less than 1.
const LIGHT: u8 = 32;

const KNOWN: u8 = BUCKETS | FLOATS | WEIGHTS | FRACTIONS | LOWER_SCALE | LIGHT;

/// Integers up to this are the same as `f64`.
const EXACT_INTEGERS: f64 = (1_u64 << 53) as f64;

/// The bytes are no sketch that this version can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the bytes are no sketch of version {VERSION}, as `sketch` makes them")
    }
}

impl std::error::Error for Corrupt {}

impl Sketch {
    /// Appends the sketch to `bytes`.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend([VERSION, 0]);
        let flags_at = bytes.len() - 1;
        let mut flags = 0;
        if self.scale != SCALE {
            flags |= LOWER_SCALE;
            bytes.extend(self.scale.to_le_bytes());
        }
        flags |= match &self.values {
            Values::Exact(exact) => encode_values(exact, bytes),
            Values::Bucketed(bucketed) => self.encode_bucketed(bucketed, bytes),
        };
        bytes[flags_at] = flags;
    }

    /// Appends the sketch to `bytes` in a form that is quicker to write and to read, and longer: values as they
    /// came. For what is read again at once; equal sketches may be different bytes.
    pub(crate) fn encode_state(&self, bytes: &mut Vec<u8>) {
        match &self.values {
            Values::Exact(exact) if exact.weights().is_empty() && self.scale == SCALE => {
                bytes.extend([VERSION, FLOATS]);
                bytes.extend(exact.values().iter().flat_map(|value| value.to_le_bytes()));
            }
            _ => self.encode(bytes),
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Result<Sketch, Corrupt> {
        let mut sketch = Sketch::default();
        sketch.merge_encoded(bytes, 1.0)?;
        Ok(sketch)
    }

    /// Adds all that an encoded sketch has seen, as [`merge`](Self::merge) does, each value `weight` times:
    /// the same as if it had been added with that weight. Nothing is added if that is not positive and finite.
    ///
    /// # Errors
    ///
    /// If the bytes are no sketch; part of them may have been added then.
    pub fn merge_encoded(&mut self, bytes: &[u8], weight: f64) -> Result<(), Corrupt> {
        if weight <= 0.0 || !weight.is_finite() {
            return Ok(());
        }
        let mut reader = Reader(bytes);
        let [VERSION, flags] = reader.take()? else { return Err(Corrupt) };
        if flags & !KNOWN != 0 {
            return Err(Corrupt);
        }
        let mut scale = SCALE;
        if flags & LOWER_SCALE != 0 {
            scale = i8::from_le_bytes(reader.take()?);
            if !(MIN_SCALE..SCALE).contains(&scale) {
                return Err(Corrupt);
            }
            self.downscale(scale);
        }
        if flags & BUCKETS == 0 {
            self.merge_values(&mut reader, flags, weight)?;
        } else {
            self.merge_bucketed(&mut reader, flags, scale, weight)?;
        }
        if reader.0.is_empty() { Ok(()) } else { Err(Corrupt) }
    }

    fn encode_bucketed(&self, bucketed: &Bucketed, bytes: &mut Vec<u8>) -> u8 {
        let Bucketed { count, sum, is_light, zero, positive, negative } = bucketed;
        let mut flags = BUCKETS | if *is_light { LIGHT } else { 0 };
        let facts = [*sum, self.min, self.max];
        if facts.iter().all(|x| is_integer(*x)) {
            facts.iter().for_each(|x| put_zigzag(bytes, *x as i64));
        } else {
            flags |= FLOATS;
            bytes.extend(facts.iter().flat_map(|x| x.to_le_bytes()));
        }
        let mut counts = positive.iter().chain(negative.iter()).map(|(_, count)| count);
        if is_integer(*count) && is_integer(*zero) && counts.all(is_integer) {
            put_varint(bytes, *zero as u64);
        } else {
            flags |= FRACTIONS;
            bytes.extend([*count, *zero].iter().flat_map(|x| x.to_le_bytes()));
        }
        encode_buckets(positive, flags, bytes);
        encode_buckets(negative, flags, bytes);
        flags
    }

    fn merge_values(
        &mut self,
        reader: &mut Reader<'_>,
        flags: u8,
        times: f64,
    ) -> Result<(), Corrupt> {
        let mut left = EXACT_VALUES;
        let mut before = 0;
        while !reader.0.is_empty() {
            let value = if flags & FLOATS != 0 {
                reader.float()?
            } else if left == EXACT_VALUES {
                before = reader.zigzag()?;
                before as f64
            } else {
                before = before.checked_add_unsigned(reader.varint()?).ok_or(Corrupt)?;
                before as f64
            };
            let weight = match (flags & WEIGHTS, flags & FRACTIONS) {
                (0, _) => 1.0,
                (_, 0) => reader.varint()? as f64,
                _ => reader.float()?,
            };
            if value.is_nan() || !(weight > 0.0 && weight.is_finite()) {
                return Err(Corrupt);
            }
            left = left.checked_sub(1).ok_or(Corrupt)?;
            self.add_weighted(value, weight * times);
        }
        Ok(())
    }

    fn merge_bucketed(
        &mut self,
        reader: &mut Reader<'_>,
        flags: u8,
        scale: i8,
        times: f64,
    ) -> Result<(), Corrupt> {
        let [sum, min, max] = if flags & FLOATS != 0 {
            [reader.float()?, reader.float()?, reader.float()?]
        } else {
            [reader.zigzag()? as f64, reader.zigzag()? as f64, reader.zigzag()? as f64]
        };
        let (given, zero) = if flags & FRACTIONS != 0 {
            (Some(reader.float()?), reader.float()?)
        } else {
            (None, reader.varint()? as f64)
        };
        if min > max || zero.is_nan() || zero < 0.0 {
            return Err(Corrupt);
        }
        self.widen(min, max);
        let shift = self.scale.abs_diff(scale).into();
        let bucketed = self.values.spill(self.scale);
        let above = merge_buckets(&mut bucketed.positive, reader, flags, scale, shift, times)?;
        let below = merge_buckets(&mut bucketed.negative, reader, flags, scale, shift, times)?;
        let count = given.unwrap_or(zero + above + below);
        if count.is_nan() || count <= 0.0 {
            return Err(Corrupt);
        }
        bucketed.count += count * times;
        bucketed.sum += sum * times;
        bucketed.zero += zero * times;
        bucketed.is_light |= flags & LIGHT != 0 || times < 1.0;
        Ok(())
    }
}

fn encode_values(exact: &Exact, bytes: &mut Vec<u8>) -> u8 {
    // Most have one value, and need no room to sort it.
    if let ([value], []) = (exact.values(), exact.weights())
        && is_integer(*value)
    {
        put_zigzag(bytes, *value as i64);
        return 0;
    }
    let pairs = exact.sorted();
    let mut flags = 0;
    if !pairs.iter().all(|(value, _)| is_integer(*value)) {
        flags |= FLOATS;
    }
    if !exact.weights().is_empty() {
        flags |= WEIGHTS;
        if !exact.weights().iter().all(|weight| is_integer(*weight)) {
            flags |= FRACTIONS;
        }
    }
    let mut before = None;
    for (value, weight) in pairs {
        if flags & FLOATS != 0 {
            bytes.extend(value.to_le_bytes());
        } else {
            let value = value as i64;
            match before {
                None => put_zigzag(bytes, value),
                Some(before) => put_varint(bytes, value.abs_diff(before)),
            }
            before = Some(value);
        }
        if flags & FRACTIONS != 0 {
            bytes.extend(weight.to_le_bytes());
        } else if flags & WEIGHTS != 0 {
            put_varint(bytes, weight as u64);
        }
    }
    flags
}

fn encode_buckets(buckets: &Buckets, flags: u8, bytes: &mut Vec<u8>) {
    put_varint(bytes, buckets.iter().count() as u64);
    let mut next = None;
    for (index, count) in buckets.iter() {
        if next.is_none() {
            put_zigzag(bytes, index.into());
        }
        let gap = u64::from(index.abs_diff(next.unwrap_or(index)));
        next = Some(index + 1);
        if flags & FRACTIONS != 0 {
            put_varint(bytes, gap);
            bytes.extend(count.to_le_bytes());
        } else {
            put_varint(bytes, count as u64 * 2 + u64::from(gap > 0));
            if gap > 0 {
                put_varint(bytes, gap - 1);
            }
        }
    }
}

/// Adds encoded buckets of `scale`, which is higher by `shift`, so many times. Returns the sum of the counts.
fn merge_buckets(
    buckets: &mut Buckets,
    reader: &mut Reader<'_>,
    flags: u8,
    scale: i8,
    shift: u32,
    times: f64,
) -> Result<f64, Corrupt> {
    // The bounds keep a forged index from claiming gigabytes.
    let least = MIN_INDEX >> shift_to(scale);
    let most = MAX_INDEX >> shift_to(scale);
    let mut total = 0.0;
    let n = reader.varint()?;
    if n == 0 {
        return Ok(0.0);
    }
    let mut next = reader.zigzag()?;
    for _ in 0..n {
        let (gap, count) = if flags & FRACTIONS != 0 {
            (reader.varint()?, reader.float()?)
        } else {
            let token = reader.varint()?;
            let gap = if token % 2 == 1 { reader.varint()?.saturating_add(1) } else { 0 };
            (gap, (token / 2) as f64)
        };
        let index = next.checked_add_unsigned(gap).ok_or(Corrupt)?;
        let index = i32::try_from(index).map_err(|_| Corrupt)?;
        if !(least..=most).contains(&index) || count.is_nan() || count <= 0.0 {
            return Err(Corrupt);
        }
        buckets.add(index >> shift, count * times);
        total += count;
        next = i64::from(index) + 1;
    }
    Ok(total)
}

fn is_integer(x: f64) -> bool {
    x.trunc() == x && x.abs() < EXACT_INTEGERS
}

fn put_varint(bytes: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        bytes.push(x as u8 | 0x80);
        x >>= 7;
    }
    bytes.push(x as u8);
}

/// Small numbers of either sign as small varints.
fn put_zigzag(bytes: &mut Vec<u8>, x: i64) {
    put_varint(bytes, ((x << 1) ^ (x >> 63)).cast_unsigned());
}

/// The bytes that are not read yet.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Corrupt)?;
        self.0 = rest;
        Ok(*head)
    }

    fn float(&mut self) -> Result<f64, Corrupt> {
        self.take().map(f64::from_le_bytes)
    }

    fn varint(&mut self) -> Result<u64, Corrupt> {
        let mut x = 0;
        for (at, byte) in self.0.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if at == 9 && bits > 1 {
                return Err(Corrupt);
            }
            x |= bits << (7 * at);
            if *byte < 0x80 {
                self.0 = &self.0[at + 1..];
                return Ok(x);
            }
        }
        Err(Corrupt)
    }

    fn zigzag(&mut self) -> Result<i64, Corrupt> {
        let x = self.varint()?;
        Ok((x >> 1).cast_signed() ^ -(x & 1).cast_signed())
    }
}

#[cfg(test)]
mod tests;
