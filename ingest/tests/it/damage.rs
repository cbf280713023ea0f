//! Damaged input: errors, never panics, and never spans out of nothing.

use proptest::prelude::*;
use prost::Message;

use super::oracle::request;
use super::support::{decode_json, decode_protobuf, read_bytes};

const JAEGER: &str = include_str!("../data/shop.jaeger.json");

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Scenario: a request is cut at any byte.
    /// Guarantees: the decoders return; a cut JSON request is always an error.
    #[test]
    fn every_prefix_is_survived(request in request()) {
        let protobuf = request.encode_to_vec();
        let step = (protobuf.len() / 200).max(1);
        for end in (0..protobuf.len()).step_by(step) {
            decode_protobuf(&protobuf[..end]).ok();
        }
        let json = serde_json::to_vec(&request).unwrap();
        let step = (json.len() / 200).max(1);
        for end in (0..json.len()).step_by(step) {
            prop_assert!(decode_json(&json[..end]).is_err(), "{end}");
        }
    }

    /// Scenario: bits of a request flip.
    /// Guarantees: the decoders return.
    #[test]
    fn flipped_bits_are_survived(
        request in request(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..8),
    ) {
        let mut protobuf = request.encode_to_vec();
        let mut json = serde_json::to_vec(&request).unwrap();
        let mut jaeger = JAEGER.as_bytes().to_vec();
        for (at, bit) in flips {
            if !protobuf.is_empty() {
                let len = protobuf.len();
                protobuf[at.index(len)] ^= 1 << bit;
                decode_protobuf(&protobuf).ok();
            }
            let len = json.len();
            json[at.index(len)] ^= 1 << bit;
            decode_json(&json).ok();
            let len = jaeger.len();
            jaeger[at.index(len)] ^= 1 << bit;
            read_bytes(jaeger.clone()).ok();
        }
        read_bytes(protobuf).ok();
        read_bytes(json).ok();
    }

    #[test]
    fn noise_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode_protobuf(&bytes).ok();
        decode_json(&bytes).ok();
        read_bytes(bytes).ok();
    }
}

#[test]
fn every_prefix_of_a_jaeger_file_is_survived() {
    let document = JAEGER.trim_end();
    for end in 1..document.len() {
        assert!(read_bytes(&document.as_bytes()[..end]).is_err(), "{end}");
    }
    let (rows, report) = read_bytes(document).unwrap();
    assert_eq!((rows.num_rows(), report.rejected), (3, 0));
}
