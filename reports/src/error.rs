//! What can go wrong, named by what the caller can do about it.

use crate::week::Range;

/// The result of a report.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A report that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text names no week. Correct it.
    #[error("`{text}` is not a week: {reason}; write an ISO week such as 2026-W46")]
    BadWeek {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The two texts do not bound a range. Correct them.
    #[error(
        "`{text}` does not bound a range: {reason}; \
         write a date (2026-11-09) or a time (2026-11-09T08:00:00Z), the earlier one first"
    )]
    BadRange {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },

    /// No trace starts in the range. Ask for a range that the lake holds.
    #[error("{}", no_data(range, data_range.as_ref()))]
    NoData {
        /// The range that was asked for.
        range: Range,
        /// From the first to the last span start of the lake; `None` if it holds no spans.
        data_range: Option<Range>,
    },

    /// The text is no trace id. Correct it.
    #[error("`{text}` is not a trace id: it takes 32 hexadecimal digits")]
    BadTraceId {
        /// What was given.
        text: String,
    },

    /// The lake has no such trace. Ask for one that it has.
    #[error(
        "the lake has no trace {trace_id}; `SELECT trace_id FROM traces` lists those that it has"
    )]
    NoTrace {
        /// The trace.
        trace_id: String,
    },

    /// The lake could not be queried.
    #[error(transparent)]
    Engine(#[from] engine::Error),

    /// A query returned something else than its text says. Please report it.
    #[error("internal error, please report it: {reason}")]
    Internal {
        /// What was found instead of what.
        reason: String,
    },
}

impl Error {
    /// Whether the same call may succeed if made again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Error::Engine(error) if error.is_retryable())
    }

    /// Whether the caller asked for something that cannot work.
    pub fn is_caller_fault(&self) -> bool {
        match self {
            Error::BadWeek { .. }
            | Error::BadRange { .. }
            | Error::NoData { .. }
            | Error::BadTraceId { .. }
            | Error::NoTrace { .. } => true,
            Error::Engine(error) => error.is_caller_fault(),
            Error::Internal { .. } => false,
        }
    }
}

fn no_data(range: &Range, data_range: Option<&Range>) -> String {
    match data_range {
        Some(data) => {
            let week = data.last_week();
            format!("no trace starts in {range}; the lake holds {data}, so try --week {week}")
        }
        None => format!("no trace starts in {range}: the lake holds no spans"),
    }
}
