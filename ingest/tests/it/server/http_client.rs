//! HTTP/1.1 by hand, so that it can be wrong.

use std::net::SocketAddr;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::requests::Status;

pub(crate) const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const JSON: &str = "application/json";

/// An answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(header, _)| header == name);
        header.map(|(_, value)| &value[..])
    }

    /// The body of an error.
    pub(crate) fn status_proto(&self) -> Status {
        match self.header("content-type") {
            Some(PROTOBUF) => Status::decode(&self.body[..]).unwrap(),
            Some(JSON) => {
                let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
                Status {
                    code: value["code"].as_i64().unwrap() as i32,
                    message: value["message"].as_str().unwrap().to_owned(),
                    details: Vec::new(),
                }
            }
            other => panic!("content type {other:?} of {self:?}"),
        }
    }

    /// Rejected spans and message of a success, if it has them.
    pub(crate) fn partial(&self) -> Option<(i64, String)> {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        if self.header("content-type") == Some(JSON) {
            let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
            let partial = value.get("partialSuccess")?;
            let rejected = partial["rejectedSpans"].as_str().unwrap().parse().unwrap();
            return Some((rejected, partial["errorMessage"].as_str().unwrap().to_owned()));
        }
        let response = ExportTraceServiceResponse::decode(&self.body[..]).unwrap();
        response.partial_success.map(|partial| (partial.rejected_spans, partial.error_message))
    }
}

/// The head of a request to `path` with a body of `length`.
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {length}\r\n\r\n"));
    head
}

/// Sends traces.
pub(crate) async fn post(address: SocketAddr, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut bytes = head("POST", "/v1/traces", headers, body.len()).into_bytes();
    bytes.extend_from_slice(body);
    exchange(address, &bytes).await
}

/// Sends traces of a content type.
pub(crate) async fn export(address: SocketAddr, content_type: &str, body: &[u8]) -> Reply {
    post(address, &[("content-type", content_type)], body).await
}

/// Sends bytes and reads one answer.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before it has everything.
    tcp.write_all(bytes).await.ok();
    read_reply(&mut tcp).await.expect("an answer")
}

/// Reads one answer; `None` if the connection ends first.
pub(crate) async fn read_reply(tcp: &mut TcpStream) -> Option<Reply> {
    let mut bytes = Vec::new();
    let head_len = loop {
        if let Some(at) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            break at;
        }
        if tcp.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_len].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut reply = Reply { status, headers, body: bytes.split_off(head_len + 4) };
    let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
    while reply.body.len() < length {
        if tcp.read_buf(&mut reply.body).await.ok()? == 0 {
            return None;
        }
    }
    assert_eq!(reply.body.len(), length, "more than one answer");
    Some(reply)
}

/// Whether the server closes the connection without another byte.
pub(crate) async fn is_closed(tcp: &mut TcpStream) -> bool {
    !matches!(tcp.read(&mut [0]).await, Ok(1..))
}
