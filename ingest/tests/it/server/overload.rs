//! Table C: more than the server can take.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use ingest::server::{Refusal, ServerSettings};

use super::grpc_client::Client;
use super::http_client::{JSON, PROTOBUF, Reply, exchange, export, post};
use super::requests::{encoded, gzip, json_request, json_span, spans};
use super::setup::{Answer, Server, until};

fn retry_after(reply: &Reply) -> u64 {
    reply.header("retry-after").unwrap().parse().unwrap()
}

/// Scenario: (C1, C4) requests hold all memory that there is for them, and many clients come.
/// Guarantees: 503 and UNAVAILABLE with a time to come back that differs, never 500 or 429; when the
/// first are done all is as before.
#[tokio::test]
async fn c1_c4_in_flight_bytes() {
    let settings = ServerSettings {
        max_request_bytes: 4_000,
        in_flight_bytes: 8_000,
        ..ServerSettings::default()
    };
    let server = Server::with(settings).await;
    server.sink.answer(Answer::Wait);
    let body = encoded(spans(50));
    let client = Client::connect(server.address).await;
    let first = tokio::spawn({
        let (client, body) = (client.clone(), body.clone());
        async move { client.export(&body).await }
    });
    // The rows take more than the budget; they are counted, so that nobody else is let in.
    until("the first waits", || server.sink.waiting() == 1).await;
    assert!(server.receiver.in_flight_bytes() > 8_000);

    let mut delays = BTreeSet::new();
    for reply in join_all((0..60).map(|_| client.export(&body))).await {
        assert_eq!(reply.code, 14, "{}", reply.message);
        assert!(reply.message.contains("ingest.in_flight_bytes"), "{}", reply.message);
        delays.insert(reply.retry_seconds().unwrap() as u64);
    }
    for _ in 0..20 {
        let reply = export(server.address, PROTOBUF, &body).await;
        assert_eq!((reply.status, reply.status_proto().code), (503, 14));
        let delay = retry_after(&reply);
        assert_eq!(reply.status_proto().retry_seconds(), Some(delay as i64));
        delays.insert(delay);
    }
    assert!(delays.iter().all(|delay| (1..=5).contains(delay)), "{delays:?}");
    assert!(delays.len() > 1, "{delays:?}");

    server.sink.release();
    assert_eq!(first.await.unwrap().partial(), None);
    assert_eq!(export(server.address, PROTOBUF, &body).await.partial(), None);
    assert_eq!(server.receiver.in_flight_bytes(), 0);
    assert_eq!(server.stats().requests_that_were("busy"), 80);
}

/// Scenario: (C1) a body without a length and a compressed one outgrow the memory that is left.
/// Guarantees: 503, and what they held is given back.
#[tokio::test]
async fn c1_bodies_that_grow() {
    let settings = ServerSettings {
        max_request_bytes: 1 << 20,
        in_flight_bytes: 2 << 20,
        ..ServerSettings::default()
    };
    let server = Server::with(settings).await;
    server.sink.answer(Answer::Wait);
    let body = encoded(spans(2_000));
    let client = Client::connect(server.address).await;
    let first = tokio::spawn({
        let (client, body) = (client.clone(), body.clone());
        async move { client.export(&body).await }
    });
    until("the first waits", || server.sink.waiting() == 1).await;
    let held = server.receiver.in_flight_bytes();
    if held < 2 << 20 {
        // A little fits, and inflating it does not.
        let bomb = gzip(&vec![b' '; 1 << 20]);
        let headers = [("content-type", JSON), ("content-encoding", "gzip")];
        let reply = post(server.address, &headers, &bomb).await;
        assert_eq!(reply.status, 503);
    }
    let chunked = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\
         content-type: application/json\r\n\r\n100000\r\n{}\r\n0\r\n\r\n",
        " ".repeat(1 << 20)
    );
    let reply = exchange(server.address, chunked.as_bytes()).await;
    assert_eq!(reply.status, 503);
    assert_eq!(server.receiver.in_flight_bytes(), held);
    server.sink.release();
    assert_eq!(first.await.unwrap().partial(), None);
}

/// Scenario: (C3) the log is full, or cannot be written.
/// Guarantees: retryable, with at least the time that the sink asks for, and its reason.
#[tokio::test]
async fn c3_the_sink_refuses() {
    let server = Server::start().await;
    let client = Client::connect(server.address).await;
    let body = encoded(spans(1));
    let json = json_request(&json_span(""));
    let (retry_after_s, reason) = (Duration::from_secs(30), "log is at 80 %".to_owned());
    let refusals = [
        Refusal::Busy { retry_after: retry_after_s, reason: reason.clone() },
        Refusal::Unavailable { retry_after: retry_after_s, reason },
    ];
    for refusal in refusals {
        server.sink.answer(Answer::Refuse(refusal));
        let grpc = client.export(&body).await;
        assert_eq!((grpc.code, &grpc.message[..]), (14, "log is at 80 %"));
        assert!((30..=34).contains(&grpc.retry_seconds().unwrap()));
        for (content_type, body) in [(PROTOBUF, &body[..]), (JSON, json.as_bytes())] {
            let http = export(server.address, content_type, body).await;
            assert_eq!((http.status, http.status_proto().code), (503, 14));
            assert!((30..=34).contains(&retry_after(&http)));
            assert_eq!(http.status_proto().message, "log is at 80 %");
        }
    }
    // In JSON the time is text.
    let http = export(server.address, JSON, json.as_bytes()).await;
    let value: serde_json::Value = serde_json::from_slice(&http.body).unwrap();
    let delay = value["details"][0]["retryDelay"].as_str().unwrap();
    assert_eq!(delay, format!("{}s", retry_after(&http)));
    let stats = server.stats();
    assert_eq!((stats.requests_that_were("busy"), stats.requests_that_were("unavailable")), (3, 4));
    assert_eq!((stats.spans, server.receiver.in_flight_bytes()), (0, 0));
}

/// Scenario: storing a request panics, on connections that other requests use.
/// Guarantees: an answer that is retryable, never a hang; what the request held is given back, and the
/// same connection goes on.
#[tokio::test]
async fn a_panic_of_the_sink_is_answered() {
    let server = Server::start().await;
    let client = Client::connect(server.address).await;
    let body = encoded(spans(3));
    server.sink.answer(Answer::Panic);
    let grpc = client.export(&body).await;
    assert_eq!(grpc.code, 14, "{}", grpc.message);
    assert!(grpc.retry_seconds().is_some());
    let http = export(server.address, PROTOBUF, &body).await;
    assert_eq!((http.status, http.status_proto().code), (503, 14));
    assert!(retry_after(&http) >= 1);
    assert_eq!(server.receiver.in_flight_bytes(), 0);
    assert_eq!(server.stats().requests_that_were("internal"), 2);
    server.sink.answer(Answer::Store);
    assert_eq!(client.export(&body).await.partial(), None);
    assert_eq!(server.sink.take_spans(), 3);
}

/// Scenario: more requests at once than threads that decode, and larger than is decoded in place.
/// Guarantees: all are served.
#[tokio::test]
async fn c6_decoding_is_shared() {
    let settings = ServerSettings { decode_threads: 1, ..ServerSettings::default() };
    let server = Server::with(settings).await;
    let client = Client::connect(server.address).await;
    let body = encoded(spans(1_000));
    for reply in join_all((0..40).map(|_| client.export(&body))).await {
        assert_eq!(reply.partial(), None);
    }
    assert_eq!(server.sink.take_spans(), 40_000);
}
