//! Many integers, in little memory, of which the one of any rank can be had.
//!
//! The latest are kept as they came. When there are [`RUN_LEN`] of them they are sorted and become a
//! run: the first, then the difference of each to the one before, as a varint. Durations of one
//! operation take two bytes each that way, not eight, nor the sixteen of a vector that grows.
//!
//! A rank is found without putting the runs together again: they are counted by ranges of values,
//! then the range that has the rank is counted by finer ones, until few values are left.
//!
//! Here and in bytes, `ordered` numbers are keys with the sign bit turned, so that they sort as
//! unsigned ones.

/// How many values become a run: sorting them fits into the second cache, and few enough are left
/// over for each group.
const RUN_LEN: usize = 1 << 16;

/// A part of another that is smaller is taken apart, so that runs stay few.
const MIN_RUN_LEN: usize = 1 << 12;

/// How many ranges values are counted by, as a power of two.
const RANGE_BITS: u32 = 12;

const SIGN: u64 = 1 << 63;

/// The values, as a multiset.
#[derive(Debug, Default)]
pub(crate) struct KeptValues {
    recent: Vec<i64>,
    runs: Vec<Run>,
    /// The number of all values.
    len: usize,
    /// Bytes of the differences of all runs.
    run_bytes: usize,
}

/// Sorted values.
#[derive(Debug)]
struct Run {
    len: usize,
    /// The smallest and the largest, as ordered numbers.
    first: u64,
    last: u64,
    differences: Box<[u8]>,
}

impl KeptValues {
    pub(crate) fn push(&mut self, value: i64) {
        self.recent.push(value);
        self.len += 1;
        if self.recent.len() == RUN_LEN {
            self.compress();
        }
    }

    /// The number of values.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes allocated outside of the value itself.
    pub(crate) fn heap_size(&self) -> usize {
        self.recent.capacity() * size_of::<i64>()
            + self.runs.capacity() * size_of::<Run>()
            + self.run_bytes
    }

    /// The value at a position from 0 in sorted order; `None` beyond the last.
    pub(crate) fn select(&mut self, at: usize) -> Option<i64> {
        if at >= self.len {
            return None;
        }
        if self.runs.is_empty() {
            return Some(*self.recent.select_nth_unstable(at).1);
        }
        let (mut low, mut high) = (0, u64::MAX);
        let (mut at, mut candidates) = (at, self.len);
        while candidates > RUN_LEN && low < high {
            // The highest bits in which the ends of the range differ.
            let shift = (u64::BITS - (high - low).leading_zeros()).saturating_sub(RANGE_BITS);
            let mut counts = vec![0_usize; 1 << RANGE_BITS];
            self.each_within(low, high, |value| counts[((value - low) >> shift) as usize] += 1);
            let (range, before) = range_of(&counts, at)?;
            at -= before;
            candidates = counts[range];
            low += (range as u64) << shift;
            high = high.min(low.saturating_add((1 << shift) - 1));
        }
        if low == high {
            return Some(key(low));
        }
        let mut few = Vec::with_capacity(candidates);
        self.each_within(low, high, |value| few.push(value));
        (at < few.len()).then(|| key(*few.select_nth_unstable(at).1))
    }

    /// Appends all values to `bytes`, and keeps none: what travels between the steps of an
    /// aggregation would be there twice otherwise.
    ///
    /// ```text
    /// number of runs u32 | runs | values i64 until the end
    /// run = values u32 | bytes u32 | first u64 | last u64 | differences
    /// ```
    pub(crate) fn drain_into(&mut self, bytes: &mut Vec<u8>) {
        let Self { recent, runs, .. } = std::mem::take(self);
        let header = size_of::<u32>() + runs.len() * Run::HEADER;
        let run_bytes: usize = runs.iter().map(|run| run.differences.len()).sum();
        bytes.reserve(header + run_bytes + recent.len() * size_of::<i64>());
        bytes.extend((runs.len() as u32).to_le_bytes());
        for run in runs {
            bytes.extend((run.len as u32).to_le_bytes());
            bytes.extend((run.differences.len() as u32).to_le_bytes());
            bytes.extend(run.first.to_le_bytes());
            bytes.extend(run.last.to_le_bytes());
            bytes.extend(run.differences);
        }
        bytes.extend(recent.into_iter().flat_map(i64::to_le_bytes));
    }

