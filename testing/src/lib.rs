//! What tests need that the product does not.
//!
//! - [`run_slt_dir`] runs a folder of SQL tests against a DataFusion session.
//! - [`SimDisk`] is a file system in memory that loses, reorders and tears what was
//!   not synced when its power is cut.
//!
//! # Not here
//!
//! Nothing that a crate of the product depends on: this one is for
//! `[dev-dependencies]` only.

mod sim_disk;
mod slt;

pub use sim_disk::{Loss, SimDisk};
pub use slt::run_slt_dir;
