//! Both forms stand for the same rows.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, MapBuilder, MapFieldNames, RecordBatch,
    StringArray, StringBuilder, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};

use super::{received_column, received_schema, repeated_bytes_at_most, stored_rows};
use crate::SpanBatch;
use crate::spans::{self, ATTRIBUTES, RESOURCE_ATTRIBUTES, SCOPE_NAME};

fn maps() -> ArrayRef {
    let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
    let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for row in [Some(2), None, Some(0), Some(1)] {
        for entry in 0..row.unwrap_or(0) {
            maps.keys().append_value(format!("k{entry}"));
            maps.values().append_option((entry > 0).then_some("v"));
        }
        maps.append(row.is_some()).expect("as many keys as values");
    }
    Arc::new(maps.finish())
}

fn stored() -> RecordBatch {
    let schema = spans::stored_schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match (field.name().as_str(), field.data_type()) {
            (ATTRIBUTES | RESOURCE_ATTRIBUTES, _) => maps(),
            (SCOPE_NAME, _) => Arc::new(StringArray::from(vec![Some("a"), None, Some("a"), None])),
            (_, DataType::Utf8) => Arc::new(StringArray::from(vec!["a", "", "b", "b"])),
            (_, DataType::Int64) => Arc::new(arrow::array::Int64Array::from(vec![1, 2, 3, 4])),
            (_, DataType::FixedSizeBinary(width)) => {
                let ids = (0..4u8).map(|row| vec![row; *width as usize]);
                Arc::new(arrow::array::FixedSizeBinaryArray::try_from_iter(ids).expect("ids"))
            }
            (_, other) => new_null_array(other, 4),
        }
    });
    let columns = columns.collect();
    RecordBatch::try_new(schema, columns).expect("the stored schema")
}

#[test]
fn there_and_back() {
    let batch = SpanBatch::try_new(stored()).expect("the stored schema is taken");
    assert_eq!(batch.as_received().schema().fields(), received_schema().fields());
    assert_eq!(batch.to_stored(), stored());
    let again = SpanBatch::try_new(batch.as_received().clone()).expect("and so is the received");
    assert_eq!(again, batch);
}

/// Scenario: rows of a context that has a NULL, and rows without any, in a batch that was cut.
/// Guarantees: NULL where either is NULL.
#[test]
fn nulls_of_both_kinds() {
    let numbers = Int32Array::from(vec![Some(1), None, Some(0), Some(1), Some(0)]);
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None]));
    let column: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(numbers, texts));
    let plain = cast(&column.slice(1, 3), &DataType::Utf8).expect("text");
    assert_eq!(plain.as_string::<i32>(), &StringArray::from(vec![None, Some("x"), None]));
}

#[test]
fn maps_of_a_resource_are_repeated() {
    let numbers = Int32Array::from(vec![3, 3, 0, 1]);
    let column: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(numbers, maps()));
    let plain = cast(&column, &spans::attribute_map()).expect("maps");
    let lengths: Vec<i32> = (0..4).map(|row| plain.as_map().value_length(row)).collect();
    assert_eq!(lengths, [1, 1, 2, 0]);
    assert!(plain.is_null(3));
    assert_eq!(plain.as_map().value(1).column(0).as_string::<i32>().value(0), "k0");
}

#[test]
fn what_is_repeated_is_bounded() {
    let numbers = Int32Array::from(vec![0, 0, 1, 0, 2]);
    let shared = |values: ArrayRef| -> ArrayRef {
        Arc::new(DictionaryArray::<Int32Type>::new(numbers.clone(), values))
    };
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("abc"), None, Some("a")]));
    let bytes = |column: ArrayRef| {
        repeated_bytes_at_most(&RecordBatch::try_from_iter([("a", column)]).expect("a batch"))
    };
    assert_eq!(bytes(shared(Arc::clone(&texts))), 5 * 3);
    assert_eq!(bytes(texts), 0);
    // Two keys of two bytes, and one value that is not NULL.
    assert_eq!(bytes(shared(maps())), 5 * (4 + 1));
    let attributes = received_schema().field_with_name(ATTRIBUTES).expect("a column").clone();
    let keyed = received_column(&maps(), attributes.data_type()).expect("keys as numbers");
    assert_eq!(bytes(keyed), 3 * 2);
}

#[test]
fn other_types_are_errors() {
    let number: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    for field in received_schema().fields() {
        assert!(received_column(&number, field.data_type()).is_err(), "{field}");
    }
    let few = stored().project(&[0, 1]).expect("two columns");
    assert!(SpanBatch::try_new(few).is_err());
    assert!(stored_rows(&stored()).is_ok());
}
