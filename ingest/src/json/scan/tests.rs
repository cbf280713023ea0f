//! The scanners agree with the obvious loops, however the bytes are cut.

use proptest::prelude::*;

use super::{Scan, plain};

fn slow_plain(bytes: &[u8]) -> usize {
    bytes.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\').unwrap_or(bytes.len())
}

proptest! {
    #[test]
    fn plain_is_exact(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(plain(&bytes), slow_plain(&bytes));
    }

    #[test]
    fn long_plain_text_is_exact(at in 0usize..64, special in any::<u8>()) {
        let mut bytes = vec![b'x'; 64];
        bytes[at] = special;
        prop_assert_eq!(plain(&bytes), slow_plain(&bytes));
    }

    #[test]
    fn chunks_do_not_matter(cut in 0usize..40) {
        let text = br#"{"a\\\"}":["]",{"b":"\u005d\\"}]} tail"#;
        let cut = cut.min(text.len());
        let mut scan = Scan::default();
        let end = match scan.advance(&text[..cut]) {
            Some(end) => end,
            None => cut + scan.advance(&text[cut..]).unwrap(),
        };
        prop_assert_eq!(end, text.len() - 5);
    }
}

#[test]
fn a_string_ends_at_its_quote() {
    assert_eq!(Scan::default().advance(br#""a\"b" x"#), Some(6));
    assert_eq!(Scan::default().advance(br#""a\"#), None);
}

#[test]
fn depth_costs_nothing() {
    let deep = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
    assert_eq!(Scan::default().advance(deep.as_bytes()), Some(2 << 20));
}
