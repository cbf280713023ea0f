//! `spanlake demo`, with a small week.

use crate::fixtures::Folder;

/// Scenario: the demo runs twice in one folder, and in a folder that is somebody else's.
/// Guarantees: it leaves a lake that answers and a report in three formats; it replaces only itself.
#[test]
fn from_nothing_to_the_answer() {
    let folder = Folder::new();
    let run = |args: &[&str]| folder.run(["demo", "--spans", "60000"].iter().chain(args));
    let text = run(&[]).ok();
    for expected in ["generated", "imported", "5 of 5 found", "report:", "spanlake serve"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(folder.names(), ["spanlake-demo"]);
    let expected = [".spanlake-demo", "lake", "tuesday.html", "tuesday.json", "tuesday.md"];
    assert_eq!(crate::fixtures::names(&folder.path().join("spanlake-demo")), expected);
    let count = ["sql", "--lake", "spanlake-demo/lake", "--format", "csv"];
    let sql = "SELECT count(*) > 57000 AND count(*) < 63000 FROM spans";
    assert!(folder.run(count.iter().chain(&[sql])).ok().ends_with("true\n"));

    run(&["--keep-input"]).ok();
    assert!(folder.path().join("spanlake-demo/shop.otlp.binpb.zst").exists());

    std::fs::create_dir(folder.path().join("mine")).expect("a folder");
    folder.write("mine/thesis.txt", "do not delete");
    let error = run(&["--dir", "mine"]).fails(2);
    assert!(error.contains("not made by a demo"), "{error}");
    assert_eq!(folder.read("mine/thesis.txt"), b"do not delete");
}
