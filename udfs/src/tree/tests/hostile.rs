//! Traces made to hurt: deep, wide, cyclic, and at the ends of time.

use super::fixture::{Row, sections, span, tree};
use crate::tree::{Kind, NO_PARENT};

const MANY: u64 = 100_000;

#[test]
fn a_chain_of_100_000() {
    let row = |i: u64| Row {
        id: i,
        parent: i - 1,
        start: i as i64,
        end: 2 * MANY as i64 - i as i64,
        ..Row::default()
    };
    let rows: Vec<Row> = (1..=MANY).rev().map(row).collect();
    let tree = tree(&rows, 0.01);
    assert_eq!(tree.depth[0], MANY as i32 - 1);
    assert_eq!(tree.subtree_size[rows.len() - 1], MANY as i32);
    assert_eq!(tree.critical_path_ns.iter().sum::<i64>(), rows[rows.len() - 1].duration());
    // Two sections each, but one for the innermost, which has a zero-length child.
    assert_eq!(sections(&rows, 0.01).len(), 2 * rows.len() - 3);
}

#[test]
fn a_ring_of_100_000() {
    let row = |i: u64| Row { id: i, parent: i % MANY + 1, start: 5, end: 6, ..Row::default() };
    let tree = tree(&(1..=MANY).map(row).collect::<Vec<_>>(), 0.01);
    assert_eq!(tree.parent[0], NO_PARENT);
    assert!(tree.is_orphan[0] && tree.is_primary_root[0]);
    assert_eq!(tree.depth[1], MANY as i32 - 1);
}

#[test]
fn a_fan_of_100_000_tolerated_overlaps() {
    let mut rows = vec![Row { id: 1, start: 0, end: 10 * MANY as i64, ..Row::default() }];
    // Each child ends one tick after the next one starts.
    rows.extend((0..MANY as i64 - 1).map(|i| Row {
        id: 2 + i as u64,
        parent: 1,
        start: 10 * i,
        end: 10 * i + 11,
        ..Row::default()
    }));
    let tree = tree(&rows, 0.01);
    assert!(tree.critical_path_ns[1..].iter().all(|ns| (10..=11).contains(ns)));
}

#[test]
fn a_fan_of_100_000_nested_overlaps() {
    let mut rows = vec![Row { id: 1, start: 0, end: 4 * MANY as i64, ..Row::default() }];
    rows.extend((0..MANY as i64).map(|i| Row {
        id: 2 + i as u64,
        parent: 1,
        start: MANY as i64 - i,
        end: MANY as i64 + i,
        ..Row::default()
    }));
    let tree = tree(&rows, 0.9);
    assert_eq!(tree.critical_path_ns.iter().sum::<i64>(), 4 * MANY as i64);
}

#[test]
fn an_id_shared_by_100_000() {
    let twin = |i: u64| {
        span("c", "", i as i64, 2 * MANY as i64).kind(if i == 0 {
            Kind::Client
        } else {
            Kind::Server
        })
    };
    let mut rows: Vec<Row> = (0..MANY / 2).map(twin).collect();
    rows.extend((0..MANY / 2).map(|i| Row { id: i + 1, ..span("", "c", i as i64, i as i64 + 1) }));
    let tree = tree(&rows, 0.01);
    assert_eq!(tree.child_count[0], MANY as i32 / 2);
    assert_eq!(tree.parent[MANY as usize - 1], MANY as u32 / 2 - 1);
}

#[test]
fn copies_by_the_100_000() {
    let rows = vec![span("a", "", 3, 8); MANY as usize];
    let tree = tree(&rows, 0.01);
    assert_eq!(tree.self_time_ns.iter().sum::<i64>(), 5);
    assert_eq!(tree.is_duplicate.iter().filter(|copy| !**copy).count(), 1);
}

#[test]
fn the_ends_of_time_do_not_overflow() {
    let rows = [
        span("a", "", i64::MIN, i64::MAX),
        span("b", "a", i64::MIN, i64::MIN),
        span("c", "a", i64::MAX - 1, i64::MAX),
        span("d", "a", -5, i64::MAX - 2),
        span("e", "d", i64::MAX, i64::MIN),
    ];
    let tree = tree(&rows, 0.01);
    assert_eq!(tree.self_time_ns[1], 0);
    assert_eq!(tree.critical_path_ns[2], 1);
    assert_eq!(tree.depth, [0, 1, 1, 1, 2]);
}
