//! Runs the steps on one trace after another and writes the output rows.

use super::critical_path::CriticalPath;
use super::errors::Errors;
use super::link::{Links, Place};
use super::number::Forest;
use super::self_time::self_time;
use super::shape::Shapes;
use super::{DEFAULT_OVERLAP_TOLERANCE, NO_PARENT, NONE, Section, Trace, TraceFacts, Tree};

/// Flags that say: the parent is known to be remote.
const PARENT_IS_REMOTE: u32 = 0x300;

/// Columns that cost a step of their own. Those that are left out hold zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// [`Tree::self_time_ns`].
    pub self_time: bool,
    /// [`Tree::critical_path_ns`].
    pub critical_path: bool,
    /// [`Tree::shape`].
    pub shape: bool,
}

impl Steps {
    /// Every column.
    pub const ALL: Self = Self { self_time: true, critical_path: true, shape: true };
}

/// Builds span trees; keep one per thread, because it keeps its buffers.
#[derive(Debug)]
pub struct TreeBuilder {
    overlap_tolerance: f64,
    steps: Steps,
    links: Links,
    forest: Forest,
    critical_path: CriticalPath,
    shapes: Shapes,
    errors: Errors,
}

impl Default for TreeBuilder {
    fn default() -> Self {
        Self {
            overlap_tolerance: DEFAULT_OVERLAP_TOLERANCE,
            steps: Steps::ALL,
            links: Links::default(),
            forest: Forest::default(),
            critical_path: CriticalPath::default(),
            shapes: Shapes::default(),
            errors: Errors::default(),
        }
    }
}

impl TreeBuilder {
    /// Sets the overlap of successive siblings that the critical path tolerates,
    /// as a share of their parent's duration; 0 is exact, and the default is
    /// [`DEFAULT_OVERLAP_TOLERANCE`].
    pub fn with_overlap_tolerance(mut self, share: f64) -> Self {
        self.overlap_tolerance = share;
        self
    }

    /// Leaves out columns that nobody reads.
    pub fn with_steps(mut self, steps: Steps) -> Self {
        self.steps = steps;
        self
    }

    /// Appends the rows of one trace to `tree`, in the order of the trace's rows.
    ///
    /// # Panics
    ///
    /// If the columns of the trace differ in length or exceed
    /// [`MAX_SPANS`](super::MAX_SPANS).
    pub fn append(&mut self, trace: &Trace<'_>, tree: &mut Tree) -> TraceFacts {
        self.plant(trace);
        let first_row = tree.len();
        tree.grow(trace.len());
        self.write_place(trace, tree, first_row);
        self.write_times(tree, first_row);
        self.errors.write(&self.links, &self.forest, tree, first_row);
        if self.steps.shape {
            self.write_shapes(trace, tree, first_row);
        }
        let facts = self.write_roots(tree, first_row);
        for dropped in &self.links.dropped {
            let kept = self.links.nodes[dropped.kept as usize].row as usize;
            tree.copy_row(first_row + kept, first_row + dropped.row as usize);
        }
        facts
    }

    /// The sections of the critical path, by root, then by time.
    ///
    /// # Panics
    ///
    /// As [`append`](Self::append).
    pub fn sections(&mut self, trace: &Trace<'_>) -> Vec<Section> {
        self.plant(trace);
        let Self { links, forest, critical_path, .. } = self;
        let mut sections = Vec::new();
        // Preorder visits root by root, so the last root met is the section's.
        let mut next_root = forest.roots.iter().peekable();
        let mut root = (0, 0);
        critical_path.walk(links, forest, self.overlap_tolerance, |node, start_ns, end_ns| {
            let left = forest.left[node as usize];
            while let Some(met) = next_root.next_if(|r| forest.left[**r as usize] <= left) {
                root = (root.0 + 1, links.nodes[*met as usize].row as usize);
            }
            let span = links.nodes[node as usize].row as usize;
            sections.push((root.0, Section { root: root.1, span, start_ns, end_ns }));
        });
        sections.sort_unstable_by_key(|(order, section)| (*order, section.start_ns));
        sections.into_iter().map(|(_, section)| section).collect()
    }

