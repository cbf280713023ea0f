//! What the benchmarks share: requests to measure with, the hot kernels, and a server to ask.
//!
//! The benchmarks themselves are in `benches/`, one file each; `README.md` says
//! how to run them and what they found.

mod fresh_trees;
pub mod kernels;
pub mod over_flight;
pub mod requests;
