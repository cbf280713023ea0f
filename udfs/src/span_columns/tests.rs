//! Span columns in the types of other tables, and several traces at once.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray, Int8Array, Int32Array, Int64Array,
    StringArray, StructArray, UInt64Array,
};
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{DataType, Int32Type, TimeUnit};
use schema::tree::TREE_COLUMNS;

use super::{TreeColumns, tree_columns};

fn texts<const N: usize>(values: [Option<&str>; N]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Two traces: a chain of three, then an orphan with a child.
fn plain() -> Vec<ArrayRef> {
    let id = |n: u8| format!("00000000000000{n:02X}");
    let ids = [1, 2, 3, 1, 2].map(id);
    let parents = [None, Some(id(1)), Some(id(2)), Some(id(9)), Some(id(1))];
    vec![
        texts(ids.each_ref().map(|id| Some(&**id))),
        texts(parents.each_ref().map(|id| id.as_deref())),
        Arc::new(Int64Array::from(vec![0, 2000, 3000, 0, 1000])),
        Arc::new(Int64Array::from(vec![9000, 5000, 1000, 8000, 2000])),
        texts(["server", "client", "server", "consumer", "internal"].map(Some)),
        texts([None, Some("error"), Some("ok"), Some("unset"), Some("error")]),
        texts(["web", "web", "api", "jobs", "jobs"].map(Some)),
        texts(["GET", "call", "Get", "run", "step"].map(Some)),
    ]
}

fn compute(arguments: &[ArrayRef]) -> StructArray {
    tree_columns(arguments, [0..3, 3..5]).expect("all types are accepted")
}

fn column(tree: &StructArray, name: &str) -> ArrayRef {
    Arc::clone(tree.column_by_name(name).expect("a tree column"))
}

#[test]
fn traces_are_told_apart() {
    let tree = compute(&plain());
    let depth = column(&tree, "depth");
    assert_eq!(depth.as_primitive::<Int32Type>().values(), &[0, 1, 2, 0, 1]);
    let left = column(&tree, "nested_left");
    assert_eq!(left.as_primitive::<Int32Type>().values(), &[1, 2, 3, 1, 2]);
    let parents = column(&tree, "parent_span_name");
    let parents: Vec<Option<&str>> = parents.as_string::<i32>().iter().collect();
    assert_eq!(parents, [None, Some("GET"), Some("call"), None, Some("run")]);
    let roots = column(&tree, "root_service_name");
    let roots: Vec<Option<&str>> = roots.as_string::<i32>().iter().collect();
    assert_eq!(roots, ["web", "web", "web", "jobs", "jobs"].map(Some));
}

#[test]
fn every_declared_column_is_there() {
    let tree = compute(&plain());
    assert_eq!(tree.num_columns(), TREE_COLUMNS.len());
    for (declared, written) in TREE_COLUMNS.iter().zip(tree.columns()) {
        assert_eq!(*written.data_type(), declared.data_type, "{}", declared.name);
    }
}

/// Scenario: one table in the types that different writers choose.
/// Guarantees: the same trees.
#[test]
fn types_do_not_matter() {
    let expected = compute(&plain());
    let as_type = |i: usize, to: DataType| (i, cast(&plain()[i], &to).expect("castable"));
    let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int8), Box::new(values));
    let raw =
        |ids: [u8; 5]| ids.map(|id| if id == 0 { None } else { Some([0, 0, 0, 0, 0, 0, 0, id]) });
    let fixed = |ids: [u8; 5]| -> ArrayRef {
        let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(raw(ids).into_iter(), 8);
        Arc::new(ids.expect("all ids have eight bytes"))
    };
    let binary = |ids: [u8; 5]| -> ArrayRef {
        let ids = raw(ids);
        Arc::new(BinaryArray::from(
            ids.iter().map(|id| id.as_ref().map(|id| &id[..])).collect::<Vec<_>>(),
        ))
    };
    let (ids, parents) = ([1, 2, 3, 1, 2], [0, 1, 2, 9, 1]);
    let mut variants: Vec<(usize, ArrayRef)> = vec![
        (0, fixed(ids)),
        (1, fixed(parents)),
        (0, binary(ids)),
        (1, binary(parents)),
        (0, Arc::new(UInt64Array::from(ids.map(u64::from).to_vec()))),
        (1, Arc::new(Int32Array::from(parents.map(i32::from).to_vec()))),
        (
            1,
            texts(
                [
                    "",
                    "0000000000000001",
                    "0000000000000002",
                    "0000000000000009",
                    "0000000000000001",
                ]
                .map(Some),
            ),
        ),
        as_type(2, DataType::UInt64),
        as_type(2, DataType::Timestamp(TimeUnit::Nanosecond, Some("+01:00".into()))),
        as_type(3, DataType::Int16),
        as_type(3, DataType::Duration(TimeUnit::Nanosecond)),
        (4, texts(["SPAN_KIND_SERVER", "CLIENT", "Server", "Consumer", "Internal"].map(Some))),
        (4, Arc::new(Int8Array::from(vec![2, 3, 2, 5, 1]))),
        (5, texts(["", "Error", "Ok", "STATUS_CODE_UNSET", "STATUS_CODE_ERROR"].map(Some))),
        (5, Arc::new(UInt64Array::from(vec![0, 2, 1, 0, 2]))),
        (
            5,
            Arc::new(datafusion::arrow::array::BooleanArray::from(vec![
                false, true, false, false, true,
            ])),
        ),
    ];
    let encodings = [
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        dictionary(DataType::Utf8),
        dictionary(DataType::Utf8View),
    ];
    for i in [0, 1, 4, 5, 6, 7] {
        variants.extend(encodings.iter().map(|to| as_type(i, to.clone())));
    }
    for (i, variant) in variants {
        let mut arguments = plain();
        let given = variant.data_type().clone();
        arguments[i] = variant;
        assert_eq!(compute(&arguments), expected, "argument {i} as {given}");
    }
}

