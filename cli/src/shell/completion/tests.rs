//! What TAB offers where.

use super::Words;

fn words() -> Words {
    let table = |name: &str, columns: &[&str]| {
        (name.to_owned(), columns.iter().map(ToString::to_string).collect())
    };
    Words {
        tables: vec![
            table("spans", &["duration_ns", "service_name", "span_name"]),
            table("traces", &["root_duration_ns", "root_service_name"]),
        ],
        functions: vec!["p99".into(), "percentile_nearest".into()],
    }
}

/// `|` marks the cursor.
fn check(line: &str, expected: &[&str]) {
    let position = line.find('|').expect("a cursor");
    let (start, found) = words().complete(&line.replace('|', ""), position);
    assert_eq!(found, expected, "{line}");
    assert!(start <= position);
}

#[test]
fn tables_come_after_from() {
    check("SELECT * FROM |", &["spans", "traces"]);
    check("select * from t|", &["traces"]);
    check("SELECT 1 FROM spans JOIN\nt|", &["traces"]);
    check("\\d s|", &["spans"]);
}

#[test]
fn columns_are_those_of_the_tables_in_the_statement() {
    check("SELECT ser| FROM spans", &["service_name"]);
    check("SELECT root_| FROM traces", &["root_duration_ns", "root_service_name"]);
    check("SELECT spans.s| FROM spans", &["service_name", "span_name"]);
    check("SELECT s.dur| FROM spans s", &["duration_ns"]);
}

#[test]
fn keywords_keep_the_case_that_was_begun() {
    check("SEL|", &["SELECT"]);
    check("sel|", &["select"]);
    check("SELECT per|", &["percentile_nearest("]);
}

#[test]
fn nothing_is_offered_where_everything_or_nothing_fits() {
    check("SELECT |", &[]);
    check("SELECT 'se|", &[]);
    check("\u{fc}ber|", &[]);
}
