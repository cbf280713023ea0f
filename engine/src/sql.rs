//! SQL over a snapshot: sessions, guarded statements, result streams.

mod attach;
mod bare_times;
pub mod columns;
mod conditions;
mod date_trunc;
mod fresh_traces;
pub(crate) mod functions;
mod guard;
mod hex_ids;
mod late_hex;
mod leaf_projections;
mod look_ups;
mod parts_of_plans;
mod repeated_keys;
mod rollups;
mod runtime;
mod session;
mod small_sides;
mod stack;
mod statement;
mod stores;
mod text_patterns;
mod view;
mod views;

pub use functions::{Parameter, ParameterKind, TableFunction, table_functions};
pub(crate) use runtime::Runtime;
pub use session::{Session, TableInfo};
pub use stack::PLANNING_STACK_BYTES;
pub use statement::{Query, Statement};
