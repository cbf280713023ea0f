//! The hex kernel against the standard formatter.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray};

use super::to_hex;

#[test]
fn every_byte_has_its_digits() {
    for byte in 0..=u8::MAX {
        let ids: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&[byte, 7][..]), None]));
        let text = to_hex("f", 2, &ids).expect("two bytes are an id here");
        let text: Vec<Option<&str>> = text.as_string::<i32>().iter().collect();
        assert_eq!(text, [Some(&*format!("{byte:02x}07")), None]);
    }
}

#[test]
fn slices_and_nulls_keep_their_rows() {
    let ids = [Some([1; 2]), None, Some([0xff; 2]), None];
    let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids.into_iter(), 2)
        .expect("all ids have two bytes");
    let ids: ArrayRef = Arc::new(ids.slice(1, 3));
    let text = to_hex("f", 2, &ids).expect("two bytes are an id here");
    let text: Vec<Option<&str>> = text.as_string::<i32>().iter().collect();
    assert_eq!(text, [None, Some("ffff"), None]);
}

#[test]
fn a_wrong_length_is_refused() {
    let ids: ArrayRef = Arc::new(BinaryArray::from(vec![&[1, 2, 3][..]]));
    let error = to_hex("f", 2, &ids).expect_err("three bytes");
    assert!(error.to_string().contains("f takes ids of 2 bytes; one has 3"), "{error}");
}
