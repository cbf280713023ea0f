//! Traces for tests, written row by row.

use crate::tree::{Kind, Section, Trace, Tree, TreeBuilder};

/// One row of a trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) parent: u64,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) kind: Kind,
    pub(super) is_error: bool,
    pub(super) service: u64,
    pub(super) name: u64,
    pub(super) flags: u32,
    pub(super) instance: u64,
}

impl Row {
    pub(super) fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn service(self, service: u64) -> Self {
        Self { service, ..self }
    }

    pub(super) fn name(self, name: u64) -> Self {
        Self { name, ..self }
    }

    pub(super) fn instance(self, instance: u64) -> Self {
        Self { instance, ..self }
    }

    pub(super) fn flags(self, flags: u32) -> Self {
        Self { flags, ..self }
    }

    pub(super) fn error(self) -> Self {
        Self { is_error: true, ..self }
    }

    pub(super) fn duration(&self) -> i64 {
        (self.end - self.start).max(0)
    }
}

/// The id that a short text stands for; "" is none. Number order is text order.
pub(super) fn id(text: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    u64::from_be_bytes(bytes)
}

pub(super) fn span(name: &str, parent: &str, start: i64, end: i64) -> Row {
    Row { id: id(name), parent: id(parent), start, end, ..Row::default() }
}

/// Calls `f` with the rows in columns.
pub(super) fn with_trace<T>(rows: &[Row], f: impl FnOnce(&Trace<'_>) -> T) -> T {
    fn column<T>(rows: &[Row], get: impl Fn(&Row) -> T) -> Vec<T> {
        rows.iter().map(get).collect()
    }
    f(&Trace {
        span_id: &column(rows, |r| r.id),
        parent_id: &column(rows, |r| r.parent),
        start_ns: &column(rows, |r| r.start),
        end_ns: &column(rows, |r| r.end),
        kind: &column(rows, |r| r.kind),
        is_error: &column(rows, |r| r.is_error),
        service: &column(rows, |r| r.service),
        name: &column(rows, |r| r.name),
        flags: Some(&column(rows, |r| r.flags)),
        instance: Some(&column(rows, |r| r.instance)),
    })
}

pub(super) fn tree(rows: &[Row], tolerance: f64) -> Tree {
    let mut tree = Tree::default();
    let mut builder = TreeBuilder::default().with_overlap_tolerance(tolerance);
    with_trace(rows, |trace| builder.append(trace, &mut tree));
    tree
}

pub(super) fn sections(rows: &[Row], tolerance: f64) -> Vec<Section> {
    let mut builder = TreeBuilder::default().with_overlap_tolerance(tolerance);
    with_trace(rows, |trace| builder.sections(trace))
}
