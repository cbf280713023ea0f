//! The operator against the window function, which computes the same one trace at a time.

mod fixture;
mod limits;
mod ordered;
mod plans;
mod random;
