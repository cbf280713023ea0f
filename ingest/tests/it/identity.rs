//! What a span is, told twice: by `serde_json` from a document, and from the rows.
//!
//! Each span becomes a line of text; the lines of two readings are compared by
//! number and by the sum of their hashes, so neither order nor size matters.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use schema::spans;
use serde_json::{StreamDeserializer, Value};

/// Number and checksum of a set of spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) spans: u64,
    hash: u64,
    /// Sum of the durations in nanoseconds.
    pub(crate) duration: i128,
}

/// What the spans are compared by.
struct Identity<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    parent: &'a str,
    service: &'a str,
    name: &'a str,
    kind: &'a str,
    start: i128,
    duration: i128,
}

impl Checksum {
    fn add(&mut self, span: &Identity<'_>) {
        let mut hasher = DefaultHasher::new();
        let ids = (span.trace_id, span.span_id, span.parent);
        (ids, span.service, span.name, span.kind, span.start, span.duration).hash(&mut hasher);
        self.spans += 1;
        self.hash = self.hash.wrapping_add(hasher.finish());
        self.duration += span.duration;
    }

    pub(crate) fn merge(&mut self, other: Checksum) {
        self.spans += other.spans;
        self.hash = self.hash.wrapping_add(other.hash);
        self.duration += other.duration;
    }
}

/// The checksum of rows.
pub(crate) fn of_rows(rows: &RecordBatch) -> Checksum {
    let hex = |column: &str, row: usize| {
        let column = rows.column_by_name(column).unwrap().as_fixed_size_binary();
        let bytes = if column.is_valid(row) { column.value(row) } else { &[] };
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect::<String>()
    };
    let text = |column: &str| rows.column_by_name(column).unwrap().as_string::<i32>().clone();
    let int = |column: &str| {
        rows.column_by_name(column).unwrap().as_primitive::<Int64Type>().values().clone()
    };
    let (services, names) = (text(spans::SERVICE_NAME), text(spans::SPAN_NAME));
    let kinds = text(spans::SPAN_KIND);
    let (starts, durations) = (int(spans::START_TIME_UNIX_NANO), int(spans::DURATION_NS));
    let mut sum = Checksum::default();
    for row in 0..rows.num_rows() {
        sum.add(&Identity {
            trace_id: &hex(spans::TRACE_ID, row),
            span_id: &hex(spans::SPAN_ID, row),
            parent: &hex(spans::PARENT_SPAN_ID, row),
            service: services.value(row),
            name: names.value(row),
            kind: kinds.value(row),
            start: starts[row].into(),
            duration: durations[row].into(),
        });
    }
    sum
}

/// The checksum of OTLP/JSON documents, and how many of their spans cannot be rows.
pub(crate) fn of_otlp(content: &[u8]) -> (Checksum, u64) {
    let (mut sum, mut rejected) = (Checksum::default(), 0);
    for document in documents(content) {
        for resource in list(&document["resourceSpans"]) {
            let attributes = list(&resource["resource"]["attributes"]);
            let service = attributes.iter().find(|a| a["key"] == "service.name");
            let service = service.and_then(|a| a["value"]["stringValue"].as_str());
            for span in list(&resource["scopeSpans"]).iter().flat_map(|scope| list(&scope["spans"]))
            {
                let nanos = |name: &str| match &span[name] {
                    Value::String(text) => text.parse::<i128>().unwrap(),
                    number => number.as_i64().unwrap_or(0).into(),
                };
                let (start, end) = (nanos("startTimeUnixNano"), nanos("endTimeUnixNano"));
                let trace_id = span["traceId"].as_str().unwrap_or_default();
                let span_id = span["spanId"].as_str().unwrap_or_default();
                if !is_id(trace_id, 32) || !is_id(span_id, 16) || start <= 0 || end <= 0 {
                    rejected += 1;
                    continue;
                }
                let kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"];
                sum.add(&Identity {
                    trace_id: &trace_id.to_lowercase(),
                    span_id: &span_id.to_lowercase(),
                    parent: &span["parentSpanId"].as_str().unwrap_or_default().to_lowercase(),
                    service: service.filter(|name| !name.is_empty()).unwrap_or("unknown_service"),
                    name: span["name"].as_str().unwrap_or_default(),
                    kind: kinds[span["kind"].as_u64().unwrap_or(0) as usize],
                    start,
                    duration: (end - start).max(0),
                });
            }
        }
    }
    (sum, rejected)
}

/// The checksum of Jaeger documents of the query API or the UI, and how many of their spans
/// cannot be rows.
pub(crate) fn of_jaeger(content: &[u8]) -> (Checksum, u64) {
    let (mut sum, mut rejected) = (Checksum::default(), 0);
    for document in documents(content) {
        let traces = match &document["data"] {
            Value::Array(traces) => traces.clone(),
            Value::Object(_) => vec![document["data"].clone()],
            _ => vec![document],
        };
        for trace in traces {
            let names: HashMap<&str, &str> = trace["processes"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(id, process)| (id.as_str(), process["serviceName"].as_str().unwrap()))
                .collect();
            for span in list(&trace["spans"]) {
                let id = |value: &Value, len: usize| {
                    let text = value.as_str().unwrap_or_default();
                    format!("{text:0>len$}").to_lowercase()
                };
                let (trace_id, span_id) = (id(&span["traceID"], 32), id(&span["spanID"], 16));
                let start = span["startTime"].as_i64().unwrap();
                if !is_id(&trace_id, 32) || !is_id(&span_id, 16) || start <= 0 {
                    rejected += 1;
                    continue;
                }
                let references = list(&span["references"]);
                let first = |kind: &str| {
                    let found = references.iter().find(|reference| {
                        reference["refType"] == kind && id(&reference["traceID"], 32) == trace_id
                    });
                    found.map(|reference| id(&reference["spanID"], 16))
                };
                let tag = |key: &str| {
                    let found = list(&span["tags"]).iter().find(|tag| tag["key"] == key);
                    found.and_then(|tag| tag["value"].as_str())
                };
                sum.add(&Identity {
                    trace_id: &trace_id,
                    span_id: &span_id,
                    parent: &first("CHILD_OF").or(first("FOLLOWS_FROM")).unwrap_or_default(),
                    service: names[span["processID"].as_str().unwrap()],
                    name: span["operationName"].as_str().unwrap(),
                    kind: tag("span.kind").unwrap_or("unspecified"),
                    start: i128::from(start) * 1000,
                    duration: i128::from(span["duration"].as_i64().unwrap()) * 1000,
                });
            }
        }
    }
    (sum, rejected)
}

fn documents(content: &[u8]) -> impl Iterator<Item = Value> {
    let stream: StreamDeserializer<'_, _, Value> =
        serde_json::Deserializer::from_slice(content).into_iter();
    stream.map(|document| document.unwrap())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_id(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte != b'0')
}
