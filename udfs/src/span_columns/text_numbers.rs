//! Texts that repeat, each kept once and named by a number.

use std::ops::Range;

use datafusion::arrow::array::{Array, ArrayRef, StringArray, StringBuilder};
use datafusion::common::{Result, exec_err};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::texts::Texts;

/// The number of NULL.
pub(super) const NULL: u32 = 0;

/// In a list of numbers of dictionary values: not looked up yet.
const UNKNOWN: u32 = u32::MAX;

/// The texts met so far. Services and operations are few beside spans, so most texts are known.
#[derive(Debug)]
pub(super) struct TextNumbers {
    by_text: HashTable<u32>,
    /// By number: the hash that the kernel knows a text by.
    hashes: Vec<u64>,
    /// By number: where the text lies in `text`.
    places: Vec<Range<usize>>,
    text: String,
}

impl Default for TextNumbers {
    fn default() -> Self {
        Self {
            by_text: HashTable::new(),
            // NULL counts as empty in the kernel.
            hashes: vec![xxh3_64(b"")],
            places: std::iter::once(0..0).collect(),
            text: String::new(),
        }
    }
}

impl TextNumbers {
    /// Appends the number of each row's text.
    pub(super) fn append(&mut self, column: &ArrayRef, numbers: &mut Vec<u32>) -> Result<()> {
        if column.len() > (UNKNOWN as usize).saturating_sub(self.places.len()) {
            return exec_err!("too many different names; ask for fewer rows at once");
        }
        let texts = Texts::try_new(column)?;
        let Texts::Dictionary(keys, values) = &texts else {
            texts.for_each(|text| numbers.push(self.number(text)));
            return Ok(());
        };
        let mut of_value = Vec::new();
        numbers.extend(keys.iter().map(|key| {
            let Some(key) = key else { return NULL };
            if of_value.len() <= key as usize {
                of_value.resize(key as usize + 1, UNKNOWN);
            }
            let number = &mut of_value[key as usize];
            if *number == UNKNOWN {
                *number = self.number(values.get(key as usize));
            }
            *number
        }));
        Ok(())
    }

    /// The hash of a text: xxh3, seedless.
    pub(super) fn hash(&self, number: u32) -> u64 {
        self.hashes[number as usize]
    }

    /// The texts of some rows.
    pub(super) fn texts(&self, numbers: &[u32]) -> StringArray {
        let bytes = numbers.iter().map(|number| self.places[*number as usize].len()).sum();
        let mut texts = StringBuilder::with_capacity(numbers.len(), bytes);
        for number in numbers {
            if *number == NULL {
                texts.append_null();
            } else {
                texts.append_value(self.get(*number));
            }
        }
        texts.finish()
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        self.by_text.allocation_size()
            + 8 * self.hashes.capacity()
            + size_of::<Range<usize>>() * self.places.capacity()
            + self.text.capacity()
    }

    fn number(&mut self, text: Option<&[u8]>) -> u32 {
        let Some(bytes) = text else { return NULL };
        let hash = xxh3_64(bytes);
        let is_same = |known: &u32| self.hash(*known) == hash && is_text(self.get(*known), bytes);
        if let Some(known) = self.by_text.find(hash, is_same) {
            return *known;
        }
        let number = self.places.len() as u32;
        let start = self.text.len();
        self.text.push_str(&String::from_utf8_lossy(bytes));
        self.places.push(start..self.text.len());
        self.hashes.push(hash);
        self.by_text.insert_unique(hash, number, |known| self.hashes[*known as usize]);
        number
    }

    fn get(&self, number: u32) -> &str {
        &self.text[self.places[number as usize].clone()]
    }
}

/// Whether `text` is what was kept of `bytes`: bytes that are no text are mended.
fn is_text(text: &str, bytes: &[u8]) -> bool {
    text.as_bytes() == bytes || text == String::from_utf8_lossy(bytes)
}
