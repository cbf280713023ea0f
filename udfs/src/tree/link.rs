//! From rows to linked nodes: order, exact copies, parents.
//!
//! Steps 1 to 4 of semantics.md 1.1. Afterwards a node is a number: nodes are in
//! the canonical order of section 0.4, so wherever a later step goes through them
//! from 0 up, ties are already broken and no result depends on the row order.

use std::cmp::Ordering;

use super::shared::{self, Shared};
use super::{Kind, NONE, Trace};

/// A span that is kept, with the columns that every step reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) id: u64,
    pub(super) row: u32,
    pub(super) kind: Kind,
    pub(super) is_error: bool,
}

impl Node {
    /// The duration in nanoseconds, never negative.
    pub(super) fn duration(&self) -> i64 {
        self.end.saturating_sub(self.start)
    }
}

/// An exact copy that was dropped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropped {
    pub(super) row: u32,
    /// The node that was kept for it.
    pub(super) kept: u32,
}

/// Why a node has no parent node, or that it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// No parent id, or its own.
    Root,
    /// The parent is not in the trace, or the link to it was cut from a cycle.
    Orphan,
    /// The parent is a node.
    Child,
}

/// The kept spans of a trace and the links between them.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// In canonical order: `(start, end descending, span id, all other columns)`.
    pub(super) nodes: Vec<Node>,
    pub(super) dropped: Vec<Dropped>,
    /// The parent node; [`NONE`] for roots and orphans.
    pub(super) parent: Vec<u32>,
    pub(super) place: Vec<Place>,
    /// `(span id, node)`, sorted; nodes without id are left out.
    by_id: Vec<(u64, u32)>,
    shared: Shared,
}

impl Links {
    /// Reads a trace and links its spans.
    pub(super) fn read(&mut self, trace: &Trace<'_>) {
        self.sort(trace);
        self.drop_copies(trace);
        self.index();
        self.link(trace);
    }

    fn sort(&mut self, trace: &Trace<'_>) {
        self.nodes.clear();
        self.nodes.extend((0..trace.len()).map(|row| Node {
            start: trace.start_ns[row],
            end: trace.end_ns[row].max(trace.start_ns[row]),
            id: trace.span_id[row],
            row: row as u32,
            kind: trace.kind[row],
            is_error: trace.is_error[row],
        }));
        self.nodes.sort_unstable_by(|a, b| canonical(trace, a, b).then(a.row.cmp(&b.row)));
    }

    /// Drops rows that equal their predecessor in every column. A span without id
    /// has no identity by which it could be a copy.
    fn drop_copies(&mut self, trace: &Trace<'_>) {
        self.dropped.clear();
        let mut kept = 0;
        for i in 0..self.nodes.len() {
            let node = self.nodes[i];
            let is_copy = kept > 0
                && node.id != 0
                && canonical(trace, &self.nodes[kept - 1], &node) == Ordering::Equal;
            if is_copy {
                self.dropped.push(Dropped { row: node.row, kept: kept as u32 - 1 });
            } else {
                self.nodes[kept] = node;
                kept += 1;
            }
        }
        self.nodes.truncate(kept);
    }

    fn index(&mut self) {
        self.by_id.clear();
        let ids = self.nodes.iter().zip(0..).map(|(node, i)| (node.id, i));
        self.by_id.extend(ids.filter(|(id, _)| *id != 0));
        self.by_id.sort_unstable();
    }

    fn link(&mut self, trace: &Trace<'_>) {
        self.parent.clear();
        self.place.clear();
        if self.by_id.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            self.shared.resolve(trace, &self.nodes, &self.by_id, &mut self.parent);
        } else {
            self.link_unique(trace);
        }
        let placed = self.parent.iter_mut().map(|parent| match *parent {
            shared::NO_PARENT_ID => {
                *parent = NONE;
                Place::Root
            }
            NONE => Place::Orphan,
            _ => Place::Child,
        });
        self.place.extend(placed);
    }

    /// The usual case: no two spans have the same id.
    fn link_unique(&mut self, trace: &Trace<'_>) {
        // Siblings often follow each other, so the last answer is often the next.
        let mut last = (0, NONE);
        for node in &self.nodes {
            let wanted = trace.parent_id[node.row as usize];
            if wanted == 0 || wanted == node.id {
                self.parent.push(shared::NO_PARENT_ID);
                continue;
            }
            if wanted != last.0 {
                let found = self.by_id.binary_search_by_key(&wanted, |(id, _)| *id);
                last = (wanted, found.map_or(NONE, |at| self.by_id[at].1));
            }
            self.parent.push(last.1);
        }
    }
}

/// The order of semantics.md 1.1 step 6, completed by all other columns so that
/// only exact copies are equal.
fn canonical(trace: &Trace<'_>, a: &Node, b: &Node) -> Ordering {
    let rest = |node: &Node| {
        let row = node.row as usize;
        (
            node.kind,
            trace.service[row],
            trace.name[row],
            node.is_error,
            trace.parent_id[row],
            trace.instance(row),
            trace.flags(row),
        )
    };
    (a.start.cmp(&b.start))
        .then(b.end.cmp(&a.end))
        .then(a.id.cmp(&b.id))
        .then_with(|| rest(a).cmp(&rest(b)))
}
