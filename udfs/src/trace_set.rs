//! Sets of traces by number: small ones are lists, large ones bitmaps.

use roaring::RoaringBitmap;

use crate::encoding::{Damaged, put_number, take_bytes, take_number};

/// A list of more takes more memory and time than a bitmap.
const LONGEST_LIST: usize = 32;
/// A list beside a bitmap has up to this part of the bitmap's members, and no more than `LONGEST_EVER`.
const PART_OF_BITMAP: usize = 4;
const LONGEST_EVER: usize = 16 << 10;

/// A set of numbers below 2^32, made for those that come in a few ascending rows, one between the other.
///
/// What is added goes to the end of a list. Once that is long it is sorted and joined with the bitmap in one pass:
/// a bitmap that takes numbers one by one moves, for each of them, all that are greater.
#[derive(Debug, Default)]
pub(crate) struct TraceSet {
    /// What was added last, which often comes again.
    last: Option<u32>,
    /// In any order, and maybe more than once.
    recent: Vec<u32>,
    before: Option<Box<RoaringBitmap>>,
    /// Of `recent`.
    longest: usize,
}

impl TraceSet {
    /// Adds `trace`; false if it is the one that was added before. May be true for one that was there.
    pub(crate) fn insert(&mut self, trace: u32) -> bool {
        if self.last == Some(trace) {
            return false;
        }
        self.last = Some(trace);
        if self.recent.len() >= self.longest.max(LONGEST_LIST) {
            self.settle();
        }
        self.recent.push(trace);
        true
    }

    /// Makes room in the list.
    fn settle(&mut self) {
        self.recent.sort();
        self.recent.dedup();
        if self.before.is_none() && self.recent.len() <= LONGEST_LIST / 2 {
            return;
        }
        let before = self.before.get_or_insert_default();
        **before |= bitmap_of(&self.recent);
        self.recent.clear();
        self.longest = (before.len() as usize / PART_OF_BITMAP).min(LONGEST_EVER);
    }

    /// Adds all of `others`.
    pub(crate) fn extend(&mut self, others: Encoded) {
        for trace in others.list {
            self.insert(trace);
        }
        if let Some(bitmap) = others.bitmap {
            **self.before.get_or_insert_default() |= bitmap;
        }
    }

    /// All of them.
    pub(crate) fn bitmap(&self) -> RoaringBitmap {
        let mut recent = self.recent.clone();
        recent.sort();
        recent.dedup();
        let recent = bitmap_of(&recent);
        match &self.before {
            Some(before) => recent | &**before,
            None => recent,
        }
    }

    /// Appends all of them to `bytes`.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(bytes, self.recent.len() as u64);
        for trace in &self.recent {
            put_number(bytes, u64::from(*trace));
        }
        put_number(bytes, u64::from(self.before.is_some()));
        if let Some(before) = &self.before {
            put_set(bytes, before);
        }
    }
}

/// A set that was encoded.
#[derive(Debug)]
pub(crate) struct Encoded {
    list: Vec<u32>,
    bitmap: Option<RoaringBitmap>,
}

impl Encoded {
    pub(crate) fn take(bytes: &mut &[u8]) -> Result<Self, Damaged> {
        let list = (0..take_number(bytes)?).map(|_| take_number(bytes).map(|trace| trace as u32));
        let list = list.collect::<Result<_, _>>()?;
        let bitmap = match take_number(bytes)? {
            0 => None,
            _ => Some(take_set(bytes)?),
        };
        Ok(Self { list, bitmap })
    }

    /// At least as many as there are.
    pub(crate) fn most(&self) -> usize {
        self.list.len() + self.bitmap.as_ref().map_or(0, |bitmap| bitmap.len() as usize)
    }
}

pub(crate) fn put_set(bytes: &mut Vec<u8>, traces: &RoaringBitmap) {
    put_number(bytes, traces.serialized_size() as u64);
    // Writing to memory does not fail.
    let _written = traces.serialize_into(bytes);
}

pub(crate) fn take_set(bytes: &mut &[u8]) -> Result<RoaringBitmap, Damaged> {
    RoaringBitmap::deserialize_from(take_bytes(bytes)?).map_err(|_| Damaged)
}

/// `traces` are ascending.
fn bitmap_of(traces: &[u32]) -> RoaringBitmap {
    let mut bitmap = RoaringBitmap::new();
    let appended = bitmap.append(traces.iter().copied());
    debug_assert!(appended.is_ok(), "they are not ascending");
    bitmap
}

#[cfg(test)]
mod tests;
