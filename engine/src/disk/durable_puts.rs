//! A folder as an object store whose puts survive a power cut.
//!
//! `LocalFileSystem` never calls `fsync`, so an object that it said to have stored,
//! a commit of the table log for one, may be gone or empty after a power cut.
//! Puts are done here instead:
//!
//! ```text
//! temporary name -> write -> fsync -> rename (or link, to create) -> fsync the folder
//! ```
//!
//! Listing, deleting and all but small reads are passed on, until a folder cannot be synced. Then
//! the system shows names that the disk may not have, and whoever read the table log
//! would take a commit for stored that a power cut takes back: nothing is answered
//! any more.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RenameOptions, RenameTargetMode, Result, UploadPart,
};

use super::{FileSystem, create_dir_if_missing, small_reads, write_all_at};

const STORE: &str = "local folder";

/// A folder as an object store; what it acknowledged is on disk.
#[derive(Debug, Clone)]
pub struct DurablePuts {
    inner: Arc<LocalFileSystem>,
    files: Arc<dyn FileSystem>,
    /// The disk answers soon: what is small is read where it is asked for.
    is_near: bool,
    /// Distinguishes the temporary names of this process.
    next: Arc<AtomicU64>,
    /// Folders whose names are on disk. An earlier process may have died before it synced one that
    /// is there.
    settled: Arc<Mutex<BTreeSet<PathBuf>>>,
    /// A folder could not be synced: what the system shows may not be on disk, so nothing more is promised.
    broken: Arc<AtomicBool>,
}

impl DurablePuts {
    /// Puts under the root of `inner` through `files`.
    pub fn new(inner: LocalFileSystem, files: Arc<dyn FileSystem>) -> Self {
        let inside = inner.path_to_filesystem(&Path::from("inside")).ok();
        let root = inside.as_deref().and_then(FilePath::parent);
        Self {
            is_near: root.is_some_and(|root| !files.is_remote(root)),
            inner: Arc::new(inner),
            files,
            next: Arc::default(),
            settled: Arc::default(),
            broken: Arc::default(),
        }
    }

    async fn put_durably(&self, location: &Path, parts: Vec<Bytes>, create: bool) -> Result<()> {
        let path = self.inner.path_to_filesystem(location)?;
        self.check()?;
        // The listing of `LocalFileSystem` leaves out names that end with `#` and digits.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let staged = staged_path(&path, u64::from(std::process::id()) << 32 | number);
        let folders_below_root = location.parts().count() - 1;
        let written = {
            let (puts, path) = (self.clone(), path.clone());
            tokio::task::spawn_blocking(move || {
                let folders: Vec<_> =
                    path.ancestors().skip(1).take(folders_below_root + 1).collect();
                for (folder, parent) in folders.iter().zip(&folders[1..]).rev() {
                    puts.settle(folder, parent)?;
                }
                publish(&*puts.files, &parts, &staged, &path, create)?;
                puts.sync_dir(folders[0])
            })
        };
        written
            .await
            .map_err(|source| Error::JoinError { source })?
            .map_err(|source| store_error(&path, source))
    }

    /// Makes a folder that has a durable parent, and its name durable.
    fn settle(&self, folder: &FilePath, parent: &FilePath) -> io::Result<()> {
        let settled = || self.settled.lock().unwrap_or_else(|e| e.into_inner());
        if settled().contains(folder) {
            return Ok(());
        }
        create_dir_if_missing(&*self.files, folder)?;
        self.sync_dir(parent)?;
        settled().insert(folder.to_owned());
        Ok(())
    }

    fn sync_dir(&self, folder: &FilePath) -> io::Result<()> {
        let synced = self.files.sync_dir(folder);
        synced.inspect_err(|_| self.broken.store(true, Ordering::Relaxed))
    }

    fn check(&self) -> Result<()> {
        if !self.broken.load(Ordering::Relaxed) {
            return Ok(());
        }
        let source = "a folder of the lake could not be synced to disk; restart".into();
        Err(Error::Generic { store: STORE, source })
    }
}

fn staged_path(path: &FilePath, number: u64) -> PathBuf {
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!("#{number}"));
    staged.into()
}

/// Whether a name is one of [`staged_path`].
pub(crate) fn is_staged(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Writes `parts` under a temporary name, and gives them their name once they are on disk.
fn publish(
    files: &dyn FileSystem,
    parts: &[Bytes],
    staged: &FilePath,
    path: &FilePath,
    create: bool,
) -> io::Result<()> {
    let published = write_synced(files, parts, staged)
        .and_then(|()| if create { files.link(staged, path) } else { files.rename(staged, path) });
    if create || published.is_err() {
        // A temporary file that stays is never listed; it costs room only.
        let _ = files.remove(staged);
    }
    published
}

fn write_synced(files: &dyn FileSystem, parts: &[Bytes], path: &FilePath) -> io::Result<()> {
    let mut file = match files.create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Left by a process of the same number that died.
            files.remove(path)?;
            files.create_new(path)?
        }
        other => other?,
    };
    let mut offset = 0;
    for part in parts {
        write_all_at(&mut *file, part, offset)?;
        offset += part.len() as u64;
    }
    file.sync()
}

fn store_error(path: &FilePath, source: io::Error) -> Error {
    let path = path.display().to_string();
    match source.kind() {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: Box::new(source) },
        io::ErrorKind::NotFound => Error::NotFound { path, source: Box::new(source) },
        _ => Error::Generic { store: STORE, source: format!("{path}: {source}").into() },
    }
}

fn not_implemented(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.into(), implementer: STORE.into() }
}

impl fmt::Display for DurablePuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

#[async_trait]
impl ObjectStore for DurablePuts {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let create = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return Err(not_implemented("conditional update")),
        };
        self.put_durably(location, payload.into_iter().collect(), create).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = Upload { store: self.clone(), location: location.clone(), parts: Vec::new() };
        Ok(Box::new(upload))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.check()?;
        if options.head && self.is_near {
            let path = self.inner.path_to_filesystem(location)?;
            if let Some(missing) = small_reads::missing(&path) {
                return Err(store_error(&path, missing));
            }
        }
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.check()?;
        if self.is_near {
            let path = self.inner.path_to_filesystem(location)?;
            if let Some(parts) = small_reads::read(&path, ranges) {
                return Ok(parts);
            }
        }
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.check() {
            Ok(()) => self.inner.list(prefix),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.check() {
            Ok(()) => self.inner.list_with_offset(prefix, offset),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.check()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let bytes = self.inner.get(from).await?.bytes().await?;
        self.put_durably(to, vec![bytes], options.mode == CopyMode::Create).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let bytes = self.inner.get(from).await?.bytes().await?;
        let create = options.target_mode == RenameTargetMode::Create;
        self.put_durably(to, vec![bytes], create).await?;
        self.inner.delete(from).await
    }
}

/// An upload in parts, kept in memory until it is complete: half an object must have no name.
#[derive(Debug)]
struct Upload {
    store: DurablePuts,
    location: Path,
    parts: Vec<Bytes>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.extend(data);
        futures::future::ready(Ok(())).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let parts = std::mem::take(&mut self.parts);
        self.store.put_durably(&self.location, parts, false).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}
