//! What is printed can be pasted into a shell.

use super::quoted;

#[test]
fn a_path_is_one_word_of_a_shell() {
    for (text, expected) in [
        ("./demo/lake", "./demo/lake"),
        ("/tmp/my demo", "'/tmp/my demo'"),
        ("it's", "'it'\\''s'"),
        ("$(x)", "'$(x)'"),
        ("", "''"),
    ] {
        assert_eq!(quoted(text), expected);
    }
}
