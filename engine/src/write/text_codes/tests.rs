//! Codes of received rows stand for the rows.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int64Array, MapBuilder, MapFieldNames, RecordBatch, StringArray, StringBuilder,
};
use datafusion::arrow::compute::{cast, concat_batches};
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
