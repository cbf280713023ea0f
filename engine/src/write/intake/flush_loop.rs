//! Decides when to flush: by age, by size, or because requests are being refused.
//!
//! A failed flush is tried again, each time after a longer pause, for as long as it
//! takes: the log holds the spans meanwhile.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Inner;
use crate::settings::LiveSettings;
use crate::write::memtable::MemtableSize;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Starts the loop; it ends with the intake, or after its shutdown.
pub(super) fn start(inner: &Arc<Inner>) {
    tokio::spawn(run(Arc::downgrade(inner)));
}

async fn run(intake: Weak<Inner>) {
    let mut pause = None;
    loop {
        let Some(inner) = intake.upgrade() else { return };
        if inner.closed.load(Ordering::Relaxed) {
            return;
        }
        let wake = Arc::clone(&inner.wake);
        match pause {
            None => {
                let pressed = inner.is_pressed.load(Ordering::Relaxed);
                let wait = until_due(&inner.memtable.size(), pressed, &inner.settings);
                drop(inner);
                if !wait.is_zero() {
                    // Woken or not: whether it is time is looked at again.
                    let _ = timeout(wait, wake.notified()).await;
                    continue;
                }
            }
            Some(pause) => {
                drop(inner);
                rest(&intake, &wake, pause).await;
            }
        }
        let Some(inner) = intake.upgrade() else { return };
        let mut flusher = inner.flusher.lock().await;
        pause = match inner.flush_oldest(&mut flusher).await {
            Ok(_) => None,
            Err(_) => Some(next_pause(pause)),
        };
    }
}

/// How long until the next flush is due.
fn until_due(size: &MemtableSize, is_pressed: bool, settings: &LiveSettings) -> Duration {
    let age = settings.flush_age();
    let Some(oldest) = size.age else { return age };
    if is_pressed || size.bytes >= settings.memtable_flush_bytes {
        return Duration::ZERO;
    }
    age.saturating_sub(oldest)
}

/// How long to rest after a failure, given how long it was after the one before.
fn next_pause(last: Option<Duration>) -> Duration {
    last.map_or(FIRST_PAUSE, |last| (last * 2).min(LONGEST_PAUSE))
}

/// Sleeps in spite of being woken, which refused requests do all the time; ends with the intake.
async fn rest(intake: &Weak<Inner>, wake: &tokio::sync::Notify, pause: Duration) {
    let end = Instant::now() + pause;
    while let Some(left) = end.checked_duration_since(Instant::now())
        && !left.is_zero()
        && intake.upgrade().is_some_and(|inner| !inner.closed.load(Ordering::Relaxed))
    {
        let _ = timeout(left, wake.notified()).await;
    }
}

#[cfg(test)]
mod tests;
