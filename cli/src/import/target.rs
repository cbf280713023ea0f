//! Where imported spans go: a lake that is there, or one that the first spans create.

use anyhow::{Context, Result};
use engine::{Engine, Location, Settings, Writer};

use crate::lake;

/// A lake to write to.
pub(crate) enum Target {
    /// It is open.
    Open(Writer),
    /// It will be created when there is something to put into it: files that are all
    /// broken must not leave a lake behind.
    New(Location),
}

impl Target {
    /// Opens the lake, or checks that one may be created there.
    pub(crate) async fn find(location: Location) -> Result<Self> {
        match lake::find(&location).await? {
            Some(engine) => Ok(Self::Open(engine.writer())),
            None => Ok(Self::New(location)),
        }
    }

    /// The writer, of a new lake if there was none.
    pub(super) async fn writer(&mut self) -> Result<&mut Writer> {
        if let Self::New(location) = self {
            let engine = Engine::open_or_create(location, Settings::default()).await?;
            *self = Self::Open(engine.writer());
        }
        self.open().context("internal error, please report it: the lake is not open")
    }

    /// The writer, if there is a lake.
    pub(super) fn open(&mut self) -> Option<&mut Writer> {
        match self {
            Self::Open(writer) => Some(writer),
            Self::New(_) => None,
        }
    }

    /// Removes what was written and not committed.
    pub(super) async fn discard(self) {
        if let Self::Open(writer) = self {
            writer.discard().await;
        }
    }
}
