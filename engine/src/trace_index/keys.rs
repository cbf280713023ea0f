//! Which traces a file may have, in four and a half bytes per trace.

/// Keys per bucket at least: they fill a cache line.
const BUCKET_KEYS: u32 = 16;

/// The keys of one file, cut to as many bits as tell them from other keys.
///
/// The first bits of a key are the number of its bucket, and the next 32 are kept. A key that is not in
/// the file is taken for one that is once in `2^32 / 32` times: of a million keys looked up in a hundred
/// files, once or so.
#[derive(Debug)]
pub(crate) struct TraceKeys {
    bucket_bits: u32,
    /// Where each bucket begins in `rests`, and where the last one ends.
    starts: Box<[u32]>,
    rests: Box<[u32]>,
}

impl TraceKeys {
    /// `keys` are sorted, each once.
    pub(super) fn new(keys: &[u64]) -> Self {
        let bucket_bits = (keys.len() as u32 / BUCKET_KEYS).checked_ilog2().unwrap_or(0);
        let mut starts = Vec::with_capacity((1 << bucket_bits) + 1);
        for (at, key) in keys.iter().enumerate() {
            let bucket = bucket(*key, bucket_bits);
            starts.resize(starts.len().max(bucket + 1), at as u32);
        }
        starts.resize((1 << bucket_bits) + 1, keys.len() as u32);
        let rests = keys.iter().map(|key| rest(*key, bucket_bits)).collect();
        Self { bucket_bits, starts: starts.into(), rests }
    }

    /// Whether the file may have traces of that key. `false` is certain.
    pub(crate) fn may_have(&self, key: u64) -> bool {
        let bucket = bucket(key, self.bucket_bits);
        let bucket = self.starts[bucket] as usize..self.starts[bucket + 1] as usize;
        self.rests[bucket].contains(&rest(key, self.bucket_bits))
    }

    /// Those of `keys` that the file may have.
    pub(crate) fn among(&self, keys: &[u64]) -> Vec<u64> {
        keys.iter().copied().filter(|key| self.may_have(*key)).collect()
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.rests.len()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.rests)
    }
}

fn bucket(key: u64, bucket_bits: u32) -> usize {
    key.checked_shr(u64::BITS - bucket_bits).unwrap_or(0) as usize
}

fn rest(key: u64, bucket_bits: u32) -> u32 {
    (key << bucket_bits >> 32) as u32
}

#[cfg(test)]
mod tests;
