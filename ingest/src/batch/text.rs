//! Attribute values as the text that the maps hold.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::span::{Attribute, Notes, Value};
use crate::tally::Warning;

/// A list of attributes as text: every key once, cut to the limits.
///
/// The text of the list itself is borrowed; only what has to be made is kept here,
/// and the memory is reused from list to list.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    entries: Vec<Entry>,
    made: String,
    /// Bytes of a text that was not cut.
    limit: usize,
    /// Bytes of all keys and values.
    pub(crate) bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    index: usize,
    key_len: usize,
    text: Text,
}

#[derive(Debug, Clone, Copy)]
enum Text {
    Null,
    /// The first bytes of the value itself.
    Own(usize),
    /// A range of the made text.
    Made(usize, usize),
}

impl Texts {
    /// Reads a list. A key that comes again replaces the value and keeps the place of the first.
    pub(crate) fn read(&mut self, attributes: &[Attribute<'_>], limit: usize, notes: &mut Notes) {
        self.entries.clear();
        self.made.clear();
        self.bytes = 0;
        let mut seen = Filter::default();
        for (index, (key, value)) in attributes.iter().enumerate() {
            let key_len = clip(key, limit, notes);
            let text = self.render(value, limit, notes);
            let entry = Entry { index, key_len, text };
            let known = seen.maybe_add(key);
            let earlier = known
                .then(|| self.entries.iter_mut().find(|entry| attributes[entry.index].0 == *key))
                .flatten();
            match earlier {
                Some(earlier) => {
                    notes.warn(Warning::DuplicateKey);
                    *earlier = entry;
                }
                None => self.entries.push(entry),
            }
            self.bytes += key_len + text.len();
        }
    }

    /// Reads a list in which every key comes once and none is longer than `limit`, and gives
    /// its values in order to `each`. Then only [`Texts::get`] may ask for them.
    #[inline]
    pub(crate) fn read_distinct(
        &mut self,
        attributes: &[Attribute<'_>],
        limit: usize,
        notes: &mut Notes,
        mut each: impl FnMut(Option<&str>),
    ) {
        self.entries.clear();
        self.made.clear();
        self.limit = limit;
        self.bytes = 0;
        for (index, (key, value)) in attributes.iter().enumerate() {
            self.bytes += key.len();
            // Nearly all values are these, and they need no entry.
            if let Value::Text(text) = value
                && text.len() <= limit
            {
                self.bytes += text.len();
                each(Some(text));
                continue;
            }
            let text = self.render(value, limit, notes);
            self.entries.push(Entry { index, key_len: key.len(), text });
            self.bytes += text.len();
            each(self.text(text, value));
        }
    }

    /// The value at a place of a list that was read as distinct.
    #[inline]
    pub(crate) fn get<'s>(
        &'s self,
        place: usize,
        attributes: &'s [Attribute<'_>],
    ) -> Option<&'s str> {
        match &attributes[place].1 {
            Value::Text(text) if text.len() <= self.limit => Some(text),
            value => {
                let entry = self.entries.iter().find(|entry| entry.index == place)?;
                self.text(entry.text, value)
            }
        }
    }

    /// The keys and values of the list that was read.
    #[inline]
    pub(crate) fn iter<'s>(
        &'s self,
        attributes: &'s [Attribute<'_>],
    ) -> impl ExactSizeIterator<Item = (&'s str, Option<&'s str>)> {
        self.entries.iter().map(|entry| {
            let (key, value) = &attributes[entry.index];
            (&key[..entry.key_len], self.text(entry.text, value))
        })
    }

    #[inline]
    fn text<'s>(&'s self, text: Text, value: &'s Value<'_>) -> Option<&'s str> {
        match (text, value) {
            (Text::Own(len), Value::Text(text)) => Some(&text[..len]),
            (Text::Made(start, end), _) => Some(&self.made[start..end]),
            _ => None,
        }
    }

    /// Those attributes that have a value.
    pub(crate) fn values<'s>(
        &'s self,
        attributes: &'s [Attribute<'_>],
    ) -> impl Iterator<Item = (&'s str, &'s str)> {
        self.iter(attributes).filter_map(|(key, value)| Some((key, value?)))
    }

    #[inline]
    fn render(&mut self, value: &Value<'_>, limit: usize, notes: &mut Notes) -> Text {
        let start = self.made.len();
        match value {
            Value::Empty => return Text::Null,
            Value::Text(text) => return Text::Own(clip(text, limit, notes)),
            Value::Bool(value) => self.made.push_str(if *value { "true" } else { "false" }),
            Value::Int(value) => push_integer(&mut self.made, *value),
            Value::Double(value) => push_double(&mut self.made, *value),
            Value::Bytes(bytes) => {
                // Four characters for three bytes: more input than that cannot fit.
                let fitting = bytes.len().min(limit / 4 * 3);
                if fitting < bytes.len() {
                    notes.warn(Warning::LongText);
                }
                STANDARD.encode_string(&bytes[..fitting], &mut self.made);
            }
        }
        Text::Made(start, self.made.len())
    }
}

