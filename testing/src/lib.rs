//! What tests need that the product does not.
//!
//! - [`run_slt_dir`] runs a folder of SQL tests against a DataFusion session.
//!
//! # Not here
//!
//! Nothing that a crate of the product depends on: this one is for
//! `[dev-dependencies]` only.

mod slt;

pub use slt::run_slt_dir;
