//! A mounted disk does what a program expects of a folder, and forgets what was not synced.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::MountedDisk;
use crate::{Loss, SimDisk};

/// An empty folder of this test, or `None` where nothing can be mounted.
fn mounted(name: &str, disk: &SimDisk) -> Option<(MountedDisk, PathBuf)> {
    let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    match MountedDisk::mount(disk, &folder) {
        Ok(mount) => Some((mount, folder)),
        Err(error) => {
            eprintln!("SKIPPED {name}: a folder cannot be mounted here: {error}");
            fs::remove_dir(folder).expect("it is empty");
            None
        }
    }
}

/// Scenario: files are written, read, appended, cut, linked, renamed, removed and listed in a mounted
/// folder; more entries than one answer holds; a file is used after it lost its name.
/// Guarantees: all of it has the result that it has in any folder.
#[test]
fn a_mounted_disk_is_a_folder() {
    let Some((mount, folder)) = mounted("a_mounted_disk_is_a_folder", &SimDisk::new()) else {
        return;
    };
    let content: Vec<u8> = (0..400_000u32).map(|i| (i % 251) as u8).collect();
    fs::create_dir_all(folder.join("a/b")).expect("folders");
    let file = folder.join("a/b/file");
    fs::write(&file, &content).expect("written");
    assert_eq!(fs::read(&file).expect("read"), content);
    OpenOptions::new().append(true).open(&file).expect("open").write_all(b"end").expect("written");
    assert_eq!(fs::metadata(&file).expect("there").len(), 400_003);
    let again = OpenOptions::new().write(true).create_new(true).open(&file);
    assert_eq!(again.expect_err("it is there").kind(), ErrorKind::AlreadyExists);
    fs::hard_link(&file, folder.join("a/second")).expect("linked");
    fs::rename(&file, folder.join("a/third")).expect("renamed");
    assert_eq!(fs::read(&file).expect_err("gone").kind(), ErrorKind::NotFound);
    assert_eq!(fs::read(folder.join("a/second")).expect("read").len(), 400_003);
    let open = OpenOptions::new().write(true).open(folder.join("a/third")).expect("open");
    fs::remove_file(folder.join("a/third")).expect("removed");
    open.set_len(5).expect("cut, though it has lost a name");
    open.try_lock().expect("locked");
    assert_eq!(fs::read(folder.join("a/second")).expect("read"), content[..5]);
    for number in 0..1000 {
        File::create(folder.join(format!("a/b/{number:0100}"))).expect("created");
    }
    assert_eq!(fs::read_dir(folder.join("a/b")).expect("listed").count(), 1000);
    drop(open);
    mount.unmount().expect("nobody uses it");
    fs::remove_dir(folder).expect("it is empty");
}

/// Scenario: one file is synced with its folder, one without, one not at all; then the power is cut.
/// Guarantees: only what was synced is there, and calls fail from the cut on.
#[test]
fn a_mounted_disk_forgets() {
    let disk = SimDisk::new();
    let Some((mount, folder)) = mounted("a_mounted_disk_forgets", &disk) else { return };
    let create = |name: &str| {
        let mut file = File::create(folder.join(name)).expect("created");
        file.write_all(b"synced").expect("written");
        file
    };
    let mut synced = create("synced");
    let unsynced = create("content is not synced");
    synced.sync_data().expect("synced");
    File::open(&folder).expect("open").sync_all().expect("synced");
    synced.write_all(b" and more").expect("written");
    create("name is not synced").sync_all().expect("synced");
    disk.cut_power_at(disk.steps() + 1);
    synced.sync_data().expect_err("the power is cut");
    synced.write_all(b"late").expect_err("the power is cut");
    drop((synced, unsynced));
    mount.unmount().expect("nobody uses it");

    let disk = disk.after_power_cut(Loss::Everything);
    let mount = MountedDisk::mount(&disk, &folder).expect("mounted before");
    assert_eq!(names(&folder), ["content is not synced", "synced"]);
    assert_eq!(fs::read(folder.join("synced")).expect("read"), b"synced");
    assert_eq!(fs::read(folder.join("content is not synced")).expect("read"), b"");
    mount.unmount().expect("nobody uses it");
    fs::remove_dir(folder).expect("it is empty");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}
