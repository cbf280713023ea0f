//! Values out of record batches.

use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};

use super::*;

fn parameters(fields: &[(&str, DataType)]) -> Schema {
    let field = |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
    Schema::new(fields.iter().map(field).collect::<Vec<_>>())
}

fn bound(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn check(parameters: &Schema, batch: &RecordBatch, expected: &[&[(&str, ScalarValue)]]) {
    let rows = values(parameters, batch).unwrap();
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(expected) {
        for (placeholder, value) in *expected {
            let bound = row.get_placeholders_with_values(placeholder).unwrap();
            assert_eq!(bound.value(), value, "{placeholder}");
        }
    }
}

#[test]
fn one_set_of_values_for_each_row() {
    let parameters = parameters(&[("$1", DataType::Int64), ("$2", DataType::Utf8)]);
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let batch = bound(vec![("0", numbers), ("1", text(&["a", "b"]))]);
    check(
        &parameters,
        &batch,
        &[
            &[("$1", ScalarValue::Int64(Some(1))), ("$2", ScalarValue::from("a"))],
            &[("$1", ScalarValue::Int64(None)), ("$2", ScalarValue::from("b"))],
        ],
    );
}

#[test]
fn by_name_whatever_the_order() {
    let parameters = parameters(&[("$from", DataType::Utf8), ("$to", DataType::Utf8)]);
    let expected: &[&[_]] =
        &[&[("$from", ScalarValue::from("a")), ("$to", ScalarValue::from("b"))]];
    check(&parameters, &bound(vec![("to", text(&["b"])), ("from", text(&["a"]))]), expected);
    check(&parameters, &bound(vec![("$to", text(&["b"])), ("$from", text(&["a"]))]), expected);
    check(&parameters, &bound(vec![("x", text(&["a"])), ("y", text(&["b"]))]), expected);
}

#[test]
fn text_is_read_as_the_type_of_the_parameter() {
    let parameters = parameters(&[("$1", DataType::Int64)]);
    check(
        &parameters,
        &bound(vec![("0", text(&["10"]))]),
        &[&[("$1", ScalarValue::Int64(Some(10)))]],
    );
    let error = values(&parameters, &bound(vec![("0", text(&["ten"]))])).unwrap_err();
    assert!(error.message().contains("parameter $1"), "{error:?}");
}

#[test]
fn a_parameter_of_unknown_type_takes_any_value() {
    let parameters = parameters(&[("$1", DataType::Null)]);
    assert_eq!(announced_parameters(&parameters).field(0).data_type(), &DataType::Utf8);
    check(&parameters, &bound(vec![("0", text(&["x"]))]), &[&[("$1", ScalarValue::from("x"))]]);
    let number: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    check(&parameters, &bound(vec![("0", number)]), &[&[("$1", ScalarValue::Int64(Some(7)))]]);
}

#[test]
fn the_number_of_values_must_fit() {
    let parameters = parameters(&[("$1", DataType::Int64)]);
    let batch = bound(vec![("0", text(&["1"])), ("1", text(&["2"]))]);
    let error = values(&parameters, &batch).unwrap_err();
    assert!(error.message().contains("1 parameters, and 2 values"), "{error:?}");
}
