//! Where a lake lies.

mod bucket;

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
use bucket::Bucket;

/// Where the write-ahead log of a lake in a folder lies, unless the settings say otherwise.
const WAL_FOLDER: &str = "wal";

/// The root of a lake: a folder, given as a path or a `file://` URL, or a prefix of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    text: String,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Folder(PathBuf),
    Bucket(Bucket),
}

impl Location {
    /// Parses what a user typed after `--lake`. Touches neither disk nor network.
    ///
    /// # Errors
    ///
    /// [`Error::BadLocation`] for an empty text, an unknown URL scheme, or a URL that names no bucket or
    /// says more than where.
    pub fn parse(text: &str) -> Result<Self> {
        let bad =
            |reason: &str| Error::BadLocation { location: text.into(), reason: reason.into() };
        if text.is_empty() {
            return Err(bad("the path is empty; give a folder"));
        }
        let place = match text.split_once("://") {
            None => Place::Folder(PathBuf::from(text)),
            Some(("file", _)) => {
                let folder = Url::parse(text).ok().and_then(|url| url.to_file_path().ok());
                let folder = folder
                    .ok_or_else(|| bad("the URL does not name a folder; write file:///folder"))?;
                Place::Folder(folder)
            }
            Some(_) => Place::Bucket(Bucket::parse(text)?),
        };
        Ok(Self { text: text.into(), place })
    }

    /// The folder, of a lake that lies in one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder),
            Place::Bucket(_) => None,
        }
    }

    /// Where the write-ahead log lies unless the settings name another folder; `None` for a lake in a bucket.
    pub fn wal_folder(&self) -> Option<PathBuf> {
        self.folder().map(|folder| folder.join(WAL_FOLDER))
    }

    /// Whether a lake may be created there: in a place that is new or empty, or holds nothing but what
    /// is left of a lake whose creation was cut off.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if a bucket does not answer.
    pub async fn is_vacant(&self) -> Result<bool> {
        match &self.place {
            Place::Folder(folder) => Ok(!holds_something(folder, Path::new(paths::TABLE_LOG))),
            Place::Bucket(bucket) => bucket.is_vacant().await,
        }
    }

    /// The store whose root is the lake. Creates the folder if `create`.
    pub(crate) fn open(&self, create: bool) -> Result<Arc<dyn ObjectStore>> {
        let bad = |reason: String| Error::BadLocation { location: self.text.clone(), reason };
        let folder = match &self.place {
            Place::Folder(folder) => folder,
            Place::Bucket(bucket) => return bucket.open(),
        };
        if create {
            create_dirs(&LocalDisk, folder)
                .map_err(|e| bad(format!("cannot create the folder: {e}")))?;
        }
        let folder = match folder.canonicalize() {
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
            let (path, name) = (entry.path(), entry.file_name());
            let is_next = name == next.as_os_str() && path.is_dir();
            let is_probe = paths::is_probe(&name.to_string_lossy());
            !is_probe && (!is_next || holds_something(&path, rest.as_path()))
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
