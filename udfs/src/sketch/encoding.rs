//! Sketches as bytes: what travels between the steps of an aggregation.
//!
//! ```text
//! version 1 | 0: exact     | n u16 | n values f64
//!           | 1: weighted  | n u16 | n values f64 | n weights f64
//!           | 2: bucketed  | rows u64 | sum min max zero f64 | positive | negative
//! buckets   = n u32 | n times (index i32, count f64), indexes ascending
//! ```
//!
//! All numbers are little-endian. Reader and writer change together, with a new
//! version byte.

use super::buckets::{Buckets, MAX_INDEX, MIN_INDEX};
use super::{EXACT_VALUES, Sketch, Values};

const VERSION: u8 = 1;

/// The bytes are no sketch that this version can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the bytes are no sketch")
    }
}

impl std::error::Error for Corrupt {}

impl Sketch {
    /// Appends the sketch to `bytes`.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(VERSION);
        match &self.values {
            Values::Exact { values, weights } => {
                bytes.push(u8::from(!weights.is_empty()));
                bytes.extend((values.len() as u16).to_le_bytes());
                bytes.extend(values.iter().chain(weights).flat_map(|x| x.to_le_bytes()));
            }
            Values::Bucketed { zero, positive, negative } => {
                bytes.push(2);
                bytes.extend(self.rows.to_le_bytes());
                let facts = [self.sum, self.min, self.max, *zero];
                bytes.extend(facts.iter().flat_map(|x| x.to_le_bytes()));
                encode_buckets(positive, bytes);
                encode_buckets(negative, bytes);
            }
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Result<Sketch, Corrupt> {
        let mut reader = Reader(bytes);
        let ([VERSION], [mode]) = (reader.take()?, reader.take()?) else { return Err(Corrupt) };
        let sketch = match mode {
            0 | 1 => decode_exact(&mut reader, mode == 1)?,
            2 => decode_bucketed(&mut reader)?,
            _ => return Err(Corrupt),
        };
        if reader.0.is_empty() { Ok(sketch) } else { Err(Corrupt) }
    }
}

fn encode_buckets(buckets: &Buckets, bytes: &mut Vec<u8>) {
    bytes.extend((buckets.iter().count() as u32).to_le_bytes());
    for (index, count) in buckets.iter() {
        bytes.extend(index.to_le_bytes());
        bytes.extend(count.to_le_bytes());
    }
}

fn decode_exact(reader: &mut Reader<'_>, is_weighted: bool) -> Result<Sketch, Corrupt> {
    let n = usize::from(u16::from_le_bytes(reader.take()?));
    let values = reader.split(n * size_of::<f64>())?;
    let weights = reader.split(if is_weighted { values.0.len() } else { 0 })?;
    if n > EXACT_VALUES {
        return Err(Corrupt);
    }
    let (mut values, mut weights) = (values, weights);
    let mut sketch = Sketch::default();
    for _ in 0..n {
        let weight = if is_weighted { weights.number()? } else { 1.0 };
        sketch.add_weighted(values.number()?, weight);
    }
    Ok(sketch)
}

fn decode_bucketed(reader: &mut Reader<'_>) -> Result<Sketch, Corrupt> {
    let rows = u64::from_le_bytes(reader.take()?);
    let [sum, min, max, zero] =
        [reader.number()?, reader.number()?, reader.number()?, reader.number()?];
    let (positive, above) = decode_buckets(reader)?;
    let (negative, below) = decode_buckets(reader)?;
    let count = zero + above + below;
    let is_sound = rows > EXACT_VALUES as u64 && min <= max && zero >= 0.0 && count.is_finite();
    if !is_sound {
        return Err(Corrupt);
    }
    let values = Values::Bucketed { zero, positive, negative };
    Ok(Sketch { rows, count, sum, min, max, values })
}

/// The buckets and the sum of their counts.
fn decode_buckets(reader: &mut Reader<'_>) -> Result<(Buckets, f64), Corrupt> {
    let n = u32::from_le_bytes(reader.take()?);
    let mut buckets = Buckets::default();
    let mut total = 0.0;
    for _ in 0..n {
        let index = i32::from_le_bytes(reader.take()?);
        let count = reader.number()?;
        // The bounds keep a forged index from claiming gigabytes.
        if !(MIN_INDEX..=MAX_INDEX).contains(&index) || count.is_nan() || count <= 0.0 {
            return Err(Corrupt);
        }
        buckets.add(index, count);
        total += count;
    }
    Ok((buckets, total))
}

/// The bytes that are not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Corrupt)?;
        self.0 = rest;
        Ok(*head)
    }

    fn number(&mut self) -> Result<f64, Corrupt> {
        self.take().map(f64::from_le_bytes)
    }

    fn split(&mut self, len: usize) -> Result<Reader<'a>, Corrupt> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(Corrupt)?;
        self.0 = rest;
        Ok(Reader(head))
    }
}
