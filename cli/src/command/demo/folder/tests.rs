//! Nothing is removed that a demo did not make.

use super::*;

#[test]
fn a_new_folder_is_made_and_an_earlier_demo_replaced() {
    let parent = tempfile::tempdir().expect("a folder");
    let path = parent.path().join("deep").join("demo");
    let demo = DemoFolder::prepare(&path).expect("made");
    fs::create_dir(demo.lake()).expect("lake");
    fs::write(demo.join("tuesday.html"), "old").expect("report");
    fs::write(demo.join("notes.txt"), "mine").expect("notes");
    let demo = DemoFolder::prepare(&path).expect("replaced");
    assert!(!demo.lake().exists() && !demo.join("tuesday.html").exists());
    assert!(demo.join("notes.txt").exists());
}

#[test]
fn other_folders_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("lake")).expect("lake");
    let error = DemoFolder::prepare(folder.path()).expect_err("refused").to_string();
    assert!(error.contains("was not made by a demo"), "{error}");
    assert!(folder.path().join("lake").exists());

    let file = folder.path().join("file");
    fs::write(&file, "").expect("file");
    assert!(DemoFolder::prepare(&file).is_err());
}
