//! Codes of received rows stand for the rows.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, MapArray, MapBuilder,
    MapFieldNames, RecordBatch, StringArray, StringBuilder, StructArray,
};
use datafusion::arrow::compute::{cast, concat_batches, take};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::coded;

type Row = (Option<String>, Option<Vec<(String, Option<String>)>>);

/// Few different texts, and parts of each other, so that everything that may repeat does.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[ab]{0,2}",
        Just("http.request.method".into()),
        Just("http.response.method".into()),
        "[a-z]{20}",
    ]
}

fn batches() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let value = prop_oneof![9 => text().prop_map(Some), 1 => Just(None)];
    let row = (option::of(text()), option::of(vec((text(), value), 0..5)));
    // Rows that come again.
    let rows = vec(row, 1..8).prop_flat_map(|rows| vec(prop::sample::select(rows), 0..60));
    vec(rows, 1..4)
}

fn batch(rows: &[Row]) -> RecordBatch {
    let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
    let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for (_, map) in rows {
        for (key, value) in map.iter().flatten() {
            maps.keys().append_value(key);
            maps.values().append_option(value.as_ref());
        }
        maps.append(map.is_some()).expect("as many keys as values");
    }
    let text: StringArray = rows.iter().map(|(text, _)| text.as_ref()).collect();
    let number: Int64Array = (0..rows.len() as i64).map(Some).collect();
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("text", Arc::new(text), true),
        ("number", Arc::new(number), false),
        ("map", Arc::new(maps.finish()), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn codes_stand_for_the_same_rows(rows in batches()) {
        let batches: Vec<RecordBatch> = rows.iter().map(|rows| batch(rows)).collect();
        let schema = batches[0].schema();
        let expected = concat_batches(&schema, &batches).expect("one schema");
        let coded = coded(&batches).expect("codes");
        let columns = coded.columns().iter().zip(schema.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type()).expect("text"));
        let decoded = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).expect("a batch");
        prop_assert_eq!(decoded, expected);
    }

    /// Rows with numbers of values that they share, as decoders make them, get the codes of the
    /// values.
    #[test]
    fn shared_values_are_repeated(rows in batches(), numbers in vec(any::<prop::sample::Index>(), 1..80)) {
        let received: Vec<RecordBatch> = rows.iter().map(|rows| received(rows, &numbers)).collect();
        let map = batch(&rows[0]).column(2).data_type().clone();
        let types = [DataType::Utf8, DataType::Int64, map.clone(), map];
        let fields = types.into_iter().enumerate().map(|(at, data_type)| Field::new(format!("{at}"), data_type, true));
        let schema = Arc::new(Schema::new(fields.collect::<Fields>()));
        let plain = |batch: &RecordBatch| {
            let columns = batch.columns().iter().zip(schema.fields());
            let columns = columns.map(|(column, field)| cast(column, field.data_type()).expect("text"));
            RecordBatch::try_new(Arc::clone(&schema), columns.collect()).expect("a batch")
        };
        let expected: Vec<RecordBatch> = received.iter().map(plain).collect();
        let expected = concat_batches(&schema, &expected).expect("one schema");
        let coded = coded(&received).expect("codes");
        prop_assert_eq!(plain(&coded), expected);
    }
}

/// Every column as a dictionary, and the keys of the maps as one within.
fn received(rows: &[Row], numbers: &[prop::sample::Index]) -> RecordBatch {
    let plain = batch(rows);
    let numbers: Int32Array = numbers
        .iter()
        .map(|index| (!rows.is_empty()).then(|| index.index(rows.len()) as i32))
        .collect();
    let shared = |column: &ArrayRef| -> ArrayRef {
        Arc::new(DictionaryArray::<Int32Type>::new(numbers.clone(), Arc::clone(column)))
    };
    let map = plain.column(2).as_map();
    let keys = Arc::clone(map.keys());
    let all = Int32Array::from_iter_values(0..keys.len() as i32);
    let keys: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(all, keys));
    let entry = Fields::from(vec![
        Field::new("key", keys.data_type().clone(), false),
        Field::new("value", DataType::Utf8, true),
    ]);
    let entries = StructArray::new(entry.clone(), vec![keys, Arc::clone(map.values())], None);
    let entry = Arc::new(Field::new("entries", DataType::Struct(entry), false));
    let nulls = map.nulls().cloned();
    let keyed = MapArray::new(entry, map.offsets().clone(), entries, nulls, false);
    let numbered = take(&keyed, &numbers, None).expect("rows");
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("text", shared(plain.column(0)), true),
        ("number", take(plain.column(1), &numbers, None).expect("numbers"), true),
        ("map", shared(plain.column(2)), true),
        ("keyed", numbered, true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
}

/// Scenario: values that never come twice, then one that does, in a column and in a map.
/// Guarantees: every row has its own text after look-ups were given up.
#[test]
fn texts_that_do_not_repeat_are_kept() {
    let row = |number: usize| -> Row {
        let text = if number < 5000 { format!("request {number}") } else { "again".into() };
        (Some(text.clone()), Some(vec![("id".into(), Some(text)), ("kind".into(), None)]))
    };
    let rows: Vec<Row> = (0..6000).map(row).collect();
    let batch = batch(&rows);
    let coded = coded(std::slice::from_ref(&batch)).expect("codes");
    for (column, expected) in coded.columns().iter().zip(batch.columns()) {
        assert_eq!(&cast(column, expected.data_type()).expect("text"), expected);
    }
}
