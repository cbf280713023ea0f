//! Files appear as a whole or not at all.

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().display().to_string()).collect()
}

#[test]
fn a_dropped_file_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = PendingFile::create(&folder.path().join("a.csv")).expect("pending");
    file.writer().expect("a writer").write_all(b"half").expect("written");
    drop(file);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn a_published_file_replaces_the_old_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.csv");
    fs::write(&path, "old").expect("written");
    let file = PendingFile::create(&path).expect("pending");
    let mut writer = file.writer().expect("a writer");
    writer.write_all(b"new").expect("written");
    writer.flush().expect("flushed");
    assert_eq!(fs::read_to_string(&path).expect("still there"), "old");
    file.publish().expect("published");
    assert_eq!(fs::read_to_string(&path).expect("there"), "new");
    assert_eq!(names(folder.path()), ["a.csv"]);
    let mode = fs::metadata(&path).expect("there").permissions().mode();
    assert_ne!(mode & 0o044, 0, "others may read it, as the umask says");
}

#[test]
fn devices_are_written_and_links_followed() {
    let null = PendingFile::create(Path::new("/dev/null")).expect("a device");
    null.writer().expect("a writer").write_all(b"x").expect("written");
    null.publish().expect("nothing to do");

    let folder = tempfile::tempdir().expect("a folder");
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::write(&target, "old").expect("written");
    std::os::unix::fs::symlink(&target, &link).expect("a link");
    PendingFile::create(&link).expect("pending").publish().expect("published");
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    assert_eq!(fs::read_to_string(&target).expect("there"), "");
}

#[test]
fn places_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for path in [folder.path().to_owned(), folder.path().join("no/such/x.csv")] {
        let error = PendingFile::create(&path).expect_err("refused").to_string();
        assert!(error.starts_with("cannot write"), "{error}");
    }
}
