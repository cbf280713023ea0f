//! Table A: framing, compression, headers and connections.

use ingest::server::{Protocol, Protocols, ServerSettings};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::grpc_client::{self, Client, EXPORT, framed};
use super::http_client::{JSON, PROTOBUF, exchange, export, head, is_closed, post, read_reply};
use super::requests::{encoded, gzip, json_request, json_span, spans};
use super::setup::{Answer, Server, until};

/// Limits small enough to be crossed quickly.
fn small() -> ServerSettings {
    ServerSettings { max_request_bytes: 10_000, in_flight_bytes: 1 << 20, ..Default::default() }
}

/// Scenario: (A1, A2) a request one byte over the limit, which says so in its head.
/// Guarantees: refused before the body comes, not retryable.
#[tokio::test]
async fn a1_a2_declared_size_over_the_limit() {
    let server = Server::start().await;
    let message = "request is 67108865 bytes; the limit is 67108864 (ingest.max_request_bytes)";
    let client = Client::connect(server.address).await;
    let mut declared = framed(0, b"");
    declared[1..].copy_from_slice(&((64 << 20) + 1_u32).to_be_bytes());
    let reply = client.call(EXPORT, &[], declared).await;
    assert_eq!((reply.code, &reply.message[..], reply.details), (8, message, None), "A1");

    let head = head("POST", "/v1/traces", &[("content-type", PROTOBUF)], (64 << 20) + 1);
    let reply = exchange(server.address, head.as_bytes()).await;
    assert_eq!(reply.status, 413, "A2");
    let status = reply.status_proto();
    assert_eq!((status.code, &status.message[..], status.details), (8, message, vec![]), "A2");
    assert_eq!(reply.header("connection"), Some("close"), "A2");
    // A client that asks first is told at once.
    let head = head.replace("host:", "expect: 100-continue\r\nhost:");
    assert_eq!(exchange(server.address, head.as_bytes()).await.status, 413, "A2");
}

/// Scenario: (A3) a body without a length that grows over the limit.
/// Guarantees: 413 as soon as the limit is crossed, then the connection closes.
#[tokio::test]
async fn a3_chunked_body_over_the_limit() {
    let server = Server::with(small()).await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\
                content-type: application/json\r\n\r\n";
    tcp.write_all(head.as_bytes()).await.unwrap();
    // There is no end: the answer comes before it.
    for _ in 0..11 {
        tcp.write_all(format!("3e8\r\n{}\r\n", " ".repeat(1000)).as_bytes()).await.unwrap();
    }
    let reply = read_reply(&mut tcp).await.unwrap();
    assert_eq!(reply.status, 413);
    assert!(reply.status_proto().message.starts_with("request is more than 10000 bytes"));
    assert!(is_closed(&mut tcp).await);
    assert_eq!(server.receiver.in_flight_bytes(), 0);

    // The same framing within the limit.
    let body = json_request(&json_span(""));
    let chunks = format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    assert_eq!(exchange(server.address, chunks.as_bytes()).await.partial(), None);
    assert_eq!(server.sink.take_spans(), 1);
}

/// Scenario: (A4, A5) 64 KiB that become 64 MiB and one byte.
/// Guarantees: refused, not retryable, in both encodings and over both transports.
#[tokio::test]
async fn a4_a5_decompression_bombs() {
    let server = Server::start().await;
    let content = vec![0; (64 << 20) + 1];
    let bombs = [("gzip", gzip(&content)), ("zstd", zstd::encode_all(&content[..], 1).unwrap())];
    let client = Client::connect(server.address).await;
    for (name, bomb) in bombs {
        assert!(bomb.len() < 1 << 20);
        let headers = [("content-type", PROTOBUF), ("content-encoding", name)];
        let reply = post(server.address, &headers, &bomb).await;
        assert_eq!((reply.status, reply.status_proto().code), (413, 8), "A4 {name}");
        let message = reply.status_proto().message;
        assert!(message.contains("after decompression"), "A4 {name}: {message}");
        let reply = client.call(EXPORT, &[("grpc-encoding", name)], framed(1, &bomb)).await;
        assert_eq!((reply.code, reply.message, reply.details), (8, message, None), "A5 {name}");
    }
    assert_eq!(server.receiver.in_flight_bytes(), 0);
}

