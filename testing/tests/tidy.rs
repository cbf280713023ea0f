//! Rules of the repository that the compiler does not check.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which crate may depend on which. Data flows the same way.
const ARROWS: &[(&str, &[&str])] = &[
    ("workspace-features", &[]),
    ("schema", &["workspace-features"]),
    ("udfs", &["schema"]),
    ("ingest", &["schema"]),
    ("engine", &["schema", "udfs"]),
    ("reports", &["schema", "engine"]),
    ("flight-server", &["schema", "engine"]),
    ("cli", &["schema", "udfs", "ingest", "engine", "reports", "flight-server", "datasets"]),
    ("testing", &["schema"]),
    ("datasets", &["schema"]),
    (
        "benches",
        &["schema", "udfs", "ingest", "engine", "reports", "flight-server", "datasets", "cli"],
    ),
];

const MAX_LINES: usize = 800;

/// One version each: a second copy means two types of the same name that do not fit together.
const ONLY_ONCE: &[&str] =
    &["arrow-array", "arrow-flight", "datafusion", "object_store", "parquet", "prost", "tonic"];

/// Names that say nothing about what a module owns.
const EMPTY_NAMES: &[&str] =
    &["manager", "helper", "helpers", "util", "utils", "common", "misc", "base"];

/// Scenario: someone adds a dependency between our crates.
/// Guarantees: it points the way the data flows, or the table above changes in review.
#[test]
fn dependencies_point_one_way() {
    for package in metadata()["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("name");
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
            panic!("crate `{name}` is missing from ARROWS");
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let to = dependency["name"].as_str().expect("name");
            let ours = ARROWS.iter().any(|(crate_name, _)| *crate_name == to);
            let normal = dependency["kind"].is_null();
            assert!(!(ours && normal) || allowed.contains(&to), "`{name}` must not use `{to}`");
        }
    }
}

/// Scenario: a source file grows.
/// Guarantees: it is split before it needs a scroll map, and it says what it is for.
#[test]
fn files_are_short_and_introduced() {
    for path in rust_files(&workspace_root()) {
        let text = read(&path);
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
        assert!(text.starts_with("//!"), "{} has no module doc", path.display());
    }
}

/// Scenario: a file comes with a name that fits anything.
/// Guarantees: names say what a module owns, and there is no `mod.rs`.
#[test]
fn files_have_names() {
    for path in rust_files(&workspace_root()) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8 name");
        assert!(stem != "mod", "{}: write foo.rs beside foo/", path.display());
        assert!(!EMPTY_NAMES.contains(&stem), "{}: say what it owns", path.display());
    }
}

/// Scenario: a test is written inside the file that it tests, or is left out of the run.
/// Guarantees: tests are in `foo/tests.rs`, and every test runs.
#[test]
fn tests_stand_beside_the_code_and_run() {
    // Spelled in parts, so that this file passes its own test.
    let ignore = concat!("#[", "ignore");
    let inline = concat!("mod tests", " {");
    for path in rust_files(&workspace_root()) {
        let text = read(&path);
        assert!(!text.contains(inline), "{}: move tests to tests.rs", path.display());
        assert!(!text.contains(ignore), "{} ignores a test", path.display());
    }
}

/// Scenario: a dependency update brings another copy of a crate whose types cross our API.
/// Guarantees: the lock file holds one.
#[test]
fn shared_crates_are_there_once() {
    let lock = read(&workspace_root().join("Cargo.lock"));
    for name in ONLY_ONCE {
        let copies = lock.lines().filter(|line| *line == format!("name = \"{name}\"")).count();
        assert_eq!(copies, 1, "{name} is in Cargo.lock {copies} times");
    }
}

/// Scenario: someone writes a path of a machine into a file that others read.
/// Guarantees: the repository works from any folder.
#[test]
fn nothing_names_a_machine() {
    // Spelled in parts, so that this file passes its own test.
    let machine_paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    for path in tracked_text_files() {
        let text = read(&path);
        for needle in machine_paths {
            assert!(!text.contains(needle), "{} names {needle}", path.display());
        }
    }
}

fn tracked_text_files() -> Vec<PathBuf> {
    let root = workspace_root();
    let listed = Command::new("git").args(["ls-files"]).current_dir(&root).output();
    // A source archive without git has nothing that is about to be committed.
    let Ok(listed) = listed else { return Vec::new() };
    let names = String::from_utf8(listed.stdout).expect("UTF-8 paths");
    names
        .lines()
        .map(|name| root.join(name))
        .filter(|path| path.is_file() && std::fs::read_to_string(path).is_ok())
        .collect()
}

fn rust_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = ARROWS.iter().map(|(name, _)| root.join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("folder is readable") {
            let path = entry.expect("entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(workspace_root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("metadata is JSON")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate has a parent folder").into()
}
