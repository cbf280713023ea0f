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
