//! Random requests, encoded by prost and by serde, against both of our decoders.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prop::collection::vec;
use proptest::prelude::*;
use prost::Message;
use schema::spans;

use super::support::{cell, decode_json, decode_protobuf};

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        any::<String>().prop_map(|text| Some(Value::StringValue(text))),
        any::<bool>().prop_map(|value| Some(Value::BoolValue(value))),
        any::<i64>().prop_map(|value| Some(Value::IntValue(value))),
        // JSON has no text for the others that both sides agree on.
        any::<f64>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| Some(Value::DoubleValue(value))),
        vec(any::<u8>(), 0..20).prop_map(|bytes| Some(Value::BytesValue(bytes))),
    ];
    let value = leaf.prop_map(|value| AnyValue { value });
    value.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec((key(), inner), 0..4).prop_map(|pairs| {
                let values = pairs.into_iter().map(|(key, value)| key_value(key, Some(value)));
                Value::KvlistValue(KeyValueList { values: values.collect() })
            }),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "service.name",
            "http.method",
            "http.request.method",
            "http.status_code",
            "exception.type",
            "net.peer.name",
            "",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

fn key_value(key: String, value: Option<AnyValue>) -> KeyValue {
    KeyValue { key, value, ..KeyValue::default() }
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec((key(), prop::option::of(any_value())).prop_map(|(k, v)| key_value(k, v)), 0..5)
}

/// Mostly ids, sometimes something else.
fn id(len: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => vec(any::<u8>(), len),
        1 => Just(vec![0; len]),
        1 => vec(any::<u8>(), 0..20),
    ]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![
        10 => 1..i64::MAX as u64,
        1 => any::<u64>(),
        1 => Just(0),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let name = prop_oneof![Just("exception".to_owned()), any::<String>()];
    (any::<u64>(), name, attributes(), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    )
}

fn link() -> impl Strategy<Value = Link> {
    (id(16), id(8), any::<String>(), attributes(), any::<u32>(), any::<u32>()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count,
            flags,
        },
    )
}

fn span() -> impl Strategy<Value = Span> {
    let identity = (id(16), id(8), prop_oneof![Just(Vec::new()), id(8)], time(), time());
    let state = prop_oneof![Just("ot=th:8".to_owned()), any::<String>()];
    let texts = (state, any::<String>(), any::<String>());
    let lists = (attributes(), vec(event(), 0..3), vec(link(), 0..3));
    let status = prop::option::of((any::<String>(), -1..4));
    let numbers = (-1..8, any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    (identity, texts, lists, status, numbers).prop_map(
        |(identity, (trace_state, name, _), (attributes, events, links), status, numbers)| Span {
            trace_id: identity.0,
            span_id: identity.1,
            parent_span_id: identity.2,
            start_time_unix_nano: identity.3,
            end_time_unix_nano: identity.4,
            trace_state,
            name,
            attributes,
            events,
            links,
            status: status.map(|(message, code)| Status { message, code }),
            kind: numbers.0,
            flags: numbers.1,
            dropped_attributes_count: numbers.2,
            dropped_events_count: numbers.3,
            dropped_links_count: numbers.4,
        },
    )
}

fn scope_spans() -> impl Strategy<Value = ScopeSpans> {
    let scope = (any::<String>(), any::<String>(), attributes(), any::<u32>()).prop_map(
        |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        },
    );
    (prop::option::of(scope), vec(span(), 0..4), any::<String>())
        .prop_map(|(scope, spans, schema_url)| ScopeSpans { scope, spans, schema_url })
}

pub(crate) fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let resource =
        attributes().prop_map(|attributes| Resource { attributes, ..Resource::default() });
    let resource_spans = (prop::option::of(resource), vec(scope_spans(), 0..3), any::<String>())
        .prop_map(|(resource, scope_spans, schema_url)| ResourceSpans {
            resource,
            scope_spans,
            schema_url,
        });
    vec(resource_spans, 0..3)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

/// Whether a span can be a row, by the rules as the documentation has them.
fn is_valid(span: &Span) -> bool {
    let id = |id: &[u8], len: usize| id.len() == len && id.iter().any(|byte| *byte != 0);
    let time = |nanos: u64| (1..i64::MAX as u64).contains(&nanos);
    id(&span.trace_id, 16)
        && id(&span.span_id, 8)
        && [0, 8].contains(&span.parent_span_id.len())
        && time(span.start_time_unix_nano)
        && time(span.end_time_unix_nano)
}

