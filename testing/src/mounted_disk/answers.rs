//! Puts calls to the disk.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::calls::Call;
use super::wire::{Node, Reply, Request};
use crate::sim_disk::{Entry, SimDisk};

/// What the kernel is told of calls that we do not have, so that it need not ask again.
const UNKNOWN_CALL: i32 = 38;

/// The node of the mounted folder itself.
const ROOT: u64 = 1;

/// The disk, and the nodes by which the kernel knows its files and folders.
#[derive(Debug)]
pub(super) struct Answers {
    disk: SimDisk,
    /// Folders have odd numbers, files even ones: twice the number of the disk, and two.
    folders: BTreeMap<u64, PathBuf>,
}

impl Answers {
    pub(super) fn new(disk: SimDisk) -> Self {
        Self { disk, folders: BTreeMap::from([(ROOT, PathBuf::new())]) }
    }

    /// Does what a call asks for.
    pub(super) fn to(&mut self, request: &Request) -> io::Result<Reply> {
        let node = request.node;
        match &request.call {
            Call::Init => Ok(Reply::Init),
            Call::Notice => Ok(Reply::None),
            Call::Open => Ok(Reply::Opened),
            Call::Close => Ok(Reply::Done),
            Call::Room => Ok(Reply::Room),
            Call::Unknown => Err(io::Error::from_raw_os_error(UNKNOWN_CALL)),
            Call::Find { name } => self.find(node, name).map(Reply::Found),
            Call::Look => self.node(node).map(Reply::Attributes),
            Call::Change { len } => {
                if let Some(len) = len {
                    self.disk.set_len(file(node)?, *len)?;
                }
                self.node(node).map(Reply::Attributes)
            }
            Call::MakeFolder { name } => {
                self.disk.create_dir(&self.path(node, name)?)?;
                self.find(node, name).map(Reply::Found)
            }
            Call::Remove { name } => {
                self.disk.remove(&self.path(node, name)?)?;
                Ok(Reply::Done)
            }
            Call::Rename { name, to: (folder, new_name) } => {
                self.disk.rename(&self.path(node, name)?, &self.path(*folder, new_name)?)?;
                Ok(Reply::Done)
            }
            Call::Link { file: old, name } => {
                let path = self.path(node, name)?;
                self.disk.link_file(file(*old)?, &path)?;
                self.find(node, name).map(Reply::Found)
            }
            Call::Create { name } => {
                self.disk.create_new(&self.path(node, name)?)?;
                self.find(node, name).map(Reply::Created)
            }
            Call::Read { offset, len } => {
                self.disk.read_at(file(node)?, *offset, *len).map(Reply::Bytes)
            }
            Call::Write { offset, bytes } => {
                self.disk.write_at(file(node)?, bytes, *offset).map(Reply::Written)
            }
            Call::Allocate { end } => {
                self.disk.allocate(file(node)?, *end)?;
                Ok(Reply::Done)
            }
            Call::SyncFile => {
                self.disk.sync(file(node)?)?;
                Ok(Reply::Done)
            }
            Call::SyncFolder => {
                self.disk.sync_dir(self.folder(node)?)?;
                Ok(Reply::Done)
            }
            Call::List { offset, len } => self.list(node, *offset, *len),
        }
    }

    fn find(&mut self, folder: u64, name: &str) -> io::Result<Node> {
        let path = self.path(folder, name)?;
        let entry = self.disk.entry(&path)?;
        self.node_of(&path, entry)
    }

    fn node_of(&mut self, path: &Path, entry: Entry) -> io::Result<Node> {
        let Entry::File(number) = entry else {
            let known = self.folders.iter().find(|(_, folder)| *folder == path);
            let next = self.folders.len() as u64 * 2 + 1;
            let id = known.map_or(next, |(id, _)| *id);
            self.folders.entry(id).or_insert_with(|| path.to_owned());
            return Ok(Node { id, entry, len: 0 });
        };
        Ok(Node { id: number * 2 + 2, entry, len: self.disk.len_of(number)? })
    }

    fn node(&self, id: u64) -> io::Result<Node> {
        if self.folders.contains_key(&id) {
            return Ok(Node { id, entry: Entry::Folder, len: 0 });
        }
        let number = file(id)?;
        Ok(Node { id, entry: Entry::File(number), len: self.disk.len_of(number)? })
    }

    fn folder(&self, node: u64) -> io::Result<&Path> {
        let folder = self.folders.get(&node).ok_or(io::ErrorKind::NotFound)?;
        Ok(folder)
    }

    fn path(&self, folder: u64, name: &str) -> io::Result<PathBuf> {
        Ok(self.folder(folder)?.join(name))
    }

    fn list(&mut self, folder: u64, offset: u64, len: usize) -> io::Result<Reply> {
        let path = self.folder(folder)?.to_owned();
        let entries = self.disk.entries(&path)?;
        let rest = (1..).zip(entries).skip(offset as usize);
        let nodes = rest.map(|(next, (name, entry))| {
            let node = self.node_of(&path.join(&name), entry)?;
            Ok((next, node, name))
        });
        Ok(Reply::Entries(nodes.collect::<io::Result<_>>()?, len))
    }
}

/// The number of a file on the disk.
fn file(node: u64) -> io::Result<u64> {
    if node.is_multiple_of(2) && node >= 2 {
        Ok(node / 2 - 1)
    } else {
        Err(io::ErrorKind::IsADirectory.into())
    }
}
