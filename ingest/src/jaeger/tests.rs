//! Jaeger documents, field by field.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use schema::spans;

use super::decode;
use crate::batch::SpanBatchBuilder;
use crate::tally::{Tally, Warning};

/// Keys with values, or columns with cells.
type Pairs<'a> = &'a [(&'a str, &'a str)];

fn read(document: &str) -> (RecordBatch, Tally) {
    let mut builder = SpanBatchBuilder::default();
    decode(document.as_bytes(), &mut builder).unwrap();
    let tally = builder.take_tally();
    let batch = builder.finish().pop().map(|batch| batch.to_stored());
    (batch.unwrap_or_else(|| RecordBatch::new_empty(spans::stored_schema())), tally)
}

fn cell(batch: &RecordBatch, column: &str) -> String {
    let options = FormatOptions::new().with_null("NULL");
    let column = batch.column_by_name(column).unwrap();
    ArrayFormatter::try_new(column, &options).unwrap().value(0).to_string()
}

/// A trace of one span with these members.
fn with(members: &str) -> RecordBatch {
    let (batch, tally) = read(&format!(
        r#"{{"traceID":"1f","spans":[{{"traceID":"1f","spanID":"2","operationName":"op",
        "startTime":1000,"duration":5,"processID":"p1",{members}}}],
        "processes":{{"p1":{{"serviceName":"svc","tags":[
        {{"key":"ip","type":"string","value":"::1"}},
        {{"key":"service.name","type":"string","value":"other"}}]}}}}}}"#
    ));
    assert_eq!((tally.accepted, tally.rejected), (1, 0), "{members}");
    batch
}

#[test]
fn a_span_of_the_query_api() {
    let batch = with(r#""flags":3,"references":[],"logs":null,"tags":[]"#);
    for (column, expected) in [
        (spans::TRACE_ID, "0000000000000000000000000000001f"),
        (spans::SPAN_ID, "0000000000000002"),
        (spans::PARENT_SPAN_ID, "NULL"),
        (spans::SPAN_NAME, "op"),
        (spans::SPAN_KIND, "unspecified"),
        (spans::START_TIME_UNIX_NANO, "1000000"),
        (spans::DURATION_NS, "5000"),
        (spans::SERVICE_NAME, "svc"),
        (spans::RESOURCE_ATTRIBUTES, "{service.name: svc, ip: ::1}"),
        (spans::FLAGS, "1"),
        (spans::STATUS_CODE, "unset"),
        (spans::EVENTS, "NULL"),
        (spans::LINKS, "NULL"),
    ] {
        assert_eq!(cell(&batch, column), expected, "{column}");
    }
}

#[test]
fn tags_are_typed() {
    let batch = with(
        r#""tags":[
        {"key":"s","type":"string","value":"x"},
        {"key":"n","type":"string","value":5},
        {"value":true,"type":"bool","key":"b"},
        {"key":"bt","type":"bool","value":"false"},
        {"key":"i","type":"int64","value":"9223372036854775222"},
        {"key":"j","type":"int64","value":23456},
        {"key":"k","type":"int64","value":"many"},
        {"key":"f","type":"float64","value":72.5},
        {"key":"g","type":"float64","value":"1"},
        {"key":"o","type":"string","value":{"a": 1}},
        {"key":"y","type":"binary","value":"AAAwOQ=="},
        {"key":"z","value":null},
        {"key":"m","vType":"INT64","vInt64":7},
        {"key":"d","vType":"INT64"},
        {"key":"v","vStr":"w"}]"#,
    );
    assert_eq!(
        cell(&batch, spans::ATTRIBUTES),
        "{s: x, n: 5, b: true, bt: false, i: 9223372036854775222, j: 23456, k: many, f: 72.5, \
         g: 1.0, o: {\"a\": 1}, y: AAAwOQ==, z: NULL, m: 7, d: 0, v: w}"
    );
}

