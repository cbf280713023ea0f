//! Cuts JSON into units: documents, or the elements of the one long array of a document.

use crate::error::{Error, Result};
use crate::file::window::Window;
use crate::file::{Format, Unit, UnitKind};
use crate::json::scan::Scan;

/// Cuts a stream of JSON documents. It looks at brackets, strings and the names of the
/// members of a document; the decoders judge the rest.
#[derive(Debug)]
pub(super) struct Cutter {
    level: Level,
    streams: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Between documents.
    Top,
    /// In an array of documents.
    Array,
    /// In the long array of a document.
    Elements(UnitKind),
    /// Behind that array, in the same document.
    Tail,
}

impl Cutter {
    pub(super) fn new() -> Self {
        Self { level: Level::Top, streams: None }
    }

    /// The format that the name of a long array showed.
    pub(super) fn streams(&self) -> Option<Format> {
        self.streams
    }

    /// The next unit, which is then at the start of the window; `None` at the end of the file.
    pub(super) fn next(
        &mut self,
        window: &mut Window,
        format: Option<Format>,
    ) -> Result<Option<Unit>> {
        loop {
            let space = skip_space(window, 0)?;
            window.consume(space);
            let Some(byte) = window.at(0)? else {
                return match self.level {
                    Level::Top => Ok(None),
                    _ => {
                        Err(Error::Truncated { place: window.place(0), inside: "a JSON document" })
                    }
                };
            };
            let unit = match (self.level, byte) {
                (Level::Top, b'{') => self.document(window, format)?,
                (Level::Top, b'[') => self.enter(window, 1, Level::Array),
                (Level::Array, b']') => self.enter(window, 1, Level::Top),
                (Level::Array, b'{') => Some(unit(UnitKind::Document, value_end(window, 0)?)),
                (Level::Elements(_), b']') => self.enter(window, 1, Level::Tail),
                (Level::Elements(kind), b'{') => Some(unit(kind, value_end(window, 0)?)),
                (Level::Array | Level::Elements(_), b'n') => {
                    let end = value_end(window, 0)?;
                    self.enter(window, end, self.level)
                }
                (Level::Tail, b'}') => self.enter(window, 1, Level::Top),
                (Level::Tail, b'"') => self.member(window, format)?,
                (level, _) => return Err(unexpected(window, level)),
            };
            if unit.is_some() {
                return Ok(unit);
            }
        }
    }

    fn enter(&mut self, window: &mut Window, count: usize, level: Level) -> Option<Unit> {
        window.consume(count);
        self.level = level;
        None
    }

    /// Cuts a document, or enters its long array.
    fn document(&mut self, window: &mut Window, format: Option<Format>) -> Result<Option<Unit>> {
        let mut pos = 1;
        loop {
            pos = skip_space(window, pos)?;
            match window.at(pos)? {
                Some(b'}') => return Ok(Some(unit(UnitKind::Document, pos + 1))),
                Some(b'"') => {}
                Some(_) => return Err(malformed(window, pos, "expected the name of a member")),
                None => return Err(truncated(window)),
            }
            let (kind, value) = self.name(window, pos, format)?;
            if let Some(unit) = self.stream(window, kind, value)? {
                return Ok(unit);
            }
            pos = value_end(window, value)?;
        }
    }

    /// Steps over a member behind the long array; there may be a second one.
    fn member(&mut self, window: &mut Window, format: Option<Format>) -> Result<Option<Unit>> {
        let (kind, value) = self.name(window, 0, format)?;
        if let Some(unit) = self.stream(window, kind, value)? {
            return Ok(unit);
        }
        let end = value_end(window, value)?;
        Ok(self.enter(window, end, Level::Tail))
    }

    /// Enters the array at `value` if its elements are units.
    #[expect(clippy::option_option, reason = "no array to enter, or one, perhaps with a unit")]
    fn stream(
        &mut self,
        window: &mut Window,
        kind: Option<UnitKind>,
        value: usize,
    ) -> Result<Option<Option<Unit>>> {
        let Some(kind) = kind else { return Ok(None) };
        let level = match (window.at(value)?, kind) {
            (Some(b'['), _) => Level::Elements(kind),
            // The UI saves one trace without an array around it.
            (Some(b'{'), UnitKind::Trace) => Level::Tail,
            _ => return Ok(None),
        };
        self.streams = Some(match kind {
            UnitKind::Trace => Format::JaegerJson,
            _ => Format::OtlpJson,
        });
        if level == Level::Tail {
            self.enter(window, value, level);
            return Ok(Some(Some(unit(kind, value_end(window, 0)?))));
        }
        Ok(Some(self.enter(window, value + 1, level)))
    }

    /// What the elements of the member at `pos` are, and where its value begins.
    fn name(
        &self,
        window: &mut Window,
        pos: usize,
        format: Option<Format>,
    ) -> Result<(Option<UnitKind>, usize)> {
        let end = value_end(window, pos)?;
        let kind = match (&window.bytes()[pos + 1..end - 1], format) {
            (b"resourceSpans", None | Some(Format::OtlpJson)) => Some(UnitKind::ResourceSpans),
            (b"data", None | Some(Format::JaegerJson)) => Some(UnitKind::Trace),
            _ => None,
        };
        let colon = skip_space(window, end)?;
        match window.at(colon)? {
            Some(b':') => Ok((kind, skip_space(window, colon + 1)?)),
            Some(_) => Err(malformed(window, colon, "expected `:` after the name of a member")),
            None => Err(truncated(window)),
        }
    }
}

fn unit(kind: UnitKind, len: usize) -> Unit {
    Unit { kind, header: 0, len }
}

/// The first offset from `pos` on that is neither white space nor a comma.
fn skip_space(window: &mut Window, mut pos: usize) -> Result<usize> {
    loop {
        let rest = window.bytes().get(pos..).unwrap_or_default();
        let space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',');
        match rest.iter().position(|byte| !space(byte)) {
            Some(count) => return Ok(pos + count),
            None => pos += rest.len(),
        }
        if !window.fill()? {
            return Ok(pos);
        }
    }
}

/// The end of the value that begins at `pos`.
fn value_end(window: &mut Window, pos: usize) -> Result<usize> {
    let mut scanned = pos;
    match window.at(pos)? {
        Some(b'{' | b'[' | b'"') => {
            let mut scan = Scan::default();
            loop {
                match scan.advance(&window.bytes()[scanned..]) {
                    Some(count) => return Ok(scanned + count),
                    None => scanned = window.bytes().len(),
                }
                if !window.fill()? {
                    return Err(truncated(window));
                }
            }
        }
        _ => {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
            while window.at(scanned)?.is_some_and(is_word) {
                scanned += 1;
            }
            if scanned == pos {
                return Err(malformed(window, pos, "expected a JSON value"));
            }
            Ok(scanned)
        }
    }
}

fn malformed(window: &Window, offset: usize, reason: &str) -> Error {
    Error::Malformed { place: window.place(offset), reason: reason.to_owned() }
}

/// The file ends inside what begins at the start of the window.
fn truncated(window: &Window) -> Error {
    Error::Truncated { place: window.place(0), inside: "the JSON value that begins here" }
}

fn unexpected(window: &Window, level: Level) -> Error {
    let reason = match level {
        Level::Top => "expected a JSON object or array",
        Level::Array | Level::Elements(_) => "expected an object as element of this array",
        Level::Tail => "expected the name of a member or `}`",
    };
    malformed(window, 0, reason)
}
