//! What was read from a file, left out and repaired.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::Place;
use crate::tally::{Rejection, Tally, Warning};

/// The outcome of reading one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Spans that became rows.
    pub spans: u64,
    /// Spans that were left out.
    pub rejected: u64,
    /// The first [`Report::KEPT`] spans that were left out.
    pub rejections: Vec<RejectedSpan>,
    /// How many spans were left out for each [`Rejection::reason`].
    pub rejected_by_reason: BTreeMap<&'static str, u64>,
    /// How many spans, resources, scopes or documents each warning is about.
    pub warnings: BTreeMap<Warning, u64>,
}

/// A span that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedSpan {
    /// Where it begins.
    pub place: Place,
    /// Why.
    pub rejection: Rejection,
}

impl fmt::Display for RejectedSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rejection)
    }
}

impl Report {
    /// How many rejections are kept one by one.
    pub const KEPT: usize = Tally::KEPT;

    pub(super) fn warn(&mut self, warning: Warning) {
        *self.warnings.entry(warning).or_default() += 1;
    }

    /// Adds the tally of one unit, in which `place` finds things.
    pub(super) fn add(&mut self, tally: Tally, place: impl Fn(usize) -> Place) {
        self.spans += tally.accepted;
        self.rejected += tally.rejected;
        for (reason, count) in tally.rejected_by_reason {
            *self.rejected_by_reason.entry(reason).or_default() += count;
        }
        for (warning, count) in tally.warnings {
            *self.warnings.entry(warning).or_default() += count;
        }
        let room = Self::KEPT - self.rejections.len();
        let kept = tally.rejections.into_iter().take(room);
        self.rejections.extend(
            kept.map(|(offset, rejection)| RejectedSpan { place: place(offset), rejection }),
        );
    }
}
