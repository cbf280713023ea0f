//! How tables look.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};

use super::*;
use crate::args::Format;
use crate::output::Layout;
use crate::output::tests::{layout, written};

fn batch(names: &[&str], counts: &[i64]) -> RecordBatch {
    let names: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
    let counts: ArrayRef = Arc::new(Int64Array::from(counts.to_vec()));
    RecordBatch::try_from_iter([("name", names), ("count", counts)]).expect("a batch")
}

fn drawn(style: TableStyle, batches: &[RecordBatch]) -> String {
    let layout = Layout { table: style, ..layout(Format::Table) };
    String::from_utf8(written(layout, batches)).expect("text")
}

const FILE: TableStyle = TableStyle { width: None, expanded: Expanded::Auto };

#[test]
fn numbers_stand_right_and_text_left() {
    let expected = "  name   | count\n---------+-------\n a       |    10\n gr\u{fc}\u{4e2d}\u{6587} |     9\n";
    assert_eq!(drawn(FILE, &[batch(&["a", "gr\u{fc}\u{4e2d}\u{6587}"], &[10, 9])]), expected);
}

#[test]
fn lines_of_a_value_are_marked_and_control_characters_shown() {
    let expected =
        "    name    | count\n------------+-------\n one       +|     1\n two\\u{1b}m |\n";
    assert_eq!(drawn(FILE, &[batch(&["one\ntwo\u{1b}m"], &[1])]), expected);
}

#[test]
fn a_terminal_cuts_long_values_and_a_file_does_not() {
    let long = "x".repeat(100);
    let rows = batch(&[&long], &[1]);
    assert!(drawn(FILE, std::slice::from_ref(&rows)).contains(&long));
    let narrow = TableStyle { width: Some(60), expanded: Expanded::Auto };
    let text = drawn(narrow, &[rows]);
    assert!(text.contains("xxx... |     1"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 60), "{text}");
}

#[test]
fn what_cannot_fit_is_written_one_column_per_line() {
    let long = "x".repeat(100);
    let tiny = TableStyle { width: Some(30), expanded: Expanded::Auto };
    let text = drawn(tiny, &[batch(&[&long, "b\nc"], &[1, 2])]);
    let expected = format!(
        "-[ 1 ]+---\nname  | {long}\ncount | 1\n-[ 2 ]+---\nname  | b\n      | c\ncount | 2\n"
    );
    assert_eq!(text, expected);
    let off = TableStyle { expanded: Expanded::Off, ..tiny };
    assert!(drawn(off, &[batch(&[&long], &[1])]).contains("xxx... |"));
}

#[test]
fn the_first_rows_decide_the_widths_and_all_rows_come() {
    let first = batch(&["a"; MEASURED_ROWS], &[1; MEASURED_ROWS]);
    let text = drawn(FILE, &[first, batch(&["longer than before"], &[1])]);
    assert_eq!(text.lines().count(), MEASURED_ROWS + 3);
    assert!(text.ends_with(" longer than before |     1\n"), "{text}");
}
