//! Cells as they are printed.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

use super::{format, format_number};

#[test]
fn nulls_and_empty_texts_are_visible() {
    let texts: ArrayRef =
        Arc::new(StringArray::from(vec![Some("a b"), Some(""), None, Some("x\ny")]));
    let cells: Vec<String> = (0..4).map(|row| format(&texts, row).expect("text")).collect();
    assert_eq!(cells, ["a b", "(empty)", "NULL", "x\\ny"]);
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![-7]));
    assert_eq!(format(&numbers, 0).expect("number"), "-7");
}

#[test]
fn fractions_show_twelve_digits() {
    let cases = [
        (0.1 + 0.2, "0.3"),
        (1.0 / 3.0, "0.333333333333"),
        (498.315_744_123_456_8, "498.315744123"),
        (-0.0, "0"),
        (1e15, "1000000000000000"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
    ];
    for (number, text) in cases {
        assert_eq!(format_number(number), text);
    }
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(2.50), None]));
    assert_eq!(format(&numbers, 0).expect("number"), "2.5");
    assert_eq!(format(&numbers, 1).expect("number"), "NULL");
}
