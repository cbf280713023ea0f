//! Settings of the retention of spans.

use serde::{Deserialize, Serialize};

/// Settings of the retention: for how long what is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSettings {
    /// Whole days, besides today, for which `serve` keeps the traces of a day (that of their root, in
    /// UTC); 0 keeps all. More than a tenth of all spans does not go at once, unless they are one
    /// day's: `spanlake retain --force` does that.
    pub spans_days: u32,
}
