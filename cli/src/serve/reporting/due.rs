//! When which week is reviewed.

use anyhow::Result;
use chrono::{DateTime, Datelike, Days, Utc};
use chrono_tz::Tz;
use croner::Cron;
use std::str::FromStr;

use super::ReportSettings;
use crate::failure::usage;

/// A cron expression in a time zone.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    cron: Cron,
    zone: Tz,
}

impl Schedule {
    /// Reads the settings; `None` if nothing is scheduled.
    pub(super) fn read(settings: &ReportSettings) -> Result<Option<Self>> {
        let ReportSettings { cron, time_zone, .. } = settings;
        if cron.trim().is_empty() {
            return Ok(None);
        }
        let Ok(zone) = time_zone.parse() else {
            return usage(format!(
                "report.time_zone: `{time_zone}` is no time zone; write its IANA name, as in Europe/Berlin"
            ));
        };
        match Cron::from_str(cron) {
            Ok(cron) => Ok(Some(Self { cron, zone })),
            Err(error) => usage(format!(
                "report.cron: `{cron}` is no cron expression: {error}; write five fields, as in 0 7 * * TUE"
            )),
        }
    }

    /// The ISO week that ended last before the newest moment of the schedule that is past; `None` if there is none.
    pub(super) fn week_due(&self, now: DateTime<Utc>) -> Option<String> {
        let now = now.with_timezone(&self.zone);
        let due = self.cron.find_previous_occurrence(&now, true).ok()?;
        // Weeks are those of UTC, as all reports have them.
        let week = due.with_timezone(&Utc).checked_sub_days(Days::new(7))?.iso_week();
        Some(format!("{:04}-W{:02}", week.year(), week.week()))
    }
}

#[cfg(test)]
mod tests;
