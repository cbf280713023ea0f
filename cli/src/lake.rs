//! Where a lake may be created.

use anyhow::Result;
use engine::{Engine, Error, Location, Settings};

use crate::failure::usage;

/// The location of a lake that is there, or of one that may be created: in a folder that is new or empty.
pub(crate) async fn to_write(text: &str) -> Result<Location> {
    let location = Location::parse(text)?;
    match Engine::open(&location, Settings::default()).await {
        Ok(_) => Ok(location),
        Err(Error::NotALake { .. }) => {
            check_empty(&location)?;
            Ok(location)
        }
        Err(error) => Err(error.into()),
    }
}

/// Fails if a folder that is no lake holds something: a lake would get mixed up with it.
pub(crate) fn check_empty(location: &Location) -> Result<()> {
    if location.is_vacant() {
        return Ok(());
    }
    usage(format!(
        "{location} is not a lake and not empty; name a lake, or a new or empty folder, with --lake"
    ))
}
