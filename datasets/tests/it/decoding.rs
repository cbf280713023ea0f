//! Both encodings, read by opentelemetry-proto, say what the generator meant.

use datasets::{Attribute, Encoding, Plan, Request, Settings, Value, encode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use prost::Message;

/// Scenario: a few thousand spans with events, links and errors.
/// Guarantees: an independent decoder reads the same from JSON and from protobuf.
#[test]
fn json_and_protobuf_mean_the_same() {
    let plan = Plan::new(&Settings { spans: 6_000, seed: 3, ..Settings::default() }).unwrap();
    let (mut events, mut links, mut errors) = (0, 0, 0);
    for request in plan.requests() {
        let expected = expected(&request);
        assert_eq!(from_protobuf(&request), expected);
        assert_eq!(from_json(&request), expected);
        for (_, span) in request.spans() {
            events += span.events.len();
            links += span.links.len();
            errors += usize::from(span.error.is_some());
        }
    }
    assert!(events > 0 && links > 0 && errors > 0, "{events} {links} {errors}");
}

#[test]
fn json_follows_the_otlp_rules() {
    let plan = Plan::new(&Settings { spans: 1_000, ..Settings::default() }).unwrap();
    let mut line = Vec::new();
    encode(&plan.requests().next().unwrap(), Encoding::JsonLines, &mut line);
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    let json: serde_json::Value = serde_json::from_slice(&line).unwrap();
    let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
    assert_eq!(span["spanId"].as_str().unwrap().len(), 16);
    assert!(span["startTimeUnixNano"].is_string(), "64-bit numbers are text");
    assert!(span["kind"].is_u64(), "enumerations are numbers");
}

fn from_protobuf(request: &Request) -> ExportTraceServiceRequest {
    let mut bytes = Vec::new();
    encode(request, Encoding::Protobuf, &mut bytes);
    let (length, message) = bytes.split_first_chunk().expect("a length comes first");
    assert_eq!(u32::from_be_bytes(*length) as usize, message.len());
    ExportTraceServiceRequest::decode(message).expect("valid protobuf")
}

fn from_json(request: &Request) -> ExportTraceServiceRequest {
    let mut bytes = Vec::new();
    encode(request, Encoding::JsonLines, &mut bytes);
    serde_json::from_slice(&bytes).expect("valid OTLP/JSON")
}

fn expected(request: &Request) -> ExportTraceServiceRequest {
    let groups = request.resource_spans.iter().map(|group| ResourceSpans {
        resource: Some(Resource {
            attributes: key_values(&group.resource.attributes),
            ..Resource::default()
        }),
        scope_spans: group.scope_spans.iter().map(scope_spans).collect(),
        ..ResourceSpans::default()
    });
    ExportTraceServiceRequest { resource_spans: groups.collect() }
}

fn scope_spans(group: &datasets::ScopeSpans) -> ScopeSpans {
    ScopeSpans {
        scope: Some(InstrumentationScope {
            name: group.scope.name.into(),
            version: group.scope.version.into(),
            ..InstrumentationScope::default()
        }),
        spans: group.spans.iter().map(expected_span).collect(),
        ..ScopeSpans::default()
    }
}

fn expected_span(span: &datasets::Span) -> Span {
    let events = span.events.iter().map(|event| span::Event {
        time_unix_nano: event.time_ns,
        name: event.name.into(),
        attributes: key_values(&event.attributes),
        ..span::Event::default()
    });
    let links = span.links.iter().map(|link| span::Link {
        trace_id: link.trace_id.to_vec(),
        span_id: link.span_id.to_vec(),
        ..span::Link::default()
    });
    Span {
        trace_id: span.trace_id.to_vec(),
        span_id: span.span_id.to_vec(),
        parent_span_id: span.parent_span_id.map(Vec::from).unwrap_or_default(),
        flags: span.flags,
        name: span.name.into(),
        kind: span.kind as i32,
        start_time_unix_nano: span.start_ns,
        end_time_unix_nano: span.end_ns,
        attributes: key_values(&span.attributes),
        events: events.collect(),
        links: links.collect(),
        status: span.error.as_ref().map(|message| Status { message: message.to_string(), code: 2 }),
        ..Span::default()
    }
}

fn key_values(attributes: &[Attribute]) -> Vec<KeyValue> {
    let key_value = |attribute: &Attribute| {
        let value = match &attribute.value {
            Value::Text(text) => any_value::Value::StringValue(text.to_string()),
            Value::Int(number) => any_value::Value::IntValue(*number),
            Value::Double(number) => any_value::Value::DoubleValue(*number),
            Value::Bool(truth) => any_value::Value::BoolValue(*truth),
        };
        KeyValue {
            key: attribute.key.into(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }
    };
    attributes.iter().map(key_value).collect()
}
