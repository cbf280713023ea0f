//! Control characters do not get through.

use super::*;

#[test]
fn control_characters_become_visible() {
    for (text, expected) in [
        ("plain", "plain"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u{1b}[2J", "\\u{1b}[2J"),
        ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
        ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
        ("gr\u{fc}n \u{1f600}", "gr\u{fc}n \u{1f600}"),
    ] {
        assert_eq!(escape(text), expected);
    }
}

#[test]
fn a_terminal_gets_no_escape_sequence() {
    let mut out = Printable(Vec::new());
    out.write_all("name,\u{1b}]0;x\u{7},\u{9b}31m\tgr\u{fc}n\n".as_bytes()).expect("memory");
    assert_eq!(String::from_utf8(out.0).expect("text"), "name,?]0;x?,?31m\tgr\u{fc}n\n");
}
