//! Maps come out as they went in, whole and by key.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, MapBuilder, MapFieldNames, StringBuilder,
};
use datafusion::arrow::compute::{FilterBuilder, cast};
use datafusion::arrow::datatypes::DataType;
use proptest::prelude::*;

use super::super::column::{Column, read_as};

/// A map may be NULL, have a key twice, and a value that is NULL.
type Rows = Vec<Option<Vec<(String, Option<String>)>>>;

fn array(rows: &Rows) -> ArrayRef {
    let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
    let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for row in rows {
        for (key, value) in row.iter().flatten() {
            maps.keys().append_value(key);
            maps.values().append_option(value.as_ref());
        }
        maps.append(row.is_some()).unwrap();
    }
    Arc::new(maps.finish())
}

fn texts(array: &dyn Array) -> Vec<Option<String>> {
    array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

/// The first value of a key, row by row.
fn of_key(rows: &Rows, key: &str) -> Vec<Option<String>> {
    let first = |row: &Option<Vec<(String, Option<String>)>>| {
        row.as_ref()?.iter().find(|(other, _)| other == key)?.1.clone()
    };
    rows.iter().map(first).collect()
}

fn rows() -> impl Strategy<Value = Rows> {
    let value = prop::option::weighted(0.8, "[xy]{1,2}");
    let map = prop::option::weighted(0.8, prop::collection::vec(("[a-d]", value), 0..4));
    // Few maps many times, as resources are, or any.
    prop_oneof![
        prop::collection::vec(map.clone(), 1..60),
        prop::collection::vec(map, 1..4)
            .prop_map(|maps| { (0..60).map(|row| maps[row % maps.len()].clone()).collect() }),
    ]
}

proptest! {
    /// Property: any maps, any part of them, any key.
    #[test]
    fn maps_come_out_as_they_went_in(rows in rows(), first in 0..60_usize, step in 1..5_usize, key in "[a-e]") {
        let plain = array(&rows);
        let data_type = plain.data_type().clone();
        let read = cast(&plain, &read_as(&data_type).unwrap()).unwrap();
        let column = Column::new(&read, &data_type).unwrap();
        prop_assert_eq!(column.data_type(), &data_type);
        let first = first.min(rows.len() - 1);
        let count = rows.len() - first;
        prop_assert_eq!(&column.slice(first, count).unwrap(), &plain.slice(first, count));
        let mask: BooleanArray = (0..count).map(|row| Some(row % step == 0)).collect();
        let filter = FilterBuilder::new(&mask).build();
        let expected = filter.filter(&plain.slice(first, count)).unwrap();
        prop_assert_eq!(&column.filtered(first, count, &filter).unwrap(), &expected);
        let by_key = column.of_key(&key).unwrap();
        prop_assert_eq!(by_key.data_type(), &DataType::Utf8);
        prop_assert_eq!(texts(&by_key.slice(0, rows.len()).unwrap()), of_key(&rows, &key));
    }
}
