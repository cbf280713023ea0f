//! The simulated disk as the engine's file system, and a store that stops with its power.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use engine::{DiskFile, FileSystem, Lock};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use testing::SimDisk;

/// A simulated disk as a file system of the engine.
#[derive(Debug, Clone)]
pub(crate) struct SimFiles(pub(crate) SimDisk);

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    number: u64,
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl FileSystem for SimFiles {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let number = self.0.create_new(path)?;
        Ok(Box::new(SimFile { disk: self.0.clone(), number }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.read(path)
    }

    fn read_start(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let mut content = self.0.read(path)?;
        content.truncate(limit);
        Ok(content)
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.0.is_dir(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.0.list(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.link(from, to)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        self.0.sync_dir(folder)
    }

    fn not_durable(&self, _: &Path) -> Option<&'static str> {
        None
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        self.0.lock(path)?;
        Ok(Box::new(SimLock { disk: self.0.clone(), path: path.to_owned() }))
    }
}

impl DiskFile for SimFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.write_at(self.number, bytes, offset)
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        self.disk.allocate(self.number, len)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.disk.set_len(self.number, len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.sync(self.number)
    }
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.unlock(&self.path);
    }
}

/// An object store in memory. A put is two steps of the disk, so that a power cut finds it
/// before and behind its effect; what it acknowledged stays.
#[derive(Debug, Clone)]
pub(crate) struct SimStore {
    pub(crate) objects: Arc<InMemory>,
    pub(crate) disk: SimDisk,
    puts_fail: Arc<AtomicBool>,
    loses_answers: Arc<AtomicBool>,
}

impl SimStore {
    pub(crate) fn new(disk: &SimDisk) -> Self {
        let objects = Arc::new(InMemory::new());
        Self {
            objects,
            disk: disk.clone(),
            puts_fail: Arc::default(),
            loses_answers: Arc::default(),
        }
    }

    /// The same objects, used by another machine.
    pub(crate) fn shared_by(&self, disk: &SimDisk) -> Self {
        Self { disk: disk.clone(), ..self.clone() }
    }

    /// Makes every put fail, or succeed again.
    pub(crate) fn set_puts_fail(&self, fail: bool) {
        self.puts_fail.store(fail, Ordering::SeqCst);
    }

    /// The objects as the next start finds them.
    pub(crate) fn after_power_cut(&self, disk: &SimDisk) -> Self {
        Self { objects: Arc::new(self.objects.fork()), ..Self::new(disk) }
    }

    /// Makes the next commit succeed and report a failure; from then on the store is down.
    pub(crate) fn lose_answers(&self, lose: bool) {
        self.loses_answers.store(lose, Ordering::SeqCst);
    }

    fn reachable(&self) -> Result<()> {
        let is_down =
            self.loses_answers.load(Ordering::SeqCst) && self.puts_fail.load(Ordering::SeqCst);
        if is_down { Err(down()) } else { Ok(()) }
    }

    fn step(&self) -> Result<()> {
        if self.puts_fail.load(Ordering::SeqCst) {
            return Err(down());
        }
        self.disk.step().map_err(|e| Error::Generic { store: "sim", source: Box::new(e) })
    }
}

fn down() -> Error {
    Error::Generic { store: "sim", source: "the store is down".into() }
}

impl fmt::Display for SimStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimStore")
    }
}

#[async_trait]
impl ObjectStore for SimStore {
    async fn put_opts(
        &self,
        location: &Key,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.step()?;
        let result = self.objects.put_opts(location, payload, opts).await?;
        if self.loses_answers.load(Ordering::SeqCst) && location.as_ref().contains("_delta_log") {
            self.set_puts_fail(true);
        }
        self.step()?;
        Ok(result)
    }

    async fn put_multipart_opts(
        &self,
        location: &Key,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.step()?;
        self.objects.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Key, options: GetOptions) -> Result<GetResult> {
        self.reachable()?;
        self.objects.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Key>>,
    ) -> BoxStream<'static, Result<Key>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.reachable() {
            Ok(()) => self.objects.list(prefix),
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        self.reachable()?;
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
