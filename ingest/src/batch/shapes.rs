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
    /// The batch that has the keys, and the number of the first one there.
    pub(super) batch: u64,
    pub(super) first: i32,
}

/// The shapes seen lately.
#[derive(Debug)]
pub(super) struct Shapes(Vec<Slot>);

#[derive(Debug, Default)]
struct Slot {
    hash: u64,
    shape: Option<Box<Shape>>,
}

impl Default for Shapes {
    fn default() -> Self {
        Self(std::iter::repeat_with(Slot::default).take(SLOTS).collect())
    }
}

impl Shapes {
    /// The shape of a list, if it is known and its keys are not longer than `limit`.
    #[inline]
    pub(super) fn find(
        &mut self,
        attributes: &[Attribute<'_>],
        limit: usize,
    ) -> Option<&mut Shape> {
        let hash = attributes.iter().fold(attributes.len() as u64, |hash, (key, _)| {
            (hash.rotate_left(5) ^ ends(key.as_bytes())).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        });
        let slot = &mut self.0[(hash >> 56) as usize % SLOTS];
        if slot.hash != hash {
            *slot = Slot { hash, shape: None };
            return None;
        }
        if slot.shape.is_none() {
            slot.shape = Shape::new(attributes, limit).map(Box::new);
        }
        slot.shape.as_deref_mut().filter(|shape| shape.is_of(attributes))
    }
}

impl Shape {
    /// `None` for lists that are better read key by key.
    fn new(attributes: &[Attribute<'_>], limit: usize) -> Option<Self> {
        let names = || attributes.iter().map(|(key, _)| &**key);
        let mut sorted: Vec<&str> = names().collect();
        sorted.sort_unstable();
        let distinct = sorted.windows(2).all(|pair| pair[0] != pair[1]);
        let bytes: usize = names().map(str::len).sum();
        let short = bytes <= MAX_KEY_BYTES && names().all(|name| name.len() <= limit);
        (!attributes.is_empty() && distinct && short).then(|| Self {
            keys: StringArray::from_iter_values(names()),
            plan: SpanPlan::new(names()),
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
