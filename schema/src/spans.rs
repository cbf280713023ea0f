//! The stored `spans` table: what lies in Parquet, column by column.
//!
//! Only types that every Delta reader takes: no unsigned integers, no nanosecond
//! timestamps (Delta cuts them to microseconds). Columns are appended over time,
//! never renamed or retyped; a column that a file does not have reads as NULL.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

use crate::ids::{SpanId, TraceId};
use crate::promoted::{PROMOTED, PromotedType};

/// Id of the trace, 16 bytes.
pub const TRACE_ID: &str = "trace_id";
/// Id of the span, 8 bytes.
pub const SPAN_ID: &str = "span_id";
/// Id of the parent span, 8 bytes; NULL for a root.
pub const PARENT_SPAN_ID: &str = "parent_span_id";
/// W3C trace state as received.
pub const TRACE_STATE: &str = "trace_state";
/// OTLP span flags: the low 8 bits are W3C trace flags, bits 8 and 9 tell whether the parent is remote.
pub const FLAGS: &str = "flags";
/// `service.name`, or `unknown_service`.
pub const SERVICE_NAME: &str = "service_name";
/// Name of the span.
pub const SPAN_NAME: &str = "span_name";
/// `unspecified`, `internal`, `server`, `client`, `producer`, `consumer` or `unknown(n)`.
pub const SPAN_KIND: &str = "span_kind";
/// Start in nanoseconds since the Unix epoch.
pub const START_TIME_UNIX_NANO: &str = "start_time_unix_nano";
/// Duration in nanoseconds, never negative.
pub const DURATION_NS: &str = "duration_ns";
/// By how much the reported end precedes the start; NULL for every sound span.
pub const NEGATIVE_DURATION_NS: &str = "negative_duration_ns";
/// `unset`, `ok`, `error` or `unknown(n)`.
pub const STATUS_CODE: &str = "status_code";
/// Status message; NULL if empty.
pub const STATUS_MESSAGE: &str = "status_message";
/// Name of the instrumentation scope.
pub const SCOPE_NAME: &str = "scope_name";
/// Version of the instrumentation scope.
pub const SCOPE_VERSION: &str = "scope_version";
/// Attributes of the instrumentation scope.
pub const SCOPE_ATTRIBUTES: &str = "scope_attributes";
/// Schema URL of the scope, else of the resource.
pub const SCHEMA_URL: &str = "schema_url";
/// Span attributes, untouched; arrays and objects are JSON text.
pub const ATTRIBUTES: &str = "attributes";
/// Resource attributes, untouched.
pub const RESOURCE_ATTRIBUTES: &str = "resource_attributes";
/// Span events: see [`event_fields`].
pub const EVENTS: &str = "events";
/// Span links: see [`link_fields`].
pub const LINKS: &str = "links";
/// Attributes that the sender dropped; NULL if none.
pub const DROPPED_ATTRIBUTES_COUNT: &str = "dropped_attributes_count";
/// Events that the sender dropped; NULL if none.
pub const DROPPED_EVENTS_COUNT: &str = "dropped_events_count";
/// Links that the sender dropped; NULL if none.
pub const DROPPED_LINKS_COUNT: &str = "dropped_links_count";
/// How many spans this one stands for; NULL if the sender did not say.
pub const SAMPLE_WEIGHT: &str = "sample_weight";
/// True if a current and a deprecated attribute name disagree; NULL otherwise.
pub const SEMCONV_CONFLICT: &str = "semconv_conflict";

/// Partition column of the Delta table: the UTC day of the start, in assembled files that of the root.
/// It is part of the path, not of the files.
pub const DATE: &str = "date";

/// Key column of every map.
pub const MAP_KEY: &str = "key";
/// Value column of every map.
pub const MAP_VALUE: &str = "value";

/// The stored columns in order: identity, what happened, context, promoted columns.
pub fn stored_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(stored_fields())));
    Arc::clone(&SCHEMA)
}

fn stored_fields() -> Vec<Field> {
    let mut fields = vec![
        Field::new(TRACE_ID, DataType::FixedSizeBinary(TraceId::BYTES as i32), false),
        Field::new(SPAN_ID, DataType::FixedSizeBinary(SpanId::BYTES as i32), false),
        Field::new(PARENT_SPAN_ID, DataType::FixedSizeBinary(SpanId::BYTES as i32), true),
        text(TRACE_STATE),
        Field::new(FLAGS, DataType::Int64, true),
        Field::new(SERVICE_NAME, DataType::Utf8, false),
        Field::new(SPAN_NAME, DataType::Utf8, false),
        Field::new(SPAN_KIND, DataType::Utf8, false),
        Field::new(START_TIME_UNIX_NANO, DataType::Int64, false),
        Field::new(DURATION_NS, DataType::Int64, false),
        Field::new(NEGATIVE_DURATION_NS, DataType::Int64, true),
        Field::new(STATUS_CODE, DataType::Utf8, false),
        text(STATUS_MESSAGE),
        text(SCOPE_NAME),
        text(SCOPE_VERSION),
        Field::new(SCOPE_ATTRIBUTES, attribute_map(), true),
        text(SCHEMA_URL),
        Field::new(ATTRIBUTES, attribute_map(), true),
        Field::new(RESOURCE_ATTRIBUTES, attribute_map(), true),
        Field::new(EVENTS, list_of(event_fields()), true),
        Field::new(LINKS, list_of(link_fields()), true),
        Field::new(DROPPED_ATTRIBUTES_COUNT, DataType::Int64, true),
        Field::new(DROPPED_EVENTS_COUNT, DataType::Int64, true),
        Field::new(DROPPED_LINKS_COUNT, DataType::Int64, true),
        Field::new(SAMPLE_WEIGHT, DataType::Float64, true),
        Field::new(SEMCONV_CONFLICT, DataType::Boolean, true),
    ];
    fields.extend(PROMOTED.iter().map(|column| match column.data_type {
        PromotedType::Text => text(column.name),
        PromotedType::Int => Field::new(column.name, DataType::Int64, true),
    }));
    fields
}

/// `MAP<STRING, STRING>`, as the stored attribute columns have it. Absent maps are NULL or empty.
pub fn attribute_map() -> DataType {
    let entry = Fields::from(vec![Field::new(MAP_KEY, DataType::Utf8, false), text(MAP_VALUE)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

/// The struct of one element of `events`.
pub fn event_fields() -> Fields {
    Fields::from(vec![
        Field::new("time_unix_nano", DataType::Int64, true),
        text("name"),
        Field::new(ATTRIBUTES, attribute_map(), true),
        Field::new(DROPPED_ATTRIBUTES_COUNT, DataType::Int64, true),
    ])
}

/// The struct of one element of `links`. Ids are lowercase hex here: links are rare, and
/// compressed hex of a random id takes no more room than its bytes.
pub fn link_fields() -> Fields {
    Fields::from(vec![
        text(TRACE_ID),
        text(SPAN_ID),
        text(TRACE_STATE),
        Field::new(ATTRIBUTES, attribute_map(), true),
        Field::new(FLAGS, DataType::Int64, true),
        Field::new(DROPPED_ATTRIBUTES_COUNT, DataType::Int64, true),
    ])
}

fn list_of(fields: Fields) -> DataType {
    DataType::List(Arc::new(Field::new("element", DataType::Struct(fields), true)))
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

#[cfg(test)]
mod tests;
