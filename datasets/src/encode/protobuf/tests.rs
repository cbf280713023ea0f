//! Tests of `encode::protobuf`.

use super::*;

#[test]
fn long_messages_get_a_long_length() {
    for size in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
        let content = vec![7; size];
        let mut out = vec![1, 2, 3];
        message(&mut out, 1, |out| out.extend_from_slice(&content));
        let mut rest = &out[4..];
        let length = prost::decode_length_delimiter(&mut rest).unwrap();
        assert_eq!((out[3], length, rest), (0x0a, size, content.as_slice()));
    }
}

#[test]
fn varints_are_those_of_prost() {
    for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        varint(&mut ours, number);
        prost::encoding::encode_varint(number, &mut theirs);
        assert_eq!(ours, theirs, "{number}");
    }
}
