//! How much memory the requests of all connections may hold together.
//!
//! A request that does not fit is refused at once: waiting would hold its
//! connection and hide the overload from the client, which can wait better.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The memory that there is for requests.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Budget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Room for a number of bytes, or nothing.
    pub(super) fn admit(self: &Arc<Self>, bytes: usize) -> Result<Permit, Full> {
        let mut permit = Permit { budget: Arc::clone(self), bytes: 0 };
        permit.grow(bytes).map(|()| permit)
    }
}

/// Room that one request holds until the permit is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Permit {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes more room if there is.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let limit = self.budget.limit;
        let more = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= limit);
        let grown = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        grown.map_err(|_| Full)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Takes room for what is there already, whether or not it fits: others wait for it.
    pub(super) fn grow_regardless(&mut self, bytes: usize) {
        self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }

    /// Gives room back, down to a number of bytes.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.budget.used.fetch_sub(surplus, Ordering::Relaxed);
        self.bytes -= surplus;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests;
