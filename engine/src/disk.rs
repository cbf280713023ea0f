//! Local files as the write path needs them: every call that matters to durability is one method.
//!
//! The write-ahead log, and puts into a lake on a local folder, go through
//! [`FileSystem`], so that a test can lose, reorder and tear what was not synced.
//! [`LocalDisk`] is the real one.
//!
//! # Not here
//!
//! Nothing about what the files contain, and no retries: an error is passed on.

mod durable_puts;
mod local_disk;
mod small_reads;

use std::fmt::Debug;
use std::io;
use std::path::Path;

pub use durable_puts::DurablePuts;
pub(crate) use durable_puts::is_staged;
pub use local_disk::LocalDisk;

/// A folder tree whose entries and contents survive a power cut only once synced.
pub trait FileSystem: Debug + Send + Sync {
    /// Makes a folder; its parent must exist.
    ///
    /// # Errors
    ///
    /// As the system says; `AlreadyExists` if something is there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes a file to write, which must not exist.
    ///
    /// # Errors
    ///
    /// As the system says; `AlreadyExists` if something is there.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// The content of a file.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The first bytes of a file, at most `limit`.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn read_start(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>>;

    /// Whether a folder is there.
    fn is_dir(&self, path: &Path) -> bool;

    /// Names of the files in a folder, in no order.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, replacing what has it.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name.
    ///
    /// # Errors
    ///
    /// As the system says; `AlreadyExists` if something has that name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the entries of a folder durable: new names, removals, renames.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn sync_dir(&self, folder: &Path) -> io::Result<()>;

    /// Whether a folder is known to be on another machine: to read a few bytes may take long then.
    fn is_remote(&self, _folder: &Path) -> bool {
        false
    }

    /// Why something that was synced in a folder may be lost all the same; `None` if nothing speaks
    /// for it.
    fn not_durable(&self, folder: &Path) -> Option<&'static str>;

    /// Takes a lock that no other process can hold, until the value is dropped or the process ends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is held; the message then names the holder.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
}

/// A file that is being written.
pub trait DiskFile: Debug + Send {
    /// Writes some bytes; returns how many.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Reserves room, so that writes up to `len` do not find the disk full. The file then has that length.
    ///
    /// # Errors
    ///
    /// As the system says; `Unsupported` where room cannot be reserved.
    fn allocate(&mut self, len: u64) -> io::Result<()>;

    /// Cuts the file, or lengthens it with zeros.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Makes content and length durable. After an error nothing is known about either.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn sync(&mut self) -> io::Result<()>;
}

/// A held lock; dropping it releases.
pub trait Lock: Debug + Send + Sync {}

/// Writes all of `bytes`, over short writes and interruptions.
pub(crate) fn write_all_at(file: &mut dyn DiskFile, mut bytes: &[u8], at: u64) -> io::Result<()> {
    let mut offset = at;
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes a folder and its missing parents, durably.
pub(crate) fn create_dirs(files: &dyn FileSystem, folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new(""));
    let is_there = files.is_dir(folder);
    if !is_there {
        create_dirs(files, parent)?;
        create_dir_if_missing(files, folder)?;
    }
    // Whoever made it may have died before he synced it.
    match files.sync_dir(parent) {
        // Then somebody else made it, and we may not even look there.
        Err(error) if is_there && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Makes a folder, unless it is there. Its name is not durable yet.
pub(crate) fn create_dir_if_missing(files: &dyn FileSystem, folder: &Path) -> io::Result<()> {
    match files.create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && files.is_dir(folder) => {
            Ok(())
        }
        created => created,
    }
}

/// Whether a failure means that the disk takes no more for now: it may pass without our doing.
pub(crate) fn is_out_of_space(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem | FileTooLarge)
}
