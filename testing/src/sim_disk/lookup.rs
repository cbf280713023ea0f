//! What a mount asks of the disk beyond what the engine does: entries, lengths, parts of files.

use std::io;
use std::path::Path;

use super::files::Entry;
use super::{SimDisk, is_root};

impl SimDisk {
    /// What a name stands for.
    pub(crate) fn entry(&self, path: &Path) -> io::Result<Entry> {
        let state = self.state();
        state.check_power()?;
        if is_root(path) {
            return Ok(Entry::Folder);
        }
        state.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Names in a folder, sorted, with what they stand for.
    pub(crate) fn entries(&self, folder: &Path) -> io::Result<Vec<(String, Entry)>> {
        let state = self.state();
        state.check_power()?;
        let inside = state.names.iter().filter(|(path, _)| path.parent() == Some(folder));
        let named = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
        Ok(inside.filter_map(|(path, entry)| Some((named(path)?, *entry))).collect())
    }

    /// Length of a file, which may have lost its name.
    pub(crate) fn len_of(&self, file: u64) -> io::Result<u64> {
        let mut state = self.state();
        state.check_power()?;
        Ok(state.file(file)?.content().len() as u64)
    }

    /// At most `len` bytes of a file, which may have lost its name.
    pub(crate) fn read_at(&self, file: u64, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        state.check_power()?;
        let content = state.file(file)?.content();
        let start = content.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let end = content.len().min(start.saturating_add(len));
        Ok(content[start..end].to_vec())
    }
}
