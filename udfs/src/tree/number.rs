//! Children, roots, and the numbers of a depth-first walk.
//!
//! Steps 5 to 7 of semantics.md 1.1 and the nested sets of 1.3, with our own
//! numbering: orphan subtrees are numbered too, after the true roots.

use super::link::{Links, Place};
use super::{NONE, cycles};

/// The forest that the links form, node by node.
#[derive(Debug, Default)]
pub(super) struct Forest {
    /// Root nodes: true roots first, then orphans, each by `(start, span id)`.
    pub(super) roots: Vec<u32>,
    /// The first child in canonical order, or [`NONE`].
    pub(super) first_child: Vec<u32>,
    /// The next child of the same parent in canonical order, or [`NONE`].
    pub(super) next_sibling: Vec<u32>,
    pub(super) child_count: Vec<u32>,
    /// All nodes, each before its descendants and after its earlier siblings'.
    pub(super) preorder: Vec<u32>,
    pub(super) depth: Vec<u32>,
    pub(super) left: Vec<u32>,
    pub(super) right: Vec<u32>,
    /// How many cycles were cut.
    pub(super) cycles: u32,
    walk: Vec<u32>,
}

impl Forest {
    /// Numbers the nodes; cuts cycles in `links` first if there are any.
    pub(super) fn grow(&mut self, links: &mut Links) {
        self.cycles = 0;
        self.connect(links);
        self.number(links);
        if self.preorder.len() < links.nodes.len() {
            self.cycles = cycles::cut(links, &mut self.walk);
            self.connect(links);
            self.number(links);
        }
    }

    /// The children of a node in canonical order.
    pub(super) fn children(&self, node: u32) -> impl Iterator<Item = u32> {
        let some = |node: u32| (node != NONE).then_some(node);
        std::iter::successors(some(self.first_child[node as usize]), move |child| {
            some(self.next_sibling[*child as usize])
        })
    }

    fn connect(&mut self, links: &Links) {
        let n = links.nodes.len();
        for list in [&mut self.first_child, &mut self.next_sibling] {
            list.clear();
            list.resize(n, NONE);
        }
        self.child_count.clear();
        self.child_count.resize(n, 0);
        self.roots.clear();
        // Backwards, because each child is put before those already listed.
        for node in (0..n as u32).rev() {
            let parent = links.parent[node as usize];
            if parent == NONE {
                self.roots.push(node);
                continue;
            }
            self.child_count[parent as usize] += 1;
            self.next_sibling[node as usize] = self.first_child[parent as usize];
            self.first_child[parent as usize] = node;
        }
        let order = |root: &u32| {
            let node = &links.nodes[*root as usize];
            (links.place[*root as usize] == Place::Orphan, node.start, node.id, *root)
        };
        self.roots.sort_unstable_by_key(order);
    }

    fn number(&mut self, links: &Links) {
        let n = links.nodes.len();
        self.preorder.clear();
        for numbers in [&mut self.depth, &mut self.left, &mut self.right] {
            numbers.clear();
            numbers.resize(n, 0);
        }
        let mut counter = 0;
        for i in 0..self.roots.len() {
            counter = self.number_subtree(links, self.roots[i], counter);
        }
    }

    /// Numbers one tree from `counter + 1` on and returns the last number given.
    fn number_subtree(&mut self, links: &Links, root: u32, mut counter: u32) -> u32 {
        let (mut at, mut depth) = (root, 0);
        loop {
            counter += 1;
            self.left[at as usize] = counter;
            self.depth[at as usize] = depth;
            self.preorder.push(at);
            if self.first_child[at as usize] != NONE {
                at = self.first_child[at as usize];
                depth += 1;
                continue;
            }
            loop {
                counter += 1;
                self.right[at as usize] = counter;
                if at == root {
                    return counter;
                }
                let next = self.next_sibling[at as usize];
                if next != NONE {
                    at = next;
                    break;
                }
                at = links.parent[at as usize];
                depth -= 1;
            }
        }
    }
}
