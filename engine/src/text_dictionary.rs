//! The distinct texts of a column, numbered in the order in which they first came.

use std::borrow::Cow;
use std::hash::BuildHasher;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use datafusion::common::hash_utils::RandomState;
use hashbrown::HashTable;

use crate::error::{Error, Result};

/// A growing dictionary.
#[derive(Debug, Default)]
pub(crate) struct TextDictionary {
    codes: HashTable<Entry>,
    hasher: RandomState,
    texts: Texts,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u64,
    code: i32,
}

#[derive(Debug)]
struct Texts {
    bytes: Vec<u8>,
    offsets: Vec<i32>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { bytes: Vec::new(), offsets: vec![0] }
    }
}

impl Texts {
    #[inline]
    fn get(&self, code: i32) -> &[u8] {
        let code = code as usize;
        &self.bytes[self.offsets[code] as usize..self.offsets[code + 1] as usize]
    }

    fn push(&mut self, text: &str) -> Result<i32> {
        let code = (self.offsets.len() - 1) as i32;
        let end = i32::try_from(self.bytes.len() + text.len());
        let end = end.map_err(|_| Error::ResourcesExhausted("texts exceed 2 GiB".into()))?;
        self.bytes.extend_from_slice(text.as_bytes());
        self.offsets.push(end);
        Ok(code)
    }
}

impl TextDictionary {
    /// The number of a text, which is added if it is new.
    ///
    /// # Errors
    ///
    /// [`Error::ResourcesExhausted`] if all texts together exceed 2 GiB.
    #[inline]
    pub(crate) fn code(&mut self, text: &str) -> Result<i32> {
        let hash = self.hasher.hash_one(text.as_bytes());
        let is_same =
            |entry: &Entry| entry.hash == hash && self.texts.get(entry.code) == text.as_bytes();
        match self.codes.find(hash, is_same) {
            Some(entry) => Ok(entry.code),
            None => self.add(hash, text),
        }
    }

    fn add(&mut self, hash: u64, text: &str) -> Result<i32> {
        let code = self.texts.push(text)?;
        self.codes.insert_unique(hash, Entry { hash, code }, |entry| entry.hash);
        Ok(code)
    }

    /// A new number for a text that is not looked up, now or later: for texts that hardly ever
    /// come twice, a look-up is the dearest part of all.
    ///
    /// # Errors
    ///
    /// [`Error::ResourcesExhausted`] if all texts together exceed 2 GiB.
    #[inline]
    pub(crate) fn add_unseen(&mut self, text: &str) -> Result<i32> {
        self.texts.push(text)
    }

    /// How many texts there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.texts.offsets.len() - 1
    }

    /// Whether this is the text of that number.
    #[inline]
    pub(crate) fn is(&self, code: i32, text: &str) -> bool {
        self.texts.get(code) == text.as_bytes()
    }

    /// The text of a number.
    pub(crate) fn text(&self, code: i32) -> Cow<'_, str> {
        String::from_utf8_lossy(self.texts.get(code))
    }

    /// All texts; the dictionary is empty afterwards.
    pub(crate) fn take_texts(&mut self) -> StringArray {
        self.codes = HashTable::new();
        let Texts { bytes, offsets } = std::mem::take(&mut self.texts);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        StringArray::new(offsets, Buffer::from_vec(bytes), None)
    }
}

/// How often looking up the texts of a kind has found one.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Luck {
    asked: u32,
    found: u32,
}

impl Luck {
    /// After so many look-ups it shows whether they pay.
    const TRIALS: u32 = 1024;
    /// They do if one in so many finds something.
    const WORTH: u32 = 8;

    /// The number of a text; a new one without a look-up if they do not pay, so that the dictionary may
    /// hold a text twice.
    ///
    /// # Errors
    ///
    /// [`Error::ResourcesExhausted`] if all texts together exceed 2 GiB.
    #[inline]
    pub(crate) fn code(&mut self, dictionary: &mut TextDictionary, text: &str) -> Result<i32> {
        if self.asked >= Self::TRIALS && self.found < self.asked / Self::WORTH {
            return dictionary.add_unseen(text);
        }
        let known = dictionary.len();
        let code = dictionary.code(text)?;
        self.asked += 1;
        self.found += u32::from((code as usize) < known);
        Ok(code)
    }
}
