//! Requests to send, and `google.rpc.Status` to read.

use std::io::Write;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::setup::NOW;

/// A sound span; numbers differ, so ids do.
pub(crate) fn span(number: u64) -> Span {
    Span {
        trace_id: (u128::from(number) + 1).to_be_bytes().to_vec(),
        span_id: (number + 1).to_be_bytes().to_vec(),
        name: "GET /cart".into(),
        kind: 2,
        start_time_unix_nano: NOW as u64 - 1_000,
        end_time_unix_nano: NOW as u64,
        ..Span::default()
    }
}

pub(crate) fn spans(count: u64) -> Vec<Span> {
    (0..count).map(span).collect()
}

/// A request of one resource and one scope.
pub(crate) fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let service = attribute("service.name", Value::StringValue("shop".into()));
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes: vec![service], ..Resource::default() }),
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}

pub(crate) fn encoded(spans: Vec<Span>) -> Vec<u8> {
    request(spans).encode_to_vec()
}

pub(crate) fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A JSON request with these spans, each as text.
pub(crate) fn json_request(spans: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#)
}

/// A sound span in JSON with further members.
pub(crate) fn json_span(more: &str) -> String {
    format!(
        r#"{{"traceId":"0123456789abcdef0123456789abcdef","spanId":"0123456789abcdef",
        "startTimeUnixNano":"{NOW}","endTimeUnixNano":"{NOW}"{more}}}"#
    )
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// `google.rpc.BadRequest`.
#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

impl Status {
    /// When to try again, in seconds.
    pub(crate) fn retry_seconds(&self) -> Option<i64> {
        let info = self.detail("RetryInfo")?;
        let delay = RetryInfo::decode(info).unwrap().retry_delay.unwrap();
        assert_eq!(delay.nanos, 0);
        Some(delay.seconds)
    }

    /// What is wrong with the request.
    pub(crate) fn violation(&self) -> Option<String> {
        let bad = BadRequest::decode(self.detail("BadRequest")?).unwrap();
        Some(bad.field_violations[0].description.clone())
    }

    fn detail(&self, name: &str) -> Option<&[u8]> {
        let url = format!("type.googleapis.com/google.rpc.{name}");
        self.details.iter().find(|any| any.type_url == url).map(|any| &any.value[..])
    }
}
