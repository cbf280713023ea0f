//! Tables A and C: clients that take their time, and deadlines.

use ingest::server::ServerSettings;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::frames::Raw;
use super::grpc_client::{Client, EXPORT, framed};
use super::http_client::{JSON, PROTOBUF, export, head, is_closed, read_reply};
use super::requests::{encoded, spans};
use super::setup::{Answer, Server, until};

/// Scenario: (A9) calls that declare a message and never send it, more of them than are allowed.
/// Guarantees: the stream over the limit is refused, the others end at the deadline, memory is free.
#[tokio::test]
async fn a9_declared_messages_that_never_come() {
    let settings = ServerSettings {
        streams_per_connection: 4,
        body_timeout_ms: 300,
        ..ServerSettings::default()
    };
    let server = Server::with(settings).await;
    let mut raw = Raw::connect(server.address).await;
    for stream in [1, 3, 5, 7, 9] {
        raw.headers(stream, false).await;
        let mut declared = vec![0];
        declared.extend_from_slice(&1_000_000_u32.to_be_bytes());
        raw.data(stream, &declared, false).await;
    }
    // 7 is REFUSED_STREAM.
    assert_eq!(raw.until_reset(9).await, 7);
    for stream in [1, 3, 5, 7] {
        raw.until_answered(stream).await;
    }
    assert_eq!(server.stats().requests_that_were("slow_body"), 4);
    assert_eq!(server.receiver.in_flight_bytes(), 0);
}

/// Scenario: (A10) the client gives its call no time.
/// Guarantees: DEADLINE_EXCEEDED, as it asked for.
#[tokio::test]
async fn a10_the_time_of_the_client() {
    let server = Server::start().await;
    let client = Client::connect(server.address).await;
    let reply = client.call(EXPORT, &[("grpc-timeout", "1n")], framed(0, b"")).await;
    assert_eq!(reply.code, 4);
    assert!(reply.message.contains("deadline"), "{}", reply.message);
}

/// Scenario: (A10) heads and bodies that stop in the middle.
/// Guarantees: 408, the connection closes, memory is free.
#[tokio::test]
async fn a10_slow_heads_and_bodies() {
    let settings =
        ServerSettings { header_timeout_ms: 50, body_timeout_ms: 50, ..ServerSettings::default() };
    let server = Server::with(settings).await;
    for part in ["P", "POST /v1/tr", "POST /v1/traces HTTP/1.1\r\nhost: te"] {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        tcp.write_all(part.as_bytes()).await.unwrap();
        assert_eq!(read_reply(&mut tcp).await.unwrap().status, 408, "{part}");
        assert!(is_closed(&mut tcp).await, "{part}");
    }
    // The preface of HTTP/2 begins like a request.
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    assert_eq!(read_reply(&mut tcp).await.unwrap().status, 408);
    // Who says nothing is told nothing.
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    assert!(read_reply(&mut tcp).await.is_none());
    assert_eq!(server.stats().head_timeouts, 5);

    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let head = head("POST", "/v1/traces", &[("content-type", PROTOBUF)], 1000);
    tcp.write_all(head.as_bytes()).await.unwrap();
    tcp.write_all(&[0; 999]).await.unwrap();
    let reply = read_reply(&mut tcp).await.unwrap();
    assert_eq!((reply.status, reply.status_proto().code), (408, 4));
    assert!(is_closed(&mut tcp).await);
    assert_eq!(server.receiver.in_flight_bytes(), 0);
    assert_eq!(server.stats().requests_that_were("slow_body"), 1);
}

/// Scenario: the head of a second request that stops in the middle, and no second request.
/// Guarantees: 408 for the first; the second is closed without a word, and later.
#[tokio::test]
async fn kept_connections_are_closed_when_idle() {
    let settings =
        ServerSettings { header_timeout_ms: 50, idle_timeout_ms: 150, ..ServerSettings::default() };
    let server = Server::with(settings).await;
    for second in ["POST /v1/traces HTTP/1.1\r\n", ""] {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        let head = head("POST", "/v1/traces", &[("content-type", JSON)], 2);
        tcp.write_all(format!("{head}{{}}").as_bytes()).await.unwrap();
        assert_eq!(read_reply(&mut tcp).await.unwrap().status, 200);
        tcp.write_all(second.as_bytes()).await.unwrap();
        let status = read_reply(&mut tcp).await.map(|reply| reply.status);
        assert_eq!(status, Some(408).filter(|_| !second.is_empty()));
    }
    assert_eq!(server.stats().head_timeouts, 1);
    let client = Client::connect(server.address).await;
    assert_eq!(client.export(b"").await.partial(), None);
    until("the connection is closed", || server.stats().open_connections == 0).await;
    assert_eq!(server.stats().connection_errors, 0);
}

/// Scenario: an HTTP/2 client that does not answer pings.
/// Guarantees: its connection is closed.
#[tokio::test]
async fn silent_http2_clients_are_closed() {
    let settings = ServerSettings { keep_alive_ms: 50, ..ServerSettings::default() };
    let server = Server::with(settings).await;
    let mut raw = Raw::connect(server.address).await;
    raw.until_closed().await;
    drop(raw);
    until("the connection is counted", || server.stats().connection_errors == 1).await;
}

/// Scenario: (D9) storing takes longer than the client waits, and longer than the server allows.
/// Guarantees: DEADLINE_EXCEEDED; UNAVAILABLE and 503 with a time to come back.
#[tokio::test]
async fn deadlines_hold_while_spans_are_stored() {
    let settings = ServerSettings { request_timeout_ms: 100, ..ServerSettings::default() };
    let server = Server::with(settings).await;
    server.sink.answer(Answer::Wait);
    let body = encoded(spans(1));
    let client = Client::connect(server.address).await;
    let reply = client.call(EXPORT, &[("grpc-timeout", "20m")], framed(0, &body)).await;
    assert_eq!(reply.code, 4);
    let reply = client.call(EXPORT, &[("grpc-timeout", "1H")], framed(0, &body)).await;
    assert_eq!(reply.code, 14);
    assert!(reply.retry_seconds().is_some());
    let reply = export(server.address, PROTOBUF, &body).await;
    assert_eq!((reply.status, reply.status_proto().code), (503, 14));
    assert!(reply.header("retry-after").is_some());
    assert_eq!(server.receiver.in_flight_bytes(), 0);
}
