//! The table log: which files are the table. All of Delta is in [`delta`], so that it can be replaced.

mod delta;

pub(crate) use delta::{Marked, Marker, NewFile, Replaced, TableLog, remove_uncommitted};
