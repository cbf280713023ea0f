//! Chunks: merged, taken and dropped at the borders of records.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};

use super::Memtable;
use crate::snapshot::MemoryChunk;

/// Rows that carry the number of their record.
fn rows(seq: u64, count: usize) -> RecordBatch {
    let schema = Arc::new(Schema::new(vec![Field::new("seq", DataType::Int64, false)]));
    let column = Int64Array::from(vec![seq as i64; count]);
    RecordBatch::try_new(schema, vec![Arc::new(column)]).expect("a batch")
}

fn numbers(chunks: &[Arc<MemoryChunk>]) -> Vec<i64> {
    chunks
        .iter()
        .flat_map(|chunk| chunk.batch().column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect()
}

/// Scenario: a thousand records of a few rows, some in several batches.
/// Guarantees: they become few chunks, and every row stays, in order.
#[test]
fn small_chunks_are_merged() {
    let memtable = Memtable::default();
    for seq in 1..=1000 {
        memtable.insert(seq, [rows(seq, 2), rows(seq, 0), rows(seq, 1)]);
    }
    let chunks = memtable.chunks();
    assert!(chunks.len() < 20, "{}", chunks.len());
    let expected: Vec<i64> = (1..=1000).flat_map(|seq| [seq; 3]).collect();
    assert_eq!(numbers(&chunks), expected);
    assert_eq!(memtable.size().rows, 3000);
    let bytes: u64 = chunks.iter().map(|chunk| chunk.bytes()).sum();
    assert_eq!(memtable.size().bytes, bytes);
}

/// Scenario: small requests whose rows share a text of a mebibyte: little in memory, much in a query.
/// Guarantees: no chunk has more rows than fit a text column, which ends at 2 GiB.
#[test]
fn chunks_fit_a_query() {
    let memtable = Memtable::default();
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(1 << 20)]));
    for seq in 1..=8 {
        let numbers = Int32Array::from(vec![0; 500]);
        let shared = DictionaryArray::<Int32Type>::new(numbers, Arc::clone(&texts));
        let columns = [("service_name", Arc::new(shared) as ArrayRef)];
        memtable.insert(seq, [RecordBatch::try_from_iter(columns).expect("a batch")]);
    }
    let chunks = memtable.chunks();
    assert_eq!(chunks.iter().map(|chunk| chunk.rows()).sum::<usize>(), 4000);
    assert!(chunks.iter().all(|chunk| chunk.rows() <= 1024), "{}", chunks.len());
    assert!(chunks.len() < 8, "{}", chunks.len());
}

/// Scenario: the table holds the records up to any one, which may lie inside a chunk.
/// Guarantees: exactly the rows behind it are left, also for a reader that took the chunks before.
#[test]
fn rows_go_by_record() {
    for through in 0..=20 {
        let memtable = Memtable::default();
        for seq in 1..=20 {
            memtable.insert(seq, [rows(seq, 3)]);
        }
        let taken = memtable.chunks();
        let seen: Vec<_> =
            taken.iter().filter_map(|chunk| MemoryChunk::after(chunk, through)).collect();
        let expected: Vec<i64> = (through as i64 + 1..=20).flat_map(|seq| [seq; 3]).collect();
        assert_eq!(numbers(&seen), expected, "{through}");
        memtable.drop_through(through);
        assert_eq!(numbers(&memtable.chunks()), expected, "{through}");
        assert_eq!(memtable.size().rows as usize, expected.len());
        assert_eq!(memtable.size().age.is_none(), through == 20);
    }
}

/// Scenario: a flush takes part of the memory.
/// Guarantees: it takes at least one chunk, and never half a record.
#[test]
fn a_flush_takes_whole_records() {
    let memtable = Memtable::default();
    let large = 9000;
    memtable.insert(1, [rows(1, large)]);
    memtable.insert(2, [rows(2, large), rows(2, large)]);
    memtable.insert(3, [rows(3, large)]);
    let bytes = memtable.chunks()[0].bytes();
    let last = |budget: u64| memtable.oldest(budget).last().map(|chunk| chunk.last_seq());
    assert_eq!(last(0), Some(1));
    assert_eq!(last(bytes), Some(1));
    assert_eq!(memtable.oldest(2 * bytes).len(), 3, "both batches of the second record");
    assert_eq!(last(2 * bytes), Some(2));
    assert_eq!(last(u64::MAX), Some(3));
}
