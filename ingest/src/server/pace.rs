//! How long a connection may do nothing.
//!
//! A head that does not come to its end and a connection without requests are
//! closed; while a request runs, its own deadlines hold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What a connection is doing; shared by its socket, its driver and its requests.
#[derive(Debug)]
pub(super) struct Pace {
    state: Mutex<State>,
    /// `None` where heads cannot be told from other frames.
    head_timeout: Option<Duration>,
    idle_timeout: Duration,
}

#[derive(Debug)]
struct State {
    running: usize,
    /// Whether bytes have come that began no request yet.
    head: bool,
    since: Instant,
    unread: bool,
}

/// Which time has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// That of the headers of a request.
    Head,
    /// That of a connection without requests.
    Idle,
}

/// A request that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Running(Arc<Pace>);

impl Pace {
    /// The pace of a connection of which the first bytes have come.
    pub(super) fn new(head_timeout: Option<Duration>, idle_timeout: Duration) -> Arc<Self> {
        let state = State { running: 0, head: true, since: Instant::now(), unread: false };
        Arc::new(Self { state: Mutex::new(state), head_timeout, idle_timeout })
    }

    /// Bytes have come.
    pub(super) fn bytes_came(&self) {
        if self.head_timeout.is_none() {
            return;
        }
        let mut state = self.state();
        if state.running == 0 && !state.head {
            state.head = true;
            state.since = Instant::now();
        }
    }

    /// The head of a request has been read.
    pub(super) fn request(self: &Arc<Self>) -> Running {
        let mut state = self.state();
        state.running += 1;
        state.head = false;
        Running(Arc::clone(self))
    }

    /// When time runs out if nothing happens, and which.
    pub(super) fn deadline(&self) -> Option<(Instant, Expired)> {
        let state = self.state();
        if state.running > 0 {
            return None;
        }
        Some(match self.head_timeout.filter(|_| state.head) {
            Some(timeout) => (state.since + timeout, Expired::Head),
            None => (state.since + self.idle_timeout, Expired::Idle),
        })
    }

    /// Whether a request was answered before its body was read.
    pub(super) fn has_unread(&self) -> bool {
        self.state().unread
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// The request is answered before its body is read.
    pub(super) fn leaves_body(&self) {
        self.0.state().unread = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running -= 1;
        state.since = Instant::now();
    }
}
