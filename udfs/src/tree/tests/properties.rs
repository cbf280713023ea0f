//! Properties over random traces: orphans, cycles, shared ids, copies, children
//! that overlap each other and overflow their parents.

use proptest::collection::vec;
use proptest::prelude::*;

use super::fixture::{Row, sections, tree, with_trace};
use super::oracle::{self, Expected, normal};
use crate::tree::{Kind, NO_PARENT, Tree, TreeBuilder};

const TOLERANCES: [f64; 3] = [0.0, 0.01, 0.1];

/// Anything goes: ids and parents from small pools, so that they meet.
fn wild_row() -> impl Strategy<Value = Row> {
    let links = (0..10_u64, 0..12_u64);
    let times = (0..60_i64, -2..50_i64);
    let kind = (0..6_i64).prop_map(Kind::from_otlp);
    let texts = (0..3_u64, 0..3_u64, 0..2_u64);
    let flags = prop_oneof![Just(0_u32), Just(0x100), Just(0x300)];
    (links, times, kind, any::<bool>(), texts, flags).prop_map(
        |((id, parent), (start, duration), kind, is_error, (service, name, instance), flags)| Row {
            id,
            parent,
            start,
            end: start + duration,
            kind,
            is_error,
            service,
            name,
            flags,
            instance,
        },
    )
}

/// Traces of any form, some rows sent several times.
fn wild_trace() -> impl Strategy<Value = Vec<Row>> {
    (vec(wild_row(), 1..16), vec(any::<prop::sample::Index>(), 0..4)).prop_map(
        |(mut rows, again)| {
            let copies: Vec<Row> = again.iter().map(|index| *index.get(&rows)).collect();
            rows.extend(copies);
            rows
        },
    )
}

/// Well-formed trees: one root, unique ids, each parent before its children.
/// Children may overlap each other and overflow their parents.
fn tame_trace() -> impl Strategy<Value = Vec<Row>> {
    vec((wild_row(), any::<prop::sample::Index>()), 1..24).prop_map(|parts| {
        let mut rows: Vec<Row> = Vec::new();
        for (i, (row, parent)) in parts.iter().enumerate() {
            let parent = if i == 0 { 0 } else { parent.get(&rows).id };
            let (start, length) = if i == 0 { (0, 100) } else { (row.start, row.duration()) };
            rows.push(Row { id: i as u64 + 1, parent, start, end: start + length, ..*row });
        }
        rows
    })
}

/// A tree without overlapping siblings or overflow: every span is cut into slots,
/// and each child takes one.
fn tidy_trace() -> impl Strategy<Value = Vec<Row>> {
    vec((any::<prop::sample::Index>(), 0..50_i64, 1..50_i64), 0..20).prop_map(|parts| {
        let mut rows = vec![Row { id: 1, start: 0, end: 1_000_000, ..Row::default() }];
        let mut free = vec![rows[0].start];
        for (parent, gap, share) in parts {
            let at = parent.index(rows.len());
            let (start, end) = (free[at] + gap, rows[at].end);
            let length = (end - start) * share / 100;
            if length <= 0 {
                continue;
            }
            free[at] = start + length;
            free.push(start);
            let id = rows.len() as u64 + 1;
            rows.push(Row {
                id,
                parent: rows[at].id,
                start,
                end: start + length,
                ..Row::default()
            });
        }
        rows
    })
}

/// Every output except the shape, with the parent by content.
fn outputs(rows: &[Row], tree: &Tree) -> Vec<Expected> {
    let parent = |row: usize| match tree.parent[row] {
        NO_PARENT => None,
        parent => Some(normal(&rows[parent as usize])),
    };
    (0..rows.len())
        .map(|row| Expected {
            parent: parent(row),
            depth: tree.depth[row],
            child_count: tree.child_count[row],
            subtree_size: tree.subtree_size[row],
            nested: (tree.nested_left[row], tree.nested_right[row]),
            self_time: tree.self_time_ns[row],
            critical_path: tree.critical_path_ns[row],
            is_root: tree.is_root[row],
            is_orphan: tree.is_orphan[row],
            is_primary_root: tree.is_primary_root[row],
            is_entry: tree.is_entry[row],
            error_origin: tree.error_origin[row],
            is_paired: tree.is_paired[row],
            is_parent_failed: tree.is_parent_failed[row],
            is_first_error: tree.is_first_error[row],
            is_decisive_error: tree.is_decisive_error[row],
            is_duplicate: tree.is_duplicate[row],
        })
        .collect()
}

