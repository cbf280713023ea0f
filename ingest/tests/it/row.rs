//! A row as plain values, and rows read from a batch.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, MapArray, RecordBatch, StructArray};
use arrow::datatypes::{Float64Type, Int64Type};
use schema::promoted::{PROMOTED, PromotedType};
use schema::spans;

/// The entries of an attribute map.
pub(crate) type Map = Vec<(String, Option<String>)>;

/// Every stored column of one span.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Row {
    pub(crate) trace_id: Vec<u8>,
    pub(crate) span_id: Vec<u8>,
    pub(crate) parent_span_id: Option<Vec<u8>>,
    pub(crate) trace_state: Option<String>,
    pub(crate) flags: Option<i64>,
    pub(crate) service_name: String,
    pub(crate) span_name: String,
    pub(crate) span_kind: String,
    pub(crate) start: i64,
    pub(crate) duration: i64,
    pub(crate) negative_duration: Option<i64>,
    pub(crate) status_code: String,
    pub(crate) status_message: Option<String>,
    pub(crate) scope_name: Option<String>,
    pub(crate) scope_version: Option<String>,
    pub(crate) scope_attributes: Map,
    pub(crate) schema_url: Option<String>,
    pub(crate) attributes: Map,
    pub(crate) resource_attributes: Map,
    pub(crate) events: Vec<EventRow>,
    pub(crate) links: Vec<LinkRow>,
    pub(crate) dropped_attributes: Option<i64>,
    pub(crate) dropped_events: Option<i64>,
    pub(crate) dropped_links: Option<i64>,
    pub(crate) sample_weight: Option<f64>,
    pub(crate) conflict: bool,
    pub(crate) promoted: BTreeMap<&'static str, String>,
}

/// One element of `events`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct EventRow {
    pub(crate) time: Option<i64>,
    pub(crate) name: Option<String>,
    pub(crate) attributes: Map,
    pub(crate) dropped: Option<i64>,
}

/// One element of `links`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LinkRow {
    pub(crate) trace_id: Option<String>,
    pub(crate) span_id: Option<String>,
    pub(crate) trace_state: Option<String>,
    pub(crate) attributes: Map,
    pub(crate) flags: Option<i64>,
    pub(crate) dropped: Option<i64>,
}

/// All rows of a batch.
pub(crate) fn of_batch(batch: &RecordBatch) -> Vec<Row> {
    let columns = StructArray::from(batch.clone());
    (0..batch.num_rows()).map(|row| of_columns(&columns, row)).collect()
}

fn of_columns(columns: &StructArray, row: usize) -> Row {
    let bytes = |name: &str| {
        let column = columns.column_by_name(name).unwrap().as_fixed_size_binary();
        column.is_valid(row).then(|| column.value(row).to_vec())
    };
    let required = |name: &str| text(columns, name, row).unwrap();
    let weight =
        columns.column_by_name(spans::SAMPLE_WEIGHT).unwrap().as_primitive::<Float64Type>();
    let conflict = columns.column_by_name(spans::SEMCONV_CONFLICT).unwrap().as_boolean();
    let promoted = PROMOTED.iter().filter_map(|promoted| {
        let value = match promoted.data_type {
            PromotedType::Text => text(columns, promoted.name, row)?,
            PromotedType::Int => integer(columns, promoted.name, row)?.to_string(),
        };
        Some((promoted.name, value))
    });
    Row {
        trace_id: bytes(spans::TRACE_ID).unwrap(),
        span_id: bytes(spans::SPAN_ID).unwrap(),
        parent_span_id: bytes(spans::PARENT_SPAN_ID),
        trace_state: text(columns, spans::TRACE_STATE, row),
        flags: integer(columns, spans::FLAGS, row),
        service_name: required(spans::SERVICE_NAME),
        span_name: required(spans::SPAN_NAME),
        span_kind: required(spans::SPAN_KIND),
        start: integer(columns, spans::START_TIME_UNIX_NANO, row).unwrap(),
        duration: integer(columns, spans::DURATION_NS, row).unwrap(),
        negative_duration: integer(columns, spans::NEGATIVE_DURATION_NS, row),
        status_code: required(spans::STATUS_CODE),
        status_message: text(columns, spans::STATUS_MESSAGE, row),
        scope_name: text(columns, spans::SCOPE_NAME, row),
        scope_version: text(columns, spans::SCOPE_VERSION, row),
        scope_attributes: map(columns, spans::SCOPE_ATTRIBUTES, row),
        schema_url: text(columns, spans::SCHEMA_URL, row),
        attributes: map(columns, spans::ATTRIBUTES, row),
        resource_attributes: map(columns, spans::RESOURCE_ATTRIBUTES, row),
        events: list(columns, spans::EVENTS, row, |events, row| EventRow {
            time: integer(events, "time_unix_nano", row),
            name: text(events, "name", row),
            attributes: map(events, spans::ATTRIBUTES, row),
            dropped: integer(events, spans::DROPPED_ATTRIBUTES_COUNT, row),
        }),
        links: list(columns, spans::LINKS, row, |links, row| LinkRow {
            trace_id: text(links, spans::TRACE_ID, row),
            span_id: text(links, spans::SPAN_ID, row),
            trace_state: text(links, spans::TRACE_STATE, row),
            attributes: map(links, spans::ATTRIBUTES, row),
            flags: integer(links, spans::FLAGS, row),
            dropped: integer(links, spans::DROPPED_ATTRIBUTES_COUNT, row),
        }),
        dropped_attributes: integer(columns, spans::DROPPED_ATTRIBUTES_COUNT, row),
        dropped_events: integer(columns, spans::DROPPED_EVENTS_COUNT, row),
        dropped_links: integer(columns, spans::DROPPED_LINKS_COUNT, row),
        sample_weight: weight.is_valid(row).then(|| weight.value(row)),
        conflict: conflict.is_valid(row) && conflict.value(row),
        promoted: promoted.collect(),
    }
}

fn text(columns: &StructArray, name: &str, row: usize) -> Option<String> {
    let column = columns.column_by_name(name).unwrap().as_string::<i32>();
    column.is_valid(row).then(|| column.value(row).to_owned())
}

fn integer(columns: &StructArray, name: &str, row: usize) -> Option<i64> {
    let column = columns.column_by_name(name).unwrap().as_primitive::<Int64Type>();
    column.is_valid(row).then(|| column.value(row))
}

/// An empty map is NULL, so there is nothing else to tell apart.
fn map(columns: &StructArray, name: &str, row: usize) -> Map {
    let column: &MapArray = columns.column_by_name(name).unwrap().as_map();
    if column.is_null(row) {
        return Vec::new();
    }
    let entries = column.value(row);
    assert!(!entries.is_empty(), "an empty map is not NULL");
    let (keys, values) =
        (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
    let value = |at: usize| values.is_valid(at).then(|| values.value(at).to_owned());
    (0..entries.len()).map(|at| (keys.value(at).to_owned(), value(at))).collect()
}

fn list<T>(
    columns: &StructArray,
    name: &str,
    row: usize,
    read: impl Fn(&StructArray, usize) -> T,
) -> Vec<T> {
    let column = columns.column_by_name(name).unwrap().as_list::<i32>();
    if column.is_null(row) {
        return Vec::new();
    }
    let elements = column.value(row);
    let elements = elements.as_struct();
    (0..elements.len()).map(|at| read(elements, at)).collect()
}
