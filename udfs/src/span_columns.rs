//! Span trees over Arrow: columns of any table in, tree columns out.
//!
//! Tables write ids, times, kinds and names in many ways. This module knows which
//! ways are accepted, reads them into the form of the kernel ([`crate::tree`]),
//! runs it trace by trace, and writes the columns that [`schema::tree`] declares.
//! The `span_tree` function is this for SQL; an engine that has trace-sorted
//! batches calls [`tree_columns`] directly and saves the window. Rows in any order,
//! batch by batch, are the concern of `collected`.
//!
//! # Accepted
//!
//! | argument | types |
//! |---|---|
//! | ids | 8 bytes; text or bytes with 16 hex digits, either case; other text; integers. NULL, empty and all zeros mean none |
//! | start | timestamp of any unit; integer nanoseconds |
//! | duration | integer nanoseconds; `Duration` of any unit. NULL and negative count as 0 |
//! | kind | `server`, `Server`, `SPAN_KIND_SERVER`, ...; the OTLP number |
//! | status | `error`, `Error`, `STATUS_CODE_ERROR`, ...; the OTLP number; a boolean that is true for errors |
//! | names | text, or bytes that are text |
//! | flags | integer |
//!
//! Text may be dictionary-encoded, a view, or bytes everywhere.

mod accept;
mod collected;
mod ids;
mod output;
mod read;
mod text_numbers;
mod texts;

use std::ops::Range;

use datafusion::arrow::array::{ArrayRef, StructArray};
use datafusion::common::{Result, exec_err, internal_err};

pub(crate) use accept::coerce;
pub use accept::{ARGUMENTS, REQUIRED_ARGUMENTS};
pub(crate) use collected::{CollectedSpans, TreeValues};

use crate::tree::{MAX_SPANS, Tree, TreeBuilder};
use read::Spans;
use texts::Texts;

/// Builds the trees of several traces; keep one per thread, because it keeps its
/// buffers.
#[derive(Debug, Default)]
pub struct TreeColumns {
    spans: Spans,
    builder: TreeBuilder,
    tree: Tree,
    roots: Vec<u32>,
}

impl TreeColumns {
    /// Computes the tree columns of whole traces.
    ///
    /// `arguments` are columns of equal length in the order of [`ARGUMENTS`]; the
    /// optional ones may be left out from the end. `traces` are the row ranges of
    /// the traces: in order, without gaps, together all rows. The result has a
    /// row for each input row and the fields of [`schema::tree::tree_fields`].
    ///
    /// # Errors
    ///
    /// If a type is not accepted, a start time is NULL, or a trace has more than
    /// [`MAX_SPANS`] spans.
    pub fn compute(
        &mut self,
        arguments: &[ArrayRef],
        traces: impl IntoIterator<Item = Range<usize>>,
    ) -> Result<StructArray> {
        self.spans.read(arguments)?;
        self.tree.clear();
        self.roots.clear();
        for rows in traces {
            if rows.start != self.tree.len() || rows.end > self.spans.len() {
                return internal_err!("traces must follow each other and cover all rows");
            }
            if rows.len() > MAX_SPANS {
                return exec_err!("a trace has {} spans; {MAX_SPANS} is the limit", rows.len());
            }
            let facts = self.builder.append(&self.spans.trace(rows.clone()), &mut self.tree);
            let root = facts.primary_root.unwrap_or_default() as u32;
            self.roots.resize(rows.end, root);
        }
        if self.tree.len() != self.spans.len() {
            return internal_err!("traces must cover all rows");
        }
        let services = Texts::try_new(&arguments[accept::SERVICE_NAME])?;
        let names = Texts::try_new(&arguments[accept::SPAN_NAME])?;
        output::write(&mut self.tree, &self.roots, &services, &names)
    }
}

/// Computes the tree columns of whole traces once; see [`TreeColumns::compute`].
pub fn tree_columns(
    arguments: &[ArrayRef],
    traces: impl IntoIterator<Item = Range<usize>>,
) -> Result<StructArray> {
    TreeColumns::default().compute(arguments, traces)
}

#[cfg(test)]
mod tests;
