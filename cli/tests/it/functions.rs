//! `spanlake functions`, and the command line itself.

use crate::fixtures::Folder;

/// Scenario: somebody looks up the functions, one function, and one that does not exist.
/// Guarantees: they are listed, described, and the wrong name says which there are.
#[test]
fn the_reference_is_printed() {
    let folder = Folder::new();
    let list = folder.run(["functions"]).ok();
    assert!(list.contains("span_tree(") && list.contains("percentile_nearest("), "{list}");
    let one = folder.run(["functions", "span_tree"]).ok();
    assert!(one.contains("Arguments:") && one.contains("Example:"), "{one}");
    let error = folder.run(["functions", "nope"]).fails(2);
    assert!(error.contains("span_tree"), "{error}");
}

/// Scenario: the declaration of a function changed.
/// Guarantees: the committed reference did too.
#[test]
fn the_reference_of_the_repository_is_current() {
    let reference = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/FUNCTIONS.md");
    Folder::new().run(["functions", "--markdown", "--check", reference]).ok();
}

/// Scenario: somebody checks a reference that is right, wrong, or missing.
/// Guarantees: exit codes 0, 1 and 2, and what to run.
#[test]
fn a_committed_reference_is_checked() {
    let folder = Folder::new();
    let markdown = folder.run(["functions", "--markdown"]).ok();
    folder.write("FUNCTIONS.md", &markdown);
    folder.run(["functions", "--markdown", "--check", "FUNCTIONS.md"]).ok();
    folder.write("FUNCTIONS.md", markdown.replace("span_tree", "span_wood"));
    let error = folder.run(["functions", "--check", "FUNCTIONS.md"]).fails(1);
    assert!(error.contains("spanlake functions --markdown >"), "{error}");
    folder.run(["functions", "--check", "missing.md"]).fails(2);
}

/// Scenario: help and version, and commands that do not exist.
/// Guarantees: help goes to stdout with exit code 0 and examples; wrong usage is 2.
#[test]
fn help_has_examples() {
    let folder = Folder::new();
    assert!(folder.run(["--version"]).ok().starts_with("spanlake "));
    for command in ["demo", "import", "sql", "report", "serve", "generate", "functions"] {
        let help = folder.run([command, "--help"]).ok();
        assert!(help.contains(&format!("spanlake {command}")), "{help}");
    }
    assert!(folder.run(["report", "tuesday", "--help"]).ok().contains("--week"));
    for args in [vec![], vec!["zap"], vec!["sql", "--zap"], vec!["serve", "--flight"]] {
        assert_eq!(folder.run(&args).code, Some(2), "{args:?}");
    }
}
