//! What is kept, and what is forgotten when there is no room.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::datatypes::DataType;
use object_store::path::Path;

use super::ColumnCache;
use super::column::Column;
use super::files::Place;

fn numbers(rows: i64) -> Arc<Column> {
    let array: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    Arc::new(Column::new(&array, &DataType::Int64).unwrap())
}

fn place(column: u64) -> Place {
    Place { row_group: 0, column }
}

/// Scenario: two scans of one file in parts, and one of other columns.
/// Guarantees: a column is kept when a second scan asks, however often the first one did.
#[test]
fn second_scan() {
    let cache = ColumnCache::new(1 << 20);
    let file = Path::from("a.parquet");
    let (one, two) = (["a".to_owned(), "b".to_owned()], ["b".to_owned(), "c".to_owned()]);
    assert!(!cache.asked_before(1, &file, &one));
    assert!(!cache.asked_before(1, &file, &one));
    assert!(cache.asked_before(2, &file, &one));
    assert!(!cache.asked_before(2, &file, &two));
    assert!(cache.asked_before(3, &file, &two));
    assert!(!cache.asked_before(3, &Path::from("b.parquet"), &one));
}

/// Scenario: columns come until there is no room, and more of them after that.
/// Guarantees: the bound holds, the least recently used are forgotten, and only at times.
#[test]
fn bounded() {
    let column = numbers(1000);
    let cache = ColumnCache::new(column.bytes() * 20);
    let file = Path::from("a.parquet");
    let mut number = 0;
    let mut add = |cache: &ColumnCache| {
        let has_room = cache.make_room(column.bytes());
        if has_room {
            cache.add(&file, place(number), &column);
            number += 1;
        }
        has_room
    };
    assert_eq!((0..20).filter(|_| add(&cache)).count(), 20);
    assert!(cache.get(&file, place(0), &DataType::Int64).is_some(), "used again");
    assert!(cache.get(&file, place(1), &DataType::Utf8).is_none(), "of another type");
    let added = (0..160).filter(|_| add(&cache)).count();
    assert!((10..=40).contains(&added), "{added} of 160 that found no room");
    assert!(cache.state().files.bytes() <= column.bytes() * 20);
    assert!(!cache.has(&file, place(2)));
    assert!(!cache.make_room(column.bytes() * 10), "a scan that would fill half of it");
    cache.keep_only(&[]);
    assert_eq!(cache.state().files.bytes(), 0);
}
