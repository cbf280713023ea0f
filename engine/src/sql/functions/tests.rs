//! Every table function declares itself as it should.

use schema::renamed::current_name;

use super::{ParameterKind, table_functions};
use crate::slo::Slos;

#[test]
fn every_file_reads() {
    let functions = table_functions().unwrap();
    assert!(!functions.is_empty());
    let objective = "slos: [{name: a, target: 0.9, window: 1d, valid: is_entry, good: is_root}]";
    let slos = Slos::of_texts(&[("a.yaml".into(), objective.into())]);
    assert!(slos.problems.is_empty(), "{slos:?}");
    for (name, function) in functions {
        let sql = slos.fill(function.sql);
        assert!(!sql.contains("{{"), "{name} has a place that nothing fills");
        assert!(function.description.ends_with('.'), "{name}: {}", function.description);
        assert!(function.example.contains(&format!("{name}(")), "{name}: {}", function.example);
        let used = |parameter: &str| {
            let named = |rest: &str| !rest.starts_with(|c: char| c == '_' || c.is_alphanumeric());
            sql.split(&format!("${parameter}")).skip(1).any(named)
        };
        for parameter in &function.parameters {
            assert!(parameter.meaning.ends_with('.'), "{name}: {}", parameter.meaning);
            // It is part of what `from` is.
            assert!(parameter.name == "since" || used(&parameter.name), "{name}: {parameter:?}");
        }
        for word in sql.split('$').skip(1) {
            let end = word.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(word.len());
            let is_declared = function.parameters.iter().any(|p| p.name == word[..end]);
            assert!(is_declared, "{name} uses ${}", &word[..end]);
        }
    }
}

/// Scenario: a semantic convention renames an attribute.
/// Guarantees: `compare` counts both names as one, as promoted columns do, or leaves both out.
#[test]
fn compare_knows_the_names_that_were() {
    let sql = table_functions().unwrap()["compare"].sql;
    let (_, left_out) = sql.split_once("NOT IN (").unwrap();
    let (left_out, _) = left_out.split_once(')').unwrap();
    for column in schema::promoted::PROMOTED {
        let Some((now, before)) = column.keys.split_first() else { continue };
        for before in before {
            let is_left_out = left_out.contains(&format!("'{before}'"));
            // `attribute_traces` counts attributes under these names.
            assert!(is_left_out || current_name(before) == *now, "{before} is {now} today");
        }
    }
}

#[test]
fn a_declaration_may_go_on() {
    let text = "-- One.\n-- Two.\n--\n-- since INTERVAL = INTERVAL '1 hour': How far\n--   back.\n\
                -- bad PREDICATE: What: is bad.\n--\n-- example: SELECT * FROM f()\nSELECT $from, $to, $bad";
    let function = super::TableFunction::read("f", text).unwrap();
    assert_eq!(function.description, "One. Two.");
    assert_eq!(function.syntax(), "f([from], [to], [since], bad)");
    let since = &function.parameters[2];
    assert_eq!(
        (since.kind, since.default.as_deref()),
        (ParameterKind::Interval, Some("INTERVAL '1 hour'"))
    );
    assert_eq!(since.meaning, "How far back.");
    assert_eq!(function.parameters[3].meaning, "What: is bad.");
    assert_eq!(function.sql, "SELECT $from, $to, $bad");
}

#[test]
fn text_may_have_choices() {
    let text = "-- One.\n--\n-- by TEXT('one', 'other') = 'one': What.\n-- next TEXT = NULL: More.\n--\n\
                -- example: SELECT * FROM f()\nSELECT $by, $next";
    let function = super::TableFunction::read("f", text).unwrap();
    assert_eq!(function.parameters[0].choices, ["one", "other"]);
    assert_eq!(function.parameters[0].default.as_deref(), Some("'one'"));
    assert!(function.parameters[1].choices.is_empty());
}
