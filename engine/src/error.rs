//! What can go wrong, named by what the caller can do about it.

use datafusion::error::DataFusionError;

/// The result of an engine operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An engine failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no lake at the location. Import something, or name another one.
    #[error(
        "{location} is not a lake: it has no `spans` table; \
         create one with `spanlake import --lake {location} FILE`, or name another with --lake"
    )]
    NotALake {
        /// The location as the user gave it.
        location: String,
    },

    /// The location is not one that this build can read. Name a folder or a bucket.
    #[error("cannot use `{location}` as a lake: {reason}")]
    BadLocation {
        /// The location as the user gave it.
        location: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The statement is not one that may run here. Rewrite it as a query.
    #[error("{reason}")]
    Refused {
        /// What was refused, and what is allowed.
        reason: String,
    },

    /// The query is wrong: it does not parse, or names what does not exist.
    #[error("{0}")]
    BadQuery(String),

    /// The query was right but failed while running.
    #[error("query failed: {0}")]
    QueryFailed(String),

    /// The query needs more memory, disk or time than it may use.
    #[error("query needs more resources than allowed: {0}")]
    ResourcesExhausted(String),

    /// A file given to `attach` cannot be read as Parquet.
    #[error("cannot attach `{path}` as table `{name}`: {reason}")]
    Attach {
        /// The table name.
        name: String,
        /// The path or pattern.
        path: String,
        /// What is wrong.
        reason: String,
    },

    /// The lake was written by a newer version of Spanlake. Upgrade.
    #[error(
        "the lake has format version {found}, this build reads up to {supported}; upgrade spanlake"
    )]
    NewerFormat {
        /// Version in the table metadata.
        found: u32,
        /// Newest version that this build knows.
        supported: u32,
    },

    /// A stored object does not parse. Retrying cannot help.
    #[error("stored object {path} is corrupt: {reason}")]
    Corrupt {
        /// The object at fault.
        path: String,
        /// What was wrong with it.
        reason: String,
    },

    /// The settings cannot be used. Change them.
    #[error("{0}")]
    BadSettings(String),

    /// Another process writes here. Stop it, or use another folder.
    #[error(
        "the write-ahead log in {folder} is in use by {holder}; stop it or name another folder"
    )]
    InUse {
        /// The folder.
        folder: String,
        /// Who has it, as far as known.
        holder: String,
    },

    /// There can be no write-ahead log in the folder. Make it writable, or name another one.
    #[error(
        "the write-ahead log cannot be kept in {folder}: {source}; name a folder on a local disk \
         that this process may write to, with --wal or `wal_dir`"
    )]
    BadLogFolder {
        /// The folder.
        folder: String,
        /// What the system said.
        source: std::io::Error,
    },

    /// The write-ahead log is damaged where acknowledged spans were.
    #[error(
        "the write-ahead log is damaged: {file} at byte {offset}: {reason}; to start without what \
         is damaged, and keep the file as `*.corrupt`, set on_corruption = \"quarantine\""
    )]
    DamagedLog {
        /// The file.
        file: String,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: String,
    },

    /// The folder given for the write-ahead log holds the log of another lake.
    #[error(
        "the write-ahead log in {folder} belongs to another lake (table {found}, this is {expected}); \
         name another folder"
    )]
    OtherLake {
        /// The folder.
        folder: String,
        /// Id of the table that the log belongs to.
        found: String,
        /// Id of the table of this lake.
        expected: String,
    },

    /// A local file cannot be read or written.
    #[error("{path}: {source}")]
    Disk {
        /// The file or folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },

    /// The store does not keep commits of two writers apart. Use another one, or another gateway to it.
    #[error(
        "the store cannot hold a lake: {reason}; use one that honours conditional writes \
         (`If-None-Match: *` on S3)"
    )]
    UnsafeStore {
        /// What it did.
        reason: String,
    },

    /// The object store failed; the same call may succeed later.
    #[error("cannot access the lake: {0}")]
    Store(#[from] object_store::Error),

    /// The table log could not be read or written.
    #[error("table log: {0}")]
    Log(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// Our own mistake. Please report it.
    #[error("internal error, please report it: {0}")]
    Internal(String),
}

impl Error {
    /// Whether the same call may succeed if made again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Error::Store(_) | Error::Log(_) | Error::ResourcesExhausted(_))
    }

    /// Whether the caller asked for something that cannot work, so that changing the
    /// request helps and looking at the server does not.
    pub fn is_caller_fault(&self) -> bool {
        matches!(
            self,
            Error::NotALake { .. }
                | Error::BadLocation { .. }
                | Error::UnsafeStore { .. }
                | Error::Refused { .. }
                | Error::BadQuery(_)
                | Error::Attach { .. }
                | Error::BadSettings(_)
        )
    }
}

impl From<DataFusionError> for Error {
    /// Sorts a DataFusion failure by whose fault it is, and strips what only its developers need.
    fn from(error: DataFusionError) -> Self {
        let root = error.find_root();
        let text = root.strip_backtrace();
        match root {
            DataFusionError::SQL(..)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Configuration(_) => Error::BadQuery(without_prefix(&text)),
            DataFusionError::ResourcesExhausted(_) => {
                Error::ResourcesExhausted(without_prefix(&text))
            }
            DataFusionError::Internal(_) => Error::Internal(text),
            _ => Error::QueryFailed(without_prefix(&text)),
        }
    }
}

/// The text without DataFusion's category in front, and on one line: the variant says the category already.
fn without_prefix(text: &str) -> String {
    const PREFIXES: [&str; 8] = [
        "Error during planning: ",
        "Schema error: ",
        "SQL error: ",
        "Execution error: ",
        "This feature is not implemented: ",
        "Invalid or Unsupported Configuration: ",
        "Resources exhausted: ",
        "Arrow error: ",
    ];
    let mut rest = text;
    while let Some(stripped) = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = stripped;
    }
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}
