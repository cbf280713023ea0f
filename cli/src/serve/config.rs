//! The settings file, `spanlake.toml`, and its reference: both from the structs that
//! the crates declare, doc comments included.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};

use super::reporting::{self, ReportSettings};
use super::watching::{self, WatchSettings};
use crate::failure::usage;

/// All settings of a server. A setting that is left out has its default.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Receiving: `[ingest]`.
    pub(crate) ingest: ingest::server::ServerSettings,
    /// The write-ahead log, the memtable and the flush: `[wal]`.
    pub(crate) wal: engine::LiveSettings,
    /// The assembly of traces: `[compact]`.
    pub(crate) compact: engine::CompactSettings,
    /// How long spans are kept: `[retention]`.
    pub(crate) retention: engine::RetentionSettings,
    /// Queries and files: `[engine]`.
    pub(crate) engine: engine::Settings,
    /// Flight SQL: `[flight]`.
    pub(crate) flight: flight_server::Settings,
    /// Objectives and alerts: `[watch]`.
    pub(crate) watch: WatchSettings,
    /// Trace Tuesday on schedule: `[report]`.
    pub(crate) report: ReportSettings,
}

/// The sections, and the source that declares each.
const SECTIONS: [(&str, &str); 8] = [
    ("ingest", ingest::server::SETTINGS_SOURCE),
    ("wal", engine::LIVE_SETTINGS_SOURCE),
    ("compact", engine::COMPACT_SETTINGS_SOURCE),
    ("retention", engine::RETENTION_SETTINGS_SOURCE),
    ("engine", engine::SETTINGS_SOURCE),
    ("flight", flight_server::SETTINGS_SOURCE),
    ("watch", watching::SETTINGS_SOURCE),
    ("report", reporting::SETTINGS_SOURCE),
];

impl Config {
    /// Reads a settings file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return usage(format!("cannot read {shown}: {error}")),
        };
        match toml::from_str(&text) {
            Ok(config) => Ok(config),
            Err(error) => usage(format!(
                "{shown}: {}; `spanlake serve --settings` prints all settings",
                error.to_string().trim_end()
            )),
        }
    }

    /// Every setting with its meaning and its default, as a file that can be used.
    pub(crate) fn reference() -> Result<String> {
        let defaults = toml::Table::try_from(Self::default()).context("the defaults as TOML")?;
        let mut text = String::from("# Settings of `spanlake serve`, with their defaults.\n");
        for (section, source) in SECTIONS {
            let table = defaults.get(section).and_then(toml::Value::as_table);
            let table = table.ok_or_else(|| anyhow!("no section `{section}`"))?;
            text.push_str(&format!("\n[{section}]\n"));
            for (name, doc) in documented_fields(source) {
                for line in doc {
                    text.push_str(&format!("# {line}\n"));
                }
                match table.get(name) {
                    Some(value) => text.push_str(&format!("{name} = {value}\n")),
                    // It has no default, or one that is not shown.
                    None => text.push_str(&format!("# {name} =\n")),
                }
            }
        }
        Ok(text)
    }
}

/// The public fields of the settings struct in `source`, each with its doc comment.
fn documented_fields(source: &str) -> Vec<(&str, Vec<&str>)> {
    let mut fields = Vec::new();
    let mut doc = Vec::new();
    // The struct ends where its code is no longer indented.
    let lines = source.lines().skip_while(|line| !is_settings_struct(line)).skip(1);
    for line in lines.take_while(|line| *line != "}").map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
        } else if let Some((name, _)) =
            line.strip_prefix("pub ").and_then(|field| field.split_once(':'))
        {
            fields.push((name, std::mem::take(&mut doc)));
        }
    }
    fields
}

fn is_settings_struct(line: &str) -> bool {
    (line.starts_with("pub struct ") || line.starts_with("pub(crate) struct "))
        && line.ends_with("Settings {")
}

#[cfg(test)]
mod tests;
