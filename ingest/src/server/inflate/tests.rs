//! Decompression of what is sound, cut, wrong and too large.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::zstd as unzstd;
use super::*;
use crate::server::admission::Budget;

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn members_count_as_one_body() {
    let budget = Budget::new(1 << 20);
    let mut permit = budget.admit(10).unwrap();
    let body = [gz(b"one "), gz(b""), gz(b"two")].concat();
    assert_eq!(gzip(&body, 7, &mut permit).unwrap(), b"one two");
    assert_eq!(permit.bytes(), 17);
    assert!(matches!(gzip(&body, 6, &mut permit), Err(Refused::TooLarge)));

    let frames =
        [::zstd::encode_all(&b"one "[..], 1).unwrap(), ::zstd::encode_all(&b"two"[..], 1).unwrap()];
    assert_eq!(unzstd(&frames.concat(), 7, &mut permit).unwrap(), b"one two");
    assert!(matches!(unzstd(&frames.concat(), 6, &mut permit), Err(Refused::TooLarge)));
}

#[test]
fn a_bomb_stops_at_the_limit_and_at_the_budget() {
    let bomb = gz(&vec![0; 8 << 20]);
    let budget = Budget::new(4 << 20);
    let run = |limit| gzip(&bomb, limit, &mut budget.admit(0).unwrap());
    assert!(matches!(run(1 << 20), Err(Refused::TooLarge)));
    assert!(matches!(run(6 << 20), Err(Refused::Busy)));
    assert_eq!(budget.used(), 0);
}

#[test]
fn damage_is_named() {
    let budget = Budget::new(1 << 20);
    type Inflate = fn(&[u8], usize, &mut Permit) -> Result<Vec<u8>, Refused>;
    let broken = |body: &[u8], read: Inflate| {
        let mut permit = Arc::clone(&budget).admit(0).unwrap();
        match read(body, 1000, &mut permit) {
            Err(Refused::Broken(reason)) => reason,
            other => panic!("not broken: {other:?}"),
        }
    };
    let good = gz(b"some content");
    assert_eq!(broken(&good[..good.len() - 3], gzip), "invalid gzip body: it is cut off");
    assert_eq!(broken(b"", gzip), "invalid gzip body: it is cut off");
    let mut wrong_sum = good.clone();
    let at = wrong_sum.len() - 5;
    wrong_sum[at] ^= 1;
    assert!(broken(&wrong_sum, gzip).starts_with("invalid gzip body: "));
    let trailing = [&good[..], b"trailing garbage"].concat();
    assert!(broken(&trailing, gzip).starts_with("invalid gzip body: "));

    let good = ::zstd::encode_all(&b"some content"[..], 1).unwrap();
    assert!(broken(&good[..good.len() - 3], unzstd).starts_with("invalid zstd body: "));
    assert!(broken(b"not zstd at all", unzstd).starts_with("invalid zstd body: "));
}
