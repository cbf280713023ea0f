//! Cutting, detection and places, on small inputs.

use std::io::{self, Read};

use super::{Format, Options, SpanReader};
use crate::batch::Limits;
use crate::error::Error;
use crate::tally::Warning;

/// Gives one byte at a time, so that every boundary is hit.
struct Trickle(io::Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(1);
        self.0.read(&mut buffer[..len])
    }
}

fn open(content: impl Into<Vec<u8>>, options: Options) -> Result<SpanReader, Error> {
    SpanReader::new(Trickle(io::Cursor::new(content.into())), "t", options)
}

/// Number of rows, or the message of the error.
fn rows(content: impl Into<Vec<u8>>) -> Result<usize, String> {
    let reader = open(content, Options::default()).map_err(|error| error.to_string())?;
    let batches: Result<Vec<_>, Error> = reader.collect();
    let batches = batches.map_err(|error| error.to_string())?;
    Ok(batches.iter().map(|batch| batch.num_rows()).sum())
}

fn span(id: u8) -> String {
    format!(
        r#"{{"traceId":"{id:032x}","spanId":"{id:016x}","name":"n","startTimeUnixNano":"1","endTimeUnixNano":"2"}}"#
    )
}

fn resource_spans(ids: &[u8]) -> String {
    let spans: Vec<_> = ids.iter().map(|id| span(*id)).collect();
    format!(r#"{{"scopeSpans":[{{"spans":[{}]}}]}}"#, spans.join(","))
}

fn request(ids: &[u8]) -> String {
    format!(r#"{{"resourceSpans":[{}]}}"#, resource_spans(ids))
}

fn trace(id: u8) -> String {
    format!(
        r#"{{"traceID":"{id:x}","spans":[{{"traceID":"{id:x}","spanID":"1","startTime":1,"duration":1}}]}}"#
    )
}

#[test]
fn documents_in_every_arrangement() {
    let (one, two) = (request(&[1]), request(&[2, 3]));
    for (content, expected) in [
        (one.clone(), 1),
        (format!("{one}\n{two}\n"), 3),
        (format!("{one}{two}"), 3),
        (format!("\n\n {one}\r\n\r\n{two}"), 3),
        (format!("[{one},{two}]"), 3),
        (format!("\u{feff}{one}"), 1),
        (one.replace(['{', ','], "{\n").replace("{\n\"", "{\n \"").replace("\"{\n", "\",\n"), 1),
        (format!("{{}}\n{two}"), 2),
        (
            format!(
                r#"{{"a":[1,{{}}],"resourceSpans":[null,{}],"b":"]}}"}}"#,
                resource_spans(&[1])
            ),
            1,
        ),
        (r#"{"resourceSpans":null}"#.to_owned(), 0),
        (r#"{"resourceSpans":[]}"#.to_owned(), 0),
        ("{}".to_owned(), 0),
        (" \n ".to_owned(), 0),
        (trace(1), 1),
        (format!("{}\n{}", trace(1), trace(2)), 2),
        (format!("[{},{}]", trace(1), trace(2)), 2),
        (format!(r#"{{"data":[{},{}],"total":0}}"#, trace(1), trace(2)), 2),
        (format!(r#"{{"errors":null,"data":{},"x":1}}"#, trace(1)), 1),
    ] {
        assert_eq!(rows(content.as_str()), Ok(expected), "{content}");
    }
}

#[test]
fn formats_are_told_by_content() {
    for (content, expected) in [
        (request(&[1]).into_bytes(), Some(Format::OtlpJson)),
        (trace(1).into_bytes(), Some(Format::JaegerJson)),
        (br#"{"data":[]}"#.to_vec(), Some(Format::JaegerJson)),
        (b"\x0a\x00".to_vec(), Some(Format::OtlpProtobuf)),
        (b"\x00\x00\x00\x02\x0a\x00".to_vec(), Some(Format::OtlpProtobuf)),
        (b"\x00\x00\x00\x00\x00\x00\x00\x02\x0a\x00".to_vec(), Some(Format::OtlpProtobuf)),
        (b"{}".to_vec(), None),
        (b"".to_vec(), None),
    ] {
        let mut reader = open(content.clone(), Options::default()).unwrap();
        assert_eq!(reader.format(), expected, "{content:?}");
        assert!(reader.next().is_none_or(|batch| batch.is_ok()));
    }
    for format in [Format::OtlpJson, Format::OtlpProtobuf, Format::JaegerJson] {
        assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
    }
    let error = "otlp".parse::<Format>().unwrap_err().to_string();
    assert_eq!(error, "`otlp` is not a format; use otlp-json, otlp-protobuf or jaeger-json");
}

#[test]
fn a_reader_may_work_on_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&open("", Options::default()).unwrap());
}

#[test]
fn a_given_format_is_kept() {
    let as_jaeger = Options { format: Some(Format::JaegerJson), ..Options::default() };
    let error = open(request(&[1]), as_jaeger).unwrap_err().to_string();
    assert!(
        error.starts_with("t, line 1, byte 0: found traces as otlp-json in a file of"),
        "{error}"
    );
    let as_protobuf = Options { format: Some(Format::OtlpProtobuf), ..Options::default() };
    let error = open("{}", as_protobuf).unwrap_err().to_string();
    assert!(error.contains("the length of a message"), "{error}");
}

#[test]
fn other_content_is_refused_with_its_name() {
    for (content, expected) in [
        (r#"{"resourceLogs":[]}"#, "found logs (`resourceLogs`), not traces; accepted are OTLP"),
        (r#"{"resourceMetrics":[]}"#, "found metrics (`resourceMetrics`), not traces"),
        (r#"{"resource_spans":[]}"#, "found `resource_spans`, but OTLP/JSON names are in lower"),
        (r#"[{"traceId":"1","id":"2"}]"#, "found what looks like a Zipkin span"),
        (r#"{"a":1,"b":{}}"#, "found a JSON object with `a`, `b`"),
        ("PAR1....", "found a Parquet file"),
        ("name,start\n", "found a file that begins with the bytes 6e 61 6d 65 2c 73 74 61"),
        ("[1,2]", "expected an object as element of this array"),
        (r#"{"data":["a"]}"#, "expected an object as element of this array"),
    ] {
        let error = rows(content).unwrap_err();
        assert!(error.contains(expected), "{content}: {error}");
    }
}

#[test]
fn other_signals_between_traces_are_skipped() {
    let content = format!("{}\n{{\"resourceLogs\":[]}}\n{}", request(&[1]), request(&[2]));
    let mut reader = open(content, Options::default()).unwrap();
    let rows: usize = reader.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 2);
    assert_eq!(reader.report().warnings[&Warning::OtherSignal], 1);
}

#[test]
fn an_empty_file_is_a_warning() {
    let mut reader = open("", Options::default()).unwrap();
    assert!(reader.next().is_none());
    assert_eq!(reader.report().warnings[&Warning::EmptyFile], 1);
    assert_eq!(reader.into_report().spans, 0);
}

#[test]
fn broken_documents_are_placed() {
    let good = request(&[1]);
    let next = good.len() + 1;
    let number = good.find("\"1\",").unwrap();
    for (content, line, byte, expected) in [
        (
            format!("{good}\n{{\"resourceSpans\":[{{\"scopeSpans\":7}}]}}"),
            2,
            next + 32,
            "expected an array",
        ),
        (format!("{good}\nx"), 2, next, "expected a JSON object or array"),
        (format!("{good}\n{{\"resourceSpans\":[{{"), 2, next + 18, "the input ends inside"),
        (good.replace("\"1\"", "\"one\""), 1, number, "startTimeUnixNano is not an integer"),
    ] {
        let error = rows(content.as_str()).unwrap_err();
        let expected = format!("t, line {line}, byte {byte}: {expected}");
        assert!(error.starts_with(&expected), "{content}\n{error}\n{expected}");
    }
}

#[test]
fn rejected_spans_are_placed() {
    let bad = span(7).replace("\"endTimeUnixNano\":\"2\"", "\"endTimeUnixNano\":0");
    let content = request(&[1]).replace(&span(1), &format!("{},\n\n{bad}", span(1)));
    let content = format!("\n{content}");
    let expected = content.find("\n\n{").unwrap() + 2;
    let mut reader = open(content, Options::default()).unwrap();
    assert_eq!(reader.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
    let report = reader.into_report();
    assert_eq!((report.spans, report.rejected), (1, 1));
    assert_eq!(report.rejected_by_reason["end_time_unix_nano is 0"], 1);
    assert_eq!(
        report.rejections[0].to_string(),
        format!("t, line 4, byte {expected}: end_time_unix_nano is 0")
    );
}

#[test]
fn a_record_beyond_the_limit_is_refused() {
    let options = Options { unit_bytes: 100, ..Options::default() };
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(1 << 20));
    let error = open(long, options).unwrap_err().to_string();
    assert_eq!(
        error,
        "t, line 1, byte 0: one record of the file takes more than 100 bytes; split it into \
         smaller ones"
    );
    let error = open(b"\x00\x00\x01\x00\x0a\x00".to_vec(), options).unwrap_err().to_string();
    assert!(error.starts_with("t, byte 0: one message takes more than 100 bytes"), "{error}");
}

/// Scenario: a small request whose resource is huge and whose spans are many.
/// Guarantees: it is refused before its rows fill the memory.
#[test]
fn amplification_is_bounded() {
    let limits = Limits { request_bytes: 8 << 20, batch_bytes: 1 << 20, ..Limits::default() };
    let resource = format!(
        r#""resource":{{"attributes":[{{"key":"k","value":{{"stringValue":"{}"}}}}]}}"#,
        "x".repeat(60 << 10)
    );
    let spans: Vec<_> = (0..1000).map(|_| span(1)).collect();
    let content = format!(
        r#"{{"resourceSpans":[{{{resource},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    );
    let mut reader = open(content, Options { limits, ..Options::default() }).unwrap();
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("repeat the attributes of their resource"), "{error}");
    assert!(reader.next().is_none());
}
