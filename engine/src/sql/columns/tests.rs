//! Types before and after.

use datafusion::arrow::array::{
    AsArray, DictionaryArray, Int64Array, LargeListArray, MapBuilder, StringArray, StringBuilder,
    StringViewArray, StructArray,
};
use datafusion::arrow::datatypes::{Int32Type, Int64Type};

use super::*;

fn check(column: ArrayRef, expected: DataType) -> ArrayRef {
    let field = Field::new("c", column.data_type().clone(), false);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap();
    let schema = announced(&batch.schema());
    assert_eq!(schema.field(0), &Field::new("c", expected, true));
    // What was announced does not change again.
    assert_eq!(announced(&schema), schema);
    let conformed = conform(&batch, &schema).unwrap();
    assert_eq!(conformed.schema(), schema);
    Arc::clone(conformed.column(0))
}

fn nullable(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, true))
}

#[test]
fn views_and_dictionaries_become_text() {
    let text = StringArray::from(vec![Some("a"), None, Some("a")]);
    let view: StringViewArray = text.iter().collect();
    let dictionary: DictionaryArray<Int32Type> = text.iter().collect();
    let field = Field::new("c", view.data_type().clone(), true);
    assert_eq!(announced_type(field.data_type()), DataType::Utf8);
    let no_nulls = StringViewArray::from(vec!["a", "b"]);
    assert_eq!(
        check(Arc::new(no_nulls), DataType::Utf8).as_string::<i32>(),
        &StringArray::from(vec!["a", "b"])
    );
    let schema = Arc::new(Schema::new(vec![
        Field::new("v", view.data_type().clone(), true),
        Field::new("d", dictionary.data_type().clone(), true),
    ]));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(view), Arc::new(dictionary)]).unwrap();
    let conformed = conform(&batch, &announced(&batch.schema())).unwrap();
    assert_eq!(conformed.column(0).as_string::<i32>(), &text);
    assert_eq!(conformed.column(1).as_string::<i32>(), &text);
}

#[test]
fn nested_columns() {
    let list = LargeListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)])]);
    check(Arc::new(list), DataType::List(nullable("item", DataType::Int64)));

    let inner = Arc::new(Field::new("a", DataType::Utf8View, false));
    let values: ArrayRef = Arc::new(StringViewArray::from(vec!["x"]));
    let row = StructArray::from(vec![(inner, values)]);
    check(Arc::new(row), DataType::Struct(vec![nullable("a", DataType::Utf8)].into()));

    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("k");
    map.values().append_null();
    map.append(true).unwrap();
    let key = Arc::new(Field::new("keys", DataType::Utf8, false));
    let entries = DataType::Struct(vec![key, nullable("values", DataType::Utf8)].into());
    let entries = Arc::new(Field::new("entries", entries, false));
    check(Arc::new(map.finish()), DataType::Map(entries, false));
}

#[test]
fn other_columns_stay() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let same = check(Arc::clone(&numbers), DataType::Int64);
    assert!(Arc::ptr_eq(&numbers, &same));
}

#[test]
fn rows_without_columns_are_counted() {
    let rows = RecordBatchOptions::new().with_row_count(Some(3));
    let batch =
        RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &rows).unwrap();
    assert_eq!(conform(&batch, &announced(&batch.schema())).unwrap().num_rows(), 3);
}

#[test]
fn other_columns_than_announced_are_an_error() {
    let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
    let schema = Arc::new(Schema::new(vec![Field::new("c", DataType::Int64, true)]));
    conform(&batch, &schema).unwrap_err();
}
