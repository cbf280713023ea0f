//! Where a lake lies.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use url::Url;

use crate::disk::{DurablePuts, LocalDisk};
use crate::error::{Error, Result};
use crate::sorted_listing::SortedListing;

/// The root of a lake: today a folder, given as a path or a `file://` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    text: String,
    folder: PathBuf,
}

impl Location {
    /// Parses what a user typed after `--lake`. Does not touch the disk.
    ///
    /// # Errors
    ///
    /// [`Error::BadLocation`] for an empty text or a URL scheme other than `file`.
    pub fn parse(text: &str) -> Result<Self> {
        let bad =
            |reason: &str| Error::BadLocation { location: text.into(), reason: reason.into() };
        if text.is_empty() {
            return Err(bad("the path is empty; give a folder"));
        }
        let folder = match text.split_once("://") {
            None => PathBuf::from(text),
            Some(("file", _)) => Url::parse(text)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .ok_or_else(|| bad("the URL does not name a folder; write file:///folder"))?,
            Some((scheme, _)) => {
                return Err(bad(&format!("`{scheme}` is not supported; give a local folder")));
            }
        };
        Ok(Self { text: text.into(), folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The store whose root is the lake. Creates the folder if `create`.
    pub(crate) fn open(&self, create: bool) -> Result<Arc<dyn ObjectStore>> {
        let bad = |reason: String| Error::BadLocation { location: self.text.clone(), reason };
        if create {
            std::fs::create_dir_all(&self.folder)
                .map_err(|e| bad(format!("cannot create the folder: {e}")))?;
        }
        let folder = match self.folder.canonicalize() {
            Ok(folder) if folder.is_dir() => folder,
            Ok(_) => return Err(bad("it is a file, not a folder".into())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NotALake { location: self.text.clone() });
            }
            Err(e) => return Err(bad(e.to_string())),
        };
        let local = LocalFileSystem::new_with_prefix(&folder)?;
        Ok(Arc::new(SortedListing(DurablePuts::new(local, Arc::new(LocalDisk)))))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
