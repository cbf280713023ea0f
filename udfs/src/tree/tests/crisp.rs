//! CRISP's critical-path fixtures (semantics.md appendix D; facts re-encoded from
//! uber-research/CRISP `test_cases`, Apache-2.0).

use std::collections::BTreeMap;

use super::fixture::{Row, span, tree};

/// `(id, parent, start, end, service, is error)`.
type Span = (&'static str, &'static str, i64, i64, u64, bool);

/// `(service, nanoseconds)`.
type Times = &'static [(u64, i64)];

/// `(number, spans, exclusive time on the critical path by service)`.
const FIXTURES: &[(u32, &[Span], Times)] = &[
    (1, &[("A", "", 0, 100, 1, false)], &[(1, 100)]),
    (2, &[("A", "", 0, 100, 1, false), ("B", "A", 10, 60, 2, false)], &[(1, 50), (2, 50)]),
    (3, &[("A", "", 0, 100, 1, false), ("B", "A", 0, 100, 2, false)], &[(1, 0), (2, 100)]),
    (
        4,
        &[("A", "", 0, 100, 1, false), ("B", "A", 10, 60, 2, false), ("C", "B", 20, 30, 3, false)],
        &[(1, 50), (2, 40), (3, 10)],
    ),
    (
        5,
        &[
            ("A", "", 0, 100, 1, false),
            ("B1", "A", 10, 30, 2, false),
            ("B2", "A", 40, 50, 2, false),
            ("B3", "A", 60, 90, 2, false),
        ],
        &[(1, 40), (2, 60)],
    ),
    (
        6,
        &[
            ("A", "", 0, 100, 1, false),
            ("B", "A", 10, 30, 2, false),
            ("C", "A", 40, 50, 3, false),
            ("D", "A", 60, 90, 4, false),
        ],
        &[(1, 40), (2, 20), (3, 10), (4, 30)],
    ),
    (
        7,
        &[("A", "", 0, 100, 1, false), ("B", "A", 10, 110, 2, false), ("C", "B", 40, 50, 3, false)],
        &[(1, 10), (2, 80), (3, 10)],
    ),
    (
        8,
        &[("A", "", 0, 100, 1, false), ("B", "A", 10, 70, 2, false), ("C", "B", 20, 120, 3, false)],
        &[(1, 40), (2, 10), (3, 50)],
    ),
    (
        9,
        &[
            ("A", "", 0, 100, 1, false),
            ("B", "A", 110, 160, 2, false),
            ("C", "B", 120, 150, 3, false),
            ("D", "A", 60, 90, 4, false),
        ],
        &[(1, 70), (4, 30)],
    ),
    (
        10,
        &[
            ("A", "", 0, 1000, 1, false),
            ("B", "A", 10, 210, 2, false),
            ("C", "A", 209, 309, 3, false),
            ("D", "A", 308, 608, 4, false),
        ],
        &[(1, 400), (2, 200), (3, 100), (4, 300)],
    ),
    (11, &[("A", "", 0, 100, 1, false), ("B", "A", 30, 60, 2, true)], &[(1, 70), (2, 30)]),
    (
        12,
        &[
            ("A", "", 0, 100, 1, false),
            ("B", "A", 10, 70, 2, false),
            ("C", "B", 25, 45, 3, true),
            ("D", "B", 30, 50, 4, false),
        ],
        &[(1, 40), (2, 40), (4, 20)],
    ),
    (
        13,
        &[
            ("A", "", 0, 100, 1, false),
            ("B", "A", 10, 70, 2, false),
            ("C", "B", 25, 45, 3, false),
            ("D", "B", 30, 50, 4, true),
        ],
        &[(1, 40), (2, 40), (4, 20)],
    ),
    (
        14,
        &[
            ("A", "", 0, 80, 1, false),
            ("B", "A", 10, 30, 2, false),
            ("C", "A", 20, 45, 3, false),
            ("D", "A", 40, 65, 4, true),
        ],
        &[(1, 35), (2, 20), (4, 25)],
    ),
    (
        15,
        &[
            ("A", "", 0, 100, 1, false),
            ("B", "A", 10, 20, 2, true),
            ("C", "A", 25, 35, 3, true),
            ("D", "A", 40, 50, 4, true),
            ("E", "A", 55, 65, 5, true),
            ("F", "A", 70, 80, 6, true),
            ("G", "A", 85, 100, 7, false),
        ],
        &[(1, 35), (2, 10), (3, 10), (4, 10), (5, 10), (6, 10), (7, 15)],
    ),
    (
        16,
        &[
            ("A", "", 0, 110, 1, false),
            ("B", "A", 10, 20, 2, false),
            ("C", "A", 15, 35, 3, false),
            ("D", "A", 30, 40, 4, true),
            ("E", "A", 50, 60, 5, true),
            ("F", "A", 70, 100, 6, false),
            ("G", "F", 80, 90, 7, true),
        ],
        &[(1, 50), (2, 10), (4, 10), (5, 10), (6, 20), (7, 10)],
    ),
    (
        17,
        &[
            ("A", "", 0, 100, 1, true),
            ("B", "A", 20, 70, 2, false),
            ("C", "B", 30, 50, 3, true),
            ("D", "A", 80, 90, 4, true),
        ],
        &[(1, 40), (2, 30), (3, 20), (4, 10)],
    ),
    (
        18,
        &[
            ("A", "", 0, 250, 1, false),
            ("B", "A", 10, 110, 2, true),
            ("C", "B", 30, 40, 3, false),
            ("D", "B", 50, 60, 4, true),
            ("E", "B", 70, 80, 5, true),
            ("F", "A", 120, 220, 6, true),
            ("G", "F", 140, 200, 7, false),
            ("H", "G", 150, 170, 8, true),
            ("I", "G", 180, 190, 9, true),
        ],
        &[(1, 50), (2, 70), (3, 10), (4, 10), (5, 10), (6, 40), (7, 30), (8, 20), (9, 10)],
    ),
    (
        19,
        &[
            ("A", "", 0, 600, 1, false),
            ("B", "A", 10, 210, 2, true),
            ("C", "A", 205, 305, 3, true),
            ("D", "A", 300, 600, 4, true),
        ],
        &[(1, 0), (2, 200), (3, 100), (4, 300)],
    ),
    (
        20,
        &[
            ("A", "", 0, 600, 1, false),
            ("B", "A", 10, 210, 2, true),
            ("C", "A", 205, 305, 3, false),
            ("D", "A", 300, 600, 4, true),
        ],
        &[(1, 0), (2, 200), (3, 100), (4, 300)],
    ),
    (
        21,
        &[
            ("A", "", 0, 600, 1, false),
            ("B", "A", 10, 210, 2, false),
            ("C", "A", 205, 305, 3, true),
            ("D", "A", 300, 600, 4, true),
        ],
        &[(1, 0), (2, 200), (3, 100), (4, 300)],
    ),
    (
        22,
        &[
            ("A", "", 0, 300, 1, false),
            ("B", "A", 50, 100, 2, true),
            ("C", "A", 150, 200, 2, true),
            ("D", "A", 250, 300, 2, true),
        ],
        &[(1, 150), (2, 150)],
    ),
    (
        23,
        &[
            ("A", "", 0, 700, 1, false),
            ("B", "A", 50, 350, 2, false),
            ("C", "B", 100, 150, 3, true),
            ("D", "B", 200, 250, 3, true),
            ("E", "B", 300, 350, 3, true),
            ("F", "A", 400, 700, 2, false),
            ("G", "F", 450, 500, 3, true),
            ("H", "F", 550, 600, 3, true),
            ("I", "F", 650, 700, 3, true),
        ],
        &[(1, 100), (2, 300), (3, 300)],
    ),
    (
        24,
        &[
            ("A", "", 0, 700, 1, false),
            ("B", "A", 50, 350, 2, false),
            ("C", "B", 100, 150, 3, true),
            ("D", "B", 200, 250, 3, true),
            ("E", "B", 300, 350, 3, true),
            ("F", "A", 400, 700, 2, true),
            ("G", "F", 450, 500, 3, true),
            ("H", "F", 550, 600, 3, true),
            ("I", "F", 650, 700, 3, true),
        ],
        &[(1, 100), (2, 300), (3, 300)],
    ),
    (
        25,
        &[
            ("A", "", 0, 700, 1, false),
            ("B", "A", 50, 350, 2, false),
            ("C", "B", 100, 150, 3, true),
            ("D", "B", 200, 250, 3, true),
            ("E", "B", 300, 350, 3, true),
            ("F", "A", 400, 700, 2, true),
            ("G", "F", 450, 500, 3, false),
            ("H", "F", 550, 600, 3, false),
            ("I", "F", 650, 700, 3, false),
        ],
        &[(1, 100), (2, 300), (3, 300)],
    ),
];

