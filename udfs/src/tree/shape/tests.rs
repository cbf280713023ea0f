//! Which call trees have the same shape.

use crate::tree::{Kind, Trace, Tree, TreeBuilder};

/// `(parent row or -1, kind, service, name, error)`.
type Call = (i32, Kind, u64, u64, bool);

/// The shape of the first row, for calls in any time order.
fn shape(calls: &[Call]) -> i64 {
    let n = calls.len() as u64;
    let column = |get: &dyn Fn(&Call) -> u64| calls.iter().map(get).collect::<Vec<u64>>();
    let mut tree = Tree::default();
    TreeBuilder::default().append(
        &Trace {
            span_id: &(1..=n).collect::<Vec<_>>(),
            parent_id: &column(&|call| (call.0 + 1).cast_unsigned().into()),
            start_ns: &(0..n).map(|i| (i * 7 % 5).cast_signed()).collect::<Vec<_>>(),
            end_ns: &vec![10; calls.len()],
            kind: &calls.iter().map(|call| call.1).collect::<Vec<_>>(),
            is_error: &calls.iter().map(|call| call.4).collect::<Vec<_>>(),
            service: &column(&|call| call.2),
            name: &column(&|call| call.3),
            flags: None,
            instance: None,
        },
        &mut tree,
    );
    tree.shape[0]
}

const ROOT: Call = (-1, Kind::Server, 1, 1, false);
const QUERY: Call = (0, Kind::Client, 1, 2, false);
const CACHE: Call = (0, Kind::Client, 1, 3, false);

#[test]
fn order_and_repetition_do_not_matter() {
    let once = shape(&[ROOT, QUERY, CACHE]);
    assert_eq!(once, shape(&[ROOT, CACHE, QUERY]));
    assert_eq!(once, shape(&[ROOT, CACHE, QUERY, QUERY, QUERY, CACHE]));
}

#[test]
fn everything_else_does() {
    let base = shape(&[ROOT, QUERY]);
    let different = [
        shape(&[ROOT]),
        shape(&[ROOT, CACHE]),
        shape(&[ROOT, QUERY, CACHE]),
        shape(&[ROOT, QUERY, (1, Kind::Client, 1, 2, false)]),
        shape(&[ROOT, (0, Kind::Internal, 1, 2, false)]),
        shape(&[ROOT, (0, Kind::Client, 2, 2, false)]),
        shape(&[ROOT, (0, Kind::Client, 1, 2, true)]),
    ];
    for (i, other) in different.iter().enumerate() {
        assert_ne!(base, *other, "case {i}");
        assert!(!different[..i].contains(other), "case {i}");
    }
}

#[test]
fn a_call_and_its_answer_are_one_step() {
    let answer = |parent| (parent, Kind::Server, 2, 9, false);
    let direct = shape(&[ROOT, answer(0)]);
    assert_eq!(direct, shape(&[ROOT, QUERY, answer(1)]));
    assert_eq!(direct, shape(&[ROOT, (0, Kind::Client, 1, 77, true), answer(1)]));
    // Two answers, or a message, are no such step.
    assert_ne!(direct, shape(&[ROOT, QUERY, answer(1), answer(1)]));
    assert_ne!(direct, shape(&[ROOT, (0, Kind::Producer, 1, 2, false), answer(1)]));
}

/// Scenario: a new version of the software reads shapes that an old one stored.
/// Guarantees: the hash of a given tree never changes.
#[test]
fn stored_shapes_stay_valid() {
    assert_eq!(shape(&[ROOT]), -4_250_067_169_791_661_122);
    assert_eq!(shape(&[ROOT, QUERY, CACHE]), -1_549_261_805_691_866_251);
}