impl Text {
    fn len(self) -> usize {
        match self {
            Text::Null => 0,
            Text::Own(len) => len,
            Text::Made(start, end) => end - start,
        }
    }
}

/// The length of `text` cut to `limit` bytes, at a character.
#[inline]
pub(crate) fn clip(text: &str, limit: usize, notes: &mut Notes) -> usize {
    if text.len() <= limit {
        return text.len();
    }
    notes.warn(Warning::LongText);
    text.floor_char_boundary(limit)
}

/// The numbers from 0 to 999 with three digits each.
const THREE_DIGITS: &str = {
    const DIGITS: [u8; 3000] = {
        let mut digits = [0; 3000];
        let mut number = 0;
        while number < 1000 {
            digits[3 * number] = b'0' + (number / 100) as u8;
            digits[3 * number + 1] = b'0' + (number / 10 % 10) as u8;
            digits[3 * number + 2] = b'0' + (number % 10) as u8;
            number += 1;
        }
        digits
    };
    match str::from_utf8(&DIGITS) {
        Ok(digits) => digits,
        Err(_) => panic!("digits are ASCII"),
    }
};

/// Writes an integer. The formatting of the standard library takes several times as long.
pub(crate) fn push_integer(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    let mut groups = [0; 7];
    let (mut start, mut rest) = (groups.len() - 1, value.unsigned_abs());
    while rest >= 1000 {
        groups[start] = (rest % 1000) as usize;
        rest /= 1000;
        start -= 1;
    }
    let first = rest as usize;
    let zeros = usize::from(first < 100) + usize::from(first < 10);
    out.push_str(&THREE_DIGITS[3 * first + zeros..3 * first + 3]);
    for group in &groups[start + 1..] {
        out.push_str(&THREE_DIGITS[3 * group..3 * group + 3]);
    }
}

/// Writes the shortest text that reads back as the same double.
pub(crate) fn push_double(out: &mut String, value: f64) {
    if value.is_finite() {
        write!(out, "{value:?}").expect("writing to a String does not fail");
    } else if value.is_nan() {
        out.push_str("NaN");
    } else {
        out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
}

/// Tells most new keys from old ones without comparing them.
#[derive(Default)]
struct Filter([u64; 4]);

impl Filter {
    /// Adds a key; false if it certainly was not there.
    fn maybe_add(&mut self, key: &str) -> bool {
        let bytes = key.as_bytes();
        let tail = bytes.last_chunk::<8>().map_or_else(
            || bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
            |tail| u64::from_le_bytes(*tail),
        );
        let hash = (tail ^ bytes.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
        let (word, bit) = (hash as usize / 64, 1 << (hash % 64));
        let known = self.0[word] & bit != 0;
        self.0[word] |= bit;
        known
    }
}

#[cfg(test)]
mod tests;
