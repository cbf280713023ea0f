//! Self time: what no child covers (semantics.md 1.5, `all_children`).

use super::link::Node;
use super::number::Forest;

/// The nanoseconds of `node` that none of its children covers. Children are
/// clipped to the node, and time covered by several counts once.
pub(super) fn self_time(nodes: &[Node], forest: &Forest, node: u32) -> i64 {
    let span = &nodes[node as usize];
    let mut covered_until = span.start;
    let mut own = 0_i64;
    for child in forest.children(node) {
        let child = &nodes[child as usize];
        if child.start >= span.end {
            break;
        }
        own = own.saturating_add(child.start.saturating_sub(covered_until).max(0));
        covered_until = covered_until.max(child.end);
    }
    own.saturating_add(span.end.saturating_sub(covered_until).max(0))
}
