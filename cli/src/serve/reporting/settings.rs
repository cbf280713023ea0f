//! Settings of the report that the server writes by itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of Trace Tuesday on schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReportSettings {
    /// When the week that ended last is reviewed, as a cron expression of five fields: `0 7 * * TUE` is
    /// Tuesday at seven. Empty: never. What was due while no server ran is written at the next start.
    pub cron: String,
    /// Time zone of that, by its IANA name.
    pub time_zone: String,
    /// Folder of the reports: tuesday-2026-W46.html, .md and .json. Default: `reports` beside the
    /// write-ahead log. A report that is there is not written again.
    pub folder: PathBuf,
    /// Where the answers are posted as JSON when a report was written. Empty: nowhere.
    pub webhook_url: String,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            cron: String::new(),
            time_zone: "UTC".into(),
            folder: PathBuf::new(),
            webhook_url: String::new(),
        }
    }
}
