//! What a user reads, and what a script sees.

use anyhow::{Context, anyhow};

use super::*;

#[test]
fn causes_are_joined_and_said_once() {
    let error = anyhow!("no such file").context("cannot read x: no such file").context("import");
    assert_eq!(message(&error), "import: cannot read x: no such file");
}

#[test]
fn a_message_is_one_line_without_control_characters() {
    let error = anyhow!("bad\n  span \u{1b}[2J name");
    assert_eq!(message(&error), "bad span \\u{1b}[2J name");
}

#[test]
fn codes_say_whose_fault_it_was() {
    assert_eq!(code(&anyhow!("disk full")), 1);
    assert_eq!(code(&usage::<()>("write a number").unwrap_err()), 2);
    let bad_query = engine::Error::BadQuery("no column x".into());
    assert_eq!(code(&anyhow::Error::from(bad_query).context("query 2")), 2);
    assert_eq!(code(&Err::<(), _>(Interrupted).context("import").unwrap_err()), 130);
}

#[test]
fn a_closed_pipe_is_found_below_other_errors() {
    let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
    assert!(is_closed_pipe(&anyhow::Error::from(pipe).context("writing")));
    assert!(!is_closed_pipe(&anyhow!("broken pipe")));
}

#[test]
fn a_planner_speaks_plainly() {
    let parser = anyhow!("ParserError(\"Expected: \\\"x\\\", found: y\")");
    assert_eq!(message(&parser), "Expected: \"x\", found: y");
    let names: Vec<String> = (0..100).map(|number| format!("t.c{number}")).collect();
    let planner = anyhow!("No field named nope. Valid fields are {}.", names.join(", "));
    let text = message(&planner);
    assert!(
        text.ends_with(
            "Valid fields are t.c0, t.c1, t.c2, t.c3, t.c4, t.c5, t.c6, t.c7 and 92 more"
        )
    );
}
