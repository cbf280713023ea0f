//! The real file system.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use rustix::fs::{FallocateFlags, NFS_SUPER_MAGIC, fallocate, statfs};
use rustix::io::Errno;

use super::{DiskFile, FileSystem, Lock};

/// What the kernel calls file systems in memory: tmpfs, ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
/// What it calls those of other machines: NFS, SMB, and SMB as older kernels have it.
const REMOTE: [u64; 3] = [NFS_SUPER_MAGIC as u64, 0xfe53_4d42, 0xff53_4d42];

/// The file system of the machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct LocalDisk;

impl FileSystem for LocalDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Box::new(LocalFile(file)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn read_start(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(limit as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()
    }

    fn is_remote(&self, folder: &Path) -> bool {
        kind(folder).is_some_and(|kind| REMOTE.contains(&kind))
    }

    fn not_durable(&self, folder: &Path) -> Option<&'static str> {
        // What cannot be asked says nothing against it.
        let kind = kind(folder)?;
        if IN_MEMORY.contains(&kind) {
            Some("it is in memory: a power cut or a restart of the machine loses it")
        } else if REMOTE.contains(&kind) {
            Some("it is on another machine, whose syncs and locks may not hold")
        } else {
            None
        }
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                return Err(io::Error::new(io::ErrorKind::WouldBlock, holder.trim().to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        write!(file, "process {}", std::process::id())?;
        Ok(Box::new(HeldLock(file)))
    }
}

/// The file system that a folder is on; `None` if it cannot be asked.
fn kind(folder: &Path) -> Option<u64> {
    Some(statfs(folder).ok()?.f_type as u64)
}

#[derive(Debug)]
struct LocalFile(File);

impl DiskFile for LocalFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(&self.0, bytes, offset)
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        loop {
            return match fallocate(&self.0, FallocateFlags::empty(), 0, len) {
                Ok(()) => Ok(()),
                Err(Errno::INTR) => continue,
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => Err(io::ErrorKind::Unsupported.into()),
                Err(other) => Err(other.into()),
            };
        }
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// The file descriptor holds the lock.
#[derive(Debug)]
struct HeldLock(#[expect(dead_code, reason = "held for its lock only")] File);

impl Lock for HeldLock {}

#[cfg(test)]
mod tests;
