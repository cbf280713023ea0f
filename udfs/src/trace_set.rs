//! Sets of traces by number: small ones are lists, large ones bitmaps.

use roaring::RoaringBitmap;

/// A list of more takes more memory and time than a bitmap.
const LONGEST_LIST: usize = 32;

/// A set of numbers below 2^32, made for those that come in order, or almost.
#[derive(Debug, Default)]
pub(crate) struct TraceSet {
    /// What was added last, which often comes again.
    last: Option<u32>,
    members: Members,
}

#[derive(Debug)]
enum Members {
    List(Vec<u32>),
    Bitmap(Box<RoaringBitmap>),
}

impl Default for Members {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl TraceSet {
    /// Adds `trace`; false if it was there.
    pub(crate) fn insert(&mut self, trace: u32) -> bool {
        if self.last == Some(trace) {
            return false;
        }
        self.last = Some(trace);
        match &mut self.members {
            Members::Bitmap(bitmap) => bitmap.insert(trace),
            Members::List(list) if list.contains(&trace) => false,
            Members::List(list) if list.len() < LONGEST_LIST => {
                list.push(trace);
                true
            }
            Members::List(list) => {
                let mut bitmap: RoaringBitmap = list.iter().copied().collect();
                bitmap.insert(trace);
                self.members = Members::Bitmap(Box::new(bitmap));
                true
            }
        }
    }

    /// Adds all of `others`.
    pub(crate) fn extend(&mut self, others: &RoaringBitmap) {
        match &mut self.members {
            Members::Bitmap(bitmap) => **bitmap |= others,
            Members::List(_) => {
                for trace in others {
                    self.insert(trace);
                }
            }
        }
    }

    /// Number of traces.
    pub(crate) fn len(&self) -> u64 {
        match &self.members {
            Members::List(list) => list.len() as u64,
            Members::Bitmap(bitmap) => bitmap.len(),
        }
    }

    /// Those that are in `others`, too.
    pub(crate) fn intersection(&self, others: &RoaringBitmap) -> RoaringBitmap {
        match &self.members {
            Members::List(list) => {
                list.iter().filter(|one| others.contains(**one)).copied().collect()
            }
            Members::Bitmap(bitmap) => &**bitmap & others,
        }
    }

    /// All of them.
    pub(crate) fn bitmap(&self) -> RoaringBitmap {
        match &self.members {
            Members::List(list) => list.iter().copied().collect(),
            Members::Bitmap(bitmap) => (**bitmap).clone(),
        }
    }
}
