//! Parts of batches: their sizes, and that no row is lost.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int64Array, ListBuilder, MapBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::compute::concat_batches;
use tonic::Code;

use super::*;

const MESSAGE: usize = 1 << 20;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Splits, checks that no part is too large and that the rows are the same in the same order.
fn check(batch: &RecordBatch) -> usize {
    let parts = split(batch, MESSAGE).unwrap();
    assert!(parts.iter().all(|part| part.bytes <= MESSAGE && part.rows.num_rows() > 0));
    let rows: Vec<_> = parts.iter().map(|part| part.rows.clone()).collect();
    assert_eq!(&concat_batches(&batch.schema(), &rows).unwrap(), batch);
    parts.len()
}

#[test]
fn a_small_batch_stays_whole() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1_000));
    assert_eq!(check(&batch(vec![("n", Arc::clone(&numbers))])), 1);
    assert_eq!(split(&batch(vec![("n", numbers.slice(0, 0))]), MESSAGE).unwrap().len(), 0);
}

#[test]
fn a_slice_counts_only_its_rows() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1_000_000));
    assert!(check(&batch(vec![("n", Arc::clone(&numbers))])) > 8);
    assert_eq!(check(&batch(vec![("n", numbers.slice(500_000, 1_000))])), 1);
}

#[test]
fn rows_of_different_size() {
    let long = "x".repeat(MESSAGE * 3 / 4);
    let text: Vec<&str> = (0..64).map(|i| if i % 9 == 0 { long.as_str() } else { "y" }).collect();
    let parts = check(&batch(vec![("t", Arc::new(StringArray::from(text)))]));
    assert!(parts >= 8, "{parts}");
}

#[test]
fn nested_values_count() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    let value = "v".repeat(MESSAGE / 8);
    for _ in 0..16 {
        lists.values().append_value(&value);
        lists.append(true);
        maps.keys().append_value("key");
        maps.values().append_value(&value);
        maps.append(true).unwrap();
    }
    assert!(check(&batch(vec![("l", Arc::new(lists.finish()))])) >= 4);
    assert!(check(&batch(vec![("m", Arc::new(maps.finish()))])) >= 4);
}

#[test]
fn a_row_that_does_not_fit_names_its_column() {
    let long = "x".repeat(MESSAGE);
    let batch = batch(vec![
        ("small", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("attributes", Arc::new(StringArray::from(vec!["a", long.as_str()]))),
    ]);
    let error = split(&batch, MESSAGE).unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert!(error.message().contains("`attributes`"), "{error:?}");
}
