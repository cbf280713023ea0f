//! Question marks in all places of a SQL text.

use super::*;

#[test]
fn question_marks_are_numbered() {
    let check = |sql: &str, expected: &str| {
        assert_eq!(number(sql.into(), 1_000).unwrap(), expected, "{sql}");
    };
    check("SELECT 1", "SELECT 1");
    check("SELECT ?", "SELECT $1");
    check(
        "SELECT ?,?\nWHERE a = ? -- ?\n AND b IN (?, ?)",
        "SELECT $1,$2\nWHERE a = $3 -- ?\n AND b IN ($4, $5)",
    );
    check("SELECT '?' || ? || \"?\" /* ? */", "SELECT '?' || $1 || \"?\" /* ? */");
    check("SELECT 'it''s ?', ?", "SELECT 'it''s ?', $1");
    check("SELECT '\u{e9}\u{1f980}', ?", "SELECT '\u{e9}\u{1f980}', $1");
    check("SELECT '\n?', ?", "SELECT '\n?', $1");
    check("SELECT ?\r\n, ?", "SELECT $1\r\n, $2");
    check("SELECT $1, '?'", "SELECT $1, '?'");
}

#[test]
fn what_does_not_tokenize_is_left_to_the_engine() {
    for sql in ["SELECT '?", "SELECT ? \"", "SELECT ? /*"] {
        assert_eq!(number(sql.into(), 1_000).unwrap(), sql);
    }
    assert_eq!(number("SELECT ?".into(), 3).unwrap(), "SELECT ?");
}

#[test]
fn the_two_styles_do_not_mix() {
    number("SELECT ?, $1".into(), 1_000).unwrap_err();
    number("SELECT $name, ?".into(), 1_000).unwrap_err();
}
