//! Equal span ids: copies, Zipkin's shared spans, retries (semantics.md 1.2).

use super::fixture::{Row, span, tree, with_trace};
use crate::tree::{Kind, NO_PARENT, Tree, TreeBuilder};

#[test]
fn t1_1_server_becomes_a_child_of_its_client() {
    let rows = [
        span("1", "", 0, 10).kind(Kind::Client),
        span("1", "", 0, 10).kind(Kind::Server),
        span("2", "1", 0, 10),
    ];
    assert_eq!(tree(&rows, 0.0).parent, [NO_PARENT, 0, 1]);
}

#[test]
fn t1_2_without_client_nothing_changes() {
    let rows = [span("1", "", 0, 10).kind(Kind::Server), span("2", "1", 0, 10)];
    assert_eq!(tree(&rows, 0.0).parent, [NO_PARENT, 0]);
}

/// A call that was hedged to two servers, both of which took part.
fn hedged() -> [Row; 4] {
    [
        span("r", "", 0, 100).service(1),
        span("c", "r", 10, 90).service(1).kind(Kind::Client),
        span("c", "r", 20, 50).service(2).kind(Kind::Server),
        span("c", "r", 30, 80).service(3).kind(Kind::Server),
    ]
}

#[test]
fn children_go_to_the_receiver_of_their_service() {
    let mut rows = hedged().to_vec();
    rows.extend([
        span("x", "c", 25, 28).service(2),
        span("y", "c", 35, 38).service(3).kind(Kind::Client),
        span("z", "c", 40, 45).service(9),
        span("s", "c", 40, 45).service(2).kind(Kind::Server),
    ]);
    assert_eq!(tree(&rows, 0.0).parent, [NO_PARENT, 0, 1, 1, 2, 3, 1, 1]);
}

#[test]
fn instances_tell_receivers_of_one_service_apart() {
    let mut rows = hedged().map(|row| row.service(1)).to_vec();
    rows[2].instance = 7;
    rows[3].instance = 8;
    rows.extend([
        span("x", "c", 35, 38).service(1).instance(7),
        span("y", "c", 35, 38).service(1).instance(8),
        span("z", "c", 35, 38).service(1),
    ]);
    assert_eq!(tree(&rows, 0.0).parent, [NO_PARENT, 0, 1, 1, 2, 3, 1]);
}

#[test]
fn among_equal_receivers_the_latest_open_one_wins() {
    let mut rows = hedged().map(|row| row.service(1)).to_vec();
    rows.extend([
        span("t", "c", 15, 16).service(1),
        span("u", "c", 25, 26).service(1),
        span("v", "c", 35, 36).service(1),
        span("w", "c", 60, 61).service(1),
        span("x", "c", 85, 86).service(1),
    ]);
    assert_eq!(tree(&rows, 0.0).parent[4..], [1, 2, 3, 3, 1]);
}

#[test]
fn without_a_split_the_earliest_span_takes_the_children() {
    let rows = [
        span("i", "r", 5, 10).name(1),
        span("i", "r", 3, 10).name(2),
        span("i", "i", 4, 10).name(3),
        span("k", "i", 6, 7),
        span("r", "", 0, 10),
    ];
    assert_eq!(tree(&rows, 0.0).parent, [4, 4, 1, 1, NO_PARENT]);
}

#[test]
fn copies_take_no_time_and_keep_sums_exact() {
    let a = span("a", "", 0, 100);
    let b = span("b", "a", 20, 60).error();
    let rows = [b, a, b, a, b];
    let tree = tree(&rows, 0.01);
    assert_eq!(tree.is_duplicate, [false, false, true, true, true]);
    assert_eq!(tree.self_time_ns, [40, 60, 0, 0, 0]);
    assert_eq!(tree.critical_path_ns, [40, 60, 0, 0, 0]);
    assert_eq!(tree.error_origin, [true, false, false, false, false]);
    assert_eq!(tree.is_root, [false, true, false, false, false]);
    assert_eq!(tree.is_primary_root, [false, true, false, false, false]);
    assert_eq!(tree.parent, [1, NO_PARENT, 1, NO_PARENT, 1]);
    assert_eq!(tree.depth, [1, 0, 1, 0, 1]);
    assert_eq!(tree.child_count, [0, 1, 0, 1, 0]);
    assert_eq!(tree.nested_left, [2, 1, 2, 1, 2]);
    assert_eq!(tree.shape[0], tree.shape[4]);
}

#[test]
fn spans_without_id_are_nobodys_parent_and_no_copies() {
    let rows = [span("", "", 0, 10), span("", "", 0, 10), span("a", "", 1, 2)];
    let tree = tree(&rows, 0.0);
    assert_eq!(tree.parent, [NO_PARENT; 3]);
    assert_eq!(tree.is_duplicate, [false; 3]);
    assert_eq!(tree.is_root, [true; 3]);
}

#[test]
fn traces_are_appended() {
    let first = [span("a", "", 0, 10), span("b", "a", 0, 5)];
    let second = [span("y", "x", 0, 5), span("x", "", 0, 10), span("z", "w", 0, 1)];
    let mut tree = Tree::default();
    let mut builder = TreeBuilder::default();
    let facts = with_trace(&first, |trace| builder.append(trace, &mut tree));
    assert_eq!((facts.primary_root, facts.roots, facts.is_connected()), (Some(0), 1, true));
    let facts = with_trace(&second, |trace| builder.append(trace, &mut tree));
    assert_eq!((facts.primary_root, facts.orphans, facts.is_connected()), (Some(3), 1, false));
    assert_eq!(tree.parent, [NO_PARENT, 0, 3, NO_PARENT, NO_PARENT]);
    let facts = with_trace(&[], |trace| builder.append(trace, &mut tree));
    assert_eq!(facts.primary_root, None);
}
