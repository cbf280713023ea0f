//! The rules of the table, on records made by hand.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use schema::spans;

use super::{Limits, Resource, Scope, ScopeFields, SpanBatchBuilder};
use crate::span::{Attribute, Event, Id, Link, Notes, Span, Value};
use crate::tally::{Rejection, Warning};

fn text<'a>(key: &'a str, value: &'a str) -> Attribute<'a> {
    (key.into(), Value::Text(value.into()))
}

fn span<'a>() -> Span<'a> {
    Span {
        trace_id: Id::Bytes([7; 16]),
        span_id: Id::Bytes([8; 8]),
        name: "GET /".into(),
        start: 1_000,
        end: 3_000,
        ..Span::default()
    }
}

fn context(builder: &mut SpanBatchBuilder) -> (Resource, Scope) {
    let resource = builder.resource(&[text("service.name", "cart")], "", Notes::default());
    (resource, builder.scope(&ScopeFields::default(), Notes::default()))
}

fn append(mut span: Span<'_>) -> (Result<(), Rejection>, RecordBatch, SpanBatchBuilder) {
    let mut builder = SpanBatchBuilder::default();
    let (resource, scope) = context(&mut builder);
    let outcome = builder.append(&resource, &scope, &mut span);
    let batch = builder.finish().pop().map(|batch| batch.to_stored());
    (outcome, batch.unwrap_or_else(|| RecordBatch::new_empty(spans::stored_schema())), builder)
}

fn row(span: Span<'_>) -> RecordBatch {
    let (outcome, batch, _) = append(span);
    outcome.unwrap();
    batch
}

fn cell(batch: &RecordBatch, column: &str, row: usize) -> String {
    let options = FormatOptions::new().with_null("NULL");
    let column = batch.column_by_name(column).unwrap();
    ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string()
}

#[test]
fn a_plain_span_is_mostly_null() {
    let batch = row(span());
    assert_eq!(cell(&batch, spans::TRACE_ID, 0), "07070707070707070707070707070707");
    assert_eq!(cell(&batch, spans::SPAN_KIND, 0), "unspecified");
    assert_eq!(cell(&batch, spans::STATUS_CODE, 0), "unset");
    assert_eq!(cell(&batch, spans::SERVICE_NAME, 0), "cart");
    assert_eq!(cell(&batch, spans::START_TIME_UNIX_NANO, 0), "1000");
    assert_eq!(cell(&batch, spans::DURATION_NS, 0), "2000");
    assert_eq!(cell(&batch, spans::RESOURCE_ATTRIBUTES, 0), "{service.name: cart}");
    let filled = [
        spans::TRACE_ID,
        spans::SPAN_ID,
        spans::SERVICE_NAME,
        spans::SPAN_NAME,
        spans::SPAN_KIND,
        spans::START_TIME_UNIX_NANO,
        spans::DURATION_NS,
        spans::STATUS_CODE,
        spans::RESOURCE_ATTRIBUTES,
    ];
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        assert_eq!(column.is_valid(0), filled.contains(&field.name().as_str()), "{field}");
    }
}

#[test]
fn broken_rules_reject_the_span() {
    let max = i64::MAX as u64;
    let cases: Vec<(Span<'_>, Rejection)> = vec![
        (Span { trace_id: Id::Absent, ..span() }, Rejection::TraceId),
        (Span { trace_id: Id::Bytes([0; 16]), ..span() }, Rejection::TraceId),
        (Span { trace_id: Id::from_bytes(&[1; 8]), ..span() }, Rejection::TraceId),
        (Span { trace_id: Id::from_bytes(&[1; 32]), ..span() }, Rejection::TraceId),
        (Span { trace_id: Id::from_hex("zz"), ..span() }, Rejection::TraceIdText),
        (Span { span_id: Id::Bytes([0; 8]), ..span() }, Rejection::SpanId),
        (Span { span_id: Id::WrongLength, ..span() }, Rejection::SpanId),
        (Span { span_id: Id::NotHex, ..span() }, Rejection::SpanIdText),
        (Span { parent_span_id: Id::WrongLength, ..span() }, Rejection::ParentSpanId),
        (Span { parent_span_id: Id::NotHex, ..span() }, Rejection::ParentSpanIdText),
        (Span { start: 0, ..span() }, Rejection::StartZero),
        (Span { end: 0, ..span() }, Rejection::EndZero),
        (Span { start: u64::MAX, ..span() }, Rejection::StartRange),
        (Span { start: 1 << 63, ..span() }, Rejection::StartRange),
        (Span { start: max, ..span() }, Rejection::StartRange),
        (Span { end: max + 1, ..span() }, Rejection::EndRange),
    ];
    for (span, expected) in cases {
        let (outcome, batch, builder) = append(Span { offset: 42, ..span });
        assert_eq!(outcome, Err(expected.clone()));
        assert_eq!(batch.num_rows(), 0);
        assert_eq!(builder.tally().rejected, 1);
        assert_eq!(builder.tally().rejected_by_reason[expected.reason()], 1);
        assert_eq!(builder.tally().rejections, [(42, expected)]);
    }
    assert_eq!(Rejection::StartZero.to_string(), "start_time_unix_nano is 0");
}

