//! The same rules on the same request in both encodings, and payloads that are odd.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::*;

fn redactor() -> Redactor {
    let rule = |rule: Rule, action| Rule { action, ..rule };
    let key = |key: &str| Rule { key: Some(key.into()), ..Rule::default() };
    let prefix = Rule { key_prefix: Some("secret.".into()), ..Rule::default() };
    let value = Rule { value_regex: Some("^4[0-9]{15}$".into()), ..Rule::default() };
    let rules = [
        rule(key("password"), Action::Drop),
        rule(key("user"), Action::Hash),
        rule(prefix, Action::Mask),
        rule(value, Action::Mask),
    ];
    Redactor::new(&rules, &Secret("key".into())).unwrap().unwrap()
}

fn value(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text(text: &str) -> AnyValue {
    value(Value::StringValue(text.into()))
}

fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() }
}

/// Attributes with something to hide in each place where attributes are.
fn attributes(clean: bool) -> Vec<KeyValue> {
    let card = || if clean { text("***") } else { text("4111111111111111") };
    let number = if clean { text("***") } else { value(Value::IntValue(4_111_111_111_111_111)) };
    let hidden = || pair("password", text("hunter2"));
    let mut inner = vec![pair("a", card()), pair("b", text("4"))];
    let array = ArrayValue { values: vec![text("x"), card(), value(Value::BoolValue(true))] };
    let mut list = vec![
        pair("plain", text("stays")),
        pair("card", card()),
        pair("number", number),
        pair("secret.n", if clean { text("***") } else { value(Value::IntValue(7)) }),
        pair("array", value(Value::ArrayValue(array))),
        pair("empty", AnyValue::default()),
    ];
    if !clean {
        inner.insert(0, hidden());
        inner.push(hidden());
        inner.push(hidden());
    }
    list.push(pair("object", value(Value::KvlistValue(KeyValueList { values: inner }))));
    if !clean {
        list.insert(0, hidden());
        list.insert(3, hidden());
        list.push(hidden());
    }
    list
}

fn request(clean: bool) -> ExportTraceServiceRequest {
    let attributes = || attributes(clean);
    let span = Span {
        name: "password".into(),
        attributes: attributes(),
        events: vec![Event { attributes: attributes(), ..Event::default() }],
        links: vec![Link { attributes: attributes(), ..Link::default() }],
        ..Span::default()
    };
    let only = if clean { Vec::new() } else { vec![pair("password", text("hunter2"))] };
    let bare = Span { attributes: only, ..Span::default() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes: attributes(), ..Resource::default() }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "secret.scope".into(),
                    attributes: attributes(),
                    ..InstrumentationScope::default()
                }),
                spans: vec![span, bare],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

/// Scenario: attributes to hide in every list, first, last, in the middle, alone and nested.
/// Guarantees: both encodings come out as if they had never been there; nothing else changes.
#[test]
fn what_comes_out_is_the_request_without_secrets() {
    let redactor = redactor();
    let protobuf = Bytes::from(request(false).encode_to_vec());
    let redacted = redactor.apply(PayloadFormat::Protobuf, protobuf).unwrap();
    assert_eq!(ExportTraceServiceRequest::decode(redacted.payload).unwrap(), request(true));
    // Five lists of eleven, and the one attribute that is alone.
    assert_eq!(redacted.attributes, 5 * 11 + 1);

    for pretty in [false, true] {
        let json = match pretty {
            true => serde_json::to_vec_pretty(&request(false)),
            false => serde_json::to_vec(&request(false)),
        };
        let redacted = redactor.apply(PayloadFormat::Json, json.unwrap().into()).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&redacted.payload).unwrap();
        assert_eq!(value, serde_json::to_value(request(true)).unwrap());
        assert_eq!(redacted.attributes, 5 * 11 + 1);
    }
}

/// Scenario: the same person in both encodings.
/// Guarantees: equal values have equal hashes, which differ from those of other values.
#[test]
fn hashes_are_the_same_in_both_encodings() {
    let redactor = redactor();
    let mut seen = Vec::new();
    for user in [text("ada"), value(Value::IntValue(5)), value(Value::DoubleValue(0.5)), text("")] {
        let mut request = ExportTraceServiceRequest::default();
        let attributes = vec![pair("user", user)];
        let resource = Some(Resource { attributes, ..Resource::default() });
        request.resource_spans.push(ResourceSpans { resource, ..ResourceSpans::default() });
        let protobuf = request.encode_to_vec();
        let protobuf = redactor.apply(PayloadFormat::Protobuf, protobuf.into()).unwrap().payload;
        let json = serde_json::to_vec(&request).unwrap();
        let json = redactor.apply(PayloadFormat::Json, json.into()).unwrap().payload;
        let from_json: ExportTraceServiceRequest = serde_json::from_slice(&json).unwrap();
        assert_eq!(ExportTraceServiceRequest::decode(protobuf).unwrap(), from_json);
        let value = from_json.resource_spans[0].resource.clone().unwrap().attributes.remove(0);
        let Some(Value::StringValue(hash)) = value.value.unwrap().value else { panic!("no text") };
        assert_eq!(hash.len(), 32);
        assert!(!seen.contains(&hash));
        seen.push(hash);
    }
}

