//! What the tree says about each span.

/// Marks a span without parent in [`Tree::parent`].
pub const NO_PARENT: u32 = u32::MAX;

/// The tree columns, one entry per span; traces follow each other.
///
/// Of exact copies one row is kept. The others have its values, except that they
/// take no time, are no roots, orphans or error origins, and are duplicates: sums
/// over a trace stay exact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Row of the parent, counted from the first trace; [`NO_PARENT`] if none.
    pub parent: Vec<u32>,
    /// Number of ancestors; 0 for a root.
    pub depth: Vec<i32>,
    /// Number of direct children.
    pub child_count: Vec<i32>,
    /// Number of spans in the subtree, this one included.
    pub subtree_size: Vec<i32>,
    /// Nested-set number on entering the span, from 1 in each trace.
    pub nested_left: Vec<i32>,
    /// Nested-set number on leaving the span.
    pub nested_right: Vec<i32>,
    /// Nanoseconds not covered by any child.
    pub self_time_ns: Vec<i64>,
    /// Nanoseconds in which this span itself bounds its root's response.
    pub critical_path_ns: Vec<i64>,
    /// A true root: no parent id, or its own.
    pub is_root: Vec<bool>,
    /// The root of a subtree whose parent is absent or was cut from a cycle.
    pub is_orphan: Vec<bool>,
    /// The one root that names its trace (semantics.md 1.1, primary root).
    pub is_primary_root: Vec<bool>,
    /// Where a request enters its service (semantics.md 0.3).
    pub is_entry: Vec<bool>,
    /// An error that none of the children has: where a failure comes from.
    pub error_origin: Vec<bool>,
    /// A client with a server below it, a producer with a consumer, or the other one of the two.
    pub is_paired: Vec<bool>,
    /// The parent failed.
    pub is_parent_failed: Vec<bool>,
    /// Of the errors from which failure went up to a root without a gap, the one that ended first.
    pub is_first_error: Vec<bool>,
    /// Where one comes from a failed root by going to the failed child that ended last.
    pub is_decisive_error: Vec<bool>,
    /// An exact copy of another row.
    pub is_duplicate: Vec<bool>,
    /// Hash of the call subtree; equal numbers mean equal call trees.
    pub shape: Vec<i64>,
}

impl Tree {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.resize(0);
    }

    /// Adds `n` rows of zeros.
    pub(super) fn grow(&mut self, n: usize) {
        self.resize(self.len() + n);
    }

    /// Fills row `copy` from row `kept`.
    pub(super) fn copy_row(&mut self, kept: usize, copy: usize) {
        self.parent[copy] = self.parent[kept];
        for column in [
            &mut self.depth,
            &mut self.child_count,
            &mut self.subtree_size,
            &mut self.nested_left,
            &mut self.nested_right,
        ] {
            column[copy] = column[kept];
        }
        for column in [&mut self.is_entry, &mut self.is_paired, &mut self.is_parent_failed] {
            column[copy] = column[kept];
        }
        self.shape[copy] = self.shape[kept];
        self.is_duplicate[copy] = true;
    }

    fn resize(&mut self, len: usize) {
        self.parent.resize(len, NO_PARENT);
        for column in [
            &mut self.depth,
            &mut self.child_count,
            &mut self.subtree_size,
            &mut self.nested_left,
            &mut self.nested_right,
        ] {
            column.resize(len, 0);
        }
        for column in [&mut self.self_time_ns, &mut self.critical_path_ns, &mut self.shape] {
            column.resize(len, 0);
        }
        for column in [
            &mut self.is_root,
            &mut self.is_orphan,
            &mut self.is_primary_root,
            &mut self.is_entry,
            &mut self.error_origin,
            &mut self.is_paired,
            &mut self.is_parent_failed,
            &mut self.is_first_error,
            &mut self.is_decisive_error,
            &mut self.is_duplicate,
        ] {
            column.resize(len, false);
        }
    }
}

/// What is known about a trace as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceFacts {
    /// Row of the primary root, counted like [`Tree::parent`]; `None` if the trace
    /// has no spans.
    pub primary_root: Option<usize>,
    /// Number of true roots.
    pub roots: usize,
    /// Number of orphan roots, those cut from cycles included.
    pub orphans: usize,
    /// Number of cycles that were cut.
    pub cycles: usize,
    /// Number of exact copies beyond the rows kept.
    pub duplicates: usize,
}

impl TraceFacts {
    /// Whether the trace is complete as far as its links tell: it has a root, and
    /// every other span has its parent.
    pub fn is_connected(&self) -> bool {
        self.roots > 0 && self.orphans == 0
    }
}
