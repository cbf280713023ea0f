//! What tests need that the product does not.
//!
//! - [`run_slt_dir`] runs a folder of SQL tests against a DataFusion session.
//! - [`SimDisk`] is a file system in memory that loses, reorders and tears what was
//!   not synced when its power is cut.
//! - [`MountedDisk`] makes a `SimDisk` a folder of the machine, so that a process can
//!   lose its power.
//!
//! # Not here
//!
//! Nothing that a crate of the product depends on: this one is for
//! `[dev-dependencies]` only.

mod mounted_disk;
mod sim_disk;
mod slt;

pub use mounted_disk::MountedDisk;
pub use sim_disk::{Loss, SimDisk};
pub use slt::run_slt_dir;
