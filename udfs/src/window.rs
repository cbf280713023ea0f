//! Window functions: whole traces in, one value per span out.

mod span_tree;

use datafusion::logical_expr::WindowUDF;

pub(crate) use span_tree::SpanTree;

pub(crate) fn all() -> Vec<WindowUDF> {
    vec![WindowUDF::from(SpanTree::default())]
}
