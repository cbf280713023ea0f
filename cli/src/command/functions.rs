//! `spanlake functions`: the SQL reference, from the declarations of the functions.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Result, anyhow};
use datafusion::logical_expr::Documentation;

use crate::args::FunctionsArgs;
use crate::failure::usage;
use crate::terminal;

/// One function of ours.
struct Function {
    name: String,
    kind: &'static str,
    documentation: Documentation,
}

/// Prints or checks the reference.
pub(crate) fn run(args: &FunctionsArgs) -> Result<()> {
    if let Some(path) = &args.check {
        return check(path);
    }
    let text = match &args.name {
        Some(name) => one(name)?,
        None if args.markdown => reference()?,
        None => list(&functions()?),
    };
    let mut out = terminal::stdout();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Fails if the file is not what `--markdown` prints.
fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    let found = match fs::read_to_string(path) {
        Ok(found) => found,
        Err(error) => return usage(format!("cannot read {shown}: {error}")),
    };
    if found.trim_end() == reference()?.trim_end() {
        return Ok(());
    }
    Err(anyhow!("{shown} is out of date; run: spanlake functions --markdown > {shown}"))
}

/// The whole reference.
fn reference() -> Result<String> {
    let tables = engine::table_functions()?.values();
    let tables = tables.map(|f| (f.name.to_owned(), "Table", f.documentation()));
    Ok(udfs::reference_markdown(tables))
}

/// Every function, sorted by name.
fn functions() -> Result<Vec<Function>> {
    let of = |name: &str, kind, documentation: Option<&Documentation>| {
        let documentation = documentation?.clone();
        Some(Function { name: name.to_owned(), kind, documentation })
    };
    let scalar = udfs::scalar_functions();
    let aggregate = udfs::aggregate_functions();
    let window = udfs::window_functions();
    let mut all: Vec<Function> = (scalar.iter())
        .filter_map(|f| of(f.name(), "scalar", f.documentation()))
        .chain(aggregate.iter().filter_map(|f| of(f.name(), "aggregate", f.documentation())))
        .chain(window.iter().filter_map(|f| of(f.name(), "window", f.documentation())))
        .collect();
    all.extend(engine::table_functions()?.values().map(|f| Function {
        name: f.name.to_owned(),
        kind: "table",
        documentation: f.documentation(),
    }));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn list(functions: &[Function]) -> String {
    let width = functions.iter().map(|f| f.documentation.syntax_example.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Function { kind, documentation, .. } in functions {
        let sentence = first_sentence(&documentation.description);
        text.push_str(&format!("{:width$}  {kind:9}  {sentence}\n", documentation.syntax_example));
    }
    text.push_str("\nspanlake functions NAME shows one. All functions of DataFusion work too.\n");
    text
}

fn one(name: &str) -> Result<String> {
    let functions = functions()?;
    let Some(function) = functions.iter().find(|f| f.name.eq_ignore_ascii_case(name)) else {
        let names: Vec<&str> = functions.iter().map(|f| f.name.as_str()).collect();
        return usage(format!("there is no function `{name}`; there are {}", names.join(", ")));
    };
    let Documentation { description, syntax_example, sql_example, arguments, .. } =
        &function.documentation;
    let mut text =
        format!("{syntax_example}\n{} function\n\n{}\n", function.kind, description.trim());
    if let Some(arguments) = arguments
        && !arguments.is_empty()
    {
        text.push_str("\nArguments:\n");
        for (name, meaning) in arguments {
            text.push_str(&format!("  {name}  {}\n", meaning.trim()));
        }
    }
    if let Some(example) = sql_example {
        // The fence is for Markdown; here the example stands by itself.
        let lines = example.lines().filter(|line| !line.starts_with("```"));
        text.push_str("\nExample:\n");
        lines.for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    Ok(text)
}

/// Up to the first full stop that ends a sentence.
fn first_sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split_once(". ").map_or(text.as_str(), |(first, _)| first).trim_end_matches('.').to_owned()
}
