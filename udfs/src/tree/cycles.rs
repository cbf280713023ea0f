//! Cycles in the parent links, cut as semantics.md 1.1 step 5 says.
//!
//! Every node has at most one parent, so a component has at most one cycle. The
//! member with the smallest `(start, span id)` loses its link and becomes an
//! orphan root.

use super::NONE;
use super::link::{Links, Place};

/// Cuts every cycle and returns how many there were. `walk` is a buffer.
pub(super) fn cut(links: &mut Links, walk: &mut Vec<u32>) -> u32 {
    let mut cycles = 0;
    walk.clear();
    walk.resize(links.nodes.len(), NONE);
    for first in 0..links.nodes.len() as u32 {
        // Each walk up marks its nodes with its first node; meeting its own mark
        // again means that it went round.
        let mut at = first;
        while at != NONE && walk[at as usize] == NONE {
            walk[at as usize] = first;
            at = links.parent[at as usize];
        }
        if at != NONE && walk[at as usize] == first {
            cut_at(links, at);
            cycles += 1;
        }
    }
    cycles
}

/// Cuts the cycle that `member` lies on.
fn cut_at(links: &mut Links, member: u32) {
    let key = |node: u32| (links.nodes[node as usize].start, links.nodes[node as usize].id, node);
    let mut earliest = member;
    let mut at = links.parent[member as usize];
    while at != member {
        if key(at) < key(earliest) {
            earliest = at;
        }
        at = links.parent[at as usize];
    }
    links.parent[earliest as usize] = NONE;
    links.place[earliest as usize] = Place::Orphan;
}
