//! What the benchmarks share: requests to measure with.
//!
//! The benchmarks themselves are in `benches/`, one file each; `README.md` says
//! how to run them and what they found.

pub mod requests;
