//! What is a command, and which.

use super::*;

fn check(text: &str, expected: Option<Result<Meta, &str>>) {
    let parsed = Meta::parse(text);
    assert_eq!(parsed, expected.map(|result| result.map_err(String::from)), "{text}");
}

#[test]
fn commands_are_those_of_psql() {
    check("\\q", Some(Ok(Meta::Quit)));
    check("exit;", Some(Ok(Meta::Quit)));
    check("\\?", Some(Ok(Meta::Help)));
    check("\\d", Some(Ok(Meta::Tables(TableKind::Any))));
    check(" \\dv; ", Some(Ok(Meta::Tables(TableKind::View))));
    check("\\d  spans;", Some(Ok(Meta::Columns("spans".into()))));
    check("\\df Tree", Some(Ok(Meta::Functions("tree".into()))));
    check("\\timing", Some(Ok(Meta::Timing(None))));
    check("\\timing off", Some(Ok(Meta::Timing(Some(false)))));
    check("\\x auto", Some(Ok(Meta::Expanded(Some(Switch::Auto)))));
    check("\\timing maybe", Some(Err("\\timing maybe: write on or off")));
    check("\\zap", Some(Err("there is no command \\zap; \\? lists them")));
}

#[test]
fn everything_else_is_sql() {
    for text in ["SELECT 1;", "", "SELECT '\\q';", "quit_rate"] {
        check(text, None);
    }
}
