//! Table B: what a request may hold, in protobuf over both transports.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use ingest::server::ServerSettings;

use super::grpc_client::{Client, EXPORT, framed};
use super::http_client::{self, PROTOBUF};
use super::requests::{attribute, encoded, request, span, spans};
use super::setup::{NOW, Server};
use crate::it::support::cell;

/// What is expected of a request.
#[derive(Debug, Clone)]
pub(crate) enum Expect {
    /// All spans are stored, and there is nothing to say.
    Full(u64),
    /// All spans are stored with a warning that contains a text.
    Warned(u64, String),
    /// So many are stored and rejected, and the message contains a text.
    Partial(u64, i64, String),
    /// The request is bad, and the message contains a text.
    Bad(String),
    /// The request is too large, and the message is this.
    TooLarge(String),
}

use Expect::{Bad, Full, Partial, TooLarge, Warned};

/// Sends a request over both transports.
async fn check(server: &Server, client: &Client, id: &str, body: &[u8], expect: &Expect) {
    let grpc = client.call(EXPORT, &[], framed(0, body)).await;
    let grpc_spans = server.sink.take_spans();
    let http = http_client::export(server.address, PROTOBUF, body).await;
    let http_spans = server.sink.take_spans();
    assert_eq!(http.header("content-type"), Some(PROTOBUF), "{id}");
    assert_eq!(grpc.header("content-type"), Some("application/grpc"), "{id}");
    let (stored, partial) = match expect {
        Full(stored) => (*stored, None),
        Warned(stored, text) => (*stored, Some((0, text))),
        Partial(stored, rejected, text) => (*stored, Some((*rejected, text))),
        Bad(text) => {
            assert_eq!((http.status, grpc.code), (400, 3), "{id}: {http:?} {grpc:?}");
            let status = http.status_proto();
            assert_eq!(status.code, 3, "{id}");
            assert!(status.message.contains(text), "{id}: {}", status.message);
            assert_eq!(status.violation().as_ref(), Some(&status.message), "{id}");
            assert_eq!(grpc.details.unwrap(), status, "{id}");
            assert_eq!((grpc_spans, http_spans), (0, 0), "{id}");
            return;
        }
        TooLarge(text) => {
            assert_eq!((http.status, grpc.code), (413, 8), "{id}");
            assert_eq!((&http.status_proto().message, &grpc.message), (text, text), "{id}");
            assert_eq!((grpc.details, http.header("retry-after")), (None, None), "{id}");
            assert_eq!((grpc_spans, http_spans), (0, 0), "{id}");
            return;
        }
    };
    assert_eq!((grpc_spans, http_spans), (stored, stored), "{id}: {grpc:?}");
    for answer in [grpc.partial(), http.partial()] {
        match (answer, &partial) {
            (None, None) => {}
            (Some((rejected, message)), Some((expected, text))) => {
                assert_eq!(rejected, *expected, "{id}: {message}");
                assert!(message.contains(*text), "{id}: {message}");
            }
            (answer, _) => panic!("{id}: {answer:?} instead of {expect:?}"),
        }
    }
}

async fn check_all(server: &Server, cases: Vec<(&str, Vec<u8>, Expect)>) {
    let client = Client::connect(server.address).await;
    for (id, body, expect) in cases {
        check(server, &client, id, &body, &expect).await;
    }
    assert_eq!(server.receiver.in_flight_bytes(), 0);
}

fn changed(change: impl FnOnce(&mut Span)) -> Span {
    let mut span = span(7);
    change(&mut span);
    span
}

/// A sound span and one that is changed.
fn beside(change: impl FnOnce(&mut Span)) -> Vec<u8> {
    encoded(vec![span(1), changed(change)])
}

/// A request of which the change rejects one span of two.
fn rejected(text: &str) -> Expect {
    Partial(1, 1, format!("1 span rejected: {text}"))
}

