//! Every length around those at which the way changes.

use super::{push, same};

#[test]
fn texts_of_all_lengths_are_copied_and_compared() {
    let text: Vec<u8> = (0..80).collect();
    let (mut all, mut expected) = (Vec::new(), Vec::new());
    for len in 0..70 {
        for start in [0, 1, 7] {
            push(&mut all, &text[start..start + len]);
            expected.extend_from_slice(&text[start..start + len]);
        }
        assert_eq!(all, expected, "{len}");
        let copy = text[..len].to_vec();
        assert!(same(&text[..len], &copy), "{len}");
        assert!(!same(&text[..len + 1], &copy), "{len}");
        for wrong in 0..len {
            let mut other = text[..len].to_vec();
            other[wrong] ^= 0x40;
            assert!(!same(&text[..len], &other), "byte {wrong} of {len}");
        }
    }
}
