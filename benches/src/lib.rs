//! What the benchmarks share: requests to measure with, and the hot kernels.
//!
//! The benchmarks themselves are in `benches/`, one file each; `README.md` says
//! how to run them and what they found.

mod fresh_trees;
pub mod kernels;
pub mod requests;