#[test]
fn a_defect_of_the_resource_rejects_its_spans() {
    let mut builder = SpanBatchBuilder::default();
    let (_, scope) = context(&mut builder);
    let defect = Rejection::Depth { key: "k".to_owned() };
    let notes = Notes { defect: Some(defect.clone()), ..Notes::default() };
    let resource = builder.resource(&[], "", notes);
    assert_eq!(builder.append(&resource, &scope, &mut span()), Err(defect));
}

#[test]
fn parents_and_times_at_the_edges() {
    assert_eq!(cell(&row(span()), spans::PARENT_SPAN_ID, 0), "NULL");
    let zero = Span { parent_span_id: Id::Bytes([0; 8]), ..span() };
    assert_eq!(cell(&row(zero), spans::PARENT_SPAN_ID, 0), "NULL");
    let own = Span { parent_span_id: Id::Bytes([8; 8]), ..span() };
    assert_eq!(cell(&row(own), spans::PARENT_SPAN_ID, 0), "0808080808080808");

    let (_, batch, builder) = append(Span { start: 3_000, end: 1_000, ..span() });
    assert_eq!(cell(&batch, spans::DURATION_NS, 0), "0");
    assert_eq!(cell(&batch, spans::NEGATIVE_DURATION_NS, 0), "2000");
    assert_eq!(builder.tally().warnings[&Warning::NegativeDuration], 1);
    let last = row(Span { start: 1, end: i64::MAX as u64 - 1, ..span() });
    assert_eq!(cell(&last, spans::DURATION_NS, 0), (i64::MAX - 2).to_string());
}

#[test]
fn enumerations_are_text() {
    for (number, kind) in
        [(1, "internal"), (2, "server"), (3, "client"), (4, "producer"), (5, "consumer")]
    {
        assert_eq!(cell(&row(Span { kind: number, ..span() }), spans::SPAN_KIND, 0), kind);
    }
    let odd = row(Span { kind: 99, status: -7, flags: u32::MAX, ..span() });
    assert_eq!(cell(&odd, spans::SPAN_KIND, 0), "unknown(99)");
    assert_eq!(cell(&odd, spans::STATUS_CODE, 0), "unknown(-7)");
    assert_eq!(cell(&odd, spans::FLAGS, 0), "4294967295");
    assert_eq!(cell(&row(Span { status: 1, ..span() }), spans::STATUS_CODE, 0), "ok");
    assert_eq!(cell(&row(Span { status: 2, ..span() }), spans::STATUS_CODE, 0), "error");
}

#[test]
fn the_service_name_is_always_there() {
    let mut builder = SpanBatchBuilder::default();
    for (attributes, expected) in [
        (vec![], "unknown_service"),
        (vec![text("service.name", "")], "unknown_service"),
        (vec![("service.name".into(), Value::Empty)], "unknown_service"),
        (vec![("service.name".into(), Value::Int(7))], "7"),
        (vec![text("service.name", "a"), text("service.name", "b")], "b"),
    ] {
        let resource = builder.resource(&attributes, "", Notes::default());
        assert_eq!(resource.0.service_name, expected);
    }
    let long = "s".repeat(1 << 20);
    let resource = builder.resource(&[text("service.name", &long)], "", Notes::default());
    assert_eq!(resource.0.service_name.len(), 64 << 10);
}

#[test]
fn context_and_promoted_columns_are_filled() {
    let mut builder = SpanBatchBuilder::default();
    let attributes = [
        text("service.name", "cart"),
        text("deployment.environment.name", "prod"),
        text("deployment.environment", "staging"),
    ];
    let resource = builder.resource(&attributes, "http://r", Notes::default());
    let mut fields = ScopeFields {
        name: "lib".into(),
        version: "1".into(),
        attributes: vec![("n".into(), Value::Int(3))],
        schema_url: "".into(),
    };
    let inherits = builder.scope(&fields, Notes::default());
    fields.schema_url = "http://s".into();
    let own = builder.scope(&fields, Notes::default());
    let mut failed = Span {
        kind: 2,
        status: 2,
        status_message: "boom".into(),
        trace_state: "ot=th:8".into(),
        attributes: vec![("http.status_code".into(), Value::Int(503)), text("k", "v")],
        trace_id: Id::Bytes([0xff; 16]),
        ..span()
    };
    builder.append(&resource, &inherits, &mut failed).unwrap();
    builder.append(&resource, &own, &mut span()).unwrap();
    let batch = builder.finish().remove(0).to_stored();
    for (column, first, second) in [
        (spans::SCHEMA_URL, "http://r", "http://s"),
        (spans::SCOPE_NAME, "lib", "lib"),
        (spans::SCOPE_VERSION, "1", "1"),
        (spans::SCOPE_ATTRIBUTES, "{n: 3}", "{n: 3}"),
        (spans::ATTRIBUTES, "{http.status_code: 503, k: v}", "NULL"),
        (spans::STATUS_MESSAGE, "boom", "NULL"),
        (spans::TRACE_STATE, "ot=th:8", "NULL"),
        (spans::SEMCONV_CONFLICT, "true", "true"),
        ("deployment_environment", "prod", "prod"),
        ("http_response_status_code", "503", "NULL"),
        ("error_type", "503", "NULL"),
    ] {
        assert_eq!(cell(&batch, column, 0), first, "{column}");
        assert_eq!(cell(&batch, column, 1), second, "{column}");
    }
    let weights = batch.column_by_name(spans::SAMPLE_WEIGHT).unwrap();
    assert_eq!(weights.as_primitive::<Float64Type>().value(0), 2.0);
    assert!(weights.is_null(1));
}

