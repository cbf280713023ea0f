//! Nothing but dependencies: see `Cargo.toml` of this crate.
