//! Writes Trace Tuesday on schedule.
//!
//! Whether a report is due follows from the clock and from what is in the folder, so a run that was missed is caught
//! up, and one that was made is not made again.

mod due;
mod settings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use engine::{Clock, Engine, SystemClock};
use reports::{Options, Range};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::webhook::Webhook;
use crate::output::PendingFile;
use due::Schedule;
pub(crate) use settings::ReportSettings;

/// The source that declares the settings.
pub(super) const SETTINGS_SOURCE: &str = include_str!("reporting/settings.rs");

/// How often it is looked whether a report is due.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// Writes reports until the server stops.
pub(super) struct Reporting {
    engine: Engine,
    schedule: Schedule,
    folder: PathBuf,
    webhook: Webhook,
}

/// What a webhook gets.
#[derive(Debug, Serialize)]
struct Message<'a> {
    /// `report`.
    kind: &'a str,
    /// The ISO week.
    week: &'a str,
    /// The answers, one in each line.
    text: &'a str,
    /// Where the page is.
    file: String,
}

impl Reporting {
    /// Gets ready; `None` if nothing is scheduled.
    pub(super) fn new(
        engine: Engine,
        settings: &ReportSettings,
        beside: &Path,
    ) -> Result<Option<Self>> {
        let Some(schedule) = Schedule::read(settings)? else { return Ok(None) };
        let folder = match settings.folder.as_os_str().is_empty() {
            true => beside.parent().map_or_else(PathBuf::new, PathBuf::from).join("reports"),
            false => settings.folder.clone(),
        };
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let webhook = Webhook::new(&settings.webhook_url)?;
        Ok(Some(Self { engine, schedule, folder, webhook }))
    }

    /// Looks on schedule until `stopping` says so.
    pub(super) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopping.wait_for(|is_set| *is_set) => return,
            }
            if let Err(error) = self.look(SystemClock.now()).await {
                tracing::warn!(error = %format!("{error:#}"), "the report could not be written; it is tried again");
            }
        }
    }

    async fn look(&self, now: DateTime<Utc>) -> Result<()> {
        let Some(week) = self.schedule.week_due(now) else { return Ok(()) };
        let path = |ending: &str| self.folder.join(format!("tuesday-{week}.{ending}"));
        // The page is written last: where it is, all is done.
        if path("html").exists() {
            return Ok(());
        }
        let session = self.engine.session().await?;
        let report =
            match reports::tuesday(&session, Range::week(&week)?, &Options::default()).await {
                Ok(report) => report,
                // There may never be any, and a page about nothing helps nobody.
                Err(reports::Error::NoData { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
        let headline = reports::headline(&report);
        PendingFile::write(&path("md"), reports::markdown(&report))?;
        PendingFile::write(&path("json"), reports::json(&report)?)?;
        let file = path("html");
        let text = headline.trim_end();
        let message =
            Message { kind: "report", week: &week, text, file: file.display().to_string() };
        self.webhook.post(&message).await.context("the report was not delivered")?;
        PendingFile::write(&file, reports::html(&report))?;
        tracing::info!(%week, file = %file.display(), "wrote the report");
        Ok(())
    }
}