    fn plant(&mut self, trace: &Trace<'_>) {
        trace.check();
        self.links.read(trace);
        self.forest.grow(&mut self.links);
    }

    fn write_place(&self, trace: &Trace<'_>, tree: &mut Tree, first_row: usize) {
        let Self { links, forest, .. } = self;
        for (i, node) in links.nodes.iter().enumerate() {
            let (row, parent) = (first_row + node.row as usize, links.parent[i]);
            let (left, right) = (forest.left[i], forest.right[i]);
            // Numbers fit because a trace has at most MAX_SPANS spans.
            tree.depth[row] = forest.depth[i].cast_signed();
            tree.child_count[row] = forest.child_count[i].cast_signed();
            tree.subtree_size[row] = (right - left).div_ceil(2).cast_signed();
            tree.nested_left[row] = left.cast_signed();
            tree.nested_right[row] = right.cast_signed();
            tree.is_root[row] = links.place[i] == Place::Root;
            tree.is_orphan[row] = links.place[i] == Place::Orphan;
            if let Some(parent) = links.nodes.get(parent as usize)
                && node.kind.receives_from(parent.kind)
            {
                tree.is_paired[row] = true;
                tree.is_paired[first_row + parent.row as usize] = true;
            }
            let from_other_service = if parent == NONE {
                tree.parent[row] = NO_PARENT;
                false
            } else {
                let parent_row = links.nodes[parent as usize].row;
                tree.parent[row] = first_row as u32 + parent_row;
                trace.service[parent_row as usize] != trace.service[node.row as usize]
            };
            let flags = trace.flags(node.row as usize);
            tree.is_entry[row] = tree.is_root[row]
                || flags & PARENT_IS_REMOTE == PARENT_IS_REMOTE
                || node.kind.is_receiver()
                || from_other_service;
        }
    }

    fn write_times(&mut self, tree: &mut Tree, first_row: usize) {
        let Self { links, forest, critical_path, steps, .. } = self;
        if steps.self_time {
            for (node, i) in links.nodes.iter().zip(0..) {
                let row = first_row + node.row as usize;
                tree.self_time_ns[row] = self_time(&links.nodes, forest, i);
            }
        }
        if !steps.critical_path {
            return;
        }
        critical_path.walk(links, forest, self.overlap_tolerance, |node, start, end| {
            let row = first_row + links.nodes[node as usize].row as usize;
            let total = &mut tree.critical_path_ns[row];
            *total = total.saturating_add(end.saturating_sub(start));
        });
    }

    fn write_shapes(&mut self, trace: &Trace<'_>, tree: &mut Tree, first_row: usize) {
        self.shapes.compute(trace, &self.links, &self.forest);
        for (node, shape) in self.links.nodes.iter().zip(&self.shapes.of_node) {
            // SQL has no unsigned 64-bit type that every reader knows.
            tree.shape[first_row + node.row as usize] = shape.cast_signed();
        }
    }

    /// Marks the primary root and counts the others.
    fn write_roots(&self, tree: &mut Tree, first_row: usize) -> TraceFacts {
        let Self { links, forest, .. } = self;
        let orphans =
            forest.roots.iter().filter(|r| links.place[**r as usize] == Place::Orphan).count();
        let roots = forest.roots.len() - orphans;
        // Roots are in order: true roots, then orphans, each by start.
        let mut candidates = forest.roots.iter();
        let receiver = |root: &&u32| links.nodes[**root as usize].kind.is_receiver();
        let primary = if roots > 0 { None } else { candidates.clone().find(receiver) };
        let primary_root = primary
            .or_else(|| candidates.next())
            .map(|root| first_row + links.nodes[*root as usize].row as usize);
        if let Some(row) = primary_root {
            tree.is_primary_root[row] = true;
        }
        TraceFacts {
            primary_root,
            roots,
            orphans,
            cycles: forest.cycles as usize,
            duplicates: links.dropped.len(),
        }
    }
}