    /// Adds what [`drain_into`](Self::drain_into) wrote; `None` if it did not write these bytes.
    pub(crate) fn merge_encoded(&mut self, bytes: &[u8]) -> Option<()> {
        let (runs, mut rest) = bytes.split_first_chunk()?;
        for _ in 0..u32::from_le_bytes(*runs) {
            let (run, after) = Run::split(rest)?;
            rest = after;
            if run.len < MIN_RUN_LEN {
                run.each(|value| {
                    self.push(key(value));
                    true
                });
            } else {
                self.add_run(run);
            }
        }
        let (values, []) = rest.as_chunks() else { return None };
        values.iter().for_each(|value| self.push(i64::from_le_bytes(*value)));
        Some(())
    }

    fn add_run(&mut self, run: Run) {
        self.len += run.len;
        self.run_bytes += run.differences.len();
        self.runs.push(run);
    }

    /// Makes a run of the latest values.
    fn compress(&mut self) {
        self.recent.sort_unstable();
        let (Some(first), Some(last)) = (self.recent.first(), self.recent.last()) else { return };
        let (first, last) = (ordered(*first), ordered(*last));
        let mut differences = Vec::with_capacity(self.recent.len() * 2);
        let mut before = first;
        for value in &self.recent {
            put_varint(&mut differences, ordered(*value) - before);
            before = ordered(*value);
        }
        let len = self.recent.len();
        self.len -= len;
        self.add_run(Run { len, first, last, differences: differences.into() });
        self.recent.clear();
    }

    /// Every value from `low` to `high`, as ordered numbers.
    fn each_within(&self, low: u64, high: u64, mut each: impl FnMut(u64)) {
        let recent = self.recent.iter().map(|value| ordered(*value));
        recent.filter(|value| (low..=high).contains(value)).for_each(&mut each);
        for run in self.runs.iter().filter(|run| run.last >= low && run.first <= high) {
            run.each(|value| {
                if (low..=high).contains(&value) {
                    each(value);
                }
                value <= high
            });
        }
    }
}

impl Run {
    /// Bytes in front of the differences.
    const HEADER: usize = 2 * size_of::<u32>() + 2 * size_of::<u64>();

    /// Reads a run and returns what is behind it.
    fn split(bytes: &[u8]) -> Option<(Run, &[u8])> {
        let (len, bytes) = bytes.split_first_chunk()?;
        let (run_bytes, bytes) = bytes.split_first_chunk()?;
        let (first, bytes) = bytes.split_first_chunk()?;
        let (last, bytes) = bytes.split_first_chunk()?;
        let run_bytes = usize::try_from(u32::from_le_bytes(*run_bytes)).ok()?;
        let (differences, rest) = bytes.split_at_checked(run_bytes)?;
        let run = Run {
            len: usize::try_from(u32::from_le_bytes(*len)).ok()?,
            first: u64::from_le_bytes(*first),
            last: u64::from_le_bytes(*last),
            differences: differences.into(),
        };
        Some((run, rest))
    }

    /// Every value in order, as long as `each` says so.
    fn each(&self, mut each: impl FnMut(u64) -> bool) {
        let mut value = self.first;
        let mut difference = 0_u64;
        let mut bits = 0;
        for byte in &self.differences {
            difference |= u64::from(byte & 0x7f).wrapping_shl(bits);
            bits += 7;
            if *byte < 0x80 {
                value = value.wrapping_add(difference);
                if !each(value) {
                    return;
                }
                (difference, bits) = (0, 0);
            }
        }
    }
}

/// The range that holds the position, and how many values are before it.
fn range_of(counts: &[usize], at: usize) -> Option<(usize, usize)> {
    let mut before = 0;
    for (range, count) in counts.iter().enumerate() {
        if at < before + count {
            return Some((range, before));
        }
        before += count;
    }
    None
}

fn ordered(key: i64) -> u64 {
    key.cast_unsigned() ^ SIGN
}

fn key(ordered: u64) -> i64 {
    (ordered ^ SIGN).cast_signed()
}

fn put_varint(bytes: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        bytes.push(x as u8 | 0x80);
        x >>= 7;
    }
    bytes.push(x as u8);
}

#[cfg(test)]
mod tests;