#[test]
fn coarse_times_are_scaled() {
    let mut arguments = plain();
    for (i, to) in [
        (2, DataType::Timestamp(TimeUnit::Microsecond, None)),
        (3, DataType::Duration(TimeUnit::Microsecond)),
    ] {
        arguments[i] = cast(&arguments[i], &to).expect("castable");
    }
    let own = column(&compute(&arguments), "self_time_ns");
    let plain = column(&compute(&plain()), "self_time_ns");
    let scaled = plain
        .as_primitive::<datafusion::arrow::datatypes::Int64Type>()
        .unary::<_, datafusion::arrow::datatypes::Int64Type>(|ns| ns * 1000);
    assert_eq!(own.as_primitive(), &scaled);
}

#[test]
fn unusual_ids_link_and_order_by_text() {
    let mut arguments = plain();
    arguments[0] = texts(["root", "00f067aa0ba902b7", "x", "orphan", "child"].map(Some));
    arguments[1] =
        texts([Some("000"), Some("root"), Some("00F067AA0BA902B7"), Some("gone"), Some("orphan")]);
    let depth = column(&compute(&arguments), "depth");
    assert_eq!(depth.as_primitive::<Int32Type>().values(), &[0, 1, 2, 0, 1]);
}

#[test]
fn names_that_are_no_text_are_repaired() {
    let mut arguments = plain();
    let names: [&[u8]; 5] = [b"GE\xffT", b"call", b"Get", b"run", b"step"];
    arguments[7] = Arc::new(BinaryArray::from(names.to_vec()));
    let roots = column(&compute(&arguments), "root_span_name");
    assert_eq!(roots.as_string::<i32>().value(2), "GE\u{fffd}T");
}

#[test]
fn buffers_serve_many_batches() {
    let mut columns = TreeColumns::default();
    for _ in 0..3 {
        let tree = columns.compute(&plain(), [0..3, 3..5]).expect("all types are accepted");
        assert_eq!(tree, compute(&plain()));
    }
}

#[test]
#[expect(clippy::single_range_in_vec_init, reason = "a list of traces, each a range of rows")]
fn traces_must_cover_all_rows() {
    for traces in [vec![0..3], vec![0..3, 4..5], vec![0..3, 3..6], vec![1..5]] {
        assert!(tree_columns(&plain(), traces.clone()).is_err(), "{traces:?}");
    }
    let empty: Vec<ArrayRef> = plain().iter().map(|column| column.slice(0, 0)).collect();
    assert_eq!(tree_columns(&empty, []).expect("no rows, no traces").len(), 0);
}

#[test]
fn rows_may_be_a_slice() {
    let twice: Vec<ArrayRef> = plain()
        .iter()
        .map(|column| concat(&[column.as_ref(), column.as_ref()]).expect("same type").slice(5, 5))
        .collect();
    assert_eq!(compute(&twice), compute(&plain()));
}
