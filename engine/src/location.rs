//! Where a lake lies.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use url::Url;

use crate::disk::{DurablePuts, FileSystem, LocalDisk, create_dirs, is_staged};
use crate::error::{Error, Result};
use crate::paths;
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

    /// Whether a lake may be created there: in a folder that is new or empty, or holds nothing but what
    /// is left of a lake whose creation was cut off.
    pub fn is_vacant(&self) -> bool {
        !holds_something(&self.folder, Path::new(paths::TABLE_LOG))
    }

    /// The store whose root is the lake. Creates the folder if `create`.
    pub(crate) fn open(&self, create: bool) -> Result<Arc<dyn ObjectStore>> {
        let bad = |reason: String| Error::BadLocation { location: self.text.clone(), reason };
        if create {
            create_dirs(&LocalDisk, &self.folder)
                .map_err(|e| bad(format!("cannot create the folder: {e}")))?;
        }
        let folder = match self.folder.canonicalize() {
            Ok(folder) if folder.is_dir() => folder,
            Ok(_) => return Err(bad("it is a file, not a folder".into())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NotALake { location: self.text.clone() });
            }
            Err(e) => return Err(bad(e.to_string())),
        };
        if create {
            sync_table_log(&folder).map_err(|e| bad(format!("cannot sync it to disk: {e}")))?;
        }
        let local = LocalFileSystem::new_with_prefix(&folder)?;
        Ok(Arc::new(SortedListing(DurablePuts::new(local, Arc::new(LocalDisk)))))
    }
}

/// Whether a folder holds anything but the one below it, and that one but the next, down to files in
/// the last that never got their names.
fn holds_something(folder: &Path, below: &Path) -> bool {
    // What cannot be listed is found out by whoever writes there.
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let mut rest = below.components();
    let next = rest.next();
    entries.filter_map(io::Result::ok).any(|entry| match next {
        Some(next) => {
            let path = entry.path();
            entry.file_name() != next.as_os_str()
                || !path.is_dir()
                || holds_something(&path, rest.as_path())
        }
        None => !is_staged(&entry.file_name().to_string_lossy()),
    })
}

/// Makes durable what is there of the table log. An earlier process may have died between naming a
/// file and syncing the name, and a writer takes what it reads there for stored.
fn sync_table_log(lake: &Path) -> io::Result<()> {
    let folders = [lake.to_owned(), lake.join(paths::SPANS), lake.join(paths::TABLE_LOG)];
    let there = folders.iter().filter(|folder| LocalDisk.is_dir(folder));
    there.into_iter().try_for_each(|folder| LocalDisk.sync_dir(folder))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
