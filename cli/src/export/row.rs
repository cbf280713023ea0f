//! One row of the stored table as the messages of OTLP.

use anyhow::{Context, Result};
use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, Int64Array, ListArray, MapArray, RecordBatch,
    StringArray, StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::Int64Type;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use schema::spans::{
    ATTRIBUTES, DROPPED_ATTRIBUTES_COUNT, DROPPED_EVENTS_COUNT, DROPPED_LINKS_COUNT, DURATION_NS,
    EVENTS, FLAGS, LINKS, NEGATIVE_DURATION_NS, PARENT_SPAN_ID, RESOURCE_ATTRIBUTES, SCHEMA_URL,
    SCOPE_ATTRIBUTES, SCOPE_NAME, SCOPE_VERSION, SPAN_ID, SPAN_KIND, SPAN_NAME,
    START_TIME_UNIX_NANO, STATUS_CODE, STATUS_MESSAGE, TRACE_ID, TRACE_STATE, stored_schema,
};
use schema::{SpanId, TraceId};

/// The names of the kinds of a span, by their number in OTLP.
const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
/// The names of the status codes, by their number in OTLP.
const STATUS_CODES: [&str; 3] = ["unset", "ok", "error"];

/// What spans share in a request.
pub(super) struct Origin {
    pub(super) resource: Resource,
    pub(super) scope: Option<InstrumentationScope>,
    pub(super) schema_url: String,
}

/// The columns of a batch.
pub(super) struct Rows {
    trace_id: FixedSizeBinaryArray,
    span_id: FixedSizeBinaryArray,
    parent_span_id: FixedSizeBinaryArray,
    trace_state: StringArray,
    flags: Int64Array,
    name: StringArray,
    kind: StringArray,
    start_ns: Int64Array,
    duration_ns: Int64Array,
    negative_duration_ns: Int64Array,
    status_code: StringArray,
    status_message: StringArray,
    scope_name: StringArray,
    scope_version: StringArray,
    scope_attributes: MapArray,
    schema_url: StringArray,
    attributes: MapArray,
    resource_attributes: MapArray,
    events: ListArray,
    links: ListArray,
    dropped: [Int64Array; 3],
}

impl Rows {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self> {
        let column = |name: &str| -> Result<ArrayRef> {
            let found = batch.column_by_name(name).with_context(|| format!("no column {name}"))?;
            Ok(cast(found, stored_schema().field_with_name(name)?.data_type())?)
        };
        let text = |name| anyhow::Ok(column(name)?.as_string().clone());
        let number = |name| anyhow::Ok(column(name)?.as_primitive::<Int64Type>().clone());
        let id = |name| anyhow::Ok(column(name)?.as_fixed_size_binary().clone());
        let map = |name| anyhow::Ok(column(name)?.as_map().clone());
        let list = |name| anyhow::Ok(column(name)?.as_list().clone());
        Ok(Self {
            trace_id: id(TRACE_ID)?,
            span_id: id(SPAN_ID)?,
            parent_span_id: id(PARENT_SPAN_ID)?,
            trace_state: text(TRACE_STATE)?,
            flags: number(FLAGS)?,
            name: text(SPAN_NAME)?,
            kind: text(SPAN_KIND)?,
            start_ns: number(START_TIME_UNIX_NANO)?,
            duration_ns: number(DURATION_NS)?,
            negative_duration_ns: number(NEGATIVE_DURATION_NS)?,
            status_code: text(STATUS_CODE)?,
            status_message: text(STATUS_MESSAGE)?,
            scope_name: text(SCOPE_NAME)?,
            scope_version: text(SCOPE_VERSION)?,
            scope_attributes: map(SCOPE_ATTRIBUTES)?,
            schema_url: text(SCHEMA_URL)?,
            attributes: map(ATTRIBUTES)?,
            resource_attributes: map(RESOURCE_ATTRIBUTES)?,
            events: list(EVENTS)?,
            links: list(LINKS)?,
            dropped: [
                number(DROPPED_ATTRIBUTES_COUNT)?,
                number(DROPPED_EVENTS_COUNT)?,
                number(DROPPED_LINKS_COUNT)?,
            ],
        })
    }

    pub(super) fn origin(&self, row: usize) -> Origin {
        let attributes = key_values(&self.scope_attributes, row);
        let (name, version) = (text(&self.scope_name, row), text(&self.scope_version, row));
        let is_empty = name.is_empty() && version.is_empty() && attributes.is_empty();
        let scope = InstrumentationScope { name, version, attributes, ..Default::default() };
        let attributes = key_values(&self.resource_attributes, row);
        Origin {
            resource: Resource { attributes, ..Default::default() },
            scope: (!is_empty).then_some(scope),
            schema_url: text(&self.schema_url, row),
        }
    }

