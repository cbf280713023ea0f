//! What can be wrong with a value that claims to fit the schema.

/// The result of a schema operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A value that does not fit the schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Text that is not the hex form of an id.
    #[error("`{text}` is not a {kind}: expected {digits} hex digits, not all zero")]
    Id {
        /// `trace id` or `span id`.
        kind: &'static str,
        /// How many hex digits the id has.
        digits: usize,
        /// What was given.
        text: String,
    },

    /// A record batch whose columns are not those of the stored `spans` table.
    #[error("batch is not a `spans` batch: {reason}")]
    Batch {
        /// The first difference found.
        reason: String,
    },
}
