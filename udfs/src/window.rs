//! Window functions: whole traces or series in, one value per row out.

mod roaring_overlaps;
mod seasonal;
mod span_tree;
mod trailing_sums;

use datafusion::logical_expr::WindowUDF;

use roaring_overlaps::RoaringOverlaps;
pub(crate) use span_tree::SpanTree;
use trailing_sums::TrailingSums;

pub(crate) fn all() -> Vec<WindowUDF> {
    let mut all: Vec<WindowUDF> = seasonal::all().map(WindowUDF::from).collect();
    all.push(WindowUDF::from(SpanTree::default()));
    all.push(WindowUDF::from(RoaringOverlaps::default()));
    all.push(WindowUDF::from(TrailingSums::default()));
    all
}
