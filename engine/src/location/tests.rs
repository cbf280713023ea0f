//! Locations that users type.

use super::Location;

#[test]
fn paths_and_file_urls_are_folders() {
    assert_eq!(Location::parse("./lake").unwrap().folder().to_str(), Some("./lake"));
    assert_eq!(Location::parse("file:///data/lake").unwrap().folder().to_str(), Some("/data/lake"));
}

#[test]
fn other_schemes_say_what_is_supported() {
    let error = Location::parse("s3://bucket/lake").unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot use `s3://bucket/lake` as a lake: `s3` is not supported; give a local folder"
    );
    assert!(Location::parse("").is_err());
}

/// Scenario: a folder that is not there, empty, with what a creation that was cut off leaves, with more
/// than that, and with other things.
/// Guarantees: a lake may be created in the first three only.
#[test]
fn a_creation_that_was_cut_off_can_be_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let location = Location::parse(lake.to_str().expect("UTF-8")).expect("a path");
    let file = |name: &str| std::fs::write(lake.join(name), "").expect("written");
    assert!(location.is_vacant());
    std::fs::create_dir_all(lake.join("spans/_delta_log")).expect("made");
    assert!(location.is_vacant());
    file("spans/_delta_log/00000000000000000000.json#17");
    assert!(location.is_vacant());
    for name in ["spans/_delta_log/00000000000000000000.json", "spans/a#1", "notes.txt"] {
        file(name);
        assert!(!location.is_vacant(), "{name}");
        std::fs::remove_file(lake.join(name)).expect("removed");
    }
    assert!(location.is_vacant());
}
