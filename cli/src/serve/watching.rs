//! Looks at objectives on a schedule, and tells when something begins, changes or ends.
//!
//! ```text
//! files -> slo_status() -> what changed since the last time -> log, webhook -> remembered on disk
//! ```
//!
//! What was not delivered is not remembered, so it is told again: at least once, and once if nothing fails.

mod settings;
mod told;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use engine::{Clock, Engine, Slos, SystemClock};
use reports::page::{Row, Table};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::webhook::Webhook;
pub(crate) use settings::WatchSettings;
use told::Told;

/// The source that declares the settings.
pub(super) const SETTINGS_SOURCE: &str = include_str!("watching/settings.rs");

/// Watches until the server stops.
pub(super) struct Watching {
    engine: Engine,
    settings: WatchSettings,
    webhook: Webhook,
    told: Told,
    /// As the files were when the engine was last told.
    read: Option<Slos>,
}

/// What a webhook gets.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Message {
    /// `firing` or `resolved`.
    status: &'static str,
    /// What it is about: `slo` or `anomaly`.
    kind: &'static str,
    /// Its name.
    name: String,
    /// As it is now: the severity, `ok`, `no data` or `invalid`.
    state: String,
    /// As it was when it was last told.
    previous: Option<String>,
    /// One sentence.
    text: String,
    /// When it was looked at.
    at: String,
    /// A statement that shows the reason.
    sql: String,
}

/// What the names of anomalies begin with: no objective has such a name.
const ANOMALY: &str = "anomaly: ";
/// The state of what was an anomaly.
const NORMAL: &str = "normal";

fn anomaly_sql(service: &str, moment: &str, zone: &str) -> String {
    let service = service.replace('\'', "''");
    format!(
        "SELECT * FROM baseline(NULL, service => '{service}', to => '{moment}', time_zone => '{zone}')"
    )
}

impl Watching {
    /// Gets ready. Reads what earlier processes told.
    pub(super) fn new(
        engine: Engine,
        settings: WatchSettings,
        beside: &std::path::Path,
    ) -> Result<Self> {
        let folder = match settings.folder.as_os_str().is_empty() {
            true => beside.parent().map_or_else(PathBuf::new, PathBuf::from).join("watch"),
            false => settings.folder.clone(),
        };
        let zone = &settings.time_zone;
        if zone.parse::<Tz>().is_err() {
            bail!(
                "watch.time_zone: `{zone}` is no time zone; write its IANA name, as in Europe/Berlin"
            );
        }
        let webhook = Webhook::new(&settings.webhook_url)?;
        Ok(Self { engine, settings, webhook, told: Told::read(folder)?, read: None })
    }

    /// Looks on schedule until `stopping` says so.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut ticks = interval(Duration::from_secs(self.settings.every_seconds.max(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopping.wait_for(|is_set| *is_set) => return,
            }
            let late = TimeDelta::seconds(i64::try_from(self.settings.late_seconds).unwrap_or(0));
            let at = SystemClock.now() - late;
            if let Err(error) = self.look(at).await {
                tracing::warn!(error = %format!("{error:#}"), "objectives could not be looked at; it is tried again");
            }
        }
    }

    async fn look(&mut self, at: DateTime<Utc>) -> Result<()> {
        // Files are read in a thread that may wait.
        let files = self.settings.slo_files.clone();
        let slos = tokio::task::spawn_blocking(move || Slos::of_files(&files)).await?;
        // A session that is told anew plans all statements anew.
        if self.read.as_ref() != Some(&slos) {
            let watched = self.engine.watch_slos(slos.clone()).await?;
            for problem in &watched.problems {
                tracing::error!(%problem, "an objective is not watched");
            }
            self.read = Some(slos);
        }
        let moment = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let session = self.engine.session().await?;
        let status =
            Table::ask(&session, &format!("SELECT * FROM slo_status(at => '{moment}')")).await?;
        let mut messages: Vec<Message> =
            status.rows().filter_map(|row| self.changed(&row, &moment)).collect();
        if self.settings.anomalies {
            let zone = &self.settings.time_zone;
            let sql = format!("SELECT * FROM anomalies(to => '{moment}', time_zone => '{zone}')");
            let events = Table::ask(&session, &sql).await?;
            messages.extend(self.unusual(&events, &moment));
        }
        let mut failed = None;
        for message in messages {
            match self.tell(&message).await {
                Ok(()) => self.told.remember(&message.name, &message.state)?,
                // The others are told all the same.
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            None => Ok(()),
            Some(error) => Err(error.context("an alert was not delivered")),
        }
    }

    /// What is to be told about anomalies: those that began, and those that are over.
    fn unusual(&self, events: &Table, moment: &str) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut ongoing = BTreeSet::new();
        for row in events.rows().filter(|row| row.text("state") == "ongoing") {
            let (service, metric) = (row.text("service_name"), row.text("metric"));
            let (name, state) = (format!("{ANOMALY}{service} {metric}"), row.text("direction"));
            ongoing.insert(name.clone());
            let previous = self.told.state(&name);
            if previous == Some(state) {
                continue;
            }
            let shown = |column: &str| row.get(column).shown(column);
            messages.push(Message {
                status: "firing",
                kind: "anomaly",
                text: format!(
                    "{service} {metric} is {state} since {}: {}, usual is {}",
                    shown("started_at"),
                    shown("observed"),
                    shown("expected")
                ),
                previous: previous.map(str::to_owned),
                state: state.into(),
                at: moment.into(),
                sql: anomaly_sql(service, moment, &self.settings.time_zone),
                name,
            });
        }
        for name in self.told.names(ANOMALY) {
            let is_over = self.told.state(name).is_some_and(|state| state != NORMAL);
            if !is_over || ongoing.contains(name) {
                continue;
            }
            let about = &name[ANOMALY.len()..];
            let service = about.split(' ').next().unwrap_or_default();
            messages.push(Message {
                status: "resolved",
                kind: "anomaly",
                name: name.into(),
                state: NORMAL.into(),
                previous: self.told.state(name).map(str::to_owned),
                text: format!("{about} is as usual again"),
                at: moment.into(),
                sql: anomaly_sql(service, moment, &self.settings.time_zone),
            });
        }
        messages
    }

    /// What is to be told about an objective, if anything.
    fn changed(&self, row: &Row<'_>, moment: &str) -> Option<Message> {
        let (name, state) = (row.text("slo"), row.text("state"));
        let is_alert = row.holds("is_alert");
        // No data says neither that an alert is over nor that there is one; nor does a typing error.
        if name.is_empty() || state == "invalid" || (state == "no data" && !is_alert) {
            return None;
        }
        let previous = self.told.state(name);
        if previous == Some(state) || (previous.is_none() && !is_alert) {
            return None;
        }
        let text = match is_alert {
            true => format!("{name} is {state}: {}", row.text("alerts")),
            false => format!("{name} is {state} again"),
        };
        let name_in_sql = name.replace('\'', "''");
        Some(Message {
            status: if is_alert { "firing" } else { "resolved" },
            kind: "slo",
            name: name.into(),
            state: state.into(),
            previous: previous.map(str::to_owned),
            text,
            at: moment.into(),
            sql: format!(
                "SELECT * FROM burn_rate('{name_in_sql}', \"from\" => TIMESTAMP '{moment}' - INTERVAL '1 hour', \
                 \"to\" => '{moment}')"
            ),
        })
    }

    async fn tell(&self, message: &Message) -> Result<()> {
        tracing::warn!(
            status = message.status,
            name = message.name,
            state = message.state,
            sql = message.sql,
            "{}",
            message.text
        );
        self.webhook.post(message).await
    }
}
