//! The file system of this machine.

use std::path::Path;

use super::LocalDisk;
use crate::disk::{FileSystem, create_dirs};

/// Scenario: a folder in memory, one on a disk, and one that is not there.
/// Guarantees: only the first is said not to be durable.
#[test]
fn a_folder_in_memory_is_not_durable() {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        let reason = LocalDisk.not_durable(memory).expect("a reason");
        assert!(reason.contains("in memory"), "{reason}");
    } else {
        eprintln!("SKIPPED half of a_folder_in_memory_is_not_durable: there is no /dev/shm");
    }
    assert_eq!(LocalDisk.not_durable(Path::new(env!("CARGO_MANIFEST_DIR"))), None);
    assert_eq!(LocalDisk.not_durable(Path::new("/nowhere")), None);
}

/// Scenario: folders are made one below the other, twice; a file is in the way.
/// Guarantees: they are there; the file is an error.
#[test]
fn folders_are_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = folder.path().join("a/b/c");
    for _ in 0..2 {
        create_dirs(&LocalDisk, &deep).expect("made");
        assert!(deep.is_dir());
    }
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    assert!(create_dirs(&LocalDisk, &file).is_err());
    assert!(create_dirs(&LocalDisk, &file.join("below")).is_err());
}
