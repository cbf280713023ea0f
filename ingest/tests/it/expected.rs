//! The rows that a request must become, worked out from the official types alone.
//!
//! A second writing of the rules of the table, slow and plain: what the decoders and the
//! builder do with buffers, shapes and runs is done here value by value.

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use schema::promoted::PROMOTED;
use schema::semconv::{PromotedValue, SpanFacts, promote_resource, promote_span};

use super::row::{EventRow, LinkRow, Map, Row};

/// Attributes of one list that are kept.
const ATTRIBUTES: usize = 128;
/// Events or links of one span that are kept.
const EVENTS: usize = 4096;

/// The rows, and how many spans cannot be one.
pub(crate) fn rows(request: &ExportTraceServiceRequest) -> (Vec<Row>, usize) {
    let (mut rows, mut rejected) = (Vec::new(), 0);
    for resource_spans in &request.resource_spans {
        let resource = resource_spans.resource.clone().unwrap_or_default();
        let (resource_attributes, _) = map(&resource.attributes);
        for scope_spans in &resource_spans.scope_spans {
            let scope = scope_spans.scope.clone().unwrap_or_default();
            for span in &scope_spans.spans {
                let Some(mut row) = of_span(span) else {
                    rejected += 1;
                    continue;
                };
                let name = resource_attributes.iter().find(|(key, _)| key == "service.name");
                let name = name.and_then(|(_, value)| value.clone());
                row.service_name = name
                    .filter(|name| !name.is_empty())
                    .unwrap_or_else(|| "unknown_service".to_owned());
                let conflict = promote_resource(values(&resource_attributes), |column, value| {
                    promote(&mut row.promoted, column, value);
                });
                row.conflict |= conflict;
                row.resource_attributes = resource_attributes.clone();
                row.scope_name = text(&scope.name);
                row.scope_version = text(&scope.version);
                row.scope_attributes = map(&scope.attributes).0;
                let url = text(&scope_spans.schema_url);
                row.schema_url = url.or_else(|| text(&resource_spans.schema_url));
                rows.push(row);
            }
        }
    }
    (rows, rejected)
}

fn of_span(span: &Span) -> Option<Row> {
    let time = |nanos: u64| i64::try_from(nanos).ok().filter(|time| (1..i64::MAX).contains(time));
    let (start, end) = (time(span.start_time_unix_nano)?, time(span.end_time_unix_nano)?);
    let parent = match &span.parent_span_id[..] {
        [] => None,
        id if id.len() != 8 => return None,
        id => Some(id).filter(|id| **id != [0; 8]),
    };
    let (attributes, beyond) = map(&span.attributes);
    let events = span.events.iter().take(EVENTS).map(|event| {
        let (attributes, beyond) = map(&event.attributes);
        EventRow {
            time: i64::try_from(event.time_unix_nano).ok().filter(|time| *time != 0),
            name: text(&event.name),
            attributes,
            dropped: count(event.dropped_attributes_count, beyond),
        }
    });
    let links = span.links.iter().take(EVENTS).map(|link| {
        let (attributes, beyond) = map(&link.attributes);
        LinkRow {
            trace_id: id(&link.trace_id, 16).map(hex),
            span_id: id(&link.span_id, 8).map(hex),
            trace_state: text(&link.trace_state),
            attributes,
            flags: count(link.flags, 0),
            dropped: count(link.dropped_attributes_count, beyond),
        }
    });
    let status = span.status.clone().unwrap_or_default();
    let mut row = Row {
        trace_id: id(&span.trace_id, 16)?.to_vec(),
        span_id: id(&span.span_id, 8)?.to_vec(),
        parent_span_id: parent.map(<[u8]>::to_vec),
        trace_state: text(&span.trace_state),
        flags: count(span.flags, 0),
        span_name: span.name.clone(),
        span_kind: match span.kind {
            0 => "unspecified".to_owned(),
            1 => "internal".to_owned(),
            2 => "server".to_owned(),
            3 => "client".to_owned(),
            4 => "producer".to_owned(),
            5 => "consumer".to_owned(),
            other => format!("unknown({other})"),
        },
        start,
        duration: (end - start).max(0),
        negative_duration: (end < start).then(|| start - end),
        status_code: match status.code {
            0 => "unset".to_owned(),
            1 => "ok".to_owned(),
            2 => "error".to_owned(),
            other => format!("unknown({other})"),
        },
        status_message: text(&status.message),
        attributes,
        events: events.collect(),
        links: links.collect(),
        dropped_attributes: count(span.dropped_attributes_count, beyond),
        dropped_events: count(span.dropped_events_count, span.events.len().saturating_sub(EVENTS)),
        dropped_links: count(span.dropped_links_count, span.links.len().saturating_sub(EVENTS)),
        sample_weight: sample_weight(&span.trace_state, &span.trace_id),
        ..Row::default()
    };
    let exception = row.events.iter().rfind(|event| event.name.as_deref() == Some("exception"));
    let exception = exception.map(|event| event.attributes.clone()).unwrap_or_default();
    let facts = SpanFacts { kind: &row.span_kind, failed: status.code == 2 };
    let promoted = &mut row.promoted;
    row.conflict =
        promote_span(facts, values(&row.attributes), values(&exception), |column, value| {
            promote(promoted, column, value);
        });
    Some(row)
}

