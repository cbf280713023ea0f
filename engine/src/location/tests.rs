//! Locations that users type.

use std::path::Path;

use super::Location;

fn parsed(text: &str) -> Location {
    Location::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn paths_and_file_urls_are_folders() {
    assert_eq!(parsed("./lake").folder(), Some(Path::new("./lake")));
    assert_eq!(parsed("file:///data/lake").folder(), Some(Path::new("/data/lake")));
}

#[test]
fn urls_of_buckets_are_not_folders() {
    let urls = [
        "s3://bucket",
        "s3a://bucket/a/lake/",
        "gs://bucket/lake",
        "az://container/lake",
        "abfss://container@account.dfs.core.windows.net/lake",
    ];
    for url in urls {
        assert_eq!(parsed(url).folder(), None, "{url}");
        assert_eq!(parsed(url).to_string(), url);
    }
}

#[test]
fn what_is_no_place_says_what_to_write() {
    let supported = "a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX";
    let cases = [
        ("", "``", "the path is empty; give a folder".to_owned()),
        ("ftp://host/x", "`ftp://host/x`", format!("`ftp` is not supported; give {supported}")),
        ("s3:///x", "`s3:///x`", format!("the URL names no bucket; give {supported}")),
        (
            "s3://key:secret@bucket/x",
            "`s3://***@bucket/x`",
            "credentials do not belong into the URL; set them in the environment".to_owned(),
        ),
        (
            "az://container/x?sig=secret",
            "`az://container/x`",
            "the URL must end with the prefix; set options in the environment".to_owned(),
        ),
    ];
    for (text, shown, reason) in cases {
        let error = Location::parse(text).expect_err(text).to_string();
        assert_eq!(error, format!("cannot use {shown} as a lake: {reason}"));
    }
}

/// Scenario: a folder that is not there, empty, with what a creation that was cut off leaves, with more
/// than that, and with other things.
/// Guarantees: a lake may be created in the first three only.
#[tokio::test]
async fn a_creation_that_was_cut_off_can_be_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let location = Location::parse(lake.to_str().expect("UTF-8")).expect("a path");
    let file = |name: &str| std::fs::write(lake.join(name), "").expect("written");
    assert!(location.is_vacant().await.expect("a folder answers"));
    std::fs::create_dir_all(lake.join("spans/_delta_log")).expect("made");
    assert!(location.is_vacant().await.expect("a folder answers"));
    file("spans/_delta_log/00000000000000000000.json#17");
    assert!(location.is_vacant().await.expect("a folder answers"));
    file(".probe-17");
    assert!(location.is_vacant().await.expect("a folder answers"));
    for name in ["spans/_delta_log/00000000000000000000.json", "spans/a#1", "notes.txt"] {
        file(name);
        assert!(!location.is_vacant().await.expect("a folder answers"), "{name}");
        std::fs::remove_file(lake.join(name)).expect("removed");
    }
    assert!(location.is_vacant().await.expect("a folder answers"));
}
