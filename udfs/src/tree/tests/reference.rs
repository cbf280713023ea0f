//! The reference numbers of semantics.md sections 1, 2 and 8.4, by test id.

use super::fixture::{Row, id, sections, span, tree};
use crate::tree::{Kind, NO_PARENT, Tree};

/// `(left, right, left of the parent)`; -1 for a true root, 0 for an orphan.
fn nested(tree: &Tree, row: usize) -> (i32, i32, i32) {
    let parent = match tree.parent[row] {
        NO_PARENT if tree.is_root[row] => -1,
        NO_PARENT => 0,
        parent => tree.nested_left[parent as usize],
    };
    (tree.nested_left[row], tree.nested_right[row], parent)
}

/// Rows that differ only in their ids, so that ids decide the order.
fn family(links: &[(&str, &str)]) -> Vec<Row> {
    links.iter().map(|(name, parent)| span(name, parent, 0, 100)).collect()
}

fn check_nested(rows: &[Row], expected: &[(i32, i32, i32)]) {
    let tree = tree(rows, 0.0);
    let actual: Vec<_> = (0..rows.len()).map(|row| nested(&tree, row)).collect();
    assert_eq!(actual, expected);
}

const BRANCHED: [(&str, &str); 6] =
    [("a", ""), ("b", "a"), ("c", "b"), ("d", "b"), ("e", "d"), ("f", "d")];

#[test]
fn t1_3_single_and_linear() {
    check_nested(&family(&[("a", "")]), &[(1, 2, -1)]);
    let linear = family(&[("a", ""), ("c", "b"), ("b", "a")]);
    check_nested(&linear, &[(1, 6, -1), (3, 4, 2), (2, 5, 1)]);
}

#[test]
fn t1_3_branched_and_two_roots() {
    let branched = [(1, 12, -1), (2, 11, 1), (3, 4, 2), (5, 10, 2), (6, 7, 5), (8, 9, 5)];
    check_nested(&family(&BRANCHED), &branched);
    let mut two = family(&BRANCHED);
    two.extend(family(&[("g", ""), ("h", "g"), ("i", "h")]));
    let expected = [&branched[..], &[(13, 18, -1), (14, 17, 13), (15, 16, 14)]].concat();
    check_nested(&two, &expected);
}

#[test]
fn t1_3_interrupted_is_numbered_after_the_true_root() {
    let links = [("a", ""), ("b", "a"), ("c", "b"), ("d", "b"), ("e", "x"), ("f", "e")];
    let expected = [(1, 8, -1), (2, 7, 1), (3, 4, 2), (5, 6, 2), (9, 12, 0), (10, 11, 9)];
    check_nested(&family(&links), &expected);
    // The orphan starts first, and still comes after the true root.
    let mut early = family(&links);
    early[4].start = -50;
    check_nested(&early, &expected);
}

#[test]
fn t1_3_no_roots() {
    check_nested(&family(&[("c", "b"), ("b", "a")]), &[(2, 3, 1), (1, 4, 0)]);
}

#[test]
fn t1_3_shared_ids() {
    let mut one = family(&[("a", ""), ("b", "a"), ("b", "b"), ("c", "b"), ("d", "b")]);
    one[1].kind = Kind::Client;
    one[2].kind = Kind::Server;
    check_nested(&one, &[(1, 10, -1), (2, 9, 1), (3, 8, 2), (4, 5, 3), (6, 7, 3)]);
    let mut two = family(&[("a", ""), ("b", "a"), ("b", "b"), ("c", "b"), ("c", "c")]);
    for (row, kind) in [(1, Kind::Client), (2, Kind::Server), (3, Kind::Client), (4, Kind::Server)]
    {
        two[row].kind = kind;
    }
    check_nested(&two, &[(1, 10, -1), (2, 9, 1), (3, 8, 2), (4, 7, 3), (5, 6, 4)]);
}

#[test]
fn t1_4_structural_relations() {
    let rows = family(&BRANCHED);
    let tree = tree(&rows, 0.0);
    let ancestor = |x: usize, y: usize| {
        tree.nested_left[x] < tree.nested_left[y] && tree.nested_right[y] < tree.nested_right[x]
    };
    let those = |keep: &dyn Fn(usize) -> bool| {
        (0..rows.len()).filter(|r| keep(*r)).map(|r| BRANCHED[r].0).collect::<String>()
    };
    let parent_left = |row: usize| nested(&tree, row).2;
    let (b, c) = (1, 2);
    assert_eq!(those(&|r| parent_left(r) == tree.nested_left[b]), "cd", "children of b");
    assert_eq!(those(&|r| tree.nested_left[r] == parent_left(b)), "a", "parent of b");
    assert_eq!(those(&|r| ancestor(b, r)), "cdef", "descendants of b");
    assert_eq!(those(&|r| ancestor(r, b)), "a", "ancestors of b");
    assert_eq!(those(&|r| r != c && parent_left(r) == parent_left(c)), "d", "siblings of c");
    assert_eq!(those(&|r| tree.nested_right[r] == tree.nested_left[r] + 1), "cef", "leaves");
}

