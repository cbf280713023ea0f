//! What can go wrong with a whole request or file, and where.
//!
//! A span that breaks a rule is no error: it is left out and counted, see
//! [`crate::Rejection`].

use std::fmt;
use std::io;

/// The result of an ingest operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The result of one step of decoding. Steps are many and failures are few, so the error is
/// boxed: what a step returns fits into registers.
pub(crate) type Decoded<T> = Result<T, Box<Error>>;

/// A request or file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("{place}: cannot read")]
    Read {
        /// How far reading got.
        place: Place,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// The input ends in the middle of something.
    #[error("{place}: the input ends inside {inside}; it was cut off, get it again in full")]
    Truncated {
        /// Where the unfinished thing begins or the input ends.
        place: Place,
        /// What is not finished.
        inside: &'static str,
    },

    /// The input breaks the rules of its format.
    #[error("{place}: {reason}")]
    Malformed {
        /// Where.
        place: Place,
        /// What is wrong, and what the format asks for.
        reason: String,
    },

    /// The input is none of the formats that can be read.
    #[error(
        "{place}: found {found}; accepted are OTLP/JSON (`resourceSpans`), OTLP protobuf (one \
         trace request, or messages behind 4-byte lengths) and Jaeger JSON (`data` or `spans`)"
    )]
    Format {
        /// Where the format showed.
        place: Place,
        /// What was found instead.
        found: String,
    },

    /// One record is larger than a reader can hold.
    #[error("{place}: one {what} takes more than {limit_bytes} bytes; split it into smaller ones")]
    TooLarge {
        /// Where the record begins.
        place: Place,
        /// What kind of record it is.
        what: &'static str,
        /// The limit it exceeds.
        limit_bytes: usize,
    },

    /// A name of no format.
    #[error("`{text}` is not a format; use otlp-json, otlp-protobuf or jaeger-json")]
    FormatName {
        /// What was given.
        text: String,
    },
}

/// A place in the input. Lines start at 1, bytes at 0; both count what comes out of decompression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, if there is one.
    pub file: Option<String>,
    /// The line, if the format has lines.
    pub line: Option<u64>,
    /// The byte.
    pub byte: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}, ")?;
        }
        if let Some(line) = self.line {
            write!(f, "line {line}, ")?;
        }
        write!(f, "byte {}", self.byte)
    }
}

impl Error {
    #[cold]
    pub(crate) fn malformed(byte: usize, reason: impl Into<String>) -> Box<Self> {
        Box::new(Error::Malformed { place: Place::at(byte), reason: reason.into() })
    }

    #[cold]
    pub(crate) fn truncated(byte: usize, inside: &'static str) -> Box<Self> {
        Box::new(Error::Truncated { place: Place::at(byte), inside })
    }

    /// Where the error is, if it is about a place in the input.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Error::Read { place, .. }
            | Error::Truncated { place, .. }
            | Error::Malformed { place, .. }
            | Error::Format { place, .. }
            | Error::TooLarge { place, .. } => Some(place),
            Error::FormatName { .. } => None,
        }
    }

    pub(crate) fn place_mut(&mut self) -> Option<&mut Place> {
        match self {
            Error::Read { place, .. }
            | Error::Truncated { place, .. }
            | Error::Malformed { place, .. }
            | Error::Format { place, .. }
            | Error::TooLarge { place, .. } => Some(place),
            Error::FormatName { .. } => None,
        }
    }
}

impl From<Box<Error>> for Error {
    fn from(error: Box<Error>) -> Self {
        *error
    }
}

impl Place {
    /// A byte of a request that is in memory.
    pub(crate) fn at(byte: usize) -> Self {
        Self { file: None, line: None, byte: byte as u64 }
    }
}
