//! Passing rows are those of a filter that looks at each row of whole columns.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Int64Array, RecordBatch,
    StringViewArray,
};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema};
use datafusion::common::DFSchema;
use datafusion::prelude::SessionContext;
use proptest::prelude::*;

use super::super::column::Column;
use super::{Filter, Passing};

const ATOMS: [&str; 18] = [
    "few = 'v3'",
    "few IS NULL",
    "few IS NOT NULL AND few <> 'v1'",
    "few LIKE '%2' OR few LIKE 'v7%'",
    "few IN ('v0', 'v5', 'none')",
    "many > 'w2'",
    "many LIKE '%77%'",
    "number < 40",
    "number >= 10 AND number < 900",
    "number % 1000 = 7",
    "flag",
    "NOT flag OR few = many",
    "CASE WHEN few IS NULL THEN many ELSE few END <> 'v4'",
    "number IS NULL",
    "id = X'0000000000000007'",
    "id > X'0000000000000007'",
    "id IS NULL",
    "id IS NOT NULL OR number < 40",
];

/// Columns of `rows` rows: text with few and with many values, numbers, ids.
fn columns(rows: usize, seed: u64) -> RecordBatch {
    let mut state = seed;
    let mut next = |end: u64| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) % end
    };
    let few: StringViewArray =
        (0..rows).map(|_| Some(next(10)).filter(|v| *v > 0).map(|v| format!("v{v}"))).collect();
    let many: StringViewArray = (0..rows).map(|_| Some(format!("w{}", next(70_000)))).collect();
    let number: Int64Array =
        (0..rows).map(|_| Some(next(1000) as i64).filter(|v| *v != 5)).collect();
    let flag: BooleanArray =
        (0..rows).map(|_| [None, Some(true), Some(false)][next(3) as usize]).collect();
    // As of traces, whose spans lie side by side: mostly long runs, and now and then short ones.
    let longest = if seed.is_multiple_of(4) { 3 } else { 24 };
    let mut ids: Vec<Option<[u8; 8]>> = Vec::with_capacity(rows);
    while ids.len() < rows {
        let id = Some(next(20)).filter(|id| *id > 0).map(u64::to_be_bytes);
        let count = 1 + next(longest) as usize;
        ids.extend(std::iter::repeat_n(id, count.min(rows - ids.len())));
    }
    let id = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids.into_iter(), 8).unwrap();
    let columns: [(&str, ArrayRef); 5] = [
        ("few", Arc::new(few)),
        ("many", Arc::new(many)),
        ("number", Arc::new(number)),
        ("flag", Arc::new(flag)),
        ("id", Arc::new(id)),
    ];
    let fields =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

/// A column as the cache keeps it.
fn kept(array: &ArrayRef) -> Arc<Column> {
    let read = match array.data_type() {
        DataType::Utf8View => {
            let plain = cast(array, &DataType::Utf8).unwrap();
            let dictionary =
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            let read = cast(&plain, &dictionary).unwrap();
            assert!(read.as_any().is::<DictionaryArray<Int32Type>>());
            read
        }
        _ => Arc::clone(array),
    };
    Arc::new(Column::new(&read, array.data_type()).unwrap())
}

fn check(rows: usize, seed: u64, atoms: &[&str], wanted: Option<&[bool]>) {
    let batch = columns(rows, seed);
    let sql = atoms.join(" AND ");
    let context = SessionContext::new();
    let schema = DFSchema::try_from(batch.schema()).unwrap();
    let predicate = (!atoms.is_empty()).then(|| {
        let sql = atoms.iter().map(|atom| format!("({atom})")).collect::<Vec<_>>().join(" AND ");
        let expr = context.parse_sql_expr(&sql, &schema).unwrap();
        context.create_physical_expr(expr, &schema).unwrap()
    });
    let expected: Vec<bool> = match &predicate {
        None => vec![true; rows],
        Some(predicate) => {
            let result = predicate.evaluate(&batch).unwrap().into_array(rows).unwrap();
            let result = datafusion::common::cast::as_boolean_array(&result).unwrap();
            result.iter().map(|passes| passes == Some(true)).collect()
        }
    };
    let is_wanted = |row: usize| wanted.is_none_or(|wanted| wanted[row]);
    let expected: Vec<bool> =
        expected.into_iter().enumerate().map(|(row, passes)| passes && is_wanted(row)).collect();
    let filter = Filter::new(predicate.as_ref(), &batch.schema()).unwrap();
    let kept: Vec<_> = filter.columns().iter().map(|number| kept(batch.column(*number))).collect();
    let mask = wanted.map(|wanted| wanted.iter().copied().collect::<BooleanBuffer>());
    let found: Vec<bool> = match filter.passing(&kept, rows, mask).unwrap() {
        Passing::All => vec![true; rows],
        Passing::None => vec![false; rows],
        Passing::These(rows) => rows.iter().collect(),
    };
    let differs = found.iter().zip(&expected).position(|(found, expected)| found != expected);
    assert_eq!(differs, None, "the first row that differs in {sql}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Property: any conjunction, over any rows, of all or some of them.
    #[test]
    fn filters_as_row_by_row(
        rows in prop_oneof![1..300_usize, 16_300..40_000_usize],
        seed: u64,
        atoms in prop::collection::vec(prop::sample::select(&ATOMS[..]), 0..4),
        some: bool,
    ) {
        let wanted: Vec<bool> = (0..rows).map(|row| (row as u64 ^ seed) % 5 < 2).collect();
        check(rows, seed, &atoms, some.then_some(&wanted[..]));
    }
}

/// Scenario: more values in a row group than a number of two bytes tells apart.
/// Guarantees: rows pass as before.
#[test]
fn many_values() {
    check(140_000, 1, &["many LIKE '%7'", "number < 500"], None);
}