#[test]
fn t1_5_self_time() {
    type Case = (i64, i64, &'static [(i64, i64)], i64);
    let cases: &[Case] = &[
        (0, 100, &[], 100),
        (0, 100, &[(10, 50)], 60),
        (0, 100, &[(10, 30), (50, 70)], 60),
        (0, 100, &[(10, 60), (30, 80)], 30),
        (0, 100, &[(50, 150)], 50),
        (0, 100, &[(120, 150)], 100),
        (0, 100, &[(10, 70), (20, 50)], 40),
        (0, 100, &[(0, 100)], 0),
        (0, 100, &[(0, 60), (0, 120)], 0),
        (0, 100, &[(10, 40), (30, 60), (70, 90)], 30),
        (10, 50, &[(0, 100)], 0),
    ];
    for (start, end, children, expected) in cases {
        let mut rows = vec![span("p", "", *start, *end)];
        rows.extend(
            children
                .iter()
                .zip(1..)
                .map(|((from, to), i)| Row { id: i, ..span("", "p", *from, *to) }),
        );
        assert_eq!(tree(&rows, 0.0).self_time_ns[0], *expected, "{children:?}");
    }
}

#[test]
fn t1_7_depth_size_and_children() {
    let tree = tree(&family(&BRANCHED), 0.0);
    assert_eq!(tree.depth, [0, 1, 2, 2, 3, 3]);
    assert_eq!(tree.subtree_size, [6, 5, 1, 3, 1, 1]);
    assert_eq!(tree.child_count, [1, 2, 0, 2, 0, 0]);
}

/// Sections latest first, as the fixtures list them.
fn check_path(rows: &[Row], tolerance: f64, expected: &[(&str, i64, i64)]) {
    let mut actual: Vec<_> =
        sections(rows, tolerance).iter().map(|s| (rows[s.span].id, s.start_ns, s.end_ns)).collect();
    actual.reverse();
    let expected: Vec<_> = expected.iter().map(|(name, from, to)| (id(name), *from, *to)).collect();
    assert_eq!(actual, expected, "tolerance {tolerance}");
}

#[test]
fn t2_0_back_to_back_siblings() {
    let rows = [
        span("P", "", 1, 31),
        span("A", "P", 1, 11),
        span("B", "P", 11, 21),
        span("C", "P", 21, 31),
    ];
    check_path(&rows, 0.0, &[("C", 21, 31), ("B", 11, 21), ("A", 1, 11)]);
    check_path(&rows, 0.01, &[("C", 21, 31), ("B", 11, 21), ("A", 1, 11)]);
}

#[test]
fn t2_1_to_t2_9_jaeger_fixtures() {
    type Case<'a> = (&'a [Row], &'a [(&'a str, i64, i64)]);
    let cases: &[Case<'_>] = &[
        (
            &[span("C", "", 1, 101), span("D", "C", 20, 40), span("E", "C", 50, 60)],
            &[("C", 60, 101), ("E", 50, 60), ("C", 40, 50), ("D", 20, 40), ("C", 1, 20)],
        ),
        (
            &[span("X", "", 1, 101), span("A", "X", 10, 50), span("C", "X", 20, 60)],
            &[("X", 60, 101), ("C", 20, 60), ("X", 1, 20)],
        ),
        (&[span("A", "", 100, 140), span("B", "A", 200, 500)], &[("A", 100, 140)]),
        (&[span("A", "", 1, 31), span("B", "A", 40, 80), span("c", "B", 50, 60)], &[("A", 1, 31)]),
        (
            &[
                span("A", "", 1, 31).kind(Kind::Producer),
                span("B", "A", 10, 20).kind(Kind::Consumer),
                span("C", "B", 12, 14),
            ],
            &[("A", 1, 31)],
        ),
        (
            &[span("A", "", 1, 30), span("B", "A", 15, 35), span("C", "B", 10, 25)],
            &[("B", 25, 30), ("C", 15, 25), ("A", 1, 15)],
        ),
        (
            &[span("A", "", 1, 30), span("B", "A", 15, 35), span("C", "B", 20, 40)],
            &[("C", 20, 30), ("B", 15, 20), ("A", 1, 15)],
        ),
        (&[span("A", "", 10, 30), span("B", "A", 5, 35)], &[("B", 10, 30)]),
        (&[span("A", "", 10, 30), span("B", "A", 1, 5)], &[("A", 10, 30)]),
    ];
    for (rows, expected) in cases {
        check_path(rows, 0.0, expected);
        check_path(rows, 0.01, expected);
    }
}

