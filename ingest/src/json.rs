//! Reads JSON from memory, in order, without building a tree.
//!
//! Why not `serde_json`: a reader of telemetry must say at which byte a span
//! begins, keep lone surrogates and invalid UTF-8 as U+FFFD instead of failing,
//! step over what it does not know at any depth without recursion, and return
//! to a value when a later member has told how to read it. Tests hold this
//! reader against `serde_json`.
//!
//! Members whose value is `null` are not shown: in every format here they mean
//! the same as an absent member.

pub(crate) mod number;
pub(crate) mod scan;

use std::borrow::Cow;

use crate::error::{Decoded, Error};
use scan::Scan;

/// A position in a JSON text. Cloning is cheap and makes a bookmark.
#[derive(Debug, Clone)]
pub(crate) struct Json<'a> {
    bytes: &'a [u8],
    /// The same bytes, if all of them are valid UTF-8.
    text: Option<&'a str>,
    pos: usize,
    repaired: bool,
}

impl<'a> Json<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, text: str::from_utf8(bytes).ok(), pos: 0, repaired: false }
    }

    /// Bytes before the current position.
    pub(crate) fn offset(&self) -> usize {
        self.pos
    }

    /// Moves to a position that [`Json::offset`] gave.
    pub(crate) fn seek(&mut self, offset: usize) {
        self.pos = offset;
    }

    /// Whether text was replaced by U+FFFD since the last call.
    pub(crate) fn take_repaired(&mut self) -> bool {
        std::mem::take(&mut self.repaired)
    }

    /// An error at the current position.
    pub(crate) fn error(&self, reason: impl Into<String>) -> Box<Error> {
        Error::malformed(self.pos, reason)
    }

    /// The first byte of the next value or punctuation.
    #[inline]
    pub(crate) fn peek(&mut self) -> Decoded<u8> {
        loop {
            match self.bytes.get(self.pos) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.pos += 1,
                Some(&byte) => return Ok(byte),
                None => return Err(Error::truncated(self.pos, "a JSON value")),
            }
        }
    }

    /// Fails unless nothing but white space is left.
    pub(crate) fn end(&mut self) -> Decoded<()> {
        match self.peek() {
            Err(_) => Ok(()),
            Ok(_) => Err(self.error("unexpected text after the JSON value")),
        }
    }

    /// Enters an object.
    pub(crate) fn object(&mut self) -> Decoded<()> {
        self.open(b'{', "an object")
    }

    /// Enters an array.
    pub(crate) fn array(&mut self) -> Decoded<()> {
        self.open(b'[', "an array")
    }

    /// The next member of an object that is not `null`, or `None` at its end.
    /// `first` is true before the first call.
    #[inline]
    pub(crate) fn key(&mut self, first: &mut bool) -> Decoded<Option<Cow<'a, str>>> {
        loop {
            if !self.more(b'}', first)? {
                return Ok(None);
            }
            let key = self.string()?;
            if self.peek()? != b':' {
                return Err(self.error("expected `:` after the name of a member"));
            }
            self.pos += 1;
            if !self.null()? {
                return Ok(Some(key));
            }
        }
    }

    /// Whether the array has another element. `first` is true before the first call.
    pub(crate) fn item(&mut self, first: &mut bool) -> Decoded<bool> {
        self.more(b']', first)
    }

    /// Calls `read` for every element of an array that is not `null`.
    pub(crate) fn each(&mut self, mut read: impl FnMut(&mut Self) -> Decoded<()>) -> Decoded<()> {
        let mut first = true;
        self.array()?;
        while self.item(&mut first)? {
            if !self.null()? {
                read(self)?;
            }
        }
        Ok(())
    }

    /// Steps over `null`; false if the value is another one.
    #[inline]
    pub(crate) fn null(&mut self) -> Decoded<bool> {
        if self.peek()? != b'n' {
            return Ok(false);
        }
        self.literal("null").map(|()| true)
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Decoded<bool> {
        match self.peek()? {
            b't' => self.literal("true").map(|()| true),
            b'f' => self.literal("false").map(|()| false),
            _ => Err(self.error("expected true or false")),
        }
    }

    /// A string.
    #[inline]
    pub(crate) fn string(&mut self) -> Decoded<Cow<'a, str>> {
        if self.peek()? != b'"' {
            return Err(self.error("expected a string"));
        }
        let start = self.pos + 1;
        let end = start + scan::plain(&self.bytes[start..]);
        match self.bytes.get(end) {
            Some(b'"') => {
                self.pos = end + 1;
                Ok(self.slice(start, end))
            }
            Some(b'\\') => self.escaped_string(start, end),
            Some(_) => {
                self.pos = end;
                Err(self.error("control character in a string; write it as an escape"))
            }
            None => Err(Error::truncated(self.pos, "a JSON string")),
        }
    }

    /// A number as it is written.
    pub(crate) fn number(&mut self) -> Decoded<&'a str> {
        self.peek()?;
        let len = number::length(&self.bytes[self.pos..]);
        let token = len.and_then(|len| str::from_utf8(&self.bytes[self.pos..self.pos + len]).ok());
        let Some(token) = token else { return Err(self.error("expected a number")) };
        self.pos += token.len();
        Ok(token)
    }

    /// Steps over a value of any size and depth. Only brackets and strings are looked at.
    pub(crate) fn skip(&mut self) -> Decoded<()> {
        match self.peek()? {
            b'{' | b'[' | b'"' => match Scan::default().advance(&self.bytes[self.pos..]) {
                Some(len) => self.pos += len,
                None => return Err(Error::truncated(self.pos, "a JSON value")),
            },
            b't' => self.literal("true")?,
            b'f' => self.literal("false")?,
            b'n' => self.literal("null")?,
            _ => drop(self.number()?),
        }
        Ok(())
    }

    /// The text of the next value as it is written; steps over it.
    pub(crate) fn raw(&mut self) -> Decoded<Cow<'a, str>> {
        self.peek()?;
        let start = self.pos;
        self.skip()?;
        Ok(self.slice(start, self.pos))
    }

    fn open(&mut self, bracket: u8, what: &str) -> Decoded<()> {
        if self.peek()? != bracket {
            return Err(self.error(format!("expected {what}")));
        }
        self.pos += 1;
        Ok(())
    }

    /// Steps to the next member or element; false (and past the bracket) at the end.
    #[inline]
    fn more(&mut self, close: u8, first: &mut bool) -> Decoded<bool> {
        let byte = self.peek()?;
        if byte == close {
            self.pos += 1;
            return Ok(false);
        }
        if !std::mem::take(first) {
            if byte != b',' {
                return Err(self.error(format!("expected `,` or `{}`", char::from(close))));
            }
            self.pos += 1;
            if self.peek()? == close {
                return Err(self.error("nothing after `,`"));
            }
        }
        Ok(true)
    }

    fn literal(&mut self, word: &str) -> Decoded<()> {
        let rest = &self.bytes[self.pos..];
        if rest.starts_with(word.as_bytes()) {
            self.pos += word.len();
            return Ok(());
        }
        if word.as_bytes().starts_with(rest) {
            return Err(Error::truncated(self.pos, "a JSON value"));
        }
        Err(self.error(format!("expected {word}")))
    }

    /// Text between two positions; bytes that are not UTF-8 become U+FFFD.
    #[inline]
    fn slice(&mut self, start: usize, end: usize) -> Cow<'a, str> {
        if let Some(text) = self.text {
            return Cow::Borrowed(&text[start..end]);
        }
        let text = String::from_utf8_lossy(&self.bytes[start..end]);
        self.repaired |= matches!(text, Cow::Owned(_));
        text
    }

    /// The rest of a string of which `start..pos` is plain and an escape follows.
    fn escaped_string(&mut self, start: usize, mut pos: usize) -> Decoded<Cow<'a, str>> {
        let mut text = self.slice(start, pos).into_owned();
        loop {
            match self.bytes.get(pos) {
                Some(b'"') => {
                    self.pos = pos + 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => pos = self.escape(pos, &mut text)?,
                Some(0..0x20) => {
                    self.pos = pos;
                    return Err(self.error("control character in a string; write it as an escape"));
                }
                Some(_) => {
                    let end = pos + scan::plain(&self.bytes[pos..]);
                    text.push_str(&self.slice(pos, end));
                    pos = end;
                }
                None => return Err(Error::truncated(start - 1, "a JSON string")),
            }
        }
    }

    /// Decodes the escape at `pos`; returns the position after it.
    fn escape(&mut self, pos: usize, text: &mut String) -> Decoded<usize> {
        let plain = match self.bytes.get(pos + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(pos, text),
            Some(_) => return Err(Error::malformed(pos, "unknown escape in a string")),
            None => return Err(Error::truncated(pos, "a JSON string")),
        };
        text.push(plain);
        Ok(pos + 2)
    }

    fn unicode_escape(&mut self, pos: usize, text: &mut String) -> Decoded<usize> {
        let unit = self.code_unit(pos)?;
        // A high surrogate counts only together with the low one after it.
        if (0xD800..0xDC00).contains(&unit)
            && self.bytes[pos + 6..].starts_with(b"\\u")
            && let low @ 0xDC00..0xE000 = self.code_unit(pos + 6)?
        {
            let code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            text.push(char::from_u32(code).expect("a surrogate pair is a character"));
            return Ok(pos + 12);
        }
        let character = char::from_u32(unit);
        self.repaired |= character.is_none();
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        Ok(pos + 6)
    }

    /// The number in `\uXXXX` at `pos`.
    fn code_unit(&self, pos: usize) -> Decoded<u32> {
        let Some(digits) = self.bytes.get(pos + 2..pos + 6) else {
            return Err(Error::truncated(pos, "a JSON string"));
        };
        let mut bytes = [0; 2];
        match schema::ids::decode_hex(digits, &mut bytes) {
            Some(()) => Ok(u32::from(u16::from_be_bytes(bytes))),
            None => Err(Error::malformed(pos, "expected four hex digits after \\u")),
        }
    }
}

#[cfg(test)]
mod tests;
