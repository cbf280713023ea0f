//! What was told already, kept on disk.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Context, Result};

use crate::output::PendingFile;

const FILE: &str = "told.json";

/// The last state that was told of each name.
#[derive(Debug)]
pub(super) struct Told {
    folder: PathBuf,
    states: BTreeMap<String, String>,
}

impl Told {
    /// Reads the file, if there is one. One that does not parse is as good as none: at worst something is told
    /// again.
    pub(super) fn read(folder: PathBuf) -> Result<Self> {
        let path = folder.join(FILE);
        let states = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(file = %path.display(), %error, "cannot be read; alerts are told again");
                BTreeMap::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        Ok(Self { folder, states })
    }

    /// What was last told.
    pub(super) fn state(&self, name: &str) -> Option<&str> {
        self.states.get(name).map(String::as_str)
    }

    /// The names with that beginning.
    pub(super) fn names<'a>(&'a self, begin: &'a str) -> impl Iterator<Item = &'a str> {
        self.states.keys().map(String::as_str).filter(move |name| name.starts_with(begin))
    }

    /// Keeps what was told.
    pub(super) fn remember(&mut self, name: &str, state: &str) -> Result<()> {
        self.states.insert(name.into(), state.into());
        let folder = self.folder.display();
        fs::create_dir_all(&self.folder).with_context(|| folder.to_string())?;
        PendingFile::write(&self.folder.join(FILE), serde_json::to_vec_pretty(&self.states)?)
    }
}