/// Rows with their outputs, sorted: what must not depend on the row order.
fn as_set(rows: &[Row], tolerance: f64) -> Vec<(Row, Expected, i64)> {
    let tree = tree(rows, tolerance);
    let outputs = outputs(rows, &tree);
    let mut set: Vec<_> = rows
        .iter()
        .copied()
        .zip(outputs)
        .zip(tree.shape)
        .map(|((row, out), shape)| (row, out, shape))
        .collect();
    set.sort();
    set
}

fn check_oracle(rows: &[Row]) -> Result<(), TestCaseError> {
    for tolerance in TOLERANCES {
        let actual = outputs(rows, &tree(rows, tolerance));
        let expected = oracle::solve(rows, tolerance);
        for ((row, actual), expected) in rows.iter().zip(actual).zip(expected) {
            prop_assert_eq!(actual, expected, "{:?} at tolerance {}", row, tolerance);
        }
    }
    Ok(())
}

/// Appendix D property 1.
fn check_sections(rows: &[Row]) -> Result<(), TestCaseError> {
    for tolerance in TOLERANCES {
        let tree = tree(rows, tolerance);
        let sections = sections(rows, tolerance);
        let mut sum = vec![0; rows.len()];
        let mut extent = vec![(i64::MAX, i64::MIN); rows.len()];
        for section in &sections {
            prop_assert!(section.start_ns < section.end_ns, "sections are not empty");
            sum[section.span] += section.end_ns - section.start_ns;
            let (first, last) = &mut extent[section.span];
            *first = section.start_ns.min(*first);
            *last = section.end_ns.max(*last);
        }
        // Clients may move what is below them, so only then the place in time is the span's own.
        let is_moved = rows.iter().any(|row| row.kind == Kind::Client);
        for (row, (first, last)) in
            rows.iter().zip(extent).filter(|(_, (first, last))| first < last)
        {
            let span = normal(row);
            prop_assert!(last - first <= span.duration());
            prop_assert!(is_moved || (span.start <= first && last <= span.end));
        }
        prop_assert_eq!(&sum, &tree.critical_path_ns);
        for path in sections.chunk_by(|a, b| a.root == b.root) {
            let root = normal(&rows[path[0].root]);
            prop_assert_eq!(path[0].start_ns, root.start);
            prop_assert_eq!(path[path.len() - 1].end_ns, root.end);
            for pair in path.windows(2) {
                prop_assert_eq!(pair[0].end_ns, pair[1].start_ns, "sections fill the root");
            }
        }
        let roots = (0..rows.len()).filter(|row| tree.is_root[*row] || tree.is_orphan[*row]);
        let expected: i64 = roots.map(|row| rows[row].duration()).sum();
        prop_assert_eq!(sum.iter().sum::<i64>(), expected);
    }
    Ok(())
}

