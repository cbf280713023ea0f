//! The folder of a demo: made, or taken over from an earlier demo and nobody else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::failure::usage;

/// Says that the folder is a demo's, which the next demo may replace.
const MARKER: &str = ".spanlake-demo";
const MARKER_TEXT: &str = "This folder was made by `spanlake demo`; the next demo replaces it.\n";

const LAKE: &str = "lake";
const INPUT: &str = "shop.otlp.binpb.zst";

/// A folder that holds a demo and is ready to be filled.
#[derive(Debug)]
pub(super) struct DemoFolder(PathBuf);

impl DemoFolder {
    /// Makes the folder, or empties it if an earlier demo made it.
    pub(super) fn prepare(path: &Path) -> Result<Self> {
        let shown = path.display();
        match fs::read_dir(path) {
            Ok(mut entries) => {
                let is_empty = entries.next().is_none();
                if !is_empty && !path.join(MARKER).is_file() {
                    return usage(format!(
                        "{shown} is not empty and was not made by a demo; choose another with --dir"
                    ));
                }
                remove_demo(path).with_context(|| format!("cannot replace the demo in {shown}"))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Err(error) = fs::create_dir_all(path) {
                    return usage(format!("cannot make the folder {shown}: {error}"));
                }
            }
            Err(error) => return usage(format!("cannot use the folder {shown}: {error}")),
        }
        // First of all: a demo that is interrupted can be replaced too.
        fs::write(path.join(MARKER), MARKER_TEXT)
            .with_context(|| format!("cannot write into {shown}"))?;
        Ok(Self(path.to_owned()))
    }

    /// The lake.
    pub(super) fn lake(&self) -> PathBuf {
        self.join(LAKE)
    }

    /// The generated traces.
    pub(super) fn input(&self) -> PathBuf {
        self.join(INPUT)
    }

    /// A file in the folder.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Removes what a demo makes, and leaves what somebody may have put beside it.
fn remove_demo(folder: &Path) -> io::Result<()> {
    let absent_is_fine = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    absent_is_fine(fs::remove_dir_all(folder.join(LAKE)))?;
    for name in super::REPORTS.iter().chain(&[INPUT]) {
        absent_is_fine(fs::remove_file(folder.join(name)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
