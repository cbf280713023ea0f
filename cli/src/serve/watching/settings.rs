//! Settings of what the server watches by itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of what the server watches by itself, and whom it tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WatchSettings {
    /// Files of service level objectives, or folders of them. They are read again each time, so a change
    /// needs no restart.
    pub slo_files: Vec<PathBuf>,
    /// Whether it also tells what is unusual for a service at that hour of the week, once hours are over.
    pub anomalies: bool,
    /// Whose hours of the week those are: an IANA name, as in `Europe/Berlin`.
    pub time_zone: String,
    /// How often it looks, in seconds.
    pub every_seconds: u64,
    /// How late spans may come, in seconds: it looks at the time before that.
    pub late_seconds: u64,
    /// Where alerts are posted as JSON: when one begins, changes or ends. Empty: they are only logged.
    pub webhook_url: String,
    /// Folder of what was told already, so that a restart does not tell it again. Default: `watch` beside
    /// the write-ahead log.
    pub folder: PathBuf,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            slo_files: Vec::new(),
            anomalies: false,
            time_zone: "UTC".into(),
            every_seconds: 60,
            late_seconds: 10,
            webhook_url: String::new(),
            folder: PathBuf::new(),
        }
    }
}
