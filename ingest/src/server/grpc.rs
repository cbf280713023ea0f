//! OTLP over gRPC: unary calls, of which there is one.
//!
//! A call is a POST over HTTP/2 with one message behind five bytes; its status is
//! in trailers, or in the headers if there is no message to answer with.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper::body::Incoming;

use crate::server::PayloadFormat;
use crate::server::answer::Answer;
use crate::server::body::{Body, BodyReader, Deadline};
use crate::server::fault::{Fault, Reason};
use crate::server::inflate::{self, Encoding};
use crate::server::pace::Running;
use crate::server::receiver::Receiver;
use crate::server::reply::{self, Verdict};
use crate::server::route::{joined, media_type, unsupported_encoding};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const SERVICES: &str = "/opentelemetry.proto.collector.";

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Whether a content type is that of a gRPC call with protobuf messages.
pub(super) fn is_media_type(media_type: &str) -> bool {
    matches!(media_type, "application/grpc" | "application/grpc+proto")
}

/// Answers a call. `allowed` is false where only HTTP is spoken.
pub(super) async fn answer(
    receiver: &Arc<Receiver>,
    allowed: bool,
    request: Request<Incoming>,
    running: &Running,
) -> (Response<Answer>, Result<Verdict, Fault>) {
    let version = request.version();
    let content_type = media_type(request.headers());
    let outcome = match check(&request, allowed) {
        Err(fault) => Err(fault),
        Ok(head) => call(receiver, head, request.into_body()).await,
    };
    let mut response = match &outcome {
        Ok(verdict) => success(verdict),
        // Who speaks HTTP/1 does not look for a status of gRPC.
        Err(fault) if version < Version::HTTP_2 => {
            running.leaves_body();
            let mut response = failure(fault);
            *response.status_mut() = fault.http_status();
            response.headers_mut().insert("connection", HeaderValue::from_static("close"));
            response
        }
        Err(fault) => failure(fault),
    };
    if let Ok(content_type) = HeaderValue::from_str(&content_type) {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    (response, outcome)
}

/// What the headers of a call say.
struct Head {
    encoding: Option<Encoding>,
    timeout: Option<Duration>,
}

fn check(request: &Request<Incoming>, allowed: bool) -> Result<Head, Fault> {
    if !allowed {
        let message = "this port takes OTLP/HTTP (POST /v1/traces); OTLP/gRPC has another one";
        return Err(Fault::new(Reason::NotFound, message));
    }
    if request.version() < Version::HTTP_2 {
        return Err(Fault::new(Reason::HttpVersion, "gRPC needs HTTP/2"));
    }
    if request.method() != Method::POST {
        return Err(Fault::new(Reason::Method, "a gRPC call is a POST"));
    }
    match request.uri().path() {
        EXPORT => {}
        other if other.starts_with(SERVICES) => {
            let message = format!("this server takes traces only, at {EXPORT}");
            return Err(Fault::new(Reason::NotFound, message));
        }
        _ => {
            let message = format!("no such method; traces go to {EXPORT}");
            return Err(Fault::new(Reason::NotFound, message));
        }
    }
    let name = joined(request.headers(), "grpc-encoding");
    // `identity` says as little as no header.
    let encoding = Encoding::named(&name).ok_or_else(|| unsupported_encoding(&name))?;
    let encoding = Some(encoding).filter(|encoding| *encoding != Encoding::Identity);
    let timeout =
        match request.headers().get("grpc-timeout") {
            None => None,
            Some(value) => Some(timeout(value.as_bytes()).ok_or_else(|| {
                Fault::new(Reason::Framing, "the header grpc-timeout is malformed")
            })?),
        };
    Ok(Head { encoding, timeout })
}

async fn call(receiver: &Arc<Receiver>, head: Head, body: Incoming) -> Result<Verdict, Fault> {
    let deadline = Deadline::new(receiver.settings.request_timeout(), head.timeout);
    let (bytes, compressed, permit) = BodyReader::new(receiver, body, deadline).message().await?;
    let encoding = match (compressed, head.encoding) {
        (false, _) => Encoding::Identity,
        (true, Some(encoding)) => encoding,
        (true, None) => {
            let message = "the message is compressed, but the header grpc-encoding is missing";
            return Err(Fault::new(Reason::Framing, message));
        }
    };
    let body = Body { format: PayloadFormat::Protobuf, encoding, bytes, permit };
    receiver.take(body, deadline).await
}

/// Reads a `grpc-timeout`: up to eight digits and a unit.
fn timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = str::from_utf8(digits).ok()?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

fn success(verdict: &Verdict) -> Response<Answer> {
    let message = verdict.encode(PayloadFormat::Protobuf);
    let mut frame = vec![0];
    // A verdict is at most a short message and a number.
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(&message);
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    Response::new(Answer::new(frame, Some(trailers)))
}

fn failure(fault: &Fault) -> Response<Answer> {
    let code = fault.grpc_code();
    let mut response = Response::new(Answer::default());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(GRPC_STATUS, HeaderValue::from(code as u16));
    if let Ok(message) = HeaderValue::from_str(&percent_encoded(&reply::message(fault))) {
        headers.insert(GRPC_MESSAGE, message);
    }
    if fault.retry_after.is_some() || fault.is_bad_request() {
        let status = reply::status(fault, code, PayloadFormat::Protobuf);
        if let Ok(details) = HeaderValue::from_str(&STANDARD_NO_PAD.encode(status)) {
            headers.insert(GRPC_STATUS_DETAILS, details);
        }
    }
    if fault.reason == Reason::Encoding {
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static(inflate::SUPPORTED));
    }
    response
}

/// The form of a text in the header `grpc-message`.
fn percent_encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | 0..0x20 | 0x7f.. => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
            plain => out.push(char::from(plain)),
        }
    }
    out
}

#[cfg(test)]
mod tests;