/// Scenario: (B1) requests without spans.
/// Guarantees: success, nothing is written.
#[tokio::test]
async fn b1_empty_requests_succeed() {
    let server = Server::start().await;
    let mut no_scopes = request(Vec::new());
    no_scopes.resource_spans[0].scope_spans.clear();
    let bare = ExportTraceServiceRequest { resource_spans: vec![ResourceSpans::default()] };
    check_all(
        &server,
        vec![
            ("B1 empty", Vec::new(), Full(0)),
            ("B1 no scopes", no_scopes.encode_to_vec(), Full(0)),
            ("B1 no spans", encoded(Vec::new()), Full(0)),
            ("B1 bare", bare.encode_to_vec(), Full(0)),
        ],
    )
    .await;
    assert!(server.sink.take().is_empty());
}

/// Scenario: (B2) bytes that are not a trace request.
/// Guarantees: bad data over both transports, nothing is written.
#[tokio::test]
async fn b2_broken_requests_are_bad_data() {
    let server = Server::start().await;
    let whole = encoded(spans(3));
    let bad = |text: &str| Bad(text.to_owned());
    check_all(
        &server,
        vec![
            ("B2 cut off", whole[..whole.len() - 3].to_vec(), bad("only")),
            ("B2 cut in a tag", vec![0x0a], bad("protobuf number")),
            ("B2 random bytes", b"\xfe\x01\xff random \x07".to_vec(), bad("byte 0: ")),
            ("B2 wrong wire type", vec![0x08, 0x01], bad("wire type 0")),
            ("B2 over-long varint", [&[0x0a][..], &[0xff; 11]].concat(), bad("64 bits")),
            ("B2 length past the end", vec![0x0a, 0x7f, 0x00], bad("127 bytes")),
            ("B2 group", vec![0x0b, 0x0c], bad("groups")),
            ("B2 reserved wire type", vec![0x0f], bad("wire type 7")),
            ("B2 field number 0", vec![0x00, 0x00], bad("field number")),
            ("B2 text", b"hello, is this the otlp server?".to_vec(), bad("byte ")),
        ],
    )
    .await;
}

/// Nested messages of one field each, as bytes.
fn wrapped(fields: &[u8], content: &[u8]) -> Vec<u8> {
    fields.iter().rev().fold(content.to_vec(), |content, field| {
        let mut message = vec![field << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            message.push(length as u8 | 0x80);
            length >>= 7;
        }
        message.push(length as u8);
        message.extend_from_slice(&content);
        message
    })
}

/// Scenario: (B3) 64 MiB of items of two bytes each, and the smallest request over the limit.
/// Guarantees: refused by the walk, not retryable; one item less is not too many.
#[tokio::test]
async fn b3_items_are_counted_before_they_are_decoded() {
    let server = Server::start().await;
    let too_many = "request holds more than 262144 items (ingest.max_items_per_request)";
    let many = |tag: u8, count: usize| [tag << 3 | 2, 0].repeat(count);
    const FULL: usize = (32 << 20) - 64;
    let cases = [
        ("B3 spans", wrapped(&[1, 2], &many(2, FULL))),
        ("B3 attributes", wrapped(&[1, 2, 2], &many(9, FULL))),
        ("B3 events", wrapped(&[1, 2, 2], &many(11, 300_000))),
        ("B3 links", wrapped(&[1, 2, 2], &many(13, 300_000))),
        ("B3 array elements", wrapped(&[1, 2, 2, 9, 2, 5], &many(1, 300_000))),
        ("B3 resources", many(1, 300_000)),
        ("B3 one more", wrapped(&[1, 2], &many(2, 262_144 - 1))),
    ];
    for (id, body) in cases {
        let expect = TooLarge(too_many.to_owned());
        check_all(&server, vec![(id, body, expect)]).await;
    }
    let most = wrapped(&[1, 2], &many(2, 262_144 - 2));
    let all = Bad("262142 spans rejected: trace_id must be 16 bytes".to_owned());
    check_all(&server, vec![("B3 as many as allowed", most, all)]).await;
}

/// An `AnyValue` of arrays (field 5) or lists of pairs (field 6) inside each other.
fn nested(field: u8, depth: usize) -> Vec<u8> {
    let mut layers = Vec::new();
    for _ in 0..depth {
        layers.push(field);
        layers.push(1);
        if field == 6 {
            layers.push(2);
        }
    }
    wrapped(&layers, b"")
}

