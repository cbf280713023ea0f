//! Remembers lists of attribute keys.
//!
//! Spans of one instrumentation have the same keys in the same order. What only
//! depends on the keys is done once for such a list, a *shape*: that no key
//! comes twice, the keys as an array to copy from, and which attribute fills
//! which promoted column.
//!
//! The memory is bounded, whatever the senders do: each shape has one slot that
//! it may lose to another one, and a list of keys becomes a shape only if it
//! comes again while its slot waits for it.

use arrow::array::{Array, StringArray};
use schema::semconv::SpanPlan;

use crate::span::Attribute;

const SLOTS: usize = 256;
/// Bytes of all keys of a shape.
const MAX_KEY_BYTES: usize = 4096;

/// A list of different keys.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) keys: StringArray,
    pub(super) plan: SpanPlan,
    /// Which shape of all this is.
    made: u64,
    /// The batch that has the keys, and the number of the first one there.
    pub(super) batch: u64,
    pub(super) first: i32,
}

/// The shapes seen lately.
#[derive(Debug)]
pub(super) struct Shapes {
    slots: Vec<Slot>,
    /// The shapes of lists that a decoder has given numbers.
    lists: [Listed; LISTS],
    /// How many shapes were made.
    made: u64,
}

const LISTS: usize = 64;

/// Which shape the list of a number has.
#[derive(Debug, Default, Clone, Copy)]
struct Listed {
    list: u64,
    slot: usize,
    shape: u64,
}

#[derive(Debug, Default)]
struct Slot {
    hash: u64,
    shape: Option<Box<Shape>>,
}

impl Default for Shapes {
    fn default() -> Self {
        let slots = std::iter::repeat_with(Slot::default).take(SLOTS).collect();
        Self { slots, lists: [Listed::default(); LISTS], made: 0 }
    }
}

impl Shapes {
    /// The shape of a list, if it is known and its keys are not longer than `limit`. Lists of one
    /// number, unless it is 0, are the same.
    #[inline]
    pub(super) fn find(
        &mut self,
        attributes: &[Attribute<'_>],
        number: u64,
        limit: usize,
    ) -> Option<&mut Shape> {
        let listed = self.lists[number as usize % LISTS];
        let is_known = number != 0
            && listed.list == number
            && self.slots[listed.slot]
                .shape
                .as_ref()
                .is_some_and(|shape| shape.made == listed.shape);
        let slot = if is_known { listed.slot } else { self.look_up(attributes, number, limit)? };
        self.slots[slot].shape.as_deref_mut()
    }

    fn look_up(
        &mut self,
        attributes: &[Attribute<'_>],
        number: u64,
        limit: usize,
    ) -> Option<usize> {
        let hash = attributes.iter().fold(attributes.len() as u64, |hash, (key, _)| {
            (hash.rotate_left(5) ^ ends(key.as_bytes())).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        });
        let at = (hash >> 56) as usize % SLOTS;
        let slot = &mut self.slots[at];
        if slot.hash != hash {
            *slot = Slot { hash, shape: None };
            return None;
        }
        if slot.shape.is_none() {
            self.made += 1;
            slot.shape = Shape::new(attributes, limit, self.made).map(Box::new);
        }
        let shape = slot.shape.as_deref().filter(|shape| shape.is_of(attributes))?;
        self.lists[number as usize % LISTS] = Listed { list: number, slot: at, shape: shape.made };
        Some(at)
    }
}

impl Shape {
    /// `None` for lists that are better read key by key.
    fn new(attributes: &[Attribute<'_>], limit: usize, made: u64) -> Option<Self> {
        let names = || attributes.iter().map(|(key, _)| &**key);
        let mut sorted: Vec<&str> = names().collect();
        sorted.sort_unstable();
        let distinct = sorted.windows(2).all(|pair| pair[0] != pair[1]);
        let bytes: usize = names().map(str::len).sum();
        let short = bytes <= MAX_KEY_BYTES && names().all(|name| name.len() <= limit);
        (!attributes.is_empty() && distinct && short).then(|| Self {
            keys: StringArray::from_iter_values(names()),
            plan: SpanPlan::new(names()),
            made,
            batch: 0,
            first: 0,
        })
    }

    /// Whether these are exactly the keys of the list.
    #[inline]
    fn is_of(&self, attributes: &[Attribute<'_>]) -> bool {
        let bytes = self.keys.values().as_slice();
        let mut start = 0;
        attributes.len() == self.keys.len()
            && self.keys.offsets()[1..].iter().zip(attributes).all(|(&end, (key, _))| {
                let end = end as usize;
                let same = bytes[start..end] == *key.as_bytes();
                start = end;
                same
            })
    }
}

/// The length and both ends of a key as a number.
#[inline]
fn ends(key: &[u8]) -> u64 {
    let (head, tail) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (key.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0),
    };
    head ^ tail.rotate_left(29) ^ (key.len() as u64).rotate_left(56)
}