#[test]
fn t8_3_error_origins() {
    let rows = [
        span("A", "", 0, 30).error(),
        span("B1", "A", 0, 10).error(),
        span("B2", "A", 15, 25).error(),
        span("C", "B2", 16, 24).error(),
    ];
    let tree = tree(&rows, 0.0);
    assert_eq!(tree.error_origin, [false, true, false, true]);
    assert_eq!(tree.is_first_error, [false, true, false, false]);
    assert_eq!(tree.is_decisive_error, [false, false, false, true]);
}

#[test]
fn entry_spans() {
    let rows = [
        span("a", "", 0, 100).service(1),
        span("b", "a", 0, 90).service(1),
        span("c", "b", 0, 80).service(2),
        span("d", "c", 0, 70).service(2).kind(Kind::Server),
        span("e", "d", 0, 60).service(2).flags(0x300),
        span("f", "e", 0, 50).service(2).flags(0x100),
        span("g", "f", 0, 40).service(2).kind(Kind::Consumer),
        // Whether a lost parent was in the same service is not known.
        span("h", "lost", 0, 30).service(2),
    ];
    let expected = [true, false, true, true, true, false, true, false];
    assert_eq!(tree(&rows, 0.0).is_entry, expected);
}

#[test]
fn one_primary_root() {
    let primary = |rows: &[Row]| {
        let marks = tree(rows, 0.0).is_primary_root;
        assert_eq!(marks.iter().filter(|mark| **mark).count(), 1);
        marks.iter().position(|mark| *mark).expect("one is marked")
    };
    let orphan = span("o", "lost", 0, 10);
    let server = span("s", "lost", 1, 10).kind(Kind::Server);
    let later = span("t", "lost", 2, 10).kind(Kind::Consumer);
    assert_eq!(primary(&[orphan, server, later, span("r", "", 9, 10), span("q", "", 8, 9)]), 4);
    assert_eq!(primary(&[orphan, later, server]), 2);
    assert_eq!(primary(&[span("p", "lost", 3, 4), orphan]), 1);
    assert_eq!(primary(&[span("b", "a", 2, 3), span("a", "b", 1, 3)]), 1);
}

#[test]
fn cycles_are_cut_at_their_earliest_span() {
    let rows = [
        span("r", "", 0, 100),
        span("x", "z", 7, 50),
        span("y", "x", 5, 50),
        span("z", "y", 9, 50),
        span("tail", "z", 1, 20),
        span("self", "self", 3, 4),
    ];
    let tree = tree(&rows, 0.0);
    assert_eq!(tree.is_orphan, [false, false, true, false, false, false]);
    assert_eq!(tree.is_root, [true, false, false, false, false, true]);
    assert_eq!(tree.parent, [NO_PARENT, 3, NO_PARENT, 2, 3, NO_PARENT]);
    assert_eq!(tree.depth, [0, 2, 0, 1, 2, 0]);
}

/// T1.6, its last two rows that move something, as one trace: client, server, and below it a grandchild.
#[test]
fn t1_6_a_server_span_is_moved_into_its_client() {
    let call = |server: Row| {
        let client = span("P", "", 10, 110).kind(Kind::Client);
        [client, server.kind(Kind::Server), span("G", "C", server.start + 5, server.start + 20)]
    };
    let moved = [("P", 85, 110), ("C", 55, 85), ("G", 40, 55), ("C", 35, 40), ("P", 10, 35)];
    for start in [0, 80, -5000, 5000] {
        check_path(&call(span("C", "P", start, start + 50)), 0.01, &moved);
    }
    // Inside the client, the times can be true.
    let inside = [("P", 70, 110), ("C", 40, 70), ("G", 25, 40), ("C", 20, 25), ("P", 10, 20)];
    check_path(&call(span("C", "P", 20, 70)), 0.01, &inside);
    // A server that works on for longer than the client waited was left alone.
    let abandoned = [("C", 100, 110), ("G", 85, 100), ("C", 80, 85), ("P", 10, 80)];
    check_path(&call(span("C", "P", 80, 185)), 0.01, &abandoned);
    // So it was if the client failed,
    let mut failed = call(span("C", "P", 80, 130));
    failed[0].is_error = true;
    check_path(&failed, 0.01, &abandoned);
    // and nobody knows which of several servers the client waited for.
    let mut retried = call(span("C", "P", 80, 130)).to_vec();
    retried.push(span("D", "P", 20, 30).kind(Kind::Server));
    let expected = [&abandoned[..3], &[("P", 30, 80), ("D", 20, 30), ("P", 10, 20)]].concat();
    check_path(&retried, 0.01, &expected);
}
