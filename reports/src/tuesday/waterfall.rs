//! One trace as rows that fit on a page.
//!
//! Equal calls of one parent (same service and name) become one row from three on, and
//! their children with them, so that a hundred queries in a loop are one row with a
//! hundred segments. If there are still too many rows, those on the critical path stay
//! first, then the longest; every row keeps its ancestors. Spans whose clock was off
//! stand where the critical path has them.

mod sections;

use std::cmp::Reverse;
use std::collections::HashMap;

use super::model::{Segment, Waterfall, WaterfallRow};
use sections::Placed;

/// From this number on, equal calls of one parent share a row.
const REPEATED: usize = 3;

/// Segments of one row at most: more cannot be told apart.
const MOST_SEGMENTS: usize = 200;

/// One span of the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpanRow {
    pub(super) service_name: String,
    pub(super) span_name: String,
    pub(super) start_ns: i64,
    pub(super) duration_ns: i64,
    pub(super) self_time_ns: i64,
    pub(super) critical_path_ns: i64,
    pub(super) is_error: bool,
    pub(super) is_primary_root: bool,
    pub(super) nested_left: i32,
    pub(super) nested_right: i32,
}

/// Draws a trace in at most `most_rows` rows.
pub(super) fn waterfall(trace_id: &str, mut spans: Vec<SpanRow>, most_rows: usize) -> Waterfall {
    spans.sort_by_key(|span| span.nested_left);
    let root = spans.iter().find(|span| span.is_primary_root).or(spans.first());
    let zero_ns = root.map_or(0, |root| root.start_ns);
    let children = children(&spans);
    let placed = sections::place(&mut spans, &children);
    let nodes = merged(&spans, &children);
    let kept = kept(&nodes, most_rows);
    let hidden = || nodes.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(node, _)| node);
    let starts = spans.iter().map(|span| span.start_ns - zero_ns);
    let ends = spans.iter().map(|span| span.start_ns - zero_ns + span.duration_ns);
    let shown = nodes.iter().zip(&kept).filter(|(_, kept)| **kept);
    Waterfall {
        trace_id: trace_id.into(),
        span_count: spans.len() as u64,
        from_offset_ns: starts.min().unwrap_or(0),
        to_offset_ns: ends.max().unwrap_or(0),
        rows: shown.map(|(node, _)| row(node, &spans, &placed, zero_ns)).collect(),
        hidden_span_count: hidden().map(|node| node.spans.len() as u64).sum(),
        hidden_critical_path_ns: hidden().map(|node| node.critical_path_ns).sum(),
    }
}

/// One row before it is drawn: some spans with the same path of names from the root.
#[derive(Debug)]
struct Node {
    parent: Option<usize>,
    depth: u32,
    /// Indices of the spans, in calling order.
    spans: Vec<usize>,
    critical_path_ns: i64,
    duration_ns: i64,
}

/// All rows in calling order.
fn merged(spans: &[SpanRow], children: &[Vec<usize>]) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    // A stack of rows to make, the next one last.
    let roots = groups(spans, &children[spans.len()], false);
    let mut next: Vec<(Option<usize>, Vec<usize>)> = roots.map(|members| (None, members)).collect();
    while let Some((parent, members)) = next.pop() {
        let depth = parent.map_or(0, |parent: usize| nodes[parent].depth + 1);
        let of_members: Vec<usize> =
            members.iter().flat_map(|span| children[*span].iter().copied()).collect();
        let node = nodes.len();
        let below = groups(spans, &of_members, members.len() > 1);
        next.extend(below.map(|members| (Some(node), members)));
        nodes.push(Node {
            parent,
            depth,
            critical_path_ns: members.iter().map(|span| spans[*span].critical_path_ns).sum(),
            duration_ns: members.iter().map(|span| spans[*span].duration_ns).sum(),
            spans: members,
        });
    }
    nodes
}