/// Scenario: (B4) values nested up to and beyond what SDKs may send.
/// Guarantees: 64 levels are stored; beyond, the span is rejected with the key; no stack overflows.
#[tokio::test]
async fn b4_depth_costs_one_span() {
    let server = Server::start().await;
    let body = |field: u8, depth: usize| {
        let mut attribute = wrapped(&[1], b"k");
        attribute.extend(wrapped(&[2], &nested(field, depth)));
        let mut deep = span(9).encode_to_vec();
        deep.extend(wrapped(&[9], &attribute));
        let mut scope = wrapped(&[2], &span(1).encode_to_vec());
        scope.extend(wrapped(&[2], &deep));
        wrapped(&[1, 2], &scope)
    };
    let deeper = || rejected("attribute `k` nested deeper than 64 levels");
    let mut cases = Vec::new();
    for depth in [31, 32, 46, 47, 48, 64] {
        cases.push(("B4 array", body(5, depth), Full(2)));
        cases.push(("B4 kvlist", body(6, depth), Full(2)));
    }
    for depth in [65, 100, 10_000] {
        cases.push(("B4 deep array", body(5, depth), deeper()));
        cases.push(("B4 deep kvlist", body(6, depth), deeper()));
    }
    check_all(&server, cases).await;
}

/// Scenario: (B6) invalid UTF-8 in one of a thousand spans, in each place where text is.
/// Guarantees: all spans are stored, a warning says that text was replaced.
#[tokio::test]
async fn b6_invalid_text_is_replaced() {
    let server = Server::start().await;
    const MARK: &str = "<=invalid=>";
    let body = |change: fn(&mut ExportTraceServiceRequest)| {
        let mut request = request(spans(1000));
        change(&mut request);
        let mut bytes = request.encode_to_vec();
        let at = memchr::memmem::find(&bytes, MARK.as_bytes()).unwrap();
        bytes[at + 2..at + 4].copy_from_slice(&[0xff, 0xc0]);
        bytes
    };
    fn span_of(request: &mut ExportTraceServiceRequest) -> &mut Span {
        &mut request.resource_spans[0].scope_spans[0].spans[500]
    }
    let warned = |text: &str| Warned(1000, text.to_owned());
    let one = "1 span had invalid UTF-8, which was replaced by U+FFFD";
    check_all(
        &server,
        vec![
            ("B6 name", body(|request| span_of(request).name = MARK.into()), warned(one)),
            (
                "B6 key",
                body(|request| {
                    span_of(request).attributes.push(attribute(MARK, Value::BoolValue(true)));
                }),
                warned(one),
            ),
            (
                "B6 value",
                body(|request| {
                    let value = Value::StringValue(MARK.into());
                    span_of(request).attributes.push(attribute("key", value));
                }),
                warned(one),
            ),
            (
                "B6 service",
                body(|request| {
                    let value = Value::StringValue(MARK.into());
                    let resource = request.resource_spans[0].resource.as_mut().unwrap();
                    resource.attributes = vec![attribute("service.name", value)];
                }),
                warned("had invalid UTF-8"),
            ),
        ],
    )
    .await;
}

/// Scenario: (B7) control characters, direction marks, escapes of terminals, characters beyond the BMP.
/// Guarantees: stored as they are.
#[tokio::test]
async fn b7_odd_text_is_kept() {
    let server = Server::start().await;
    let name = "a\0b \u{202e}\u{1b}[31m \u{1f980}";
    let body = encoded(vec![changed(|span| span.name = name.into())]);
    assert_eq!(http_client::export(server.address, PROTOBUF, &body).await.partial(), None);
    let stored = server.sink.take();
    assert_eq!(cell(&stored[0].batches[0].to_stored(), "span_name", 0), name);
}