/// Scenario: (A6) compressed bodies, whole, in parts, cut, damaged.
/// Guarantees: parts count as one body; damage is bad data with its reason.
#[tokio::test]
async fn a6_compressed_bodies() {
    let server = Server::start().await;
    let client = Client::connect(server.address).await;
    let body = encoded(spans(100));
    let (a, b) = body.split_at(1000);
    let whole = gzip(&body);
    let mut wrong_sum = whole.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 0x55;
    let zstd_of = |content: &[u8]| zstd::encode_all(content, 1).unwrap();
    let cases = [
        ("gzip", "whole", whole.clone(), true),
        ("gzip", "members", [gzip(a), gzip(b)].concat(), true),
        ("gzip", "trailing garbage", [&whole[..], b"garbage behind"].concat(), false),
        ("gzip", "cut off", whole[..whole.len() - 9].to_vec(), false),
        ("gzip", "wrong sum", wrong_sum, false),
        ("gzip", "not gzip", body.clone(), false),
        ("zstd", "whole", zstd_of(&body), true),
        ("zstd", "frames", [zstd_of(a), zstd_of(b)].concat(), true),
        ("zstd", "cut off", zstd_of(&body)[..100].to_vec(), false),
        ("identity", "whole", body.clone(), true),
    ];
    for (encoding, id, body, good) in cases {
        let headers = [("content-type", PROTOBUF), ("content-encoding", encoding)];
        let http = post(server.address, &headers, &body).await;
        let flag = u8::from(encoding != "identity");
        let grpc = client.call(EXPORT, &[("grpc-encoding", encoding)], framed(flag, &body)).await;
        if good {
            assert_eq!((http.partial(), grpc.partial()), (None, None), "A6 {encoding} {id}");
            assert_eq!(server.sink.take_spans(), 200, "A6 {encoding} {id}");
            continue;
        }
        assert_eq!((http.status, grpc.code), (400, 3), "A6 {encoding} {id}");
        let message = http.status_proto().message;
        assert!(message.starts_with(&format!("invalid {encoding} body: ")), "A6 {id}: {message}");
    }
    // Compression may be announced and not used.
    let reply = client.call(EXPORT, &[("grpc-encoding", "gzip")], framed(0, &body)).await;
    assert_eq!(reply.partial(), None);
}

/// Scenario: (A7) compressions that are not supported.
/// Guarantees: the answer says which are.
#[tokio::test]
async fn a7_unsupported_encodings() {
    let server = Server::start().await;
    let client = Client::connect(server.address).await;
    for name in ["br", "gzip, gzip", "snappy", "deflate"] {
        let headers = [("content-type", JSON), ("content-encoding", name)];
        let reply = post(server.address, &headers, b"{}").await;
        assert_eq!(reply.status, 415, "A7 {name}");
        assert_eq!(reply.header("accept-encoding"), Some("gzip, zstd, identity"), "A7 {name}");
        let message = reply.status_proto().message;
        assert!(message.contains("supported: gzip, zstd, identity"), "A7 {name}: {message}");
        let reply = client.call(EXPORT, &[("grpc-encoding", name)], framed(1, b"")).await;
        assert_eq!(reply.code, 12, "A7 {name}");
        assert_eq!(reply.header("grpc-accept-encoding"), Some("gzip, zstd, identity"), "A7 {name}");
    }
}

/// Scenario: (A8) calls that break the framing of gRPC.
/// Guarantees: INTERNAL, as the documentation of gRPC has it.
#[tokio::test]
async fn a8_broken_framing() {
    let server = Server::start().await;
    let client = Client::connect(server.address).await;
    let message = encoded(spans(1));
    let twice = framed(0, &message).repeat(2);
    let short = framed(0, &message)[..20].to_vec();
    let cases = [
        ("compressed, no encoding", vec![], framed(1, &message)),
        ("compressed, identity", vec![("grpc-encoding", "identity")], framed(1, &message)),
        ("flag 7", vec![], framed(7, &message)),
        ("two messages", vec![], twice),
        ("half a message", vec![], short),
        ("half a header", vec![], vec![0, 0]),
        ("no message", vec![], vec![]),
        ("timeout without a unit", vec![("grpc-timeout", "10")], framed(0, &message)),
    ];
    for (id, headers, body) in cases {
        let reply = client.call(EXPORT, &headers, body).await;
        assert_eq!((reply.http_status, reply.code), (200, 13), "A8 {id}: {}", reply.message);
    }
    assert!(server.sink.take().is_empty());
}