/// Scenario: a secret below more levels than can be stored.
/// Guarantees: it does not stay in the payload, and the depth is still seen by the decoder.
#[test]
fn what_is_too_deep_is_emptied() {
    let mut deep = text("4111111111111111");
    for _ in 0..100 {
        deep = value(Value::ArrayValue(ArrayValue { values: vec![deep] }));
    }
    let span = Span { attributes: vec![pair("deep", deep)], ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    };
    let json = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"attributes":[{{"key":"deep","value":{}{}{}}}]}}]}}]}}]}}"#,
        r#"{"arrayValue":{"values":["#.repeat(100),
        r#"{"stringValue":"4111111111111111"}"#,
        "]}}".repeat(100)
    );
    for (format, payload) in [
        (PayloadFormat::Protobuf, request.encode_to_vec()),
        (PayloadFormat::Json, json.into_bytes()),
    ] {
        let redacted = redactor().apply(format, payload.into()).unwrap().payload;
        let found = memchr::memmem::find(&redacted, b"4111111111111111");
        assert_eq!(found, None, "{format:?}");
        let rules = crate::server::ServerSettings::default().rules();
        let decoded = super::super::decode::decode(format, &redacted, 0, &rules).unwrap();
        assert_eq!(decoded.tally.rejected, 1, "{format:?}");
    }
}

#[test]
fn a_payload_without_secrets_is_not_copied() {
    let attributes = vec![pair("plain", text("stays"))];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_spans = vec![ResourceSpans { resource, ..ResourceSpans::default() }];
    let request = ExportTraceServiceRequest { resource_spans };
    for (format, payload) in [
        (PayloadFormat::Protobuf, request.encode_to_vec()),
        (PayloadFormat::Json, serde_json::to_vec(&request).unwrap()),
    ] {
        let payload = Bytes::from(payload);
        let redacted = redactor().apply(format, payload.clone()).unwrap();
        assert_eq!(redacted.payload.as_ptr(), payload.as_ptr());
        assert_eq!(redacted.attributes, 0);
    }
}

#[test]
fn odd_json_stays_json() {
    const HEAD: &str = r#"{"resourceSpans":[{"resource":{"attributes":"#;
    const TAIL: &str = "}}]}";
    let redact = |attributes: &str| {
        let payload = Bytes::from(format!("{HEAD}{attributes}{TAIL}"));
        let redacted = redactor().apply(PayloadFormat::Json, payload).unwrap().payload;
        let text = str::from_utf8(&redacted).unwrap();
        text.strip_prefix(HEAD).unwrap().strip_suffix(TAIL).unwrap().to_owned()
    };
    let secret = r#"{"key":"password","value":{"stringValue":"x"}}"#;
    let plain = r#"{"key":"a"}"#;
    assert_eq!(redact(&format!("[{secret}]")), "[]");
    assert_eq!(redact(&format!("[ {secret} , {secret} ]")), "[  ]");
    assert_eq!(redact(&format!("[{secret}, {secret}, {plain}]")), format!("[{plain}]"));
    assert_eq!(redact(&format!("[{plain} ,{secret}, {secret}]")), format!("[{plain}]"));
    assert_eq!(redact(&format!("[null,{secret},null]")), "[null,null]");
    assert_eq!(
        redact(&format!("[{secret},{plain},{secret},{plain}]")),
        format!("[{plain},{plain}]")
    );
    // Escapes hide no key, the order of members does not matter, and every value goes.
    assert_eq!(redact(r#"[{"value":{},"key":"pass\u0077ord"}]"#), "[]");
    let masked = r#"{"stringValue":"***"}"#;
    assert_eq!(
        redact(r#"[{"value":{"intValue":"1"},"key":"secret.x","value":{"arrayValue":{}}}]"#),
        format!(r#"[{{"value":{masked},"key":"secret.x","value":{masked}}}]"#)
    );
    // Not what the decoder would take for a trace request either.
    let broken = redactor().apply(PayloadFormat::Json, Bytes::from_static(b"{"));
    assert!(broken.is_err());
}