/// The text of a plain value; `None` for those that need thought.
fn plain_text(value: &AnyValue) -> Option<String> {
    match value.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::BoolValue(value) => Some(value.to_string()),
        Value::IntValue(value) => Some(value.to_string()),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Scenario: any request, in both encodings, made by the official types.
    /// Guarantees: both decoders give equal rows, and as many as there are valid spans.
    #[test]
    fn both_encodings_give_the_same_rows(request in request()) {
        let (from_protobuf, tally) = decode_protobuf(&request.encode_to_vec()).unwrap();
        let json = serde_json::to_vec(&request).unwrap();
        let (from_json, json_tally) = decode_json(&json).unwrap();
        prop_assert_eq!(&from_protobuf, &from_json);
        prop_assert_eq!(tally.rejected, json_tally.rejected);

        let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        let all: Vec<_> = scopes.flat_map(|scope| &scope.spans).collect();
        let valid: Vec<_> = all.iter().filter(|span| is_valid(span)).collect();
        prop_assert_eq!(from_json.num_rows(), valid.len());
        prop_assert_eq!(tally.rejected as usize, all.len() - valid.len());
        for (row, span) in valid.into_iter().enumerate() {
            prop_assert_eq!(cell(&from_json, spans::SPAN_NAME, row), &*span.name);
            let start = span.start_time_unix_nano;
            prop_assert_eq!(cell(&from_json, spans::START_TIME_UNIX_NANO, row), start.to_string());
            let duration = span.end_time_unix_nano.saturating_sub(start);
            prop_assert_eq!(cell(&from_json, spans::DURATION_NS, row), duration.to_string());
            let method = span.attributes.iter().rfind(|a| a.key == "http.request.method");
            if let Some(text) = method.and_then(|a| plain_text(a.value.as_ref()?)) && !text.is_empty() {
                prop_assert_eq!(cell(&from_json, "http_request_method", row), text);
            }
            let events = cell(&from_json, spans::EVENTS, row).matches("time_unix_nano: ").count();
            prop_assert!(events >= span.events.len());
        }
    }

    /// Scenario: one value of any kind as an attribute.
    /// Guarantees: arrays and objects are JSON text with the content that serde sees.
    #[test]
    fn nested_values_are_json(value in any_value()) {
        let expected = json_of(&value);
        let nested = matches!(value.value, Some(Value::ArrayValue(_) | Value::KvlistValue(_)));
        let request = with_attribute(value);
        let (rows, _) = decode_protobuf(&request.encode_to_vec()).unwrap();
        let map = rows.column_by_name(spans::ATTRIBUTES).unwrap();
        let map = arrow::array::AsArray::as_map(map);
        let text = arrow::array::AsArray::as_string::<i32>(map.values()).value(0);
        if nested {
            let found: serde_json::Value = serde_json::from_str(text).unwrap();
            prop_assert!(alike(&found, &expected), "{found} {expected}");
        }
    }
}

pub(crate) fn with_attribute(value: AnyValue) -> ExportTraceServiceRequest {
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        attributes: vec![key_value("k".to_owned(), Some(value))],
        ..Span::default()
    };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }
}

fn json_of(value: &AnyValue) -> serde_json::Value {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    match &value.value {
        None | Some(Value::StringValueStrindex(_)) => serde_json::Value::Null,
        Some(Value::StringValue(text)) => text.clone().into(),
        Some(Value::BoolValue(value)) => (*value).into(),
        Some(Value::IntValue(value)) => (*value).into(),
        Some(Value::DoubleValue(value)) => (*value).into(),
        Some(Value::BytesValue(bytes)) => STANDARD.encode(bytes).into(),
        Some(Value::ArrayValue(array)) => array.values.iter().map(json_of).collect(),
        Some(Value::KvlistValue(list)) => {
            let members = list.values.iter().map(|pair| {
                let value = pair.value.as_ref().map_or(serde_json::Value::Null, json_of);
                (pair.key.clone(), value)
            });
            serde_json::Value::Object(members.collect())
        }
    }
}

/// Equal but for the last digits of doubles, of which `serde_json` is not sure itself.
fn alike(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};

    match (a, b) {
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Object(a), Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|b| alike(v, b)))
        }
        (Number(a), Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || ((a - b) / b).abs() < 1e-14
        }
        _ => a == b,
    }
}
