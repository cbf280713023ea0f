//! What is read at once, and what is left to others.

use std::ops::Range;

use super::{MOST_BYTES, missing, read};

/// Scenario: parts of a file, in any order, overlapping, empty.
/// Guarantees: each part has the bytes at its place.
#[test]
fn parts_are_read_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let content: Vec<u8> = (0..=255).collect();
    std::fs::write(&path, &content).unwrap();
    let ranges = [200..256, 0..3, 2..5, 7..7];
    let parts = read(&path, &ranges).unwrap();
    for (part, range) in parts.iter().zip(ranges) {
        assert_eq!(part, &content[range.start as usize..range.end as usize]);
    }
}

/// Scenario: no file, parts beyond its end, turned around, and more than is read at once.
/// Guarantees: nothing is made up, and nothing is allocated for what is not there.
#[test]
fn what_is_wrong_or_large_is_left_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let all = |range: Range<u64>| read(&path, &[range]);
    assert!(all(0..1).is_none());
    std::fs::write(&path, b"abc").unwrap();
    assert!(all(2..4).is_none());
    assert!(all(u64::MAX - 1..u64::MAX).is_none());
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is wrong")]
    let turned_around = 3..2;
    assert!(all(turned_around).is_none());
    assert!(all(0..MOST_BYTES + 1).is_none());
    assert!(read(&path, &[0..u64::MAX, 0..u64::MAX]).is_none());
    assert_eq!(all(0..3).unwrap()[0], "abc");
}

/// Scenario: a file that is there, one that is not, one in a folder that is none.
/// Guarantees: only the second is said to be missing.
#[test]
fn only_what_is_not_there_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    assert!(missing(&path).is_some());
    std::fs::write(&path, b"abc").unwrap();
    assert!(missing(&path).is_none());
    assert!(missing(&path.join("below")).is_none());
}
