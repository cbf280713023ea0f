//! `span_tree(...) OVER (PARTITION BY trace_id)` as an operator of its own.
//!
//! DataFusion plans a window as a sort of all columns by the trace id, and one call of
//! the function per trace. [`SpanTreeExec`] needs no order: it keeps the batches as they
//! came, numbers the traces, gives the kernel their rows, and puts the answers beside
//! the rows they belong to.
//!
//! ```text
//! input -> held           batches, spans in the form of the kernel, number of each row's trace
//!            |  in memory: trees of some traces at a time -> the same batches with one more column
//!            |  not in memory: buckets by hash of the trace id, in files; each is an input again
//! ```
//!
//! [`SpanTreeRule`] puts it in the place of the windows it understands. All other
//! windows stay, and with them every use of the function that it does not know.
//!
//! # Not here
//!
//! No form in which plans are sent to other processes: a planner that distributes plans
//! leaves the rule out, and the window function does the work.

mod buckets;
mod held;
mod plan;
mod rule;
mod stream;
mod trace_numbers;

pub use plan::SpanTreeExec;
pub use rule::{SpanTreeRule, with_span_tree_rule};

#[cfg(test)]
mod tests;
