//! `spanlake generate`.

use serde_json::Value;

use crate::fixtures::Folder;

/// Scenario: the same data set is generated twice, and once with another seed.
/// Guarantees: equal arguments give equal bytes; the seed changes them.
#[test]
fn equal_arguments_give_equal_bytes() {
    let folder = Folder::new();
    for (name, seed) in [("a", "7"), ("b", "7"), ("c", "8")] {
        let (out, incidents) = (format!("{name}.otlp.jsonl.gz"), format!("{name}.json"));
        let args = ["generate", "--spans", "1000", "--seed", seed];
        let text =
            folder.run(args.into_iter().chain(["--out", &out, "--incidents", &incidents])).ok();
        assert!(text.contains(&format!("wrote {out}:")), "{text}");
    }
    assert_eq!(folder.read("a.otlp.jsonl.gz"), folder.read("b.otlp.jsonl.gz"));
    assert_eq!(folder.read("a.json"), folder.read("b.json"));
    assert_ne!(folder.read("a.otlp.jsonl.gz"), folder.read("c.otlp.jsonl.gz"));
    let incidents: Value = serde_json::from_slice(&folder.read("a.json")).expect("JSON");
    assert!(incidents.as_array().is_some_and(|all| all.len() >= 3), "{incidents}");
}

/// Scenario: the file exists, or its name says no format, or the settings make no sense.
/// Guarantees: one clear line, exit code 2, and what exists is left alone.
#[test]
fn nothing_is_overwritten_by_mistake() {
    let folder = Folder::new();
    folder.write("old.otlp.jsonl", "mine");
    let generate = |args: &[&str]| folder.run(["generate", "--out"].iter().chain(args));
    assert!(generate(&["old.otlp.jsonl"]).fails(2).contains("--force"));
    assert_eq!(folder.read("old.otlp.jsonl"), b"mine");
    assert!(generate(&["x.csv"]).fails(2).contains("x.csv"));
    assert!(generate(&["x.otlp.jsonl", "--spans", "10"]).fails(2).contains("1000"));
    assert_eq!(generate(&["x.otlp.jsonl", "--start", "soon"]).code, Some(2));
    assert_eq!(folder.names(), ["old.otlp.jsonl"]);
    generate(&["old.otlp.jsonl", "--spans", "1000", "--force"]).ok();
    assert_ne!(folder.read("old.otlp.jsonl"), b"mine");
}