fn promote(cells: &mut BTreeMap<&'static str, String>, column: usize, value: PromotedValue<'_>) {
    let text = match value {
        PromotedValue::Text(text) => text.to_owned(),
        PromotedValue::Int(number) => number.to_string(),
    };
    cells.insert(PROMOTED[column].name, text);
}

fn values(map: &Map) -> impl Iterator<Item = (&str, &str)> {
    map.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_deref()?)))
}

/// A list as a map, and how many attributes were too many.
fn map(attributes: &[KeyValue]) -> (Map, usize) {
    let mut map: Map = Vec::new();
    for attribute in attributes.iter().take(ATTRIBUTES) {
        let value = attribute.value.as_ref().and_then(value_text);
        match map.iter_mut().find(|(key, _)| *key == attribute.key) {
            Some(earlier) => earlier.1 = value,
            None => map.push((attribute.key.clone(), value)),
        }
    }
    (map, attributes.len().saturating_sub(ATTRIBUTES))
}

fn value_text(value: &AnyValue) -> Option<String> {
    Some(match value.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => double(*value),
        Value::BytesValue(bytes) => STANDARD.encode(bytes),
        Value::StringValueStrindex(_) => return None,
        Value::ArrayValue(_) | Value::KvlistValue(_) => json(Some(value)),
    })
}

fn double(value: f64) -> String {
    match value {
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => format!("{value:?}"),
    }
}

fn json(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        None | Some(Value::StringValueStrindex(_)) => "null".to_owned(),
        Some(Value::StringValue(text)) => json_string(text),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) if value.is_finite() => double(*value),
        Some(Value::DoubleValue(value)) => format!("\"{}\"", double(*value)),
        Some(Value::BytesValue(bytes)) => format!("\"{}\"", STANDARD.encode(bytes)),
        Some(Value::ArrayValue(array)) => {
            let items: Vec<_> = array.values.iter().map(|value| json(Some(value))).collect();
            format!("[{}]", items.join(","))
        }
        Some(Value::KvlistValue(list)) => {
            let member =
                |pair: &KeyValue| json_string(&pair.key) + ":" + &json(pair.value.as_ref());
            let members: Vec<_> = list.values.iter().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..' ' => write!(out, "\\u{:04x}", u32::from(character)).unwrap(),
            _ => out.push(character),
        }
    }
    out + "\""
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn count(reported: u32, beyond: usize) -> Option<i64> {
    let all = reported.saturating_add(u32::try_from(beyond).unwrap());
    (all != 0).then_some(i64::from(all))
}

fn id(bytes: &[u8], len: usize) -> Option<&[u8]> {
    (bytes.len() == len && bytes.iter().any(|byte| *byte != 0)).then_some(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sampling as the OpenTelemetry specification has it, for valid trace ids.
fn sample_weight(state: &str, trace_id: &[u8]) -> Option<f64> {
    let digits = |text: &str| {
        let valid = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let usable = (1..=14).contains(&text.len()) && text.chars().all(valid);
        usable.then(|| u64::from_str_radix(text, 16).unwrap())
    };
    let member = state.split(',').find_map(|member| member.trim().strip_prefix("ot="))?;
    let field = |name| member.split(';').find_map(|field| field.trim().strip_prefix(name));
    let text = field("th:")?;
    let threshold = digits(text)? << (4 * (14 - text.len()));
    let low = trace_id[9..].iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let random = field("rv:").filter(|text| text.len() == 14).and_then(digits).unwrap_or(low);
    let all = 1u64 << 56;
    (random >= threshold).then(|| all as f64 / (all - threshold) as f64)
}