#[test]
fn tags_that_otlp_has_fields_for_move_there() {
    let tag =
        |key: &str, value: &str| format!(r#"{{"key":"{key}","type":"string","value":"{value}"}}"#);
    let cases: &[(Pairs, Pairs)] = &[
        (&[("span.kind", "client")], &[(spans::SPAN_KIND, "client")]),
        (
            &[("span.kind", "odd")],
            &[(spans::SPAN_KIND, "unspecified"), (spans::ATTRIBUTES, "{span.kind: odd}")],
        ),
        (&[("error", "true")], &[(spans::STATUS_CODE, "error")]),
        (&[("error", "no")], &[(spans::STATUS_CODE, "unset"), (spans::ATTRIBUTES, "{error: no}")]),
        (&[("otel.status_code", "OK")], &[(spans::STATUS_CODE, "ok")]),
        (
            &[("error", "true"), ("otel.status_code", "OK"), ("otel.status_description", "d")],
            &[(spans::STATUS_CODE, "error"), (spans::STATUS_MESSAGE, "d")],
        ),
        (
            &[("otel.library.name", "old"), ("otel.library.version", "1")],
            &[(spans::SCOPE_NAME, "old"), (spans::SCOPE_VERSION, "1")],
        ),
        (
            &[("otel.library.name", "old"), ("otel.scope.name", "new")],
            &[(spans::SCOPE_NAME, "new"), (spans::SCOPE_VERSION, "NULL")],
        ),
        (&[("w3c.tracestate", "a=b")], &[(spans::TRACE_STATE, "a=b")]),
    ];
    for (tags, expected) in cases {
        let tags: Vec<_> = tags.iter().map(|(key, value)| tag(key, value)).collect();
        let batch = with(&format!(r#""tags":[{}]"#, tags.join(",")));
        for (column, value) in *expected {
            assert_eq!(cell(&batch, column), *value, "{tags:?} {column}");
        }
        if !expected.iter().any(|(column, _)| *column == spans::ATTRIBUTES) {
            assert_eq!(cell(&batch, spans::ATTRIBUTES), "NULL", "{tags:?}");
        }
    }
}

#[test]
fn references_are_parents_or_links() {
    let reference = |kind: &str, trace: &str, span: &str| {
        format!(r#"{{"refType":"{kind}","traceID":"{trace}","spanID":"{span}"}}"#)
    };
    let (child, follows) = ("CHILD_OF", "FOLLOWS_FROM");
    let same = "000000000000001f";
    for (references, parent, links) in [
        (vec![(child, same, "3")], "0000000000000003", vec![]),
        (vec![(follows, same, "3")], "0000000000000003", vec![]),
        (
            vec![(child, "ff", "3"), (follows, same, "4"), (child, same, "5"), (child, same, "6")],
            "0000000000000005",
            vec![("ff", "3", "child_of"), ("1f", "4", "follows_from"), ("1f", "6", "child_of")],
        ),
        (
            vec![(child, "ff", "3"), (follows, same, "4")],
            "0000000000000004",
            vec![("ff", "3", "child_of")],
        ),
        (vec![(follows, "ff", "3")], "NULL", vec![("ff", "3", "follows_from")]),
    ] {
        let list: Vec<_> = references.iter().map(|(k, t, s)| reference(k, t, s)).collect();
        let batch = with(&format!(r#""references":[{}]"#, list.join(",")));
        assert_eq!(cell(&batch, spans::PARENT_SPAN_ID), parent, "{references:?}");
        let links: Vec<_> = links
            .iter()
            .map(|(trace, span, kind)| {
                format!(
                    "{{trace_id: {trace:0>32}, span_id: {span:0>16}, trace_state: NULL, \
                     attributes: {{opentracing.ref_type: {kind}}}, flags: NULL, \
                     dropped_attributes_count: NULL}}"
                )
            })
            .collect();
        let expected =
            if links.is_empty() { "NULL".to_owned() } else { format!("[{}]", links.join(", ")) };
        assert_eq!(cell(&batch, spans::LINKS), expected, "{references:?}");
    }
    let batch = with(r#""parentSpanID":"9""#);
    assert_eq!(cell(&batch, spans::PARENT_SPAN_ID), "0000000000000009");
}

#[test]
fn logs_are_events() {
    let batch = with(
        r#""logs":[
        {"timestamp":1001,"fields":[{"key":"event","type":"string","value":"cache"},
                                    {"key":"hit","type":"bool","value":true}]},
        {"timestamp":1002,"fields":[{"key":"message","type":"string","value":"hello"}]},
        {"fields":[{"key":"event","type":"int64","value":"12"}],"timestamp":"1970-01-01T00:00:00.000000003Z"}]"#,
    );
    let events = cell(&batch, spans::EVENTS);
    assert!(
        events.contains("{time_unix_nano: 1001000, name: cache, attributes: {hit: true}"),
        "{events}"
    );
    assert!(
        events.contains("{time_unix_nano: 1002000, name: hello, attributes: {message: hello}"),
        "{events}"
    );
    assert!(events.contains("{time_unix_nano: 3, name: 12, attributes: NULL"), "{events}");
}

#[test]
fn warnings_become_an_attribute() {
    let batch = with(r#""warnings": ["a \"b\"",  "c"]"#);
    assert_eq!(cell(&batch, spans::ATTRIBUTES), r#"{jaeger.warnings: ["a \"b\"","c"]}"#);
    assert_eq!(cell(&with(r#""warnings":[]"#), spans::ATTRIBUTES), "NULL");
}

#[test]
fn documents_of_every_shape() {
    let span = r#"{"traceID":"1","spanID":"2","operationName":"op","startTime":1000,
        "duration":1,"process":{"serviceName":"own"}}"#;
    let trace = format!(r#"{{"traceID":"1","spans":[{span}, null]}}"#);
    for (document, expected) in [
        (span.to_owned(), 1),
        (format!("[{span},{span}]"), 2),
        (trace.clone(), 1),
        (format!("[{trace},{trace}]"), 2),
        (format!(r#"{{"data":[{trace},{trace}],"total":0,"errors":null}}"#), 2),
        (format!(r#"{{"data":{trace}}}"#), 1),
        (r#"{"data":[]}"#.to_owned(), 0),
        (r#"{"data":null,"errors":[{"code":404}]}"#.to_owned(), 0),
    ] {
        let (batch, tally) = read(&document);
        assert_eq!((tally.accepted, tally.rejected), (expected, 0), "{document}");
        if expected > 0 {
            assert_eq!(cell(&batch, spans::SERVICE_NAME), "own");
        }
    }
    let mut builder = SpanBatchBuilder::default();
    let error = decode(br#" {"a":1}"#, &mut builder).unwrap_err().to_string();
    assert_eq!(error, "byte 1: neither a Jaeger trace (`spans`) nor a span (`spanID`)");
    let nested = r#"{"data":["#.repeat(1000);
    decode(nested.as_bytes(), &mut builder).unwrap_err();
}

#[test]
fn the_storage_model_is_read() {
    let (batch, tally) = read(
        r#"{"spans":[{"traceId":"AAAAAAAAAAAAAAAAAAAAAQ==","spanId":"AAAAAAAAAAI=",
        "references":[{"traceId":"AAAAAAAAAAAAAAAAAAAAAQ==","spanId":"AAAAAAAAAAM="}],
        "operationName":"op","startTime":"2017-01-26T16:46:31.639875139-05:00",
        "duration":"5000ns","processId":"p"}],
        "processMap":[{"processId":"p","process":{"serviceName":"svc"}}]}"#,
    );
    assert_eq!((tally.accepted, tally.rejected), (1, 0));
    assert_eq!(cell(&batch, spans::TRACE_ID), "00000000000000000000000000000001");
    assert_eq!(cell(&batch, spans::PARENT_SPAN_ID), "0000000000000003");
    assert_eq!(cell(&batch, spans::START_TIME_UNIX_NANO), "1485467191639875139");
    assert_eq!(cell(&batch, spans::DURATION_NS), "5000");
    assert_eq!(cell(&batch, spans::SERVICE_NAME), "svc");
}

#[test]
fn broken_spans_are_left_out_one_by_one() {
    let span = |trace: &str, id: &str, rest: &str| {
        format!(r#"{{"traceID":"{trace}","spanID":"{id}","operationName":"op",{rest}}}"#)
    };
    let times = r#""startTime":1000,"duration":1"#;
    let cases = [
        (span("1", "2", times), None),
        (span("A", "F", times), None),
        (span("G", "2", times), Some("trace_id must be 32 hex digits and not all zero")),
        (span("trace-123", "2", times), Some("trace_id must be 32 hex digits and not all zero")),
        (
            span("1", "00000000000000001", times),
            Some("span_id must be 16 hex digits and not all zero"),
        ),
        (span("1", "0", times), Some("span_id must be 8 bytes and not all zero")),
        (span("", "2", times), Some("trace_id must be 16 bytes and not all zero")),
        (span("1", "2", r#""startTime":0,"duration":1"#), Some("start_time_unix_nano is 0")),
        (
            span("1", "2", r#""startTime":-5,"duration":1"#),
            Some("start_time_unix_nano is outside the representable range (1970 to 2262)"),
        ),
        (
            span("1", "2", r#""startTime":1000,"duration":1e30"#),
            Some("end_time_unix_nano is outside the representable range (1970 to 2262)"),
        ),
        (
            span("1", "2", r#""startTime":"noon","duration":1"#),
            Some("startTime `noon` is not a time or duration"),
        ),
    ];
    for (document, expected) in cases {
        let (_, tally) = read(&format!(r#"{{"spans":[{document}]}}"#));
        let found = tally.rejections.first().map(|(_, rejection)| rejection.to_string());
        assert_eq!(found.as_deref(), expected, "{document}");
        assert_eq!(tally.warnings.get(&Warning::UnknownProcess), expected.is_none().then_some(&1));
    }
    let negative = span("1", "2", r#""startTime":1000,"duration":-1"#);
    assert_eq!(cell(&read(&negative).0, spans::NEGATIVE_DURATION_NS), "1000");
}
