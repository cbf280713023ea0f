//! OTLP over HTTP: `POST /v1/traces`, protobuf and JSON.

use std::sync::Arc;

use ::http::header::{
    ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER,
};
use ::http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};

use crate::server::PayloadFormat;
use crate::server::answer::Answer;
use crate::server::body::{Body, BodyReader, Deadline};
use crate::server::fault::{Fault, Reason};
use crate::server::inflate::{self, Encoding};
use crate::server::pace::Running;
use crate::server::receiver::Receiver;
use crate::server::reply::{self, Verdict};
use crate::server::route::{joined, media_type, unsupported_encoding};

const PATH: &str = "/v1/traces";

/// Answers a request that is not gRPC. `allowed` is false where only gRPC is spoken.
pub(super) async fn answer(
    receiver: &Arc<Receiver>,
    allowed: bool,
    request: Request<Incoming>,
    running: &Running,
) -> (Response<Answer>, Result<Verdict, Fault>) {
    let (version, format) = (request.version(), format(&media_type(request.headers())));
    let deadline = Deadline::new(receiver.settings.request_timeout(), None);
    let mut read = request.body().is_end_stream();
    let outcome = match check(&request, allowed) {
        Err(fault) => Err(fault),
        Ok((format, encoding)) => {
            let mut reader = BodyReader::new(receiver, request.into_body(), deadline);
            let body = reader.all().await;
            read = body.is_ok();
            match body {
                Err(fault) => Err(fault),
                Ok((bytes, permit)) => {
                    let body = Body { format, encoding, bytes, permit };
                    receiver.take(body, deadline).await
                }
            }
        }
    };
    // What the request is not known to be in is answered in what people read.
    let mut response = respond(&outcome, format.unwrap_or(PayloadFormat::Json));
    if !read {
        running.leaves_body();
        if version < Version::HTTP_2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    (response, outcome)
}

/// What the head of a request says about its body.
fn check(request: &Request<Incoming>, allowed: bool) -> Result<(PayloadFormat, Encoding), Fault> {
    if !allowed {
        let message = "this port takes OTLP/gRPC (application/grpc over HTTP/2); OTLP/HTTP has \
                       another one";
        return Err(Fault::new(Reason::ContentType, message));
    }
    match request.uri().path() {
        PATH => {}
        "/v1/logs" | "/v1/metrics" | "/v1/profiles" | "/v1development/profiles" => {
            let message = format!("this server takes traces only, at {PATH}");
            return Err(Fault::new(Reason::NotFound, message));
        }
        _ => {
            let message = format!("there is nothing here; traces go to {PATH}");
            return Err(Fault::new(Reason::NotFound, message));
        }
    }
    if request.method() != Method::POST {
        return Err(Fault::new(Reason::Method, "use POST"));
    }
    let Some(format) = format(&media_type(request.headers())) else {
        let message = "the content type must be application/x-protobuf or application/json";
        return Err(Fault::new(Reason::ContentType, message));
    };
    let encoding = joined(request.headers(), CONTENT_ENCODING.as_str());
    let encoding = Encoding::named(&encoding).ok_or_else(|| unsupported_encoding(&encoding))?;
    Ok((format, encoding))
}

fn format(media_type: &str) -> Option<PayloadFormat> {
    match media_type {
        "application/x-protobuf" => Some(PayloadFormat::Protobuf),
        "application/json" => Some(PayloadFormat::Json),
        _ => None,
    }
}

fn respond(outcome: &Result<Verdict, Fault>, format: PayloadFormat) -> Response<Answer> {
    let (status, body) = match outcome {
        Ok(verdict) => (StatusCode::OK, verdict.encode(format)),
        Err(fault) => (fault.http_status(), reply::status(fault, fault.body_code(), format)),
    };
    let mut response = Response::new(Answer::new(body, None));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let content_type = match format {
        PayloadFormat::Protobuf => "application/x-protobuf",
        PayloadFormat::Json => "application/json",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let Err(fault) = outcome else { return response };
    match fault.reason {
        Reason::Method => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        Reason::Encoding => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(inflate::SUPPORTED));
        }
        _ => {}
    }
    if let Some(delay) = fault.retry_after {
        // Whole seconds, and never "at once".
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}