/// Appendix D property 3.
fn check_nested_sets(rows: &[Row]) -> Result<(), TestCaseError> {
    let tree = tree(rows, 0.0);
    let kept: Vec<usize> = (0..rows.len()).filter(|row| !tree.is_duplicate[*row]).collect();
    let interval = |row: usize| (tree.nested_left[row], tree.nested_right[row]);
    for &a in &kept {
        let (left, right) = interval(a);
        prop_assert_eq!((right - left) % 2, 1);
        prop_assert_eq!((right - left + 1) / 2, tree.subtree_size[a]);
        for &b in &kept {
            let (l, r) = interval(b);
            prop_assert!(
                a == b
                    || r < left
                    || right < l
                    || (left < l && r < right)
                    || (l < left && right < r)
            );
        }
    }
    let sizes = kept.iter().filter(|row| tree.is_root[**row] || tree.is_orphan[**row]);
    prop_assert_eq!(sizes.map(|row| tree.subtree_size[*row]).sum::<i32>(), kept.len() as i32);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wild_traces_follow_the_definitions(rows in wild_trace()) {
        check_oracle(&rows)?;
        check_sections(&rows)?;
        check_nested_sets(&rows)?;
    }

    #[test]
    fn tame_traces_follow_the_definitions(rows in tame_trace()) {
        check_oracle(&rows)?;
        check_sections(&rows)?;
        check_nested_sets(&rows)?;
    }

    #[test]
    fn row_order_changes_nothing(
        (rows, shuffled) in wild_trace().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))
    ) {
        for tolerance in TOLERANCES {
            prop_assert_eq!(as_set(&rows, tolerance), as_set(&shuffled, tolerance));
        }
    }

    /// Appendix D property 2, for trees in which nothing overlaps.
    #[test]
    fn self_times_of_a_tidy_trace_sum_to_its_duration(rows in tidy_trace()) {
        let tree = tree(&rows, 0.0);
        prop_assert_eq!(tree.self_time_ns.iter().sum::<i64>(), rows[0].duration());
        prop_assert_eq!(&tree.self_time_ns, &tree.critical_path_ns);
    }

    #[test]
    fn self_time_is_within_the_duration(rows in wild_trace()) {
        for (row, own) in rows.iter().zip(tree(&rows, 0.0).self_time_ns) {
            prop_assert!((0..=row.duration()).contains(&own));
        }
    }

    #[test]
    fn scaling_time_scales_the_path(rows in tame_trace(), factor in 2..1000_i64) {
        let scale = |factor| move |row: &Row| Row { start: row.start * factor, end: row.end * factor, ..*row };
        // Half of an odd difference of durations, as skew correction takes it, would be rounded.
        let rows: Vec<Row> = rows.iter().map(scale(2)).collect();
        let scaled: Vec<Row> = rows.iter().map(scale(factor)).collect();
        let expected: Vec<i64> =
            tree(&rows, 0.0).critical_path_ns.iter().map(|ns| ns * factor).collect();
        prop_assert_eq!(tree(&scaled, 0.0).critical_path_ns, expected);
    }

    /// A subtree without any section can go, and every section stays; except that a server span left
    /// alone below its client may be moved, so there are no servers here.
    #[test]
    fn what_is_off_the_path_does_not_matter(rows in tame_trace(), pick in any::<prop::sample::Index>()) {
        let local = |row: &Row| if row.kind == Kind::Server { row.kind(Kind::Internal) } else { *row };
        let rows: Vec<Row> = rows.iter().map(local).collect();
        let before = tree(&rows, 0.0);
        let inside = |at: usize, row: usize| {
            before.nested_left[at] <= before.nested_left[row]
                && before.nested_right[row] <= before.nested_right[at]
        };
        let is_off = |at: &usize| {
            (0..rows.len()).all(|row| !inside(*at, row) || before.critical_path_ns[row] == 0)
        };
        let off: Vec<usize> = (0..rows.len()).filter(is_off).collect();
        let gone = if off.is_empty() { rows.len() } else { *pick.get(&off) };
        let stays = |row: &usize| gone == rows.len() || !inside(gone, *row);
        let rest: Vec<usize> = (0..rows.len()).filter(stays).collect();
        let rest_rows: Vec<Row> = rest.iter().map(|row| rows[*row]).collect();
        let expected: Vec<i64> = rest.iter().map(|row| before.critical_path_ns[*row]).collect();
        prop_assert_eq!(tree(&rest_rows, 0.0).critical_path_ns, expected);
    }

    /// One builder for many traces gives what a new one gives for each.
    #[test]
    fn buffers_do_not_leak_between_traces(traces in vec(wild_trace(), 1..5)) {
        let mut all = Tree::default();
        let mut builder = TreeBuilder::default();
        for rows in &traces {
            let before = all.len();
            with_trace(rows, |trace| builder.append(trace, &mut all));
            let alone = tree(rows, crate::tree::DEFAULT_OVERLAP_TOLERANCE);
            prop_assert_eq!(&all.critical_path_ns[before..], &alone.critical_path_ns[..]);
            prop_assert_eq!(&all.nested_left[before..], &alone.nested_left[..]);
            prop_assert_eq!(&all.shape[before..], &alone.shape[..]);
            let shift = |parent: &u32| if *parent == NO_PARENT { NO_PARENT } else { parent + before as u32 };
            let parents: Vec<u32> = alone.parent.iter().map(shift).collect();
            prop_assert_eq!(&all.parent[before..], &parents[..]);
        }
    }
}
