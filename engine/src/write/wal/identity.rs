//! Whose log it is: a random writer id, and the lake that it writes to.
//!
//! The writer id names our marker in the table log. A log next to another lake
//! would take records for stored that are not, so the pair is kept together.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::recovery::{TEMPORARY, disk_error};
use crate::disk::{FileSystem, write_all_at};
use crate::error::{Error, Result};

/// File in the folder of the log.
pub(super) const WRITER_FILE: &str = "writer";

/// Who writes, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Random; names our marker in the table log.
    pub(crate) writer_id: String,
    /// Id of the table that the log belongs to.
    pub(crate) table_id: String,
}

impl Identity {
    /// Reads the identity of the log in `folder`, or gives it one.
    pub(super) fn load_or_create(
        files: &dyn FileSystem,
        folder: &Path,
        table_id: &str,
    ) -> Result<Self> {
        let path = folder.join(WRITER_FILE);
        let identity: Self = match files.read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| Error::DamagedLog {
                file: path.display().to_string(),
                offset: 0,
                reason: format!("it does not say whose log this is: {e}"),
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let identity =
                    Self { writer_id: Uuid::new_v4().to_string(), table_id: table_id.into() };
                identity.store(files, folder).map_err(|error| disk_error(&path, error))?;
                identity
            }
            Err(error) => return Err(disk_error(&path, error)),
        };
        if identity.table_id != table_id {
            return Err(Error::OtherLake {
                folder: folder.display().to_string(),
                found: identity.table_id,
                expected: table_id.into(),
            });
        }
        Ok(identity)
    }

    fn store(&self, files: &dyn FileSystem, folder: &Path) -> io::Result<()> {
        let path = folder.join(WRITER_FILE);
        let temporary = folder.join(format!("{WRITER_FILE}{TEMPORARY}"));
        let mut file = files.create_new(&temporary)?;
        write_all_at(&mut *file, &serde_json::to_vec(self)?, 0)?;
        file.sync()?;
        files.rename(&temporary, &path)?;
        files.sync_dir(folder)
    }
}
