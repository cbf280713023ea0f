//! The shop, declared as data: services, databases, customers, operations and
//! incidents.
//!
//! Nothing here runs. `trace` interprets the steps of an operation, so adding
//! an operation is adding a `static` and, for a root, a line in `roots`.

pub(crate) mod browsing;
pub(crate) mod buying;
pub(crate) mod customers;
pub(crate) mod failures;
pub(crate) mod incidents;
pub(crate) mod model;
pub(crate) mod operating;
pub(crate) mod roots;
pub(crate) mod services;
pub(crate) mod stores;

#[cfg(test)]
mod tests;
