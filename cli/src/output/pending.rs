//! A file that appears when it is complete, and not before.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::failure::usage;

/// A file being written under another name in the same folder. Dropped, it leaves nothing.
#[derive(Debug)]
pub(crate) struct PendingFile {
    target: PathBuf,
    /// `None` if the target is a pipe or a device, which cannot be replaced.
    temporary: Option<NamedTempFile>,
}

impl PendingFile {
    /// Prepares a file that will replace what is at `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        // The file behind a link is replaced, not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&target) {
            Ok(found) if found.is_dir() => return usage(format!("{}: it is a folder", cannot())),
            Ok(found) if !found.is_file() => return Ok(Self { target, temporary: None }),
            _ => {}
        }
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return usage(format!("{}: there is no folder {}", cannot(), folder.display()));
        }
        let temporary = tempfile::Builder::new()
            .prefix(".spanlake-")
            .suffix(".tmp")
            // What the umask leaves of it, as for any new file.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .with_context(cannot)?;
        Ok(Self { target, temporary: Some(temporary) })
    }

    /// Writes a whole file that is small enough to be in memory.
    pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
        let file = Self::create(path)?;
        let mut out = file.writer()?;
        let written = out.write_all(content.as_ref()).and_then(|()| out.flush());
        written.with_context(|| file.cannot())?;
        drop(out);
        file.publish()
    }

    /// A buffered writer of its content.
    pub(crate) fn writer(&self) -> Result<Box<dyn Write + Send>> {
        let file = match &self.temporary {
            Some(temporary) => temporary.reopen(),
            None => OpenOptions::new().write(true).open(&self.target),
        };
        Ok(Box::new(BufWriter::new(file.with_context(|| self.cannot())?)))
    }

    /// Where the content lies until [`PendingFile::publish`].
    pub(crate) fn path(&self) -> &Path {
        self.temporary.as_ref().map_or(&self.target, |temporary| temporary.path())
    }

    /// Makes the file appear. Its writer must have been flushed.
    pub(crate) fn publish(self) -> Result<()> {
        let cannot = self.cannot();
        let Some(temporary) = self.temporary else { return Ok(()) };
        let published = (|| -> io::Result<()> {
            temporary.as_file().sync_all()?;
            temporary.persist(&self.target)?;
            // The new name must be on the disk too.
            if let Some(folder) = self.target.parent() {
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                File::open(folder)?.sync_all()?;
            }
            Ok(())
        })();
        published.context(cannot)
    }

    fn cannot(&self) -> String {
        format!("cannot write {}", self.target.display())
    }
}

#[cfg(test)]
mod tests;
