//! The shape of a call tree: one number per subtree, equal for equal trees.
//!
//! A Merkle hash, bottom-up, in the `set` form of semantics.md 4.5: the hash of a
//! span covers its service, name, kind, error flag, and the distinct hashes of
//! its children, so neither the order nor the number of repeated calls matters.
//! A client span whose only child is a server span takes the shape of that child:
//! the call and its answer are one step.
//!
//! The bytes hashed with xxh3-64 (seedless) are, little-endian: service hash (8),
//! name hash (8), OTLP kind (1), error (1), then 8 per distinct child hash in
//! ascending order. Stored shapes depend on this layout.

use xxhash_rust::xxh3::xxh3_64;

use super::link::Links;
use super::number::Forest;
use super::{Kind, Trace};

/// Buffers, and the result.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// The shape of each node's subtree.
    pub(super) of_node: Vec<u64>,
    children: Vec<u64>,
    bytes: Vec<u8>,
}

impl Shapes {
    /// Computes the shape of every node.
    pub(super) fn compute(&mut self, trace: &Trace<'_>, links: &Links, forest: &Forest) {
        self.of_node.clear();
        self.of_node.resize(links.nodes.len(), 0);
        // Children come after their parent in preorder, so backwards is bottom-up.
        for node in forest.preorder.iter().rev() {
            self.of_node[*node as usize] = self.shape(trace, links, forest, *node);
        }
    }

    fn shape(&mut self, trace: &Trace<'_>, links: &Links, forest: &Forest, at: u32) -> u64 {
        let node = &links.nodes[at as usize];
        let only_child = match forest.child_count[at as usize] {
            1 => Some(forest.first_child[at as usize]),
            _ => None,
        };
        if let Some(child) = only_child
            && node.kind == Kind::Client
            && links.nodes[child as usize].kind == Kind::Server
        {
            return self.of_node[child as usize];
        }
        self.children.clear();
        self.children.extend(forest.children(at).map(|child| self.of_node[child as usize]));
        self.children.sort_unstable();
        self.children.dedup();
        let row = node.row as usize;
        self.bytes.clear();
        self.bytes.extend(trace.service[row].to_le_bytes());
        self.bytes.extend(trace.name[row].to_le_bytes());
        self.bytes.extend([node.kind as u8, u8::from(node.is_error)]);
        self.bytes.extend(self.children.iter().flat_map(|hash| hash.to_le_bytes()));
        xxh3_64(&self.bytes)
    }
}

#[cfg(test)]
mod tests;
