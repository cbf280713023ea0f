//! The span tree of one trace, from columns to columns.
//!
//! [`TreeBuilder`] takes the spans of one trace as slices ([`Trace`]) and appends
//! what the tree says about each of them to a [`Tree`]: parent, depth, nested-set
//! numbers, self time, critical path, shape. The rules are those of semantics.md
//! sections 1, 2.4, 4.5 and 8.4; each file below names the part that it owns.
//!
//! ```text
//! link     sort, drop exact copies, find parents      (shared: equal span ids)
//! number   children, roots, cut cycles, nested sets   (cycles)
//! self_time, critical_path, shape, errors             what follows from the tree
//! ```
//!
//! A trace of n spans costs O(n log n) time and O(n) memory whatever its form,
//! without recursion, and the buffers are kept for the next trace. No result
//! depends on the order of the rows.
//!
//! # Not here
//!
//! No SQL and no Arrow: `span_columns` reads and writes those.

mod builder;
mod critical_path;
mod cycles;
mod errors;
mod kind;
mod link;
mod number;
mod output;
mod self_time;
mod shape;
mod shared;

pub use builder::{Steps, TreeBuilder};
pub use critical_path::{DEFAULT_OVERLAP_TOLERANCE, Section};
pub use kind::Kind;
pub use output::{NO_PARENT, TraceFacts, Tree};

/// The most spans a trace can have: nested-set numbers are 32-bit signed.
pub const MAX_SPANS: usize = (i32::MAX / 2) as usize;

/// Marks the absence of a node in links between nodes.
const NONE: u32 = u32::MAX;

/// The spans of one trace, one entry per row in every column.
///
/// Texts come as 64-bit hashes (xxh3, seedless): equal hashes are taken for equal
/// texts, and [`Tree::shape`] is stable because they are.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a> {
    /// Span ids; big-endian, so that number order is byte order. 0 means that the
    /// span has no id and can be nobody's parent.
    pub span_id: &'a [u64],
    /// Ids of the parents; 0 means none.
    pub parent_id: &'a [u64],
    /// Start times in nanoseconds, from any epoch.
    pub start_ns: &'a [i64],
    /// End times in nanoseconds, exclusive. An end before its start counts as the
    /// start.
    pub end_ns: &'a [i64],
    /// Span kinds.
    pub kind: &'a [Kind],
    /// Whether the span's status is an error.
    pub is_error: &'a [bool],
    /// Hashes of the service names.
    pub service: &'a [u64],
    /// Hashes of the span names.
    pub name: &'a [u64],
    /// OTLP span flags, if known; of interest are 0x100 and 0x200.
    pub flags: Option<&'a [u32]>,
    /// Hashes of the service instance ids, if known; 0 means none.
    pub instance: Option<&'a [u64]>,
}

impl Trace<'_> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.span_id.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.span_id.is_empty()
    }

    fn check(&self) {
        let n = self.len();
        let same = [
            self.parent_id.len(),
            self.start_ns.len(),
            self.end_ns.len(),
            self.kind.len(),
            self.is_error.len(),
            self.service.len(),
            self.name.len(),
            self.flags.map_or(n, <[u32]>::len),
            self.instance.map_or(n, <[u64]>::len),
        ];
        assert!(same.iter().all(|len| *len == n), "columns of one trace differ in length");
        assert!(n <= MAX_SPANS, "a trace has more than {MAX_SPANS} spans");
    }

    fn flags(&self, row: usize) -> u32 {
        self.flags.map_or(0, |flags| flags[row])
    }

    fn instance(&self, row: usize) -> u64 {
        self.instance.map_or(0, |instance| instance[row])
    }
}

#[cfg(test)]
mod tests;