/// Scenario: (B8, B9) ids that are none, beside a sound span.
/// Guarantees: only the span with the id is rejected, and the reason says what an id is.
#[tokio::test]
async fn b8_b9_bad_ids_cost_one_span() {
    let server = Server::start().await;
    let trace = || rejected("trace_id must be 16 bytes and not all zero");
    let span = || rejected("span_id must be 8 bytes and not all zero");
    let mut cases = Vec::new();
    for id in [vec![0; 16], vec![], vec![1; 8], vec![1; 32]] {
        cases.push(("B8", beside(|span| span.trace_id = id), trace()));
    }
    for id in [vec![0; 8], vec![], vec![1; 7], vec![1; 16]] {
        cases.push(("B9", beside(|span| span.span_id = id), span()));
    }
    check_all(&server, cases).await;
    let rejected = server.stats().rejected_spans;
    assert_eq!(rejected["trace_id must be 16 bytes and not all zero"], 8);
    assert_eq!(rejected["span_id must be 8 bytes and not all zero"], 8);
}

/// Scenario: (B10) every span of a request is invalid.
/// Guarantees: bad data, not a success of nothing.
#[tokio::test]
async fn b10_nothing_valid_is_bad_data() {
    let server = Server::start().await;
    let invalid = |count: u64| {
        let mut spans = spans(count);
        spans.iter_mut().for_each(|span| span.trace_id.clear());
        encoded(spans)
    };
    check_all(
        &server,
        vec![
            ("B10 one", invalid(1), Bad("1 span rejected: trace_id".into())),
            ("B10 many", invalid(100), Bad("100 spans rejected: trace_id".into())),
        ],
    )
    .await;
    assert!(server.sink.take().is_empty());
    assert_eq!(server.stats().requests_that_were("nothing_valid"), 4);
}

/// Scenario: (B11, B12, B13, B14, B18, B28) requests that look wrong and are legal.
/// Guarantees: stored without a word.
#[tokio::test]
async fn b11_to_b28_odd_spans_are_stored() {
    let server = Server::start().await;
    let own_parent = changed(|span| span.parent_span_id = span.span_id.clone());
    let (mut a, mut b) = (span(1), span(2));
    (a.parent_span_id, b.parent_span_id) = (b.span_id.clone(), a.span_id.clone());
    let renamed = changed(|span| span.name = "another".into());
    let early_end = changed(|span| span.end_time_unix_nano = span.start_time_unix_nano - 5);
    let ahead = changed(|span| {
        span.start_time_unix_nano = NOW as u64 + 600_000_000_000;
        span.end_time_unix_nano = span.start_time_unix_nano;
    });
    let strange = changed(|span| {
        span.kind = 99;
        span.status = Some(Status { code: 7, message: String::new() });
        span.flags = u32::MAX;
    });
    let zero_parent = beside(|span| span.parent_span_id = vec![0; 8]);
    check_all(
        &server,
        vec![
            ("B11 zero parent", zero_parent, Full(2)),
            ("B11 own parent", encoded(vec![own_parent]), Full(1)),
            ("B11 cycle", encoded(vec![a, b]), Full(2)),
            ("B12 twice", encoded(vec![span(1), span(1)]), Full(2)),
            ("B13 shared id", encoded(vec![span(7), renamed]), Full(2)),
            ("B14 end before start", encoded(vec![early_end]), Full(1)),
            ("B18 ten minutes ahead", encoded(vec![ahead]), Full(1)),
            ("B28 unknown numbers", encoded(vec![strange]), Full(1)),
        ],
    )
    .await;
    assert_eq!(server.stats().warnings[&ingest::Warning::NegativeDuration], 2);
}