/// T2.10: overlaps that CRISP tolerates and counts twice. `(number, exact, at 1 %)`.
const OVERLAPPING: &[(u32, Times, Times)] = &[
    (10, &[(1, 500), (2, 200), (4, 300)], &[(1, 402), (2, 199), (3, 99), (4, 300)]),
    (19, &[(1, 100), (2, 200), (4, 300)], &[(1, 10), (2, 195), (3, 95), (4, 300)]),
    (20, &[(1, 100), (2, 200), (4, 300)], &[(1, 10), (2, 195), (3, 95), (4, 300)]),
    (21, &[(1, 100), (2, 200), (4, 300)], &[(1, 10), (2, 195), (3, 95), (4, 300)]),
];

fn rows(spans: &[Span]) -> Vec<Row> {
    let row = |(name, parent, start, end, service, is_error): &Span| Row {
        is_error: *is_error,
        ..span(name, parent, *start, *end).service(*service)
    };
    spans.iter().map(row).collect()
}

fn by_service(rows: &[Row], tolerance: f64) -> BTreeMap<u64, i64> {
    let mut total = BTreeMap::new();
    for (row, ns) in rows.iter().zip(tree(rows, tolerance).critical_path_ns) {
        *total.entry(row.service).or_insert(0) += ns;
    }
    total.retain(|_, ns| *ns != 0);
    total
}

#[test]
fn t2_10_exclusive_time_by_service() {
    for (number, spans, expected) in FIXTURES {
        let overlapping = OVERLAPPING.iter().find(|(n, ..)| n == number);
        let (exact, tolerant) = overlapping.map_or((*expected, *expected), |(_, a, b)| (*a, *b));
        for (tolerance, expected) in [(0.0, exact), (0.01, tolerant)] {
            let expected = expected.iter().copied().filter(|(_, ns)| *ns != 0).collect();
            let actual = by_service(&rows(spans), tolerance);
            assert_eq!(actual, expected, "fixture {number}, tolerance {tolerance}");
        }
    }
}

#[test]
fn t8_2_self_and_propagated_errors() {
    let (_, spans, _) = FIXTURES.iter().find(|(n, ..)| *n == 18).expect("fixture 18");
    let tree = tree(&rows(spans), 0.0);
    let origins: String =
        spans.iter().zip(tree.error_origin).filter(|(_, own)| *own).map(|(s, _)| s.0).collect();
    assert_eq!(origins, "DEFHI");
}
