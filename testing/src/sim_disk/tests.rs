//! The simulation loses what it should, and nothing else.

use std::path::Path;

use super::{Loss, SimDisk};

const FILE: &str = "file";

fn disk_with_two_writes() -> SimDisk {
    let disk = SimDisk::new();
    let path = Path::new(FILE);
    let file = disk.create_new(path).expect("created");
    disk.write_at(file, &[1; 1024], 0).expect("written");
    disk.sync(file).expect("synced");
    disk.sync_dir(Path::new("")).expect("synced");
    disk.write_at(file, &[2; 1024], 1024).expect("written");
    disk
}

/// Scenario: the power is cut after a write that was not synced.
/// Guarantees: what was synced stays; of the rest every mixture of sectors can be found.
#[test]
fn unsynced_sectors_are_lost_one_by_one() {
    let disk = disk_with_two_writes();
    let read = |loss| disk.after_power_cut(loss).read(Path::new(FILE)).expect("the file is there");
    assert_eq!(read(Loss::Everything), vec![1; 1024]);
    assert_eq!(read(Loss::Nothing)[1024..], [2; 1024]);
    let mixtures: std::collections::BTreeSet<(u8, u8)> = (0..64)
        .map(|seed| {
            let content = read(Loss::Some(seed));
            let at = |offset: usize| content.get(offset).copied().unwrap_or(0);
            (at(1024), at(1536))
        })
        .collect();
    assert_eq!(mixtures.len(), 4, "{mixtures:?}");
}

/// Scenario: a file is created and renamed without a sync of its folder.
/// Guarantees: it may have any of its names after a power cut, or none.
#[test]
fn names_need_a_sync() {
    let disk = SimDisk::new();
    disk.create_new(Path::new("a")).expect("created");
    disk.rename(Path::new("a"), Path::new("b")).expect("renamed");
    let names = |loss| disk.after_power_cut(loss).list(Path::new("")).expect("listed");
    assert!(names(Loss::Everything).is_empty());
    assert_eq!(names(Loss::Nothing), ["b"]);
    let found: std::collections::BTreeSet<_> = (0..64).map(|s| names(Loss::Some(s))).collect();
    assert!(found.len() >= 3, "{found:?}");
}

/// Scenario: a sync fails, and the next one does not.
/// Guarantees: the reader sees the bytes, and a power cut loses them, as on a real system.
#[test]
fn a_failed_sync_is_not_made_good_by_the_next() {
    let disk = SimDisk::new();
    let file = disk.create_new(Path::new(FILE)).expect("created");
    disk.sync_dir(Path::new("")).expect("synced");
    disk.write_at(file, &[1; 10], 0).expect("written");
    disk.fail_syncs(1);
    assert!(disk.sync(file).is_err());
    disk.sync(file).expect("says that all is well");
    assert_eq!(disk.read(Path::new(FILE)).expect("read").len(), 10);
    let after = disk.after_power_cut(Loss::Everything);
    assert!(after.read(Path::new(FILE)).expect("read").is_empty());
}

/// Scenario: folders are made one below the other, and only the innermost is synced.
/// Guarantees: a power cut takes all of them, and what is made there again is empty.
#[test]
fn a_folder_takes_what_is_below_it() {
    let disk = SimDisk::new();
    let (outer, inner) = (Path::new("outer"), Path::new("outer/inner"));
    disk.create_dir(outer).expect("made");
    disk.create_dir(inner).expect("made");
    disk.create_new(&inner.join(FILE)).expect("created");
    disk.sync_dir(inner).expect("synced");
    disk.sync_dir(outer).expect("synced");
    let disk = disk.after_power_cut(Loss::Everything);
    assert!(!disk.is_dir(outer) && !disk.is_dir(inner));
    disk.create_dir(outer).expect("made");
    disk.create_dir(inner).expect("made");
    assert!(disk.list(inner).expect("listed").is_empty());
}

/// Scenario: a process is killed; then the power is cut, with or without a sync by the next process.
/// Guarantees: the next process sees everything, and what was never synced can still be lost.
#[test]
fn a_kill_makes_nothing_durable() {
    let disk = SimDisk::new();
    let file = disk.create_new(Path::new(FILE)).expect("created");
    disk.write_at(file, &[1; 10], 0).expect("written");
    let killed = disk.after_power_cut(Loss::Nothing);
    assert_eq!(killed.read(Path::new(FILE)).expect("read"), [1; 10]);
    let lost = killed.after_power_cut(Loss::Everything);
    assert!(lost.list(Path::new("")).expect("listed").is_empty());
    killed.sync(file).expect("synced");
    killed.sync_dir(Path::new("")).expect("synced");
    let kept = killed.after_power_cut(Loss::Everything);
    assert_eq!(kept.read(Path::new(FILE)).expect("read"), [1; 10]);
}
