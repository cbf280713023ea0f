//! SQL functions for traces, for any DataFusion session.
//!
//! ```text
//! scalar     ids as text, answers of sketches
//! aggregate  percentiles, sketches          sketch, nearest_rank, binomial_ranks,
//!                                           kept_values            (no SQL)
//!            what rows and traces have      attribute_counts, attribute_sets  (no SQL)
//! window     what is usual                  seasonal, chance       (no SQL)
//!            sums of the last rows          trailing               (no SQL)
//!            span_tree -> span_columns  ->  tree                   (no SQL)
//!              ^ the same, as an operator: span_tree_exec
//! ```
//!
//! The right column holds the algorithms: plain functions over slices that know
//! neither SQL nor Arrow. The modules to their left turn columns into slices and
//! back, and say what DataFusion wants to know about a function.
//!
//! ```
//! use datafusion::prelude::SessionContext;
//!
//! let mut session = SessionContext::new();
//! udfs::register_all(&mut session).expect("a new session takes functions");
//! ```
//!
//! Each function documents itself with `#[user_doc]`; [`reference_markdown`]
//! renders all of it, and its examples are tests.
//!
//! # Not here
//!
//! No storage, no tables, and no knowledge of how a session is made.

mod aggregate;
mod attribute_counts;
mod attribute_sets;
mod binomial_ranks;
mod bins;
mod chance;
mod encoding;
mod hypergeometric;
mod kept_values;
mod nearest_rank;
mod reference;
mod scalar;
mod seasonal;
mod share_percentiles;
pub mod sketch;
mod sketch_columns;
pub mod span_columns;
mod span_tree_exec;
mod trace_set;
mod trailing;
pub mod tree;
mod window;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

pub use aggregate::shared_percentiles::{percentile_field, percentiles_of_sketches};
pub use reference::reference_markdown;
pub use share_percentiles::SharePercentiles;
pub use span_tree_exec::{SpanTreeExec, SpanTreeRule, with_span_tree_rule};

/// All scalar functions.
pub fn scalar_functions() -> Vec<ScalarUDF> {
    scalar::all()
}

/// All aggregate functions.
pub fn aggregate_functions() -> Vec<AggregateUDF> {
    aggregate::all()
}

/// All window functions.
pub fn window_functions() -> Vec<WindowUDF> {
    window::all()
}

/// Registers every function of this crate, replacing functions of the same name.
///
/// # Errors
///
/// If the registry takes no functions.
pub fn register_all(registry: &mut dyn FunctionRegistry) -> Result<()> {
    for function in scalar_functions() {
        registry.register_udf(Arc::new(function))?;
    }
    for function in aggregate_functions() {
        registry.register_udaf(Arc::new(function))?;
    }
    for function in window_functions() {
        registry.register_udwf(Arc::new(function))?;
    }
    Ok(())
}