/// Scenario: (B15, B16, B17) times that are missing, beyond all numbers, or outside the window.
/// Guarantees: the span is rejected with the reason; the edges of the window are inside.
#[tokio::test]
async fn b15_b16_b17_times_outside_the_window_cost_one_span() {
    let settings = ServerSettings { retention_seconds: Some(3600), ..ServerSettings::default() };
    let server = Server::with(settings).await;
    const HOUR: u64 = 3_600_000_000_000;
    let at = |start: u64| {
        beside(|span| {
            span.start_time_unix_nano = start;
            span.end_time_unix_nano = span.end_time_unix_nano.max(start);
        })
    };
    let now = NOW as u64;
    let range = || rejected("start_time_unix_nano is outside the representable range");
    let end_range = || rejected("end_time_unix_nano is outside the representable range");
    let future = || rejected("start_time_unix_nano is further ahead of the server's clock");
    let past = || rejected("start_time_unix_nano is longer ago");
    let end = |end: u64| beside(|span| span.end_time_unix_nano = end);
    check_all(
        &server,
        vec![
            ("B15 start 0", at(0), rejected("start_time_unix_nano is 0")),
            ("B15 end 0", end(0), rejected("end_time_unix_nano is 0")),
            ("B16 start max", at(u64::MAX), range()),
            ("B16 start 2^63", at(1 << 63), range()),
            ("B16 start i64 max", at(i64::MAX as u64), range()),
            ("B16 end max", end(u64::MAX), end_range()),
            ("B17 just before the end of the window", at(now + 24 * HOUR), Full(2)),
            ("B17 beyond the window", at(now + 24 * HOUR + 1), future()),
            ("B17 far ahead", at(i64::MAX as u64 - 1), future()),
            ("B17 as old as is kept", at(now - HOUR), Full(2)),
            ("B17 older than is kept", at(now - HOUR - 1), past()),
            ("B17 1970", at(1), past()),
        ],
    )
    .await;
    let rejected = server.stats().rejected_spans;
    let count = |text: &str| {
        rejected.iter().filter(|(reason, _)| reason.contains(text)).map(|(_, count)| count).sum()
    };
    assert_eq!((count("further ahead"), count("longer ago")), (4_u64, 4_u64));
}

/// Scenario: (B19, B20) more attributes and longer text than is kept, and more events.
/// Guarantees: the span is stored, cut, with a warning; what is dropped is counted.
#[tokio::test]
async fn b19_b20_what_is_too_much_is_cut_with_a_warning() {
    let server = Server::start().await;
    let many = changed(|span| {
        let value = |number: i64| attribute(&format!("k{number}"), Value::IntValue(number));
        span.attributes = (0..100_000).map(value).collect();
    });
    let long = "ä".repeat(100 << 10);
    let long = changed(|span| {
        span.attributes = vec![attribute("k", Value::StringValue(long))];
    });
    let events = changed(|span| span.events = vec![Event::default(); 5000]);
    check_all(
        &server,
        vec![
            (
                "B19 attributes",
                encoded(vec![many.clone()]),
                Warned(1, "1 span had more attributes than are kept".into()),
            ),
            (
                "B19 events",
                encoded(vec![events]),
                Warned(1, "1 span had more events or links than are kept".into()),
            ),
            (
                "B20 text",
                encoded(vec![long.clone()]),
                Warned(1, "1 span had text that was cut at the length limit".into()),
            ),
        ],
    )
    .await;
    http_client::export(server.address, PROTOBUF, &encoded(vec![many, long])).await;
    let stored = server.sink.take();
    let rows = stored[0].batches[0].to_stored();
    assert_eq!(cell(&rows, "dropped_attributes_count", 0), (100_000 - 128).to_string());
    let text = cell(&rows, "attributes", 1);
    assert!((65_000..65_600).contains(&text.len()), "{}", text.len());
}

/// Scenario: (B21) a request of more rows than a batch holds.
/// Guarantees: several batches, no row lost.
#[tokio::test]
async fn b21_batches_are_cut() {
    let server = Server::start().await;
    let body = encoded(spans(70_000));
    check_all(&server, vec![("B21", body.clone(), Full(70_000))]).await;
    http_client::export(server.address, PROTOBUF, &body).await;
    let stored = server.sink.take();
    assert_eq!(stored[0].batches.len(), 3);
    assert_eq!(stored[0].payload, body);
}

