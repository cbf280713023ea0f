//! The table log: which files are the table. All of Delta is in [`delta`], so that it can be replaced.

mod delta;
mod probe;

pub(crate) use delta::{
    Change, History, Marked, Marker, NewFile, Replaced, Replacement, TableLog, remove_uncommitted,
};
