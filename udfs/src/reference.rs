//! The SQL reference, rendered from what the functions say about themselves.

use std::collections::BTreeMap;
use std::fmt::Write;

use datafusion::logical_expr::Documentation;

use crate::{aggregate_functions, scalar_functions, window_functions};

/// All functions as one Markdown text: a section per subject, functions by name. `more` are those of
/// others: name, kind and documentation.
///
/// The same functions give the same text, byte for byte, so it can be compared
/// with a committed file.
pub fn reference_markdown(
    more: impl IntoIterator<Item = (String, &'static str, Documentation)>,
) -> String {
    let mut sections: BTreeMap<&str, BTreeMap<String, (&str, Documentation)>> = BTreeMap::new();
    let all = documented().into_iter().chain(more);
    for (name, kind, documentation) in all {
        let section = sections.entry(documentation.doc_section.label).or_default();
        section.insert(name, (kind, documentation));
    }
    let mut text = String::from("# SQL functions\n");
    for (label, functions) in sections {
        push(&mut text, format_args!("\n## {label}\n"));
        for (name, (kind, documentation)) in functions {
            describe(&mut text, &name, kind, &documentation);
        }
    }
    text
}

/// `(name, kind, documentation)` of every function that has documentation.
fn documented() -> Vec<(String, &'static str, Documentation)> {
    let mut all = Vec::new();
    let mut add = |name: &str, kind, documentation: Option<&Documentation>| {
        all.extend(documentation.map(|text| (name.to_owned(), kind, text.clone())));
    };
    scalar_functions().iter().for_each(|f| add(f.name(), "Scalar", f.documentation()));
    aggregate_functions().iter().for_each(|f| add(f.name(), "Aggregate", f.documentation()));
    window_functions().iter().for_each(|f| add(f.name(), "Window", f.documentation()));
    all
}

fn describe(text: &mut String, name: &str, kind: &str, documentation: &Documentation) {
    push(text, format_args!("\n### `{name}`\n\n"));
    push(text, format_args!("{kind} function. {}\n", documentation.description));
    push(text, format_args!("\n```sql\n{}\n```\n", documentation.syntax_example));
    for syntax in documentation.alternative_syntax.iter().flatten() {
        push(text, format_args!("\n```sql\n{syntax}\n```\n"));
    }
    if let Some(arguments) = &documentation.arguments {
        push(text, format_args!("\n| Argument | Meaning |\n|---|---|\n"));
        for (argument, meaning) in arguments {
            push(text, format_args!("| `{argument}` | {meaning} |\n"));
        }
    }
    if let Some(example) = &documentation.sql_example {
        push(text, format_args!("\n{}\n", example.trim()));
    }
    if let Some(related) = &documentation.related_udfs {
        let names: Vec<String> = related.iter().map(|name| format!("`{name}`")).collect();
        push(text, format_args!("\nSee also {}.\n", names.join(", ")));
    }
}

fn push(text: &mut String, words: std::fmt::Arguments<'_>) {
    text.write_fmt(words).expect("writing to memory cannot fail");
}
