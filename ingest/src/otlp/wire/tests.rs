//! Numbers, lengths and refusals of the wire format.

use super::Wire;
use crate::error::Decoded;

/// Walks all fields of a message.
fn walk(bytes: &[u8]) -> Decoded<Vec<u32>> {
    let mut wire = Wire::new(bytes);
    let mut fields = Vec::new();
    while let Some(tag) = wire.tag()? {
        fields.push(tag.field);
        wire.skip(tag)?;
    }
    Ok(fields)
}

fn refused(bytes: &[u8]) -> String {
    walk(bytes).unwrap_err().to_string()
}

#[test]
fn fields_of_every_type_are_stepped_over() {
    let bytes = [
        0x08, 0xff, 0x01, // 1: varint
        0x11, 1, 2, 3, 4, 5, 6, 7, 8, // 2: fixed64
        0x1a, 2, 9, 9, // 3: bytes
        0x25, 1, 2, 3, 4, // 4: fixed32
        0x82, 0x7d, 0, // 2000: bytes
    ];
    assert_eq!(walk(&bytes).unwrap(), [1, 2, 3, 4, 2000]);
}

#[test]
fn malformed_fields_are_refused_with_their_place() {
    assert_eq!(refused(&[0x0b]), "byte 0: protobuf groups are not part of OTLP");
    assert_eq!(refused(&[0x08, 0, 0x0c]), "byte 2: protobuf groups are not part of OTLP");
    assert_eq!(refused(&[0x0e]), "byte 0: invalid protobuf wire type 6");
    assert_eq!(refused(&[0x00]), "byte 0: invalid protobuf field number");
    assert_eq!(
        refused(&[0x08, 0, 0x0a, 5, 1]),
        "byte 2: field 1 has 5 bytes but only 1 are left; the input may be cut off"
    );
    let long = [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
    assert_eq!(refused(&long), "byte 1: protobuf number of more than 64 bits");
    assert!(refused(&[0x08, 0x80]).contains("byte 1: the input ends inside a protobuf number"));
    assert!(refused(&[0x11, 0x80]).contains("byte 1: the input ends inside a protobuf field"));
}

#[test]
fn the_largest_number_is_read() {
    let max = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let mut wire = Wire::new(&max);
    let tag = wire.tag().unwrap().unwrap();
    assert_eq!(wire.integer(tag).unwrap(), u64::MAX);
}

#[test]
fn inner_messages_know_their_place() {
    let bytes = [0x0a, 3, 0x12, 1, 7, 0x18, 1];
    let mut wire = Wire::new(&bytes);
    let tag = wire.tag().unwrap().unwrap();
    let mut inner = wire.message(tag).unwrap();
    assert_eq!((inner.offset(), wire.offset()), (2, 5));
    let tag = inner.tag().unwrap().unwrap();
    assert_eq!(inner.bytes(tag).unwrap(), [7]);
    assert!(inner.tag().unwrap().is_none());
    let error = inner.integer(tag).unwrap_err().to_string();
    assert!(error.starts_with("byte 2: field 2 has wire type 2"), "{error}");
}
