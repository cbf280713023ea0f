//! A file system in memory whose power can be cut at any step.
//!
//! Only what was synced is promised: file content by syncing the file, names by
//! syncing the folder. Of everything else each sector and each name survives a power
//! cut or not, in no order ([`SimDisk::after_power_cut`]). Calls can also be made to
//! fail: a sync, a write on a full disk, or everything from one step on.
//!
//! # Not here
//!
//! No trait of a product crate: a test wraps these calls in the trait that it needs.

mod files;
mod lookup;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

pub(crate) use files::Entry;
use files::{EntryChange, FileState, Random};

/// What happens to unsynced changes in a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Nothing is lost: only the process was killed. What was not synced can still be lost later.
    Nothing,
    /// Everything that was not synced is lost.
    Everything,
    /// Each sector and each name by chance, with this seed.
    Some(u64),
}

/// A file system in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, FileState>,
    next_file: u64,
    names: BTreeMap<PathBuf, Entry>,
    durable_names: BTreeMap<PathBuf, Entry>,
    /// Changes of names that no sync of their folder has covered, in order.
    changes: Vec<EntryChange>,
    locks: BTreeSet<PathBuf>,
    steps: u64,
    cut_at: Option<u64>,
    cut_at_sync_of: Option<PathBuf>,
    is_cut: bool,
    failing_syncs: u64,
    failing_dirs: BTreeSet<PathBuf>,
    capacity: Option<u64>,
    largest_write: Option<usize>,
    cannot_allocate: bool,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cuts the power in the given step, counted from 1: that call may have its effect or not, and
    /// all later ones fail.
    pub fn cut_power_at(&self, step: u64) {
        self.state().cut_at = Some(step);
    }

    /// Cuts the power when that folder is synced next, as [`Self::cut_power_at`] in that step.
    pub fn cut_power_at_sync_of(&self, folder: &Path) {
        self.state().cut_at_sync_of = Some(folder.to_owned());
    }

    /// Number of steps so far.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Whether the power is cut.
    pub fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    /// Makes the next syncs of a file fail; their changes count as synced to the reader, as on
    /// systems that mark pages clean after a failed write-back, and are lost with the power.
    pub fn fail_syncs(&self, count: u64) {
        self.state().failing_syncs = count;
    }

    /// Makes the next sync of a folder fail. The names stay as they look, and no later sync covers
    /// them.
    pub fn fail_sync_of(&self, folder: &Path) {
        self.state().failing_dirs.insert(folder.to_owned());
    }

    /// Sets how many bytes all files may have together.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Makes each write store at most this many bytes.
    pub fn set_largest_write(&self, bytes: Option<usize>) {
        self.state().largest_write = bytes;
    }

    /// Makes reserving room impossible, as on some file systems.
    pub fn forbid_allocation(&self) {
        self.state().cannot_allocate = true;
    }

    /// One step that is not a file's, of a store for one; fails from the power cut on.
    ///
    /// # Errors
    ///
    /// When the power is cut.
    pub fn step(&self) -> io::Result<()> {
        let mut state = self.state();
        state.begin()?;
        state.end()
    }

    /// The disk as the next start finds it.
    pub fn after_power_cut(&self, loss: Loss) -> Self {
        let state = self.state();
        let next = match loss {
            Loss::Nothing => State { changes: state.changes.clone(), ..state.kept() },
            Loss::Everything => state.without_power(loss, Random::new(0)),
            Loss::Some(seed) => state.without_power(loss, Random::new(seed)),
        };
        Self { state: Arc::new(Mutex::new(next)) }
    }

    /// Changes the stored bytes of a file, as a decaying disk does.
    ///
    /// # Errors
    ///
    /// If there is no such file.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.state();
        let number = state.file_at(path)?;
        let file = state.files.get_mut(&number).ok_or(io::ErrorKind::NotFound)?;
        file.damage(change);
        Ok(())
    }

    /// Makes a folder.
    ///
    /// # Errors
    ///
    /// If something is there, or the power is cut.
    pub fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.change(EntryChange::of(path, Some(Entry::Folder)));
        state.end()
    }

    /// Makes a file; returns its number.
    ///
    /// # Errors
    ///
    /// If something is there, or the power is cut.
    pub fn create_new(&self, path: &Path) -> io::Result<u64> {
        let mut state = self.state();
        state.begin()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = state.next_file;
        state.next_file += 1;
        state.files.insert(number, FileState::default());
        state.change(EntryChange::of(path, Some(Entry::File(number))));
        state.end()?;
        Ok(number)
    }

    /// The content of a file.
    ///
    /// # Errors
    ///
    /// If there is none, or the power is cut.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state();
        state.check_power()?;
        let number = state.file_at(path)?;
        Ok(state.files[&number].content().to_vec())
    }

    /// Whether a folder is there.
    pub fn is_dir(&self, path: &Path) -> bool {
        is_root(path) || matches!(self.state().names.get(path), Some(Entry::Folder))
    }

    /// Names of the files in a folder.
    ///
    /// # Errors
    ///
    /// When the power is cut.
    pub fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.check_power()?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// If there is none, or the power is cut.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin()?;
        state.file_at(path)?;
        state.change(EntryChange::of(path, None));
        state.end()
    }

    /// Renames a file over another one.
    ///
    /// # Errors
    ///
    /// If there is none, or the power is cut.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin()?;
        let number = state.file_at(from)?;
        let mut change = EntryChange::of(to, Some(Entry::File(number)));
        change.also(from, None);
        state.change(change);
        state.end()
    }

    /// Gives a file a second name.
    ///
    /// # Errors
    ///
    /// If something has that name, or the power is cut.
    pub fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let number = self.state().file_at(from)?;
        self.link_file(number, to)
    }

    /// As [`Self::link`], for a file by its number.
    pub(crate) fn link_file(&self, file: u64, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin()?;
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.change(EntryChange::of(to, Some(Entry::File(file))));
        state.end()
    }

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    ///
    /// If it was told to fail, or when the power is cut.
    pub fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin()?;
        if state.cut_at_sync_of.as_deref() == Some(folder) {
            state.cut_at = Some(state.steps);
        }
        if state.failing_dirs.remove(folder) {
            state.changes.retain(|change| !change.is_in(folder));
            state.end()?;
            return Err(io::Error::other("input/output error"));
        }
        // In the step of the power cut the sync does not come to its end.
        if !state.is_last_step() {
            let changes = std::mem::take(&mut state.changes);
            for change in changes {
                if change.is_in(folder) {
                    change.apply(&mut state.durable_names);
                } else {
                    state.changes.push(change);
                }
            }
        }
        state.end()
    }

    /// Takes a lock.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is taken.
    pub fn lock(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check_power()?;
        if !state.locks.insert(path.to_owned()) {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process"));
        }
        Ok(())
    }

    /// Releases a lock.
    pub fn unlock(&self, path: &Path) {
        self.state().locks.remove(path);
    }

    /// Writes to a file; returns how many bytes were stored.
    ///
    /// # Errors
    ///
    /// `StorageFull` if there is no room, or when the power is cut.
    pub fn write_at(&self, file: u64, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state();
        state.begin()?;
        let mut end = (bytes.len()).min(state.largest_write.unwrap_or(usize::MAX));
        let len = state.file(file)?.content().len() as u64;
        let room = state.room().saturating_add(len.saturating_sub(offset));
        end = end.min(usize::try_from(room).unwrap_or(usize::MAX));
        if end == 0 && !bytes.is_empty() {
            state.end()?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.file(file)?.write(offset, &bytes[..end]);
        state.end()?;
        Ok(end)
    }

    /// Reserves room: the file gets that length if it was shorter.
    ///
    /// # Errors
    ///
    /// `StorageFull`, `Unsupported`, or when the power is cut.
    pub fn allocate(&self, file: u64, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.begin()?;
        if state.cannot_allocate {
            state.end()?;
            return Err(io::ErrorKind::Unsupported.into());
        }
        let have = state.file(file)?.content().len() as u64;
        if len.saturating_sub(have) > state.room() {
            state.end()?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.file(file)?.set_len(len.max(have));
        state.end()
    }

    /// Sets the length of a file.
    ///
    /// # Errors
    ///
    /// When the power is cut.
    pub fn set_len(&self, file: u64, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.begin()?;
        state.file(file)?.set_len(len);
        state.end()
    }

    /// Makes the content of a file durable.
    ///
    /// # Errors
    ///
    /// If it was told to fail, or when the power is cut.
    pub fn sync(&self, file: u64) -> io::Result<()> {
        let mut state = self.state();
        state.begin()?;
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            state.file(file)?.forget_dirty();
            state.end()?;
            return Err(io::Error::other("input/output error"));
        }
        // In the step of the power cut the sync does not come to its end.
        if !state.is_last_step() {
            state.file(file)?.sync();
        }
        state.end()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every call leaves a whole state.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    /// The same files and names, for another process.
    fn kept(&self) -> Self {
        Self {
            files: self.files.clone(),
            next_file: self.next_file,
            names: self.names.clone(),
            durable_names: self.durable_names.clone(),
            capacity: self.capacity,
            largest_write: self.largest_write,
            cannot_allocate: self.cannot_allocate,
            ..Self::default()
        }
    }

    fn without_power(&self, loss: Loss, mut random: Random) -> Self {
        let mut names = self.durable_names.clone();
        for change in &self.changes {
            if random.survives(loss) {
                change.apply(&mut names);
            }
        }
        // A name below a folder that is gone is gone, too. Folders come before what is in them.
        let mut reachable = BTreeSet::new();
        names.retain(|path, entry| {
            let stays = path.parent().is_none_or(|p| is_root(p) || reachable.contains(p));
            if stays && matches!(entry, Entry::Folder) {
                reachable.insert(path.clone());
            }
            stays
        });
        let named: BTreeSet<u64> = names.values().filter_map(Entry::file).collect();
        let files = self.files.iter().filter(|(number, _)| named.contains(number));
        let files = files
            .map(|(number, file)| (*number, file.after_power_cut(loss, &mut random)))
            .collect();
        Self { files, durable_names: names.clone(), names, ..self.kept() }
    }

    fn check_power(&self) -> io::Result<()> {
        if self.is_cut { Err(power_cut()) } else { Ok(()) }
    }

    fn begin(&mut self) -> io::Result<()> {
        self.check_power()?;
        self.steps += 1;
        Ok(())
    }

    fn is_last_step(&self) -> bool {
        self.cut_at == Some(self.steps)
    }

    fn end(&mut self) -> io::Result<()> {
        self.is_cut = self.is_last_step();
        self.check_power()
    }

    fn file_at(&self, path: &Path) -> io::Result<u64> {
        match self.names.get(path) {
            Some(Entry::File(number)) => Ok(*number),
            Some(Entry::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn file(&mut self, number: u64) -> io::Result<&mut FileState> {
        self.files.get_mut(&number).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change(&mut self, change: EntryChange) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    fn room(&self) -> u64 {
        let Some(capacity) = self.capacity else { return u64::MAX };
        let named: BTreeSet<u64> = self.names.values().filter_map(Entry::file).collect();
        let used: u64 = named.iter().map(|number| self.files[number].content().len() as u64).sum();
        capacity.saturating_sub(used)
    }
}

fn is_root(path: &Path) -> bool {
    path.as_os_str().is_empty() || path == Path::new("/")
}

fn power_cut() -> io::Error {
    io::Error::other("the power is cut")
}

#[cfg(test)]
mod tests;
