//! Table A: HTTP/2 frame by frame, for what no client would send.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use ingest::server::ServerSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::grpc_client::{self, EXPORT};
use super::setup::{Server, until};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Code of GOAWAY and RST_STREAM.
const ENHANCE_YOUR_CALM: u32 = 11;

/// A connection of frames.
pub(crate) struct Raw {
    tcp: TcpStream,
    /// Streams whose answer has ended.
    answered: BTreeSet<u32>,
    /// Streams that the server has reset, with the code.
    reset: BTreeMap<u32, u32>,
}

/// A frame from the server.
struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    /// The code in a payload.
    fn code(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A header without compression.
fn header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        assert!(text.len() < 127, "one byte of length");
        bytes.push(text.len() as u8);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// The headers of a call.
fn call() -> Vec<u8> {
    [
        header(":method", "POST"),
        header(":scheme", "http"),
        header(":authority", "test"),
        header(":path", EXPORT),
        header("content-type", "application/grpc"),
    ]
    .concat()
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        tcp.write_all(&frame(SETTINGS, 0, 0, b"")).await.unwrap();
        Self { tcp, answered: BTreeSet::new(), reset: BTreeMap::new() }
    }

    pub(crate) async fn headers(&mut self, stream: u32, end: bool) {
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        self.send(&frame(HEADERS, flags, stream, &call())).await;
    }

    pub(crate) async fn data(&mut self, stream: u32, content: &[u8], end: bool) {
        let flags = if end { END_STREAM } else { 0 };
        self.send(&frame(DATA, flags, stream, content)).await;
    }

    /// Sends bytes, unless the server has closed the connection.
    async fn send(&mut self, bytes: &[u8]) {
        self.tcp.write_all(bytes).await.ok();
    }

    /// The next frame; `None` at the end of the connection.
    async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        let read = timeout(Duration::from_secs(30), self.tcp.read_exact(&mut head)).await;
        read.expect("the server says nothing").ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        self.tcp.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let frame = Frame { kind: head[3], stream, payload };
        if matches!(frame.kind, HEADERS | DATA) && head[4] & END_STREAM != 0 {
            self.answered.insert(stream);
        }
        if frame.kind == RST_STREAM {
            self.reset.insert(stream, frame.code(0));
        }
        Some(frame)
    }

    /// The code with which the server resets a stream.
    pub(crate) async fn until_reset(&mut self, stream: u32) -> u32 {
        loop {
            if let Some(code) = self.reset.get(&stream) {
                return *code;
            }
            self.next().await.expect("a reset");
        }
    }

    /// Waits for the end of the answer on a stream.
    pub(crate) async fn until_answered(&mut self, stream: u32) {
        while !self.answered.contains(&stream) {
            self.next().await.expect("an answer");
        }
    }

    /// Waits for the end of the connection; returns the code of GOAWAY, if there was one.
    pub(crate) async fn until_closed(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(frame) = self.next().await {
            if frame.kind == GOAWAY {
                code = Some(frame.code(4));
            }
        }
        code
    }
}

/// Sends a flood to a server, which must close the connection and serve others.
async fn flood(id: &str, frames: impl Fn(u32) -> Vec<u8>, count: u32) -> Option<u32> {
    let server = Server::with(ServerSettings::default()).await;
    let mut raw = Raw::connect(server.address).await;
    let bytes: Vec<u8> = (0..count).flat_map(frames).collect();
    // The server may close before it has everything.
    raw.send(&bytes).await;
    let code = raw.until_closed().await;
    let reply = grpc_client::export(server.address, b"").await;
    assert_eq!(reply.partial(), None, "{id}");
    until("connections are closed", || server.stats().open_connections == 0).await;
    assert_eq!(server.receiver.in_flight_bytes(), 0, "{id}");
    code
}

/// Scenario: (A14) requests that are taken back at once (CVE-2023-44487).
/// Guarantees: the connection is closed with ENHANCE_YOUR_CALM.
#[tokio::test]
async fn a14_rapid_reset() {
    let frames = |number: u32| {
        let stream = 2 * number + 1;
        let headers = frame(HEADERS, END_HEADERS, stream, &call());
        [headers, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
    };
    let code = flood("A14 rapid reset", frames, 20_000).await;
    assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{code:?}");
}

/// Scenario: (A14) frames on streams that make the server reset them.
/// Guarantees: the connection is closed.
#[tokio::test]
async fn a14_faults_that_make_resets() {
    // A window that becomes too large is an error of its stream (CVE-2025-8671).
    let frames = |number: u32| {
        let stream = 2 * number + 1;
        let headers = frame(HEADERS, END_HEADERS, stream, &call());
        [headers, frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes())].concat()
    };
    let code = flood("A14 reset flood", frames, 20_000).await;
    assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{code:?}");
}

/// Scenario: (A14) headers that go on for ever.
/// Guarantees: the connection is closed; what is kept is bounded.
#[tokio::test]
async fn a14_continuation_flood() {
    let frames = |number: u32| match number {
        0 => frame(HEADERS, 0, 1, &call()),
        _ => frame(CONTINUATION, 0, 1, &header("x-more", &"v".repeat(100)).repeat(100)),
    };
    let code = flood("A14 continuation", frames, 5_000).await;
    assert!(code.is_none_or(|code| code != 0), "{code:?}");
}

/// Scenario: (A14) empty frames of data without end.
/// Guarantees: the connection is closed.
#[tokio::test]
async fn a14_empty_data_flood() {
    let frames = |number: u32| match number {
        0 => frame(HEADERS, END_HEADERS, 1, &call()),
        _ => frame(DATA, 0, 1, b""),
    };
    let code = flood("A14 empty data", frames, 200_000).await;
    assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{code:?}");
}

/// Scenario: (A15) headers of 64 KiB over HTTP/2.
/// Guarantees: the request is refused, the connection may go on.
#[tokio::test]
async fn a15_large_heads_over_http2() {
    let server = Server::start().await;
    let mut raw = Raw::connect(server.address).await;
    let more = header("x-more", &"v".repeat(100)).repeat(50);
    raw.send(&frame(HEADERS, END_STREAM, 1, &call())).await;
    for number in 0..8 {
        let flags = if number == 7 { END_HEADERS } else { 0 };
        raw.send(&frame(CONTINUATION, flags, 1, &more)).await;
    }
    let refused = loop {
        let Some(frame) = raw.next().await else { break true };
        match frame.kind {
            HEADERS | RST_STREAM | GOAWAY => break frame.stream == 1 || frame.kind == GOAWAY,
            _ => {}
        }
    };
    assert!(refused);
    assert_eq!(grpc_client::export(server.address, b"").await.partial(), None);
    assert_eq!(server.stats().requests_that_were("ok"), 1);
}

/// Scenario: pings without end.
/// Guarantees: the server goes on for others, and what it owes in answers is bounded.
#[tokio::test]
async fn ping_flood() {
    let server = Server::start().await;
    let mut raw = Raw::connect(server.address).await;
    let pings: Vec<u8> = (0..20_000).flat_map(|_| frame(PING, 0, 0, &[0; 8])).collect();
    raw.send(&pings).await;
    assert_eq!(grpc_client::export(server.address, b"").await.partial(), None);
    drop(raw);
    until("connections are closed", || server.stats().open_connections == 0).await;
}
