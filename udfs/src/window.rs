//! Window functions: whole traces or series in, one value per row out.

mod seasonal;
mod span_tree;

use datafusion::logical_expr::WindowUDF;

pub(crate) use span_tree::SpanTree;

pub(crate) fn all() -> Vec<WindowUDF> {
    let mut all: Vec<WindowUDF> = seasonal::all().map(WindowUDF::from).collect();
    all.push(WindowUDF::from(SpanTree::default()));
    all
}
