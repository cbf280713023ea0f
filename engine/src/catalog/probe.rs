//! Whether a store does what commits rely on, tried once before a process writes its first one.
//!
//! A version of the table is an object that only one writer can create. A store that lets
//! a second one replace it (S3 gateways that ignore `If-None-Match`, old MinIO) takes
//! commits from both and keeps one: spans are lost, and nobody is told.

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};

use crate::error::{Error, Result};
use crate::paths;

/// Tries to create an object twice.
///
/// # Errors
///
/// [`Error::UnsafeStore`] if the store lets that happen, or does not return what it took;
/// [`Error::Store`] if it does not answer.
pub(super) async fn check_conditional_puts(store: &dyn ObjectStore) -> Result<()> {
    let key = paths::new_probe();
    let create = async |content: &'static [u8]| {
        let content = Bytes::from_static(content).into();
        store.put_opts(&key, content, PutMode::Create.into()).await
    };
    match create(b"first").await {
        // The name is new: it can only be our own, whose answer was lost below us.
        Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
        Err(object_store::Error::NotImplemented { .. }) => return Err(unsafe_store(NO_CREATE)),
        Err(error) => return Err(error.into()),
    }
    let second = create(b"second").await;
    let content = store.get(&key).await?.bytes().await?;
    // It is litter that nobody reads, so a failure to delete it is none.
    if let Err(error) = store.delete(&key).await {
        tracing::warn!(%error, object = %key, "a probe of the store could not be deleted");
    }
    match second {
        Ok(_) => Err(unsafe_store(NO_CREATE)),
        Err(object_store::Error::AlreadyExists { .. }) if content == "first" => Ok(()),
        Err(object_store::Error::AlreadyExists { .. }) => Err(unsafe_store(OTHER_CONTENT)),
        Err(error) => Err(error.into()),
    }
}

const NO_CREATE: &str = "it lets a second writer replace an object that the first one created";
const OTHER_CONTENT: &str = "it returned something else than was stored";

fn unsafe_store(reason: &str) -> Error {
    Error::UnsafeStore { reason: reason.into() }
}

#[cfg(test)]
mod tests;