/// Scenario: (A11, A12) content types, and bodies of another one.
/// Guarantees: what is not OTLP is 415; a wrong body is bad data, answered in the type of the request.
#[tokio::test]
async fn a11_a12_content_types() {
    let server = Server::start().await;
    let json = json_request(&json_span(""));
    for (content_type, status) in [
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/grpc-web+proto", 415),
        ("application/grpc+json", 415),
        ("", 415),
    ] {
        let reply = export(server.address, content_type, json.as_bytes()).await;
        assert_eq!(reply.status, status, "A11 {content_type}");
        if status != 200 {
            assert!(reply.status_proto().message.contains("application/x-protobuf"));
        }
    }
    let reply = post(server.address, &[], json.as_bytes()).await;
    assert_eq!((reply.status, reply.status_proto().code), (415, 3), "A11 none");

    let protobuf = encoded(spans(1));
    for (content_type, body) in [(PROTOBUF, json.as_bytes()), (JSON, &protobuf[..])] {
        let reply = export(server.address, content_type, body).await;
        assert_eq!((reply.status, reply.header("content-type")), (400, Some(content_type)), "A12");
        assert!(reply.status_proto().message.contains("byte "), "A12 {content_type}");
    }
    let client = Client::connect(server.address).await;
    for content_type in ["application/grpc", "application/grpc+proto"] {
        let headers = [("content-type", content_type)];
        let reply = client.call(EXPORT, &headers, framed(0, &protobuf)).await;
        assert_eq!((reply.partial(), reply.header("content-type")), (None, Some(content_type)));
    }
    let headers = [("content-type", "text/plain")];
    assert_eq!(client.call(EXPORT, &headers, framed(0, &protobuf)).await.http_status, 404);
}

/// Scenario: (A13, B31) other methods, paths and signals.
/// Guarantees: 405, 404 and UNIMPLEMENTED, never a silent success.
#[tokio::test]
async fn a13_b31_other_methods_and_paths() {
    let server = Server::start().await;
    let send = async |method: &str, path: &str| {
        let head = head(method, path, &[("content-type", JSON)], 2);
        exchange(server.address, format!("{head}{{}}").as_bytes()).await
    };
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let reply = send(method, "/v1/traces").await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "A13 {method}");
    }
    for path in ["/v1/trace", "/v1/traces/", "/", "/v1/../v1/traces", "/v1/logs", "/v1/metrics"] {
        let reply = send("POST", path).await;
        assert_eq!((reply.status, reply.status_proto().code), (404, 5), "A13 {path}");
        assert!(reply.status_proto().message.contains("/v1/traces"), "A13 {path}");
    }
    assert_eq!(send("POST", "/v1/traces?key=value").await.status, 200);

    let client = Client::connect(server.address).await;
    for method in [
        "collector.logs.v1.LogsService/Export",
        "collector.metrics.v1.MetricsService/Export",
        "collector.trace.v1.TraceService/Other",
    ] {
        let path = format!("/opentelemetry.proto.{method}");
        let reply = client.call(&path, &[], framed(0, b"")).await;
        assert_eq!((reply.http_status, reply.code), (200, 12), "B31 {method}");
        assert!(reply.message.contains("traces only"), "B31 {method}");
    }
    assert_eq!(client.call("/grpc.health.v1.Health/Check", &[], framed(0, b"")).await.code, 12);
    let stats = server.stats();
    assert_eq!(
        (stats.requests_that_were("method"), stats.requests_that_were("not_found")),
        (4, 10)
    );
}

/// Scenario: the transport that a port does not take.
/// Guarantees: an answer that says where to go, in terms of the one who asks.
#[tokio::test]
async fn the_other_transport_is_told_where_to_go() {
    let body = encoded(spans(1));
    let grpc_only = Protocols::Only(Protocol::Grpc);
    let server = Server::speaking(grpc_only, ServerSettings::default()).await;
    let reply = export(server.address, PROTOBUF, &body).await;
    assert_eq!(reply.status, 415);
    assert!(reply.status_proto().message.contains("OTLP/gRPC"));
    assert_eq!(grpc_client::export(server.address, &body).await.partial(), None);
    // A call over HTTP/1.
    let reply = export(server.address, "application/grpc", &body).await;
    assert_eq!((reply.status, reply.header("grpc-status")), (505, Some("12")));

    let http_only = Protocols::Only(Protocol::Http);
    let server = Server::speaking(http_only, ServerSettings::default()).await;
    let reply = grpc_client::export(server.address, &body).await;
    assert_eq!(reply.code, 12);
    assert!(reply.message.contains("OTLP/HTTP"));
    assert_eq!(export(server.address, PROTOBUF, &body).await.partial(), None);
    // OTLP/HTTP over HTTP/2.
    let client = Client::connect(server.address).await;
    let reply = client.call("/v1/traces", &[("content-type", PROTOBUF)], body).await;
    assert_eq!((reply.http_status, &reply.body[..]), (200, &b""[..]));
}

/// Scenario: (A15) more headers, and longer ones, than are read.
/// Guarantees: 431, and the server goes on.
#[tokio::test]
async fn a15_large_heads() {
    let server = Server::start().await;
    let long = "x".repeat(64 << 10);
    let many: Vec<_> = (0..10_000).map(|number| (format!("x-{number}"), "v")).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (&name[..], *value)).collect();
    let some: Vec<_> = many[..150].to_vec();
    for (id, headers) in [("long", vec![("x-long", &long[..])]), ("many", many), ("150", some)] {
        assert_eq!(post(server.address, &headers, b"").await.status, 431, "A15 {id}");
    }
    assert_eq!(export(server.address, JSON, b"{}").await.status, 200);
}

