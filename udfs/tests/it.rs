//! The functions as SQL sees them.

mod it {
    mod other_sketches;
    mod share_percentiles;
    mod small_memory;
}

use std::path::Path;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::logical_expr::Documentation;
use datafusion::prelude::SessionContext;

fn session() -> SessionContext {
    let mut session = SessionContext::new();
    udfs::register_all(&mut session).expect("functions register");
    session
}

/// Name and documentation of every function.
fn catalogue() -> Vec<(String, Option<Documentation>)> {
    let scalar = udfs::scalar_functions();
    let aggregate = udfs::aggregate_functions();
    let window = udfs::window_functions();
    let scalar = scalar.iter().map(|f| (f.name().to_owned(), f.documentation().cloned()));
    let aggregate = aggregate.iter().map(|f| (f.name().to_owned(), f.documentation().cloned()));
    let window = window.iter().map(|f| (f.name().to_owned(), f.documentation().cloned()));
    scalar.chain(aggregate).chain(window).collect()
}

#[tokio::test]
async fn slt() {
    testing::run_slt_dir("tests/slt", session).await;
}

/// Scenario: a function is added to the crate.
/// Guarantees: it cannot ship without a SQL document and a SQL test.
#[test]
fn every_function_is_documented_and_tested() {
    for (name, documentation) in catalogue() {
        let documentation = documentation.unwrap_or_else(|| panic!("{name} has no documentation"));
        assert!(documentation.sql_example.is_some(), "{name} has no example");
        assert!(documentation.syntax_example.starts_with(&name), "{name}: syntax of another");
        let test = format!("tests/slt/{name}.slt");
        assert!(Path::new(&test).exists(), "{test} is missing");
    }
}

/// Scenario: someone pastes an example from the reference into a shell.
/// Guarantees: it runs, and gives what the reference shows.
#[tokio::test]
async fn examples_are_true() {
    for (name, documentation) in catalogue() {
        let example = documentation.and_then(|text| text.sql_example).expect("an example");
        let example = example.trim().trim_start_matches("```sql").trim_end_matches("```").trim();
        let (sql, shown) = example.split_once(";\n").expect("a statement and its result");
        let sql = sql.trim_start_matches("> ");
        let frame = session().sql(sql).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let batches = frame.collect().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let actual = pretty_format_batches(&batches).expect("batches format").to_string();
        assert_eq!(actual, shown, "{name}");
    }
}

/// Scenario: the reference is generated twice.
/// Guarantees: the same text, with every function in it.
#[test]
fn reference_is_complete_and_stable() {
    let text = udfs::reference_markdown([]);
    assert_eq!(text, udfs::reference_markdown([]));
    for (name, _) in catalogue() {
        assert!(text.contains(&format!("\n### `{name}`\n")), "{name}");
    }
    assert!(text.is_ascii());
}
