//! Where a lake is, or may be created.

use anyhow::Result;
use engine::{Engine, Error, Location, Settings};

use crate::failure::usage;

/// The lake at a location; `None` if one may be created there: the place is new or empty.
pub(crate) async fn find(location: &Location) -> Result<Option<Engine>> {
    if let Some(engine) = open(location).await? {
        return Ok(Some(engine));
    }
    if location.is_vacant().await? {
        return Ok(None);
    }
    // Another process may have created it meanwhile.
    match open(location).await? {
        Some(engine) => Ok(Some(engine)),
        // A lake would get mixed up with what is there.
        None => usage(format!(
            "{location} is not a lake and not empty; name a lake, or a new or empty place, with --lake"
        )),
    }
}

async fn open(location: &Location) -> Result<Option<Engine>> {
    match Engine::open(location, Settings::default()).await {
        Ok(engine) => Ok(Some(engine)),
        Err(Error::NotALake { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
