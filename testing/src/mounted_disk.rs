//! A [`SimDisk`] as a folder of the machine: real system calls, and a power that can be cut.
//!
//! The kernel passes every call on a mounted folder to whoever reads `/dev/fuse`; here
//! that is a thread which puts it to the disk. Written data goes through at once, so
//! that the disk, not a cache of the kernel, decides what a power cut leaves. A program
//! that runs in the folder needs no change: `fsync`, `link` and `fallocate` are its own.
//!
//! The protocol is spoken directly. It is a few structs of fixed size, and a library
//! for it would change how dependencies of the product are built.
//!
//! # Not here
//!
//! Only what a database does to its files: no symbolic links, no attributes, no
//! owners, and folders are neither renamed nor removed. Those calls fail.

mod answers;
mod calls;
mod wire;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use crate::sim_disk::SimDisk;
use answers::Answers;
use wire::{Reply, Request};

/// What the kernel says when the folder is no longer mounted.
const NO_DEVICE: i32 = 19;

/// A mounted disk; unmounted when dropped.
#[derive(Debug)]
pub struct MountedDisk {
    folder: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl MountedDisk {
    /// Mounts a disk on an empty folder.
    ///
    /// # Errors
    ///
    /// If there is no `/dev/fuse`, or the right to mount is missing.
    pub fn mount(disk: &SimDisk, folder: &Path) -> io::Result<Self> {
        let kernel = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
        // The new process finds the device as its standard input, which is descriptor 0.
        let mount = Command::new("mount")
            .args(["-i", "-t", "fuse", "-o", "fd=0,rootmode=40000,user_id=0,group_id=0"])
            .args(["sim-disk".as_ref(), folder.as_os_str()])
            .stdin(Stdio::from(kernel.try_clone()?))
            .output()?;
        if !mount.status.success() {
            let reason = String::from_utf8_lossy(&mount.stderr);
            return Err(io::Error::other(reason.trim().to_owned()));
        }
        let answers = Answers::new(disk.clone());
        let thread = std::thread::Builder::new().name("sim-disk".into());
        let thread = thread.spawn(move || serve(kernel, answers))?;
        Ok(Self { folder: folder.to_owned(), thread: Some(thread) })
    }

    /// Takes the folder away. The kernel forgets what it knew of it.
    ///
    /// # Errors
    ///
    /// If a process still uses the folder.
    pub fn unmount(mut self) -> io::Result<()> {
        self.take_away(&[])
    }

    fn take_away(&mut self, how: &[&str]) -> io::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let unmount = Command::new("umount").args(how).arg(&self.folder).output()?;
        if !unmount.status.success() {
            self.thread = Some(thread);
            let reason = String::from_utf8_lossy(&unmount.stderr);
            return Err(io::Error::other(reason.trim().to_owned()));
        }
        if how.is_empty() {
            thread.join().map_err(|_| io::Error::other("the thread of the mount panicked"))?;
        }
        Ok(())
    }
}

impl Drop for MountedDisk {
    fn drop(&mut self) {
        // A test that failed may have left a process in it: the folder goes, and the thread after it.
        let _ = self.take_away(&["--lazy"]);
    }
}

/// Answers the kernel until the folder is unmounted.
fn serve(mut kernel: File, mut answers: Answers) {
    let mut buffer = vec![0; wire::LARGEST_REQUEST];
    loop {
        let len = match kernel.read(&mut buffer) {
            Ok(len) => len,
            Err(error) if error.raw_os_error() == Some(NO_DEVICE) => return,
            // The call was given up by its process.
            Err(error) if is_passing(&error) => continue,
            Err(error) => panic!("reading from the kernel: {error}"),
        };
        let Some(request) = Request::decode(&buffer[..len]) else {
            panic!("not a request: {:02x?}", &buffer[..len.min(100)])
        };
        let reply = match answers.to(&request) {
            Ok(Reply::None) => continue,
            Ok(reply) => wire::encode(request.unique, &reply),
            Err(error) => wire::encode_error(request.unique, &error),
        };
        // Who asked may have been killed meanwhile.
        let _ = kernel.write_all(&reply);
    }
}

fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, NotFound, WouldBlock};
    matches!(error.kind(), Interrupted | NotFound | WouldBlock)
}

#[cfg(test)]
mod tests;
