//! Spellings of span kinds.

use crate::tree::Kind;

#[test]
fn kinds_are_read_as_people_write_them() {
    let cases: [(&str, Kind); 13] = [
        ("server", Kind::Server),
        ("Server", Kind::Server),
        ("SERVER", Kind::Server),
        ("SPAN_KIND_SERVER", Kind::Server),
        ("span_kind_client", Kind::Client),
        ("Consumer", Kind::Consumer),
        ("PRODUCER", Kind::Producer),
        ("SPAN_KIND_INTERNAL", Kind::Internal),
        ("internal", Kind::Internal),
        ("SPAN_KIND_UNSPECIFIED", Kind::Unspecified),
        ("", Kind::Unspecified),
        ("SPAN_KIND_", Kind::Unspecified),
        ("sorcer", Kind::Unspecified),
    ];
    for (text, kind) in cases {
        assert_eq!(Kind::from_text(text.as_bytes()), kind, "{text}");
    }
}

#[test]
fn kinds_have_their_otlp_numbers() {
    for number in 0..=5 {
        assert_eq!(Kind::from_otlp(number) as i64, number);
    }
    assert_eq!(Kind::from_otlp(6), Kind::Unspecified);
    assert_eq!(Kind::from_otlp(-1), Kind::Unspecified);
}
