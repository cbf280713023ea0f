//! Tests of `encode::json`.

use super::*;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn text_is_escaped() {
    let check = |input: &str| {
        let json = written(|out| text(out, input));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), input, "{json}");
    };
    check("");
    check("plain");
    check("a \"quoted\" path\\with\nlines\tand\u{1}control");
    check("\\");
    check("na\u{ef}ve \u{1f6d2}");
}

#[test]
fn numbers_keep_every_digit() {
    for value in [0, 9, 10, 1_794_182_400_000_000_001, u64::MAX] {
        assert_eq!(written(|out| number(out, value)), value.to_string());
    }
}

#[test]
fn ids_are_lowercase_hex() {
    assert_eq!(written(|out| hex(out, &[0x4b, 0xf9, 0x00, 0x0a])), "\"4bf9000a\"");
}
