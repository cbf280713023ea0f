//! Frames that are not what a page should be.

use std::io::Write;

use super::unpack;

/// Scenario: a frame, one that does not say how long its content is, and none at all.
/// Guarantees: content where there is some, else an error.
#[test]
fn frames() {
    let text = "the same, the same, the same".repeat(100);
    let packed = zstd::bulk::compress(text.as_bytes(), 1).expect("memory");
    assert_eq!(unpack(&packed).expect("a frame"), text.as_bytes());
    let mut unknown = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    unknown.write_all(text.as_bytes()).expect("memory");
    let unknown = unknown.finish().expect("memory");
    assert_eq!(unpack(&unknown).expect("a frame"), text.as_bytes());
    for broken in [&packed[..packed.len() / 2], &unknown[..unknown.len() - 4], b"text", b""] {
        let problem = unpack(broken).map(|unpacked| unpacked.len());
        assert!(problem.is_err() || broken.is_empty(), "{problem:?}");
    }
}
