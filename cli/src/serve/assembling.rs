//! Assembles traces while the server runs, takes out what is too old, deletes what was replaced, and reads ahead
//! what look-ups need of new files.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use engine::{Assembled, CompactSettings, Engine, RetentionSettings};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// How often replaced files and expired days are looked for.
const TIDY_INTERVAL: Duration = Duration::from_secs(60);
/// How often files are looked for that were never committed, which lists the whole lake.
const ORPHAN_INTERVAL: Duration = Duration::from_secs(3_600);

/// What was assembled since the start.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub(super) spans: u64,
    pub(super) runs: u64,
    pub(super) failures: u64,
    pub(super) files_replaced: u64,
    pub(super) files_written: u64,
    pub(super) files_deleted: u64,
    pub(super) spans_expired: u64,
    pub(super) spans_thinned: u64,
}

/// The counts, shared with the metrics.
#[derive(Debug, Default)]
pub(super) struct Assembling(Mutex<Counts>);

impl Assembling {
    /// The counts of now.
    pub(super) fn counts(&self) -> Counts {
        self.locked().clone()
    }

    /// Works until `stopping` says so. A run that is under way is finished: it reads the table log in
    /// threads that must not outlive the runtime.
    pub(super) async fn run(
        &self,
        engine: Engine,
        settings: CompactSettings,
        retention: RetentionSettings,
        mut stopping: watch::Receiver<bool>,
    ) {
        // Without assembly there is still something to tidy up.
        let mut ticks = interval(settings.interval().unwrap_or(TIDY_INTERVAL));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tidied = Instant::now();
        let mut listed = Instant::now();
        let mut unreadable = String::new();
        read_ahead(&engine, &mut unreadable).await;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                // An error means that the server is gone.
                _ = stopping.wait_for(|is_set| *is_set) => return,
            }
            loop {
                let more = settings.interval().is_some() && self.assemble(&engine, &settings).await;
                // Here too: under load there is always more to assemble, and replaced files go on
                // taking room until they are deleted.
                if tidied.elapsed() >= TIDY_INTERVAL {
                    tidied = Instant::now();
                    self.expire(&engine, retention.spans_days).await;
                    self.thin(&engine, &settings, &retention).await;
                    let lists = listed.elapsed() >= ORPHAN_INTERVAL;
                    if lists {
                        listed = Instant::now();
                    }
                    self.vacuum(&engine, &settings, lists).await;
                }
                // One commit may not be enough for what came since the last time.
                if !more || *stopping.borrow() {
                    break;
                }
            }
            // Now: what waits to be assembled is replaced soon.
            read_ahead(&engine, &mut unreadable).await;
        }
    }

    /// Whether there may be more to do.
    async fn assemble(&self, engine: &Engine, settings: &CompactSettings) -> bool {
        let result = engine.assemble(settings).await;
        let mut counts = self.locked();
        match result {
            Ok(Assembled { version: None, .. }) => false,
            Ok(done) => {
                counts.runs += 1;
                counts.spans += done.spans;
                counts.files_replaced += done.files_before as u64;
                counts.files_written += done.files_after as u64;
                tracing::debug!(
                    spans = done.spans,
                    left = done.left,
                    files = done.files_before,
                    became = done.files_after,
                    "assembled"
                );
                true
            }
            Err(error) => {
                counts.failures += 1;
                tracing::warn!(%error, "assembly failed; it is tried again, and no span is lost");
                false
            }
        }
    }

    /// Takes out the days that are too old; none if days is 0.
    async fn expire(&self, engine: &Engine, days: u32) {
        if days == 0 {
            return;
        }
        match expire(engine, days).await {
            Ok(0) => {}
            Ok(spans) => {
                tracing::info!(spans, days, "spans that were too old were taken out");
                self.locked().spans_expired += spans;
            }
            Err(error) => {
                tracing::warn!(%error, "old spans could not be taken out; it is tried again");
            }
        }
    }

    /// Thins the days that are old enough; none if the setting is 0.
    async fn thin(
        &self,
        engine: &Engine,
        settings: &CompactSettings,
        retention: &RetentionSettings,
    ) {
        if retention.thin_days == 0 {
            return;
        }
        match thin(engine, settings, retention).await {
            Ok(0) => {}
            Ok(spans) => {
                tracing::info!(spans, days = retention.thin_days, "old traces were thinned");
                self.locked().spans_thinned += spans;
            }
            Err(error) => {
                tracing::warn!(%error, "old traces could not be thinned; it is tried again");
            }
        }
    }

    /// Deletes what was replaced; with `all`, also what was never committed.
    async fn vacuum(&self, engine: &Engine, settings: &CompactSettings, all: bool) {
        let grace = Duration::from_millis(settings.vacuum_ms);
        let deleted =
            if all { delete_unused(engine, grace).await } else { engine.vacuum(grace).await };
        match deleted {
            Ok(deleted) => self.locked().files_deleted += deleted as u64,
            Err(error) => {
                tracing::warn!(%error, "replaced files could not be deleted; it is tried again");
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Counts> {
        // A poisoned lock still holds whole numbers.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Whoever looks for a trace first shall not wait for this. What cannot be read is told once: `told` is what was.
async fn read_ahead(engine: &Engine, told: &mut String) {
    match engine.read_ahead().await {
        Ok(0) => {}
        Ok(files) => tracing::debug!(files, "read where the traces of new files lie"),
        Err(error) => {
            let error = error.to_string();
            if *told != error {
                tracing::warn!(%error, "cannot read where the traces of a file lie");
                *told = error;
            }
        }
    }
}

/// Gives the number of spans that went.
async fn expire(engine: &Engine, days: u32) -> engine::Result<u64> {
    let expired = engine.expired(days).await?;
    if expired.is_suspicious() {
        tracing::error!(
            spans = expired.spans, of = expired.spans_of_table, kept_from = %expired.kept_from,
            "more than a tenth of all spans is too old, so nothing is taken out; if the clock and \
             `retention.spans_days` are right, run `spanlake retain --force` once"
        );
        return Ok(0);
    }
    Ok(engine.expire(&expired).await?.spans)
}

/// Gives the number of spans that went.
async fn thin(
    engine: &Engine,
    settings: &CompactSettings,
    retention: &RetentionSettings,
) -> engine::Result<u64> {
    let due = engine.to_thin(retention.thin_days).await?;
    if due.is_suspicious() {
        tracing::error!(
            spans = due.spans, of = due.spans_of_table, kept_from = %due.kept_from,
            "more than a tenth of all spans is to be thinned, so nothing is; if the clock and \
             `retention.thin_days` are right, run `spanlake retain --thin-days N --force` once"
        );
        return Ok(0);
    }
    Ok(engine.thin(&due, retention, settings).await?.spans)
}

/// Gives the number of files that went.
async fn delete_unused(engine: &Engine, grace: Duration) -> engine::Result<usize> {
    let unused = engine.unused(grace).await?;
    engine.delete_unused(&unused).await?;
    Ok(unused.len())
}