/// Scenario: (A16) clients that speak TLS, close half, or connect and close.
/// Guarantees: the listener lives, and half-closed clients get their answer.
#[tokio::test]
async fn a16_odd_connections() {
    let server = Server::start().await;
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 client hello \x00\xff\xfe\r\n\r\n";
    let mut tls = TcpStream::connect(server.address).await.unwrap();
    tls.write_all(hello).await.unwrap();
    assert!(read_reply(&mut tls).await.is_none_or(|reply| reply.status == 400));

    let mut half = TcpStream::connect(server.address).await.unwrap();
    let body = encoded(spans(1));
    let request = head("POST", "/v1/traces", &[("content-type", PROTOBUF)], body.len());
    half.write_all(&[request.as_bytes(), &body].concat()).await.unwrap();
    half.shutdown().await.unwrap();
    assert_eq!(read_reply(&mut half).await.unwrap().partial(), None);
    // Half a request, and then no more.
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(&[request.as_bytes(), &body[1..]].concat()).await.unwrap();
    half.shutdown().await.unwrap();
    let reply = read_reply(&mut half).await;
    assert!(reply.is_none_or(|reply| reply.status == 400));

    for number in 0..2000 {
        let tcp = TcpStream::connect(server.address).await.unwrap();
        if number % 2 == 0 {
            // Closes with a reset.
            tcp.set_zero_linger().unwrap();
        }
    }
    assert_eq!(export(server.address, PROTOBUF, &body).await.partial(), None);
    until("all connections are closed", || server.stats().open_connections == 0).await;
    assert_eq!(server.receiver.in_flight_bytes(), 0);
}

/// Scenario: (A16) more connections than allowed.
/// Guarantees: the last one is closed at once; when another one ends there is room again.
#[tokio::test]
async fn a16_connections_are_limited() {
    let settings = ServerSettings { connections: 2, ..Default::default() };
    let server = Server::with(settings).await;
    let first = TcpStream::connect(server.address).await.unwrap();
    let _second = Client::connect(server.address).await;
    until("two are open", || server.stats().open_connections == 2).await;
    let mut third = TcpStream::connect(server.address).await.unwrap();
    assert!(is_closed(&mut third).await);
    assert_eq!(server.stats().connections_over_limit, 1);
    drop(first);
    until("one is open", || server.stats().open_connections == 1).await;
    assert_eq!(export(server.address, JSON, b"{}").await.status, 200);
}

/// Scenario: several requests on one connection, also sent before the answers are read.
/// Guarantees: one answer each, in order.
#[tokio::test]
async fn connections_are_kept() {
    let server = Server::start().await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let body = encoded(spans(3));
    let request = head("POST", "/v1/traces", &[("content-type", PROTOBUF)], body.len());
    let request = [request.as_bytes(), &body].concat();
    for _ in 0..3 {
        tcp.write_all(&request).await.unwrap();
        assert_eq!(read_reply(&mut tcp).await.unwrap().partial(), None);
    }
    assert_eq!(server.stats().connections, 1);
    let client = Client::connect(server.address).await;
    let calls = (0..100).map(|_| client.export(&body));
    for reply in futures::future::join_all(calls).await {
        assert_eq!(reply.partial(), None);
    }
    assert_eq!(server.sink.take_spans(), 3 * 103);
    let stats = server.stats();
    assert_eq!((stats.spans, stats.connections), (3 * 103, 2));
    assert_eq!(stats.payload_bytes, 103 * body.len() as u64);
}

/// Scenario: (A17) clients that vanish before the answer.
/// Guarantees: what was sent may be stored; nothing stays behind.
#[tokio::test]
async fn a17_clients_that_vanish() {
    let server = Server::start().await;
    server.sink.answer(Answer::Wait);
    let body = encoded(spans(1));
    let client = Client::connect(server.address).await;
    let call = tokio::spawn({
        let (client, body) = (client.clone(), body.clone());
        async move { client.export(&body).await }
    });
    until("the call waits", || server.sink.waiting() == 1).await;
    call.abort();
    drop(client);
    until("the call is given up", || server.stats().abandoned == 1).await;

    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let request = head("POST", "/v1/traces", &[("content-type", PROTOBUF)], body.len());
    tcp.write_all(&[request.as_bytes(), &body].concat()).await.unwrap();
    until("the request waits", || server.sink.waiting() == 2).await;
    assert!(server.receiver.in_flight_bytes() > 0);
    drop(tcp);
    server.sink.release();
    until("no connection is open", || server.stats().open_connections == 0).await;
    assert_eq!(server.receiver.in_flight_bytes(), 0);
}