/// Scenario: (B22, B23, B24) attributes of every kind, twice, without value, by index, odd numbers.
/// Guarantees: stored; only a string index is worth a warning.
#[tokio::test]
async fn b22_b23_b24_every_kind_of_value_is_stored() {
    let server = Server::start().await;
    let any = |value: Value| AnyValue { value: Some(value) };
    let array = ArrayValue {
        values: vec![
            any(Value::StringValue("x".into())),
            AnyValue::default(),
            any(Value::IntValue(1)),
        ],
    };
    let kinds = changed(|span| {
        span.attributes = vec![
            attribute("twice", Value::IntValue(1)),
            attribute("twice", Value::IntValue(2)),
            attribute("nan", Value::DoubleValue(f64::NAN)),
            attribute("infinity", Value::DoubleValue(f64::INFINITY)),
            attribute("minus zero", Value::DoubleValue(-0.0)),
            attribute("bytes", Value::BytesValue(vec![0, 255])),
            attribute("array", Value::ArrayValue(array)),
            attribute("empty", Value::StringValue(String::new())),
            attribute("", Value::BoolValue(false)),
        ];
        span.links = vec![Link::default()];
    });
    // A key by index (field 3) and a value by index (field 8).
    let indexed = |content: &[u8]| {
        let mut span = span(3).encode_to_vec();
        span.extend(wrapped(&[9], content));
        wrapped(&[1, 2, 2], &span)
    };
    let warned = || Warned(1, "1 span had string indexes without a string table".into());
    check_all(
        &server,
        vec![
            ("B22 B23 B24", encoded(vec![kinds.clone()]), Full(1)),
            ("B23 key index", indexed(&[0x18, 5]), warned()),
            ("B23 value index", indexed(&wrapped(&[2], &[0x40, 5])), warned()),
        ],
    )
    .await;
    http_client::export(server.address, PROTOBUF, &encoded(vec![kinds])).await;
    let stored = server.sink.take();
    let attributes = cell(&stored[0].batches[0].to_stored(), "attributes", 0);
    assert!(attributes.contains("twice: 2") && !attributes.contains("twice: 1"), "{attributes}");
}

/// Scenario: (B29, B30) resources whose service is missing, empty, no text, huge, or shaped like a path.
/// Guarantees: stored under a name that is only a name.
#[tokio::test]
async fn b29_b30_services_are_names() {
    let server = Server::start().await;
    let text = |text: &str| Some(Value::StringValue(text.into()));
    let long = "s".repeat(1 << 20);
    let cases = [
        ("B29 missing", None, "unknown_service"),
        ("B29 empty", text(""), "unknown_service"),
        ("B29 number", Some(Value::IntValue(7)), "7"),
        ("B29 long", text(&long), &long[..64 << 10]),
        ("B30 path", text("../../etc"), "../../etc"),
        ("B30 escaped path", text("%2e%2e/"), "%2e%2e/"),
        ("B30 device", text("CON"), "CON"),
    ];
    for (id, service, expected) in cases {
        let mut request = request(vec![span(1)]);
        let resource = request.resource_spans[0].resource.as_mut().unwrap();
        resource.attributes =
            service.map(|value| attribute("service.name", value)).into_iter().collect();
        let reply = http_client::export(server.address, PROTOBUF, &request.encode_to_vec()).await;
        assert_eq!(reply.status, 200, "{id}");
        let stored = server.sink.take();
        let rows = stored[0].batches[0].to_stored();
        assert_eq!(cell(&rows, "service_name", 0), expected, "{id}");
    }
}

/// Scenario: a payload that was accepted in part is decoded again, as a log does when it is replayed.
/// Guarantees: the same rows, with the rules as text and other settings.
#[tokio::test]
async fn what_was_accepted_decodes_the_same_again() {
    let server = Server::start().await;
    let mut request = request(vec![span(1), changed(|span| span.trace_id.clear()), span(2)]);
    let far = changed(|span| span.start_time_unix_nano = i64::MAX as u64 - 1);
    request.resource_spans[0]
        .scope_spans
        .push(ScopeSpans { spans: vec![far, span(4)], ..ScopeSpans::default() });
    http_client::export(server.address, PROTOBUF, &request.encode_to_vec()).await;
    let stored = server.sink.take().remove(0);
    assert_eq!((stored.spans, stored.received_ns), (3, NOW));
    let rules = ingest::server::Rules::from_text(&server.receiver.rules().to_text()).unwrap();
    let format = ingest::server::PayloadFormat::from_code(stored.format.code()).unwrap();
    let again = ingest::server::decode(format, &stored.payload, NOW, &rules).unwrap();
    assert_eq!(again.batches.len(), stored.batches.len());
    for (again, stored) in again.batches.iter().zip(&stored.batches) {
        assert_eq!(again.to_stored(), stored.to_stored());
    }
}
