//! Settings of the retention of spans.

use serde::{Deserialize, Serialize};

/// Settings of the retention: for how long what is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSettings {
    /// Whole days, besides today, for which `serve` keeps the traces of a day (that of their root, in
    /// UTC); 0 keeps all. More than a tenth of all spans does not go at once, unless they are one
    /// day's: `spanlake retain --force` does that.
    pub spans_days: u32,
    /// Whole days, besides today, for which `serve` keeps all traces; of older ones it keeps some,
    /// which get a `sample_weight`. 0 keeps all. More than a tenth of all spans is not thinned at once,
    /// unless they are one day's: `spanlake retain --force` does that.
    pub thin_days: u32,
    /// Traces that took longer all stay, in milliseconds, as do those with a failed span; 0 is no limit.
    pub thin_slower_ms: u64,
    /// Of the rest, one in so many stays, of each root operation and hour.
    pub thin_one_in: u64,
    /// But not fewer than this, of each root operation and hour, so that what is rare can be looked at.
    pub thin_at_least: u64,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self {
            spans_days: 0,
            thin_days: 0,
            thin_slower_ms: 1_000,
            thin_one_in: 10,
            thin_at_least: 10,
        }
    }
}

impl RetentionSettings {
    /// Whether a trace stays because of how long it took.
    pub(crate) fn is_slow(&self, duration_ns: i64) -> bool {
        const NS_PER_MS: u64 = 1_000_000;
        let limit_ns = self.thin_slower_ms.saturating_mul(NS_PER_MS);
        self.thin_slower_ms > 0 && u64::try_from(duration_ns).is_ok_and(|ns| ns > limit_ns)
    }

    /// How many of so many traces of one operation and hour stay: one at least.
    pub(crate) fn stay(&self, traces: usize) -> usize {
        let share = traces.div_ceil(usize::try_from(self.thin_one_in.max(1)).unwrap_or(usize::MAX));
        let least = usize::try_from(self.thin_at_least).unwrap_or(usize::MAX);
        share.max(least).min(traces)
    }
}
