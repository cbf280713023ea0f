//! What became of the files, in words.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use ingest::Report;

/// Rejected spans that are shown one by one.
const REJECTIONS_SHOWN: usize = 5;

/// Up to so many files are listed one by one.
const FILES_LISTED: usize = 10;

/// The outcome of an import.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    files: Vec<(PathBuf, Report)>,
    broken: Vec<anyhow::Error>,
    committed_spans: u64,
    committed_bytes: u64,
}

impl Outcome {
    pub(super) fn add_file(&mut self, (path, report): (PathBuf, Report)) {
        self.files.push((path, report));
    }

    pub(super) fn add_broken(&mut self, error: anyhow::Error) {
        self.broken.push(error);
    }

    pub(super) fn add_commit(&mut self, spans: u64, bytes: u64) {
        self.committed_spans += spans;
        self.committed_bytes += bytes;
    }

    /// Spans that are in the lake now.
    pub(crate) fn committed_spans(&self) -> u64 {
        self.committed_spans
    }

    /// The broken files.
    pub(crate) fn broken(&self) -> &[anyhow::Error] {
        &self.broken
    }

    /// The broken files, to be passed on.
    pub(crate) fn into_broken(self) -> Vec<anyhow::Error> {
        self.broken
    }

    /// What was imported: a line per file if there are few, and the sum.
    pub(crate) fn summary(&self, elapsed: Duration, lake: &str) -> Vec<String> {
        let mut lines = Vec::new();
        if (2..=FILES_LISTED).contains(&self.files.len()) {
            for (path, report) in &self.files {
                lines.push(format!("{}: {} spans", path.display(), HumanCount(report.spans)));
            }
        }
        let seconds = elapsed.as_secs_f64();
        lines.push(format!(
            "imported {} span{} from {} file{} into {lake}: {} in the lake, {seconds:.1} s, {} spans/s",
            HumanCount(self.committed_spans),
            plural(self.committed_spans),
            self.files.len(),
            plural(self.files.len() as u64),
            HumanBytes(self.committed_bytes),
            HumanCount((self.committed_spans as f64 / seconds.max(0.001)) as u64),
        ));
        lines
    }

    /// What was left out or repaired.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        let mut warnings: BTreeMap<String, u64> = BTreeMap::new();
        for (_, report) in &self.files {
            for (reason, count) in &report.rejected_by_reason {
                *reasons.entry(reason).or_default() += count;
            }
            for (warning, count) in &report.warnings {
                *warnings.entry(warning.to_string()).or_default() += count;
            }
        }
        let rejected: u64 = self.files.iter().map(|(_, report)| report.rejected).sum();
        if rejected > 0 {
            lines.push(format!("{} span{} left out:", HumanCount(rejected), plural(rejected)));
            lines.extend(
                reasons.iter().map(|(why, count)| format!("  {} x {why}", HumanCount(*count))),
            );
            let rejections = self.files.iter().flat_map(|(_, report)| &report.rejections);
            lines.extend(rejections.take(REJECTIONS_SHOWN).map(|one| format!("  {one}")));
            if rejected > REJECTIONS_SHOWN as u64 {
                lines
                    .push(format!("  and {} more", HumanCount(rejected - REJECTIONS_SHOWN as u64)));
            }
        }
        for (warning, count) in warnings {
            lines.push(format!("warning: {} x {warning}", HumanCount(count)));
        }
        lines
    }
}

/// The ending of a noun that is counted.
fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests;
