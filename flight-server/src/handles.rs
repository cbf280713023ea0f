//! What a client may come back for: values under unguessable handles, for a time.
//!
//! A handle is 122 random bits and means nothing to the client. Values disappear when
//! their time is over, or when they are too many or too large together: the one used
//! longest ago first.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;
use tonic::Status;
use uuid::Uuid;

use crate::status;

/// Values of one kind under handles. Cloning a value must be cheap.
#[derive(Debug)]
pub(crate) struct Handles<T> {
    kind: Kind,
    entries: Mutex<HashMap<Uuid, Entry<T>>>,
}

/// What the handles stand for, and how long and how many are kept.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    /// For messages: `prepared statement`.
    pub(crate) name: &'static str,
    /// For messages: what the client should do when the value is gone.
    pub(crate) renewal: &'static str,
    /// Most values kept.
    pub(crate) capacity: usize,
    /// Most bytes kept. A value that is larger by itself is kept alone.
    pub(crate) capacity_bytes: usize,
    /// How long a value is kept.
    pub(crate) lifetime: Duration,
    /// Whether using a value starts its time again.
    pub(crate) renewed_by_use: bool,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    bytes: usize,
    expires: Instant,
    used: Instant,
}

impl<T: Clone> Handles<T> {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, entries: Mutex::default() }
    }

    /// Keeps a value of so many bytes; returns its handle.
    pub(crate) fn insert(&self, value: T, bytes: usize, now: Instant) -> Vec<u8> {
        let handle = Uuid::new_v4();
        let expires = now + self.kind.lifetime;
        let mut entries = self.entries();
        entries.retain(|_, entry| entry.expires > now);
        self.make_room(&mut entries, bytes);
        entries.insert(handle, Entry { value, bytes, expires, used: now });
        handle.as_bytes().to_vec()
    }

    /// Forgets values until another one of so many bytes fits.
    fn make_room(&self, entries: &mut HashMap<Uuid, Entry<T>>, bytes: usize) {
        let Kind { capacity, capacity_bytes, .. } = self.kind;
        let mut kept: usize = entries.values().map(|entry| entry.bytes).sum();
        while entries.len() >= capacity || kept + bytes > capacity_bytes {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.used).map(|(id, _)| *id);
            let Some(removed) = oldest.and_then(|id| entries.remove(&id)) else { return };
            kept -= removed.bytes;
        }
    }

    /// The value under a handle.
    pub(crate) fn get(&self, handle: &[u8], now: Instant) -> Result<T, Status> {
        let id = self.parse(handle)?;
        let mut entries = self.entries();
        let entry = entries.get_mut(&id).filter(|entry| entry.expires > now);
        let entry = entry.ok_or_else(|| self.gone())?;
        entry.used = now;
        if self.kind.renewed_by_use {
            entry.expires = now + self.kind.lifetime;
        }
        Ok(entry.value.clone())
    }

    /// Puts another value under a handle that is there.
    pub(crate) fn replace(&self, handle: &[u8], value: T, bytes: usize) -> Result<(), Status> {
        let id = self.parse(handle)?;
        let mut entries = self.entries();
        let entry = entries.remove(&id).ok_or_else(|| self.gone())?;
        self.make_room(&mut entries, bytes);
        entries.insert(id, Entry { value, bytes, ..entry });
        Ok(())
    }

    /// Forgets a value; that it is gone already is no error.
    pub(crate) fn remove(&self, handle: &[u8]) -> Result<(), Status> {
        let id = self.parse(handle)?;
        self.entries().remove(&id);
        Ok(())
    }

    fn parse(&self, handle: &[u8]) -> Result<Uuid, Status> {
        Uuid::from_slice(handle)
            .map_err(|_| status::invalid(format!("this is no {} of this server", self.kind.name)))
    }

    fn gone(&self) -> Status {
        Status::not_found(format!("{} unknown or expired; {}", self.kind.name, self.kind.renewal))
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Uuid, Entry<T>>> {
        // A poisoned lock still holds a whole map: no operation above can leave it half-done.
        self.entries.lock().unwrap_or_else(|e| e.into_inner())
    }
}

#[cfg(test)]
mod tests;
