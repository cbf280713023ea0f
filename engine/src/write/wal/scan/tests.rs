//! Every cut and every flipped bit of a segment: nothing is made up, and nothing sound is lost.

use bytes::Bytes;
use uuid::Uuid;

use super::{Scan, scan};
use crate::write::wal::Payload;
use crate::write::wal::record::{
    BadHeader, Entry, FORMAT_VERSION, HEADER_BYTES, SegmentHeader, encode_record,
};

fn header() -> SegmentHeader {
    SegmentHeader { epoch: 3, base_seq: 10, id: Uuid::from_u128(77), context: "limits".into() }
}

fn payload(text: &str) -> Payload {
    Payload { format: 1, received_ns: -5, spans: 2, bytes: Bytes::from(text.to_owned()) }
}

/// A segment with groups of records, each group synced before the next, and its record ends.
fn segment(groups: &[&[&str]]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = header().encode();
    let mut ends = Vec::new();
    let mut seq = header().base_seq;
    for group in groups {
        let synced = bytes.len() as u64;
        for text in *group {
            let entry = Entry::Payload(payload(text));
            encode_record(&mut bytes, &header(), (seq, synced), &entry);
            seq += 1;
            ends.push(bytes.len());
        }
    }
    (bytes, ends)
}

fn scanned(bytes: &[u8], is_last: bool) -> Scan {
    scan(&header(), &Bytes::copy_from_slice(bytes), is_last)
}

fn numbers(scan: &Scan) -> Vec<u64> {
    scan.records.iter().map(|record| record.seq).collect()
}

/// Scenario: a header is written and read, from this version and a later one.
/// Guarantees: it comes back as it was; a damaged or later one is told apart.
#[test]
fn headers_come_back() {
    let bytes = header().encode();
    assert_eq!(SegmentHeader::decode(&bytes), Ok(header()));
    assert_eq!(SegmentHeader::decode(&bytes[..100]), Err(BadHeader::Damaged));
    for at in 0..80 {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        let decoded = SegmentHeader::decode(&flipped);
        if (8..12).contains(&at) {
            assert!(matches!(decoded, Err(BadHeader::Newer(_) | BadHeader::Damaged)), "{at}");
        } else if at < 54 {
            assert_eq!(decoded, Err(BadHeader::Damaged), "{at}");
        }
    }
    let mut newer = bytes;
    newer[8] = FORMAT_VERSION as u8 + 1;
    assert_eq!(SegmentHeader::decode(&newer), Err(BadHeader::Newer(FORMAT_VERSION + 1)));
}

/// Scenario: the last segment ends at any byte.
/// Guarantees: exactly the records that are whole are found; the rest counts as torn, not as damage.
#[test]
fn every_cut_is_a_torn_tail() {
    let (bytes, ends) = segment(&[&["first"], &["second", "third"], &["fourth"]]);
    for len in HEADER_BYTES..=bytes.len() {
        let scan = scanned(&bytes[..len], true);
        let whole = ends.iter().filter(|end| **end <= len).count() as u64;
        assert_eq!(numbers(&scan), (10..10 + whole).collect::<Vec<_>>(), "{len}");
        assert!(scan.damage.is_empty(), "{len}: {:?}", scan.damage);
    }
    let scan = scanned(&bytes, true);
    assert_eq!(scan.records[2].entry, Entry::Payload(payload("third")));
    assert_eq!(scan.torn_bytes, 0);
}

/// Scenario: any bit of a record flips.
/// Guarantees: that record is not found and all others are. In the last group of the last segment
/// it is a torn tail; before it, or in another segment, it is damage.
#[test]
fn every_flipped_bit_is_noticed() {
    let (bytes, ends) = segment(&[&["first"], &["second", "third"], &["fourth", "fifth"]]);
    for at in HEADER_BYTES..bytes.len() {
        for bit in [0, 3, 7] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let hit = ends.iter().filter(|end| **end <= at).count() as u64 + 10;
            let others: Vec<u64> = (10..15).filter(|seq| *seq != hit).collect();
            for is_last in [true, false] {
                let scan = scanned(&flipped, is_last);
                assert_eq!(numbers(&scan), others, "byte {at}, bit {bit}");
                let is_torn = is_last && hit >= 13;
                assert_eq!(scan.torn_bytes > 0, is_torn, "byte {at}, bit {bit}, {is_last}");
                assert_eq!(scan.damage.is_empty(), is_torn, "byte {at}, bit {bit}, {is_last}");
            }
        }
    }
}

/// Scenario: room was reserved behind the records, or blocks of an older file lie there.
/// Guarantees: zeros are the end; records of another segment are not taken for ours.
#[test]
fn only_our_records_count() {
    let (mut bytes, _) = segment(&[&["first"]]);
    let end = bytes.len();
    bytes.resize(end + 5000, 0);
    let scan = scanned(&bytes, false);
    assert_eq!((numbers(&scan), scan.torn_bytes, scan.damage.len()), (vec![10], 0, 0));
    bytes.truncate(end);
    let older = SegmentHeader { id: Uuid::from_u128(78), ..header() };
    encode_record(&mut bytes, &older, (11, end as u64), &Entry::Payload(payload("old")));
    let scan = scanned(&bytes, true);
    assert_eq!(numbers(&scan), [10]);
    assert_eq!(scan.torn_bytes, (bytes.len() - end) as u64);
}

/// Scenario: a repaired segment says which records are gone.
/// Guarantees: the mark stands for them, so that nothing is missing any more.
#[test]
fn a_gap_is_no_damage() {
    let mut bytes = header().encode();
    let at = |bytes: &Vec<u8>| bytes.len() as u64;
    let synced = at(&bytes);
    encode_record(&mut bytes, &header(), (10, synced), &Entry::GapUpTo(19));
    let synced = at(&bytes);
    encode_record(&mut bytes, &header(), (20, synced), &Entry::Payload(payload("after")));
    let scan = scanned(&bytes, false);
    assert_eq!(numbers(&scan), [10, 20]);
    assert!(scan.damage.is_empty());
    let (jump, _) = segment(&[&["ten"]]);
    let mut jump = jump;
    let synced = at(&jump);
    encode_record(&mut jump, &header(), (13, synced), &Entry::Payload(payload("thirteen")));
    assert_eq!(scanned(&jump, false).damage[0].lost, 11..13);
}
