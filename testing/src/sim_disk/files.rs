//! What a file and a name are before and after a power cut.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Loss;

/// The unit that a disk writes as a whole.
const SECTOR_BYTES: usize = 512;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Folder,
    File(u64),
}

impl Entry {
    /// The number of the file, if it is one.
    pub(crate) fn file(&self) -> Option<u64> {
        match self {
            Entry::File(number) => Some(*number),
            Entry::Folder => None,
        }
    }
}

/// A change of one name, or of two in one step.
#[derive(Debug, Clone)]
pub(super) struct EntryChange(Vec<(PathBuf, Option<Entry>)>);

impl EntryChange {
    pub(super) fn of(path: &Path, entry: Option<Entry>) -> Self {
        Self(vec![(path.to_owned(), entry)])
    }

    pub(super) fn also(&mut self, path: &Path, entry: Option<Entry>) {
        self.0.push((path.to_owned(), entry));
    }

    pub(super) fn is_in(&self, folder: &Path) -> bool {
        self.0.iter().any(|(path, _)| path.parent() == Some(folder))
    }

    pub(super) fn apply(&self, names: &mut BTreeMap<PathBuf, Entry>) {
        for (path, entry) in &self.0 {
            match entry {
                Some(entry) => names.insert(path.clone(), *entry),
                None => names.remove(path),
            };
        }
    }
}

/// The content of a file, as a reader sees it and as the disk has it.
#[derive(Debug, Clone, Default)]
pub(super) struct FileState {
    content: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

impl FileState {
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let offset = offset as usize;
        put(&mut self.content, offset, bytes);
        self.unsynced.push(Change::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.content.resize(len as usize, 0);
        self.unsynced.push(Change::SetLen(len as usize));
    }

    pub(super) fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Change::Write { offset, bytes } => put(&mut self.durable, offset, &bytes),
                Change::SetLen(len) => self.durable.resize(len, 0),
            }
        }
    }

    /// A later sync has nothing to do, and says that all is well.
    pub(super) fn forget_dirty(&mut self) {
        self.unsynced.clear();
    }

    pub(super) fn damage(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.content);
        self.durable = self.content.clone();
        self.unsynced.clear();
    }

    pub(super) fn after_power_cut(&self, loss: Loss, random: &mut Random) -> Self {
        let mut content = self.durable.clone();
        for change in &self.unsynced {
            match change {
                Change::SetLen(len) => {
                    if random.survives(loss) {
                        content.resize(*len, 0);
                    }
                }
                Change::Write { offset, bytes } => {
                    let mut start = 0;
                    while start < bytes.len() {
                        let to_boundary = SECTOR_BYTES - (offset + start) % SECTOR_BYTES;
                        let end = bytes.len().min(start + to_boundary);
                        if random.survives(loss) {
                            put(&mut content, offset + start, &bytes[start..end]);
                        }
                        start = end;
                    }
                }
            }
        }
        Self { durable: content.clone(), content, unsynced: Vec::new() }
    }
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

/// A small random generator, so that a seed replays a power cut.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn survives(&mut self, loss: Loss) -> bool {
        match loss {
            Loss::Nothing => true,
            Loss::Everything => false,
            Loss::Some(_) => self.next() & 1 == 0,
        }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
