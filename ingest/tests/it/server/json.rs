//! Table B: what is particular to JSON.

use ingest::server::PayloadFormat;

use super::http_client::{JSON, Reply, export};
use super::requests::{json_request, json_span};
use super::setup::Server;
use crate::it::support::cell;

/// The span under test beside a sound one.
fn beside(more: &str) -> String {
    json_request(&format!("{},{}", json_span(""), json_span(more)))
}

async fn send(server: &Server, body: &str) -> (Reply, u64) {
    let reply = export(server.address, JSON, body.as_bytes()).await;
    assert_eq!(reply.header("content-type"), Some(JSON), "{body}");
    (reply, server.sink.take_spans())
}

/// Scenario: (B1, B25, B27) JSON in all the forms that the encoding allows.
/// Guarantees: stored, nothing to say.
#[tokio::test]
async fn b25_b27_all_forms_are_accepted() {
    let server = Server::start().await;
    let cases = [
        ("B1 empty", "{}".to_owned(), 0),
        ("B1 no resources", r#"{"resourceSpans":[]}"#.to_owned(), 0),
        ("B1 no spans", json_request(""), 0),
        ("B25 number", beside(r#","droppedEventsCount":3,"flags":257,"kind":2"#), 2),
        ("B25 text", beside(r#","droppedEventsCount":"3","status":{"code":2}"#), 2),
        ("B25 unknown", beside(r#","fooBar":{"a":[1,{"b":null}]}"#), 2),
        ("B25 null", beside(r#","events":null,"name":null,"status":null"#), 2),
        (
            "B25 value",
            beside(r#","attributes":[{"key":"k","value":{}},{"key":"n","value":null}]"#),
            2,
        ),
        (
            "B24 numbers",
            beside(
                r#","attributes":[{"key":"a","value":{"doubleValue":"NaN"}},
                {"key":"b","value":{"doubleValue":"-Infinity"}},
                {"key":"c","value":{"intValue":"5"}},{"key":"d","value":{"intValue":5}}]"#,
            ),
            2,
        ),
        ("B27 exponent", beside(r#","droppedLinksCount":1e3"#), 2),
        ("B27 point", beside(r#","droppedLinksCount":1.0"#), 2),
        ("B27 twice", beside(r#","name":"a","name":"b""#), 2),
    ];
    for (id, body, stored) in cases {
        let (reply, spans) = send(&server, &body).await;
        assert_eq!((reply.partial(), spans), (None, stored), "{id}");
        assert_eq!(reply.body, b"{}", "{id}");
    }
    let upper = json_request(&json_span("")).to_uppercase();
    let ids = upper.split('"').find(|text| text.len() == 32).unwrap();
    let body = json_request(&json_span("").replace("0123456789abcdef0123456789abcdef", ids));
    assert_eq!(send(&server, &body).await.1, 1, "B25 upper-case hex");
}

/// Scenario: (B26, B27) JSON that is another encoding.
/// Guarantees: the request is bad data, and the answer says where.
#[tokio::test]
async fn b26_b27_other_encodings_are_bad_data() {
    let server = Server::start().await;
    let cases = [
        ("B26 enum name", beside(r#","kind":"SPAN_KIND_SERVER""#), "OTLP/JSON writes enum values"),
        ("B26 status name", beside(r#","status":{"code":"STATUS_CODE_OK"}"#), "enum values"),
        ("B27 too large", beside(r#","flags":18446744073709551616"#), "integer of its range"),
        ("B27 fraction", beside(r#","flags":1.5"#), "integer of its range"),
        ("B2 cut off", beside("")[..100].to_owned(), "ends inside"),
        ("B2 two documents", format!("{0}{0}", json_request("")), "after the JSON value"),
        ("B2 no object", "[]".to_owned(), "expected an object"),
        ("B2 nothing", String::new(), "ends inside"),
        ("B5 only brackets", "[".repeat(100_000), "expected an object"),
    ];
    for (id, body, text) in cases {
        let (reply, spans) = send(&server, &body).await;
        assert_eq!((reply.status, spans), (400, 0), "{id}");
        let status = reply.status_proto();
        assert_eq!(status.code, 3, "{id}");
        assert!(
            status.message.contains(text) && status.message.contains("byte "),
            "{id}: {status:?}"
        );
        let value: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        let detail = &value["details"][0];
        assert_eq!(detail["@type"], "type.googleapis.com/google.rpc.BadRequest", "{id}");
        assert_eq!(detail["fieldViolations"][0]["description"], status.message, "{id}");
    }
}

/// Scenario: (B5, B8, B26) one span that cannot be stored beside one that can.
/// Guarantees: the other one is stored, the reason is told.
#[tokio::test]
async fn b5_b26_one_span_is_rejected() {
    let server = Server::start().await;
    let deep = |depth: usize| {
        let open = r#"{"arrayValue":{"values":["#.repeat(depth);
        let value = format!("{open}{}", "]}}".repeat(depth));
        beside(&format!(r#","attributes":[{{"key":"k","value":{value}}}]"#))
    };
    for depth in [42, 43, 64] {
        assert_eq!(send(&server, &deep(depth)).await.1, 2, "B5 {depth}");
    }
    let id = "0123456789abcdef0123456789abcdef";
    let sound = json_span("");
    let with_id = |other: &str| json_request(&format!("{sound},{}", sound.replace(id, other)));
    let snake = sound.replace("traceId", "trace_id");
    let not_hex = "trace_id must be 32 hex digits and not all zero";
    let deeper = "attribute `k` nested deeper than 64 levels";
    let cases = [
        ("B5 deep", deep(65), deeper),
        ("B5 very deep", deep(33_000), deeper),
        ("B8 zero", with_id(&"0".repeat(32)), "trace_id must be 16 bytes and not all zero"),
        ("B26 base64", with_id("AAECAwQFBgcICQoLDA0ODw=="), not_hex),
        ("B26 odd", with_id(&id[1..]), not_hex),
        ("B26 snake case", json_request(&format!("{sound},{snake}")), "trace_id must be 16 bytes"),
    ];
    for (id, body, text) in cases {
        let (reply, spans) = send(&server, &body).await;
        let (rejected, message) = reply.partial().unwrap();
        assert_eq!((rejected, spans), (1, 1), "{id}: {message}");
        assert!(
            message.starts_with("1 span rejected: ") && message.contains(text),
            "{id}: {message}"
        );
    }
}

/// Scenario: (B3) 64 MiB of `{},`, as spans and as attributes.
/// Guarantees: refused before anything is decoded.
#[tokio::test]
async fn b3_json_items_are_counted() {
    let server = Server::start().await;
    let many = "{},".repeat((64 << 20) / 3 - 100);
    let wide = format!(r#"{{"attributes":[{}{{}}]}}"#, &many[..3_000_000]);
    for (id, spans) in [("spans", format!("{many}{{}}")), ("attributes", wide)] {
        let (reply, _) = send(&server, &json_request(&spans)).await;
        assert_eq!(reply.status, 413, "B3 {id}");
        let message = reply.status_proto().message;
        let expected = "request holds more than 262144 items (ingest.max_items_per_request)";
        assert_eq!(message, expected, "B3 {id}");
        assert_eq!(reply.header("retry-after"), None, "B3 {id}");
    }
}

/// Scenario: (B6, B7) bytes that are not UTF-8 and half of a surrogate pair.
/// Guarantees: stored with U+FFFD; the client is warned.
#[tokio::test]
async fn b6_b7_broken_text_is_replaced() {
    let server = Server::start().await;
    let surrogate = json_request(&json_span(r#","name":"a\ud800b""#)).into_bytes();
    let mut invalid = json_request(&json_span(r#","name":"aXb""#)).into_bytes();
    let at = memchr::memmem::find(&invalid, b"aXb").unwrap();
    invalid[at + 1] = 0xff;
    for body in [surrogate, invalid] {
        let reply = export(server.address, JSON, &body).await;
        let (rejected, message) = reply.partial().unwrap();
        assert_eq!(rejected, 0);
        assert_eq!(message, "1 span had invalid UTF-8, which was replaced by U+FFFD");
        let stored = server.sink.take().remove(0);
        assert_eq!(cell(&stored.batches[0].to_stored(), "span_name", 0), "a\u{fffd}b");
        assert_eq!((stored.format, &stored.payload[..]), (PayloadFormat::Json, &body[..]));
    }
}
