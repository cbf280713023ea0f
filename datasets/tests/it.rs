//! What a generated week must be: well-formed, repeatable, decodable by others,
//! and with incidents that a review of the slowest 1 % has to find.

#[path = "it/critical_path.rs"]
mod critical_path;
#[path = "it/decoding.rs"]
mod decoding;
#[path = "it/incidents.rs"]
mod incidents;
#[path = "it/repeatability.rs"]
mod repeatability;
#[path = "it/shape.rs"]
mod shape;
#[path = "it/week.rs"]
mod week;
