//! The files to import, checked before anything is written.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::failure::usage;

/// A file that can be read.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Its size; 0 for a pipe.
    pub(crate) bytes: u64,
}

/// The name of standard input.
const STDIN: &str = "-";

impl Input {
    /// Whether it is standard input.
    pub(super) fn is_stdin(&self) -> bool {
        self.path == Path::new(STDIN)
    }
}

/// Checks that every file is there, can be read, and is given once.
pub(crate) fn check(paths: &[PathBuf]) -> Result<Vec<Input>> {
    let mut seen = HashSet::new();
    let mut inputs = Vec::with_capacity(paths.len());
    for path in paths {
        let input = check_one(path)?;
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if !seen.insert(place) {
            return usage(format!(
                "{} is given twice; its spans would be in the lake twice",
                path.display()
            ));
        }
        inputs.push(input);
    }
    Ok(inputs)
}

fn check_one(path: &Path) -> Result<Input> {
    if path == Path::new(STDIN) {
        return Ok(Input { path: path.to_owned(), bytes: 0 });
    }
    let shown = path.display();
    let opened = File::open(path).and_then(|file| file.metadata());
    match opened {
        Ok(found) if found.is_dir() => {
            usage(format!("{shown} is a folder; name the files in it, e.g. {shown}/*"))
        }
        Ok(found) => Ok(Input { path: path.to_owned(), bytes: found.len() }),
        Err(error) => usage(format!("cannot read {shown}: {error}")),
    }
}
