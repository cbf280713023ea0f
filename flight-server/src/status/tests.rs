//! Codes and words of errors.

use super::*;

#[test]
fn codes() {
    let check = |error: Error, code: Code| assert_eq!(of_engine(error).code(), code);
    check(Error::BadQuery("x".into()), Code::InvalidArgument);
    check(Error::QueryFailed("x".into()), Code::InvalidArgument);
    check(Error::Refused { reason: "x".into() }, Code::InvalidArgument);
    check(Error::ResourcesExhausted("x".into()), Code::ResourceExhausted);
    check(Error::Log("x".into()), Code::Unavailable);
    check(Error::Corrupt { path: "p".into(), reason: "r".into() }, Code::DataLoss);
    check(Error::NewerFormat { found: 2, supported: 1 }, Code::FailedPrecondition);
    check(Error::Internal("x".into()), Code::Internal);
}

#[test]
fn nothing_of_the_server_is_told() {
    for error in [
        Error::Internal("secret".into()),
        Error::Log("secret".into()),
        Error::Corrupt { path: "secret".into(), reason: "secret".into() },
        Error::NotALake { location: "secret".into() },
    ] {
        let status = of_engine(error);
        assert!(!status.message().contains("secret"), "{status:?}");
    }
}

#[test]
fn messages_are_one_line() {
    let check = |text: &str, expected: &str| assert_eq!(one_line(text), expected);
    check("a\n  b\r\n\tc", "a b c");
    check("red \u{1b}[31mtext", "red [31mtext");
    check(&"x".repeat(1_000), &"x".repeat(1_000));
    check(&"\u{e9}".repeat(1_001), &format!("{} ...", "\u{e9}".repeat(1_000)));
}

#[test]
fn debug_text_of_the_library_is_replaced() {
    let check = |status: Status, code: Code| {
        let status = clean(status);
        assert_eq!(status.code(), code);
        assert!(!status.message().contains('"'), "{status:?}");
    };
    check(Status::invalid_argument("DecodeError { description: \"x\" }"), Code::InvalidArgument);
    check(Status::internal("ParseError(\"Unable to decode\")"), Code::InvalidArgument);
    check(Status::internal("another"), Code::Internal);
}

#[test]
fn parser_messages_are_unwrapped() {
    let check = |text: &str, expected: &str| {
        assert_eq!(of_engine(Error::BadQuery(text.into())).message(), expected);
    };
    check("ParserError(\"Expected: x, found: \\\"y\\\"\")", "Expected: x, found: \"y\"");
    check("TokenizerError(\"Unterminated\")", "Unterminated");
    check("table \"t\" not found", "table \"t\" not found");
}