    pub(super) fn span(&self, row: usize) -> Span {
        let start_ns = self.start_ns.value(row);
        let end_ns =
            start_ns + self.duration_ns.value(row) - number(&self.negative_duration_ns, row);
        let [attributes, events, links] = &self.dropped;
        let code = number_of(&STATUS_CODES, self.status_code.value(row));
        let message = text(&self.status_message, row);
        Span {
            trace_id: self.trace_id.value(row).to_vec(),
            span_id: self.span_id.value(row).to_vec(),
            parent_span_id: id(&self.parent_span_id, row),
            trace_state: text(&self.trace_state, row),
            flags: number(&self.flags, row) as u32,
            name: self.name.value(row).to_owned(),
            kind: number_of(&KINDS, self.kind.value(row)),
            start_time_unix_nano: start_ns as u64,
            end_time_unix_nano: end_ns as u64,
            attributes: key_values(&self.attributes, row),
            dropped_attributes_count: number(attributes, row) as u32,
            events: elements(&self.events, row)
                .map(|events| self::events(&events))
                .unwrap_or_default(),
            dropped_events_count: number(events, row) as u32,
            links: elements(&self.links, row).map(|links| self::links(&links)).unwrap_or_default(),
            dropped_links_count: number(links, row) as u32,
            status: (code != 0 || !message.is_empty()).then_some(Status { message, code }),
        }
    }
}

fn elements(lists: &ListArray, row: usize) -> Option<StructArray> {
    lists.is_valid(row).then(|| lists.value(row).as_struct().clone())
}

fn events(events: &StructArray) -> Vec<Event> {
    let field = Fields(events);
    let (times, names) = (field.number("time_unix_nano"), field.text("name"));
    let (maps, dropped) = (field.map(ATTRIBUTES), field.number(DROPPED_ATTRIBUTES_COUNT));
    let event = |at| Event {
        time_unix_nano: number(times, at) as u64,
        name: text(names, at),
        attributes: key_values(maps, at),
        dropped_attributes_count: number(dropped, at) as u32,
    };
    (0..events.len()).map(event).collect()
}

fn links(links: &StructArray) -> Vec<Link> {
    let field = Fields(links);
    let (traces, spans) = (field.text(TRACE_ID), field.text(SPAN_ID));
    let (states, maps) = (field.text(TRACE_STATE), field.map(ATTRIBUTES));
    let (flags, dropped) = (field.number(FLAGS), field.number(DROPPED_ATTRIBUTES_COUNT));
    let link = |at| {
        let trace = text(traces, at).parse::<TraceId>();
        let span = text(spans, at).parse::<SpanId>();
        Link {
            trace_id: trace.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            span_id: span.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            trace_state: text(states, at),
            attributes: key_values(maps, at),
            dropped_attributes_count: number(dropped, at) as u32,
            flags: number(flags, at) as u32,
        }
    };
    (0..links.len()).map(link).collect()
}

/// The fields of a struct whose type was cast to the stored one.
struct Fields<'a>(&'a StructArray);

impl<'a> Fields<'a> {
    fn field(&self, name: &str) -> &'a ArrayRef {
        let field = self.0.column_by_name(name);
        field.unwrap_or_else(|| unreachable!("the stored type has a field {name}"))
    }

    fn text(&self, name: &str) -> &'a StringArray {
        self.field(name).as_string()
    }

    fn number(&self, name: &str) -> &'a Int64Array {
        self.field(name).as_primitive()
    }

    fn map(&self, name: &str) -> &'a MapArray {
        self.field(name).as_map()
    }
}

/// The text of a row; NULL is what the wire leaves out.
fn text(column: &StringArray, row: usize) -> String {
    if column.is_null(row) { String::new() } else { column.value(row).to_owned() }
}

fn number(column: &Int64Array, row: usize) -> i64 {
    if column.is_null(row) { 0 } else { column.value(row) }
}

fn id(column: &FixedSizeBinaryArray, row: usize) -> Vec<u8> {
    if column.is_null(row) { Vec::new() } else { column.value(row).to_vec() }
}

fn key_values(maps: &MapArray, row: usize) -> Vec<KeyValue> {
    if maps.is_null(row) {
        return Vec::new();
    }
    let entries = maps.value(row);
    let keys: &StringArray = entries.column(0).as_string();
    let values: &StringArray = entries.column(1).as_string();
    let entry = |(key, value): (Option<&str>, Option<&str>)| KeyValue {
        key: key.unwrap_or_default().to_owned(),
        value: Some(AnyValue { value: value.map(|text| Value::StringValue(text.to_owned())) }),
        key_strindex: 0,
    };
    keys.iter().zip(values).map(entry).collect()
}

/// The number of a name, also of `unknown(n)`.
fn number_of(names: &[&str], name: &str) -> i32 {
    let unknown = || name.strip_prefix("unknown(")?.strip_suffix(')')?.parse().ok();
    let known = names.iter().position(|known| *known == name).map(|at| at as i32);
    known.or_else(unknown).unwrap_or_default()
}
