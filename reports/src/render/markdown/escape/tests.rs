//! Hostile names stay names.

use super::{block, code, text};

#[test]
fn markup_is_shown_not_obeyed() {
    assert_eq!(text("<script>alert(1)</script>"), "&lt;script&gt;alert(1)&lt;/script&gt;");
    assert_eq!(text("a|b*c_d`e[f](g)"), "a\\|b\\*c\\_d\\`e\\[f\\](g)");
    assert_eq!(text("two\nlines\r\n# no title"), "two lines  \\# no title");
    assert_eq!(text("@all see https://x.example"), "&#64;all see https:&#47;&#47;x.example");
    assert_eq!(text("GET /search"), "GET /search");
}

#[test]
fn code_finds_a_fence() {
    assert_eq!(code("plain"), "`plain`");
    assert_eq!(code("a`b``c"), "```a`b``c```");
    assert_eq!(code("`x"), "`` `x ``");
    assert_eq!(code("a|b\nc"), "`a\u{2502}b c`");
    assert_eq!(block("SELECT '```'"), "````sql\nSELECT '```'\n````");
}
