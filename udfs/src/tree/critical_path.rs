//! The critical path: which span bounds the response at each moment.
//!
//! The algorithm of semantics.md 2.4. From the end of a span backwards, time goes
//! to the child that finished last; before that child's start, to the child that
//! finished last before it; what is left is the span's own. The sections of one
//! root are disjoint and fill its interval exactly.
//!
//! Clocks of two hosts differ. Where a client waits for one server span only, and
//! the server span was recorded outside the client's, the clocks are wrong and not
//! the call: the server's subtree is moved into the client span before it takes its
//! part (semantics.md 1.6, the exemption of CRISP with the delta of Jaeger).

use super::Kind;
use super::link::{Links, Node};
use super::number::Forest;

/// How much two successive siblings may overlap, as a share of their parent's
/// duration, and still both lie on the path: clocks are not exact.
pub const DEFAULT_OVERLAP_TOLERANCE: f64 = 0.01;

/// How much longer than its client a server span may be and still be the call that
/// the client waited for, as CRISP has it: clocks also run at different speeds.
const SERVER_LENGTHENING: f64 = 1.01;

/// A stretch of time in which one span itself, not a child, bounds the response.
///
/// Times are those of the root's clock: the sections of a root fill its interval,
/// and a span whose clock was off has its sections where it was moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// Row of the root whose path this is.
    pub root: usize,
    /// Row of the span.
    pub span: usize,
    /// Start in nanoseconds.
    pub start_ns: i64,
    /// End in nanoseconds, exclusive.
    pub end_ns: i64,
}

/// A child as its parent's window shows it.
#[derive(Debug, Clone, Copy)]
struct Clipped {
    from: i64,
    to: i64,
    /// The start before clipping.
    start: i64,
    id: u64,
    node: u32,
}

/// Buffers for the walk.
#[derive(Debug, Default)]
pub(super) struct CriticalPath {
    /// The part of each node's interval that lies on the path, before its
    /// children take theirs. Empty if the node is off the path.
    window: Vec<(i64, i64)>,
    /// What to add to the times of each node on the path to have the root's clock.
    shift: Vec<i64>,
    children: Vec<Clipped>,
    /// The clipped starts of `children`, sorted; filled only when needed.
    starts: Vec<i64>,
}

impl CriticalPath {
    /// Calls `emit(node, start, end)` for every section of every root.
    ///
    /// Sections of one node come latest first; nodes come in preorder.
    pub(super) fn walk(
        &mut self,
        links: &Links,
        forest: &Forest,
        tolerance: f64,
        mut emit: impl FnMut(u32, i64, i64),
    ) {
        self.window.clear();
        self.window.resize(links.nodes.len(), (0, 0));
        self.shift.clear();
        self.shift.resize(links.nodes.len(), 0);
        for root in &forest.roots {
            let root = *root as usize;
            self.window[root] = (links.nodes[root].start, links.nodes[root].end);
        }
        // Preorder: a node's window is known before the node is reached, so the
        // walk needs no stack.
        for node in &forest.preorder {
            let (from, to) = self.window[*node as usize];
            if from < to {
                self.attribute(links, forest, tolerance, *node, |start, end| {
                    emit(*node, start, end);
                });
            }
        }
    }

    /// Shares out the window of one node between itself and its children.
    fn attribute(
        &mut self,
        links: &Links,
        forest: &Forest,
        tolerance: f64,
        node: u32,
        mut emit: impl FnMut(i64, i64),
    ) {
        let (low, high) = self.window[node as usize];
        self.clip_children(links, forest, node);
        let slack = tolerance * links.nodes[node as usize].duration() as f64;
        self.starts.clear();
        let mut current = high;
        for i in 0..self.children.len() {
            if current <= low {
                break;
            }
            let mut child = self.children[i];
            if child.to > current {
                if !self.is_tolerated(&child, current, slack) {
                    continue;
                }
                child.to = current;
            }
            if child.from >= current {
                continue;
            }
            if child.to < current {
                emit(child.to, current);
            }
            self.window[child.node as usize] = (child.from, child.to);
            current = child.from;
        }
        if current > low {
            emit(low, current);
        }
    }

    /// Fills `children`: those that the node may wait for, last finishing first.
    fn clip_children(&mut self, links: &Links, forest: &Forest, node: u32) {
        let (low, high) = self.window[node as usize];
        let parent = &links.nodes[node as usize];
        let is_producer = parent.kind == Kind::Producer;
        let is_only_child = forest.child_count[node as usize] == 1;
        self.children.clear();
        for child in forest.children(node) {
            let span = &links.nodes[child as usize];
            let mut shift = self.shift[node as usize];
            if is_only_child {
                shift = shift.saturating_add(clock_skew(parent, span));
            }
            self.shift[child as usize] = shift;
            let start = span.start.saturating_add(shift);
            let (from, to) = (start.max(low), span.end.saturating_add(shift).min(high));
            // Nobody waits for the consumer of a message.
            let is_message = is_producer && span.kind == Kind::Consumer;
            if from < to && !is_message {
                self.children.push(Clipped { from, to, start, id: span.id, node: child });
            }
        }
        self.children.sort_unstable_by(|a, b| {
            (b.to.cmp(&a.to)).then_with(|| (a.start, a.id, a.node).cmp(&(b.start, b.id, b.node)))
        });
    }

    /// Whether a child that ends after `current`, the start of the sibling behind
    /// it on the path, overlaps so little that it counts as ending there: by less
    /// than the slack, and with no other start or end of a sibling in between.
    fn is_tolerated(&mut self, child: &Clipped, current: i64, slack: f64) -> bool {
        let overlap = child.to.saturating_sub(current);
        if overlap as f64 >= slack || child.from >= current {
            return false;
        }
        if self.starts.is_empty() {
            self.starts.extend(self.children.iter().map(|child| child.from));
            self.starts.sort_unstable();
        }
        let starts = self.starts.partition_point(|start| *start <= child.to)
            - self.starts.partition_point(|start| *start < current);
        let ends = self.children.partition_point(|sibling| sibling.to >= current)
            - self.children.partition_point(|sibling| sibling.to > child.to);
        starts + ends == 2
    }
}

/// What to add to the times of a server span, the only child of a client span, so that it lies in the
/// middle of it: the network is taken to be as slow one way as the other. 0 where the times can be true:
/// the server span lies inside, the client gave up early, or the server worked for longer than the
/// client waited.
fn clock_skew(client: &Node, server: &Node) -> i64 {
    let is_call = client.kind == Kind::Client && server.kind == Kind::Server && !client.is_error;
    let is_inside = client.start <= server.start && server.end <= client.end;
    let (waited, worked) = (client.duration(), server.duration());
    if !is_call || is_inside || worked as f64 > SERVER_LENGTHENING * waited as f64 {
        return 0;
    }
    let latency = waited.saturating_sub(worked) / 2;
    client.start.saturating_add(latency).saturating_sub(server.start)
}
