//! Assembles traces while the server runs, and deletes what was replaced.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use engine::{Assembled, CompactSettings, Engine};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// How often replaced files are looked for.
const VACUUM_INTERVAL: Duration = Duration::from_secs(60);

/// What was assembled since the start.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub(super) spans: u64,
    pub(super) runs: u64,
    pub(super) failures: u64,
    pub(super) files_replaced: u64,
    pub(super) files_written: u64,
    pub(super) files_deleted: u64,
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
        mut stopping: watch::Receiver<bool>,
    ) {
        let Some(pause) = settings.interval() else { return };
        let mut ticks = interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut vacuumed = Instant::now();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                // An error means that the server is gone.
                _ = stopping.wait_for(|is_set| *is_set) => return,
            }
            loop {
                let more = self.assemble(&engine, &settings).await;
                // Here too: under load there is always more to assemble, and replaced files go on
                // taking room until they are deleted.
                if vacuumed.elapsed() >= VACUUM_INTERVAL {
                    vacuumed = Instant::now();
                    self.vacuum(&engine, &settings).await;
                }
                // One commit may not be enough for what came since the last time.
                if !more || *stopping.borrow() {
                    break;
                }
            }
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

    async fn vacuum(&self, engine: &Engine, settings: &CompactSettings) {
        match engine.vacuum(Duration::from_millis(settings.vacuum_ms)).await {
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
