//! gRPC calls, message by message.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::net::TcpStream;

use super::requests::Status;

pub(crate) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// An answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) http_status: u16,
    pub(crate) code: u32,
    pub(crate) message: String,
    pub(crate) headers: HeaderMap,
    pub(crate) details: Option<Status>,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn retry_seconds(&self) -> Option<i64> {
        self.details.as_ref().and_then(Status::retry_seconds)
    }

    /// Rejected spans and message of a success, if it has them.
    pub(crate) fn partial(&self) -> Option<(i64, String)> {
        assert_eq!((self.http_status, self.code), (200, 0), "{}", self.message);
        assert_eq!(self.body[0], 0);
        let length = u32::from_be_bytes(self.body[1..5].try_into().unwrap()) as usize;
        assert_eq!(self.body.len(), 5 + length);
        let response = ExportTraceServiceResponse::decode(&self.body[5..]).unwrap();
        response.partial_success.map(|partial| (partial.rejected_spans, partial.error_message))
    }
}

/// One connection.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    sender: http2::SendRequest<Full<Bytes>>,
    /// Ends the connection when the last clone is gone.
    _connection: std::sync::Arc<Abort>,
}

#[derive(Debug)]
struct Abort(tokio::task::JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(tcp));
        let (sender, connection) = handshake.await.unwrap();
        let task = tokio::spawn(async move { drop(connection.await) });
        Self { sender, _connection: std::sync::Arc::new(Abort(task)) }
    }

    /// Sends one message.
    pub(crate) async fn export(&self, message: &[u8]) -> Reply {
        self.call(EXPORT, &[], framed(0, message)).await
    }

    /// Sends a body as it is.
    pub(crate) async fn call(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        self.try_call(path, headers, body).await.unwrap()
    }

    pub(crate) async fn try_call(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> hyper::Result<Reply> {
        let mut request = Request::post(format!("http://test{path}"));
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("te", "trailers").body(Full::new(body.into())).unwrap();
        let response = self.sender.clone().send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?;
        // An answer without a message has its status in the headers.
        let trailers = body.trailers().cloned().unwrap_or_else(|| head.headers.clone());
        let text = |name: &str| trailers.get(name).map(|value| value.to_str().unwrap());
        let details = text("grpc-status-details-bin")
            .map(|details| Status::decode(&STANDARD_NO_PAD.decode(details).unwrap()[..]).unwrap());
        let reply = Reply {
            http_status: head.status.as_u16(),
            code: text("grpc-status").map_or(u32::MAX, |code| code.parse().unwrap()),
            message: percent_decoded(text("grpc-message").unwrap_or_default()),
            headers: head.headers,
            details,
            body: body.to_bytes(),
        };
        if let Some(details) = &reply.details {
            assert_eq!(details.code as u32, reply.code);
        }
        Ok(reply)
    }
}

fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// A message behind its five bytes.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flag];
    bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
    bytes.extend_from_slice(message);
    bytes
}

/// One call on a connection of its own.
pub(crate) async fn export(address: SocketAddr, message: &[u8]) -> Reply {
    Client::connect(address).await.export(message).await
}
