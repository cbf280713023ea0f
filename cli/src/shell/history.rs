//! Where the shell remembers what was typed.

use std::env;
use std::path::PathBuf;

/// `$XDG_STATE_HOME/spanlake/history`, else `~/.local/state/spanlake/history`.
///
/// `None` if there is no such place: the shell then forgets, and works.
pub(super) fn path() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))?;
    let folder = state.join("spanlake");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}
