//! Tells what a request is for.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;

use crate::server::answer::Answer;
use crate::server::fault::{Fault, Reason};
use crate::server::pace::Running;
use crate::server::receiver::Receiver;
use crate::server::reply::Verdict;
use crate::server::stats::{Stats, Success};
use crate::server::{Protocol, Protocols, grpc, http as otlp_http};

/// Answers a request.
pub(super) async fn answer(
    receiver: Arc<Receiver>,
    protocols: Protocols,
    request: Request<Incoming>,
    running: Running,
) -> Response<Answer> {
    let media_type = media_type(request.headers());
    let protocol = match grpc::is_media_type(&media_type) {
        true => Protocol::Grpc,
        false => Protocol::Http,
    };
    let watch = Watch { stats: &receiver.stats, answered: false };
    let allowed = protocols.include(protocol);
    let (response, outcome) = match protocol {
        Protocol::Grpc => grpc::answer(&receiver, allowed, request, &running).await,
        Protocol::Http => otlp_http::answer(&receiver, allowed, request, &running).await,
    };
    watch.answered(protocol, &outcome);
    response
}

/// The content type without parameters, in lower case; empty if there is none.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

/// All values of a header, as one list.
pub(super) fn joined(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    values.join(",")
}

/// The fault of an encoding that is not supported.
pub(super) fn unsupported_encoding(name: &str) -> Fault {
    let name: String = name.chars().take(64).collect();
    let supported = crate::server::inflate::SUPPORTED;
    let message = format!("encoding `{name}` is not supported; supported: {supported}");
    Fault::new(Reason::Encoding, message)
}

/// Counts how a request ends, also if nobody waits for the answer any more.
struct Watch<'a> {
    stats: &'a Stats,
    answered: bool,
}

impl Watch<'_> {
    fn answered(mut self, protocol: Protocol, outcome: &Result<Verdict, Fault>) {
        self.answered = true;
        match outcome {
            Ok(verdict) if verdict.rejected > 0 => {
                self.stats.accepted(protocol, Success::Partial);
            }
            Ok(_) => self.stats.accepted(protocol, Success::Full),
            Err(fault) => self.stats.refused(protocol, fault.reason),
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.stats.abandoned();
        }
    }
}
