//! Which keys become columns, and what these hold.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, MapArray, RecordBatch, StringArray,
    StructArray,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{Field, Int32Type};

use super::{AttributeColumns, MOST_COLUMNS};

type Row<'a> = Option<Vec<(&'a str, Option<&'a str>)>>;

/// Rows with one column of maps, in which every text has a code of its own: equal texts differ.
fn rows_of(maps: &[Row<'_>]) -> RecordBatch {
    let entries: Vec<_> = maps.iter().flatten().flatten().collect();
    let codes: Vec<i32> = (0..entries.len() as i32).collect();
    let keys = entries.iter().map(|(key, _)| *key);
    let values = entries.iter().map(|(_, value)| value.unwrap_or(""));
    let value_codes: Int32Array =
        entries.iter().zip(0..).map(|((_, value), at)| value.map(|_| at)).collect();
    map_rows("attributes", maps, (codes.into(), keys.collect()), (value_codes, values.collect()))
}

/// Rows with one column of maps, in which equal texts have one code.
fn coded_rows(name: &str, maps: &[Row<'_>]) -> RecordBatch {
    let entries = || maps.iter().flatten().flatten();
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    let key_codes: Vec<i32> = entries().map(|(key, _)| code_of(&mut keys, key)).collect();
    let value_codes = entries().map(|(_, value)| value.map(|value| code_of(&mut values, value)));
    let value_codes: Int32Array = value_codes.collect();
    map_rows(name, maps, (key_codes.into(), keys), (value_codes, values))
}

fn code_of<'a>(texts: &mut Vec<&'a str>, text: &'a str) -> i32 {
    let code = texts.iter().position(|known| *known == text).unwrap_or_else(|| {
        texts.push(text);
        texts.len() - 1
    });
    code as i32
}

fn map_rows(
    name: &str,
    maps: &[Row<'_>],
    keys: (Int32Array, Vec<&str>),
    values: (Int32Array, Vec<&str>),
) -> RecordBatch {
    let column = |(codes, texts): (Int32Array, Vec<&str>)| -> ArrayRef {
        let texts = StringArray::from_iter_values(texts);
        Arc::new(DictionaryArray::<Int32Type>::new(codes, Arc::new(texts)))
    };
    let (keys, values) = (column(keys), column(values));
    let entries = StructArray::from(vec![
        (Arc::new(Field::new("key", keys.data_type().clone(), false)), keys),
        (Arc::new(Field::new("value", values.data_type().clone(), true)), values),
    ]);
    let lengths = maps.iter().map(|map| map.as_ref().map_or(0, Vec::len));
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let nulls = NullBuffer::from_iter(maps.iter().map(Option::is_some));
    let maps =
        MapArray::new(field, OffsetBuffer::from_lengths(lengths), entries, Some(nulls), false);
    let maps: ArrayRef = Arc::new(maps);
    RecordBatch::try_from_iter_with_nullable([(name, maps, true)]).unwrap()
}

fn names(columns: &AttributeColumns) -> Vec<String> {
    columns.fields().map(|field| field.name().clone()).collect()
}

fn texts(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = rows.column_by_name(column).unwrap().as_dictionary::<Int32Type>();
    let column = column.downcast_dict::<StringArray>().unwrap();
    column.into_iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn rows_have_what_their_map_says() {
    // The codes of all texts differ, so for the choice no value repeats.
    let columns = AttributeColumns([vec!["a".into(), "it's".into(), "none".into()], Vec::new()]);
    let rows = rows_of(&[
        Some(vec![("a", Some("1")), ("b", Some("2"))]),
        None,
        Some(vec![]),
        Some(vec![("it's", Some("")), ("a", None)]),
        Some(vec![("a", Some("first")), ("a", Some("second"))]),
        Some(vec![("a", None), ("a", Some("second"))]),
    ]);
    let rows = columns.add_to(&rows).unwrap();
    let text = |text: &str| Some(text.to_owned());
    let expected = [text("1"), None, None, None, text("first"), None];
    assert_eq!(texts(&rows, "attributes['a']"), expected);
    assert_eq!(texts(&rows, "attributes['it's']"), [None, None, None, text(""), None, None]);
    assert_eq!(texts(&rows, "attributes['none']"), vec![None; 6]);
    assert_eq!(names(&columns).len(), rows.num_columns() - 1);
    // Rows of other kinds come later in the same file.
    let later = columns.add_to(&rows_of(&[None, Some(vec![("new", Some("x"))])])).unwrap();
    assert_eq!(later.schema(), rows.schema());
    assert_eq!(texts(&later, "attributes['a']"), [None, None]);
}

#[test]
fn frequent_keys_of_few_values_are_chosen() {
    let number: Vec<String> = (0..400).map(|at| at.to_string()).collect();
    let map = |at: usize| {
        let mut map = vec![("empty", None), ("id", Some(number[at].as_str()))];
        if at.is_multiple_of(200) {
            map.push(("seldom", None));
        }
        if at.is_multiple_of(50) {
            map.push(("sometimes", None));
        }
        Some(map)
    };
    let rows = rows_of(&(0..400).map(map).collect::<Vec<_>>());
    let columns = AttributeColumns::choose(&rows);
    assert_eq!(names(&columns), ["attributes['empty']", "attributes['sometimes']"]);
}

#[test]
fn the_number_of_columns_is_bounded() {
    let keys: Vec<String> = (0..3 * MOST_COLUMNS).map(|at| format!("key {at:04}")).collect();
    let map = |_| Some(keys.iter().map(|key| (key.as_str(), None)).collect());
    let rows = rows_of(&(0..20).map(map).collect::<Vec<_>>());
    let columns = AttributeColumns::choose(&rows);
    assert_eq!(names(&columns).len(), MOST_COLUMNS);
    assert_eq!(names(&columns)[0], "attributes['key 0000']");
    assert!(names(&AttributeColumns::choose(&rows_of(&[]))).is_empty());
}

#[test]
fn values_that_repeat_make_a_column() {
    let number: Vec<String> = (0..400).map(|at| at.to_string()).collect();
    // Fifty values in 400 rows are eight rows each: just enough.
    let map = |at: usize| {
        let number = |of: usize| Some(number[at % of].as_str());
        Some(vec![("one", Some("x")), ("fifty", number(50)), ("more", number(51))])
    };
    let maps: Vec<_> = (0..400).map(map).collect();
    let rows = coded_rows("attributes", &maps);
    let columns = AttributeColumns::choose(&rows);
    assert_eq!(names(&columns), ["attributes['fifty']", "attributes['one']"]);
    let rows = columns.add_to(&rows).unwrap();
    let fifty: Vec<_> = (0..400).map(|at| Some((at % 50).to_string())).collect();
    assert_eq!(texts(&rows, "attributes['fifty']"), fifty);
}

#[test]
fn promoted_resource_attributes_have_a_column_of_the_table() {
    let keys = ["service.name", "host.name", "k8s.pod.name", "process.pid"];
    let maps = vec![Some(keys.map(|key| (key, Some("x"))).to_vec()); 20];
    let of_resource = AttributeColumns::choose(&coded_rows("resource_attributes", &maps));
    assert_eq!(names(&of_resource), ["resource_attributes['process.pid']"]);
    // On a span the same keys are attributes like others.
    assert_eq!(names(&AttributeColumns::choose(&coded_rows("attributes", &maps))).len(), 4);
}