/// The children of each span in calling order; the roots stand after the last span.
fn children(spans: &[SpanRow]) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); spans.len() + 1];
    let mut open: Vec<usize> = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        while open.last().is_some_and(|parent| spans[*parent].nested_right < span.nested_left) {
            open.pop();
        }
        children[open.last().copied().unwrap_or(spans.len())].push(index);
        open.push(index);
    }
    children
}

/// Siblings put into rows, the last row first. Under a row of several spans all equal calls share one.
fn groups(
    spans: &[SpanRow],
    siblings: &[usize],
    is_below_many: bool,
) -> impl Iterator<Item = Vec<usize>> {
    let name = |span: usize| (spans[span].service_name.as_str(), spans[span].span_name.as_str());
    let mut by_name: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for span in siblings {
        by_name.entry(name(*span)).or_default().push(*span);
    }
    let least = if is_below_many { 1 } else { REPEATED };
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for members in by_name.into_values() {
        if members.len() >= least {
            rows.push(members);
        } else {
            rows.extend(members.into_iter().map(|span| vec![span]));
        }
    }
    rows.sort_by_key(|members| {
        Reverse((spans[members[0]].start_ns, spans[members[0]].nested_left))
    });
    rows.into_iter()
}

/// Which rows stay.
fn kept(nodes: &[Node], most_rows: usize) -> Vec<bool> {
    let mut kept = vec![false; nodes.len()];
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order
        .sort_by_key(|n| Reverse((nodes[*n].critical_path_ns, nodes[*n].duration_ns, Reverse(*n))));
    let mut room = most_rows;
    for node in order {
        let mut path = Vec::new();
        let mut at = Some(node);
        // Once there is no room for the path, its length does not matter.
        while let Some(node) = at.filter(|node| !kept[*node] && path.len() <= room) {
            path.push(node);
            at = nodes[node].parent;
        }
        // A row that does not fit with its ancestors may be followed by one that does.
        if path.len() <= room {
            room -= path.len();
            path.into_iter().for_each(|node| kept[node] = true);
        }
    }
    kept
}

fn row(node: &Node, spans: &[SpanRow], placed: &[Placed], zero_ns: i64) -> WaterfallRow {
    let members = || node.spans.iter().map(|span| &spans[*span]);
    let segments = drawn(members().map(|s| (s.start_ns, s.start_ns + s.duration_ns)), zero_ns);
    let critical = node.spans.iter().flat_map(|span| placed[*span].critical.iter().copied());
    let moved = || node.spans.iter().map(|span| placed[*span].moved_ns).filter(|ns| *ns != 0);
    let first = &spans[node.spans[0]];
    WaterfallRow {
        depth: node.depth,
        service_name: first.service_name.clone(),
        span_name: first.span_name.clone(),
        call_count: node.spans.len() as u64,
        start_offset_ns: segments.first().map_or(0, |segment| segment.start_offset_ns),
        duration_ns: node.duration_ns,
        self_time_ns: members().map(|span| span.self_time_ns).sum(),
        critical_path_ns: node.critical_path_ns,
        error_count: members().filter(|span| span.is_error).count() as u64,
        moved_count: moved().count() as u64,
        most_moved_ns: moved().max_by_key(|ns| ns.unsigned_abs()).unwrap_or(0),
        segments,
        critical_segments: drawn(critical, zero_ns),
    }
}

/// Stretches from start to end, earliest first.
fn drawn(stretches: impl Iterator<Item = (i64, i64)>, zero_ns: i64) -> Vec<Segment> {
    let mut segments: Vec<Segment> = stretches
        .map(|(from, to)| Segment { start_offset_ns: from - zero_ns, duration_ns: to - from })
        .collect();
    segments.sort_by_key(|segment| (segment.start_offset_ns, segment.duration_ns));
    segments.truncate(MOST_SEGMENTS);
    segments
}

#[cfg(test)]
mod tests;