#[test]
fn events_and_links_keep_their_attributes_apart() {
    let mut many = Span {
        inner_attributes: vec![
            text("exception.type", "First"),
            text("exception.type", "Last"),
            text("l", "1"),
        ],
        ..span()
    };
    let exception = |time, attributes| Event {
        time,
        name: "exception".into(),
        attributes,
        dropped_attributes: 0,
    };
    many.events = vec![exception(5, 0..1), exception(0, 1..2), Event::default()];
    many.links = vec![
        Link {
            trace_id: Id::Bytes([0xab; 16]),
            span_id: Id::Bytes([0xcd; 8]),
            trace_state: "a=b".into(),
            attributes: 2..3,
            flags: 1,
            dropped_attributes: 4,
        },
        Link::default(),
    ];
    let (_, batch, builder) = append(many);
    assert_eq!(
        cell(&batch, spans::EVENTS, 0),
        "[{time_unix_nano: 5, name: exception, attributes: {exception.type: First}, \
         dropped_attributes_count: NULL}, {time_unix_nano: NULL, name: exception, attributes: \
         {exception.type: Last}, dropped_attributes_count: NULL}, {time_unix_nano: NULL, name: \
         NULL, attributes: NULL, dropped_attributes_count: NULL}]"
    );
    assert_eq!(
        cell(&batch, spans::LINKS, 0),
        "[{trace_id: abababababababababababababababab, span_id: cdcdcdcdcdcdcdcd, trace_state: \
         a=b, attributes: {l: 1}, flags: 1, dropped_attributes_count: 4}, {trace_id: NULL, \
         span_id: NULL, trace_state: NULL, attributes: NULL, flags: NULL, \
         dropped_attributes_count: NULL}]"
    );
    assert_eq!(cell(&batch, "exception_type", 0), "Last");
    assert_eq!(cell(&batch, "error_type", 0), "Last");
    assert_eq!(builder.tally().warnings[&Warning::LinkId], 1);
}

#[test]
fn batches_are_cut_by_rows_and_by_bytes() {
    let limits = Limits { batch_rows: 10, ..Limits::default() };
    let mut builder = SpanBatchBuilder::new(limits);
    let (resource, scope) = context(&mut builder);
    for start in 1..=25 {
        builder.append(&resource, &scope, &mut Span { start, ..span() }).unwrap();
    }
    let batches = builder.finish();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).collect::<Vec<_>>(), [10, 10, 5]);
    let starts = batches.iter().flat_map(|batch| {
        let rows = batch.to_stored();
        let column = rows.column_by_name(spans::START_TIME_UNIX_NANO);
        column.unwrap().as_primitive::<Int64Type>().values().to_vec()
    });
    assert!(starts.eq(1..=25));
    assert!(builder.finish().is_empty());
    assert_eq!(builder.pending_bytes(), 0);

    // A resource of 50 KiB repeats on every row.
    let limits = Limits { batch_bytes: 1 << 20, ..Limits::default() };
    let mut builder = SpanBatchBuilder::new(limits);
    let long = "x".repeat(50 << 10);
    let resource = builder.resource(&[text("k", &long)], "", Notes::default());
    for _ in 0..100 {
        builder.append(&resource, &scope, &mut span()).unwrap();
    }
    let batches = builder.finish();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 100);
    assert!(batches.iter().all(|batch| batch.num_rows() <= 21), "{}", batches.len());
}

#[test]
fn counted_bytes_are_near_the_memory() {
    let mut builder = SpanBatchBuilder::default();
    let (resource, scope) = context(&mut builder);
    for start in 1..=1000 {
        let attributes = vec![text("http.route", "/cart/{id}"), text("http.method", "GET")];
        builder.append(&resource, &scope, &mut Span { start, attributes, ..span() }).unwrap();
    }
    let counted = builder.pending_bytes();
    let actual = builder.finish()[0].to_stored().get_array_memory_size();
    assert!(counted * 2 > actual && actual * 2 > counted, "{counted} counted, {actual} in memory");
}

#[test]
fn clearing_forgets_the_failed_request() {
    let mut builder = SpanBatchBuilder::default();
    let (resource, scope) = context(&mut builder);
    builder.append(&resource, &scope, &mut span()).unwrap();
    builder.clear();
    assert_eq!(builder.tally().accepted, 0);
    assert!(builder.finish().is_empty());
}
