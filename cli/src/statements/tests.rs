//! Where statements end, and where they do not.

use super::split;

fn check(text: &str, complete: &[&str], rest: &str) {
    let split = split(text);
    assert_eq!((split.complete.as_slice(), split.rest.trim()), (complete, rest), "{text}");
}

#[test]
fn semicolons_end_statements() {
    check("SELECT 1", &[], "SELECT 1");
    check("SELECT 1;", &["SELECT 1"], "");
    check("SELECT 1; SELECT 2 ;\nSELECT", &["SELECT 1", "SELECT 2"], "SELECT");
    check(";; ;", &[], "");
}

#[test]
fn quotes_and_comments_hide_semicolons() {
    check("SELECT ';', 'it''s;' ; x", &["SELECT ';', 'it''s;'"], "x");
    check("SELECT \"a;b\", `c;d`;", &["SELECT \"a;b\", `c;d`"], "");
    check("SELECT 1 -- one; two\n;", &["SELECT 1 -- one; two"], "");
    check("SELECT /* ; /* ; */ ; */ 1;", &["SELECT /* ; /* ; */ ; */ 1"], "");
    check("SELECT $$;$$, $x$ ; $$ $x$;", &["SELECT $$;$$, $x$ ; $$ $x$"], "");
    check("SELECT $1; SELECT $2;", &["SELECT $1", "SELECT $2"], "");
}

#[test]
fn what_is_open_goes_on() {
    for open in ["SELECT 'a;", "SELECT \"a;", "SELECT /* ;", "SELECT $x$ ;"] {
        check(open, &[], open);
    }
    check("SELECT '\u{20ac};\u{1f600}'; '", &["SELECT '\u{20ac};\u{1f600}'"], "'");
}

#[test]
fn comments_alone_are_no_statement() {
    assert_eq!(split("-- nothing\n /* here */ ; -- or here").all(), Vec::<&str>::new());
    assert_eq!(split("SELECT 1; -- done").all(), ["SELECT 1"]);
    assert_eq!(split("-- first\nSELECT 1").all(), ["-- first\nSELECT 1"]);
}
