//! Where failures come from (semantics.md 8.4).

use super::link::Links;
use super::number::Forest;
use super::{NONE, Tree};

/// Buffers, kept from trace to trace.
#[derive(Debug, Default)]
pub(super) struct Errors {
    has_failed_child: Vec<bool>,
    /// The node failed, and so did all of its ancestors.
    reaches_root: Vec<bool>,
}

impl Errors {
    /// Fills the columns about errors; the rows of the trace begin at `first_row`.
    pub(super) fn write(
        &mut self,
        links: &Links,
        forest: &Forest,
        tree: &mut Tree,
        first_row: usize,
    ) {
        if !links.nodes.iter().any(|node| node.is_error) {
            return;
        }
        let row = |node: u32| first_row + links.nodes[node as usize].row as usize;
        let is_error = |node: u32| links.nodes[node as usize].is_error;
        self.has_failed_child.clear();
        self.has_failed_child.resize(links.nodes.len(), false);
        for (node, parent) in links.nodes.iter().zip(&links.parent).filter(|(_, p)| **p != NONE) {
            tree.is_parent_failed[first_row + node.row as usize] = is_error(*parent);
            if node.is_error {
                self.has_failed_child[*parent as usize] = true;
            }
        }
        for (node, has_failed_child) in links.nodes.iter().zip(&self.has_failed_child) {
            tree.error_origin[first_row + node.row as usize] = node.is_error && !has_failed_child;
        }
        self.reaches_root.clear();
        self.reaches_root.resize(links.nodes.len(), false);
        // Preorder goes root by root: the first error of one is known when the next begins.
        let mut first: Option<u32> = None;
        for node in forest.preorder.iter().copied() {
            let parent = links.parent[node as usize];
            if parent == NONE {
                if let Some(first) = first.take() {
                    tree.is_first_error[row(first)] = true;
                }
                if is_error(node) {
                    tree.is_decisive_error[row(self.decisive(links, forest, node))] = true;
                }
            }
            let reaches_root =
                is_error(node) && (parent == NONE || self.reaches_root[parent as usize]);
            self.reaches_root[node as usize] = reaches_root;
            let end = |node: u32| links.nodes[node as usize].end;
            if reaches_root
                && !self.has_failed_child[node as usize]
                && first.is_none_or(|first| end(node) < end(first))
            {
                first = Some(node);
            }
        }
        if let Some(first) = first {
            tree.is_first_error[row(first)] = true;
        }
    }

    /// Down from a failed root; of two children that end together, the one that started later.
    fn decisive(&self, links: &Links, forest: &Forest, root: u32) -> u32 {
        let mut at = root;
        while self.has_failed_child[at as usize] {
            let failed = forest.children(at).filter(|child| links.nodes[*child as usize].is_error);
            // Of equals the last in canonical order counts.
            let Some(last) = failed.max_by_key(|child| links.nodes[*child as usize].end) else {
                return at;
            };
            at = last;
        }
        at
    }
}
