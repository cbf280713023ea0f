//! What is shared counts once.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::Int32Type;

use super::memory_bytes;

#[test]
fn shared_buffers_count_once() {
    let numbers = Int32Array::from(vec![0; 10_000]);
    let shared = |text: &str| -> ArrayRef {
        let texts = StringArray::from(vec![text]);
        Arc::new(DictionaryArray::<Int32Type>::new(numbers.clone(), Arc::new(texts)))
    };
    let own: ArrayRef = Arc::new(Int64Array::from(vec![7; 10_000]));
    let columns = [("a", shared("a")), ("b", shared("b")), ("c", shared("c")), ("d", own)];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let bytes = memory_bytes(&batch);
    assert!((120_000..122_000).contains(&bytes), "{bytes}");
    // A part of a batch keeps all of it.
    assert_eq!(memory_bytes(&batch.slice(5, 10)), bytes);
}
