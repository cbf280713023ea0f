//! What can go wrong, named by what the caller can do about it.

use std::path::PathBuf;

/// The result of planning or writing a data set.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure to plan or write a data set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings ask for something that cannot be made. Change them.
    #[error("cannot generate this data set: {reason}")]
    InvalidSettings {
        /// Which setting, and its limits.
        reason: String,
    },

    /// The file name does not say which format to write.
    #[error("unknown format of {path}: use .otlp.jsonl or .otlp.binpb, plain or with .zst or .gz")]
    UnknownFormat {
        /// The name at fault.
        path: PathBuf,
    },

    /// The output could not be written.
    #[error("cannot write the data set")]
    Io(#[from] std::io::Error),
}
