//! Stopping: what runs is finished, what is idle is closed.

use std::sync::Arc;

use ingest::server::ServerSettings;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::grpc_client::{Client, EXPORT, framed};
use super::http_client::{PROTOBUF, head, is_closed, read_reply};
use super::requests::{encoded, spans};
use super::setup::{Answer, Server, until};

/// Scenario: the server stops while requests run, a connection is idle and another one has sent nothing.
/// Guarantees: the requests are answered, the idle connections closed, new ones refused.
#[tokio::test]
async fn running_requests_are_finished() {
    let mut server = Server::start().await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let idle = Client::connect(server.address).await;
    assert_eq!(idle.export(b"").await.partial(), None);
    server.sink.answer(Answer::Wait);
    let body = encoded(spans(1));
    let client = Client::connect(server.address).await;
    let grpc = tokio::spawn({
        let body = body.clone();
        async move { client.export(&body).await }
    });
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let head = head("POST", "/v1/traces", &[("content-type", PROTOBUF)], body.len());
    tcp.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    until("both wait", || server.sink.waiting() == 2).await;

    server.stop();
    assert!(is_closed(&mut silent).await);
    until("the idle ones are closed", || server.stats().open_connections == 2).await;
    assert!(TcpStream::connect(server.address).await.is_err());
    server.sink.release();
    assert_eq!(grpc.await.unwrap().partial(), None);
    assert_eq!(read_reply(&mut tcp).await.unwrap().partial(), None);
    assert!(is_closed(&mut tcp).await);
    assert_eq!(server.sink.take_spans(), 2);
    assert_eq!(server.stopped().await, 0);
}

/// Scenario: a request that does not end when the server stops.
/// Guarantees: the server ends without it, and says so.
#[tokio::test]
async fn draining_has_an_end() {
    let settings = ServerSettings { drain_timeout_ms: 50, ..ServerSettings::default() };
    let mut server = Server::with(settings).await;
    server.sink.answer(Answer::Wait);
    let client = Client::connect(server.address).await;
    let body = encoded(spans(1));
    let call = tokio::spawn(async move { client.try_call(EXPORT, &[], framed(0, &body)).await });
    until("the call waits", || server.sink.waiting() == 1).await;
    server.stop();
    let (receiver, sink) = (Arc::clone(&server.receiver), Arc::clone(&server.sink));
    assert_eq!(server.stopped().await, 1);
    assert!(call.await.unwrap().is_err());
    until("memory is free", || receiver.in_flight_bytes() == 0).await;
    assert!(sink.take().is_empty());
}
