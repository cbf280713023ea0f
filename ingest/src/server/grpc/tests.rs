//! Headers of gRPC.

use super::*;

#[test]
fn timeouts_are_read() {
    let read = |text: &str| timeout(text.as_bytes());
    assert_eq!(read("10S"), Some(Duration::from_secs(10)));
    assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
    assert_eq!(read("1m"), Some(Duration::from_millis(1)));
    assert_eq!(read("2M"), Some(Duration::from_secs(120)));
    assert_eq!(read("3u"), Some(Duration::from_micros(3)));
    assert_eq!(read("0n"), Some(Duration::ZERO));
    for wrong in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", "S1"] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[test]
fn messages_become_headers() {
    assert_eq!(percent_encoded("plain `text`"), "plain `text`");
    assert_eq!(percent_encoded("100%\nä\u{7f}"), "100%25%0A%C3%A4%7F");
}
