//! Files as they arrive: compressed, framed, cut off, large.

use std::io::Write;
use std::sync::atomic::Ordering;

use flate2::Compression;
use flate2::write::GzEncoder;
use ingest::{Error, Format, Options, SpanReader};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use schema::spans;

use super::oracle::with_attribute;
use super::support::{cell, read_bytes};

/// Requests with `count` spans each.
fn requests(requests: u8, count: usize) -> Vec<ExportTraceServiceRequest> {
    (1..=requests)
        .map(|number| {
            let mut request = with_attribute(Default::default());
            let span = Span {
                trace_id: vec![number; 16],
                span_id: vec![number; 8],
                name: format!("span of request {number}"),
                start_time_unix_nano: u64::from(number),
                end_time_unix_nano: u64::from(number) + 5,
                ..Span::default()
            };
            request.resource_spans[0].scope_spans[0].spans = vec![span; count];
            request
        })
        .collect()
}

fn json_lines(requests: &[ExportTraceServiceRequest]) -> Vec<u8> {
    let lines = requests.iter().map(|request| serde_json::to_string(request).unwrap() + "\n");
    lines.collect::<String>().into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn framed(messages: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut file = Vec::new();
    for message in messages {
        file.extend((message.len() as u32).to_be_bytes());
        file.extend(message);
    }
    file
}

/// Scenario: the same requests in every compression, arrangement and encoding.
/// Guarantees: equal rows.
#[test]
fn all_forms_of_a_file_read_the_same() {
    let requests = requests(3, 2);
    let lines = json_lines(&requests);
    let (expected, report) = read_bytes(lines.clone()).unwrap();
    assert_eq!((expected.num_rows(), report.rejected), (6, 0));
    let (first, rest) = lines.split_at(lines.len() / 3);
    let pretty: String =
        requests.iter().map(|request| serde_json::to_string_pretty(request).unwrap()).collect();
    let messages = || requests.iter().map(Message::encode_to_vec);
    let forms = [
        ("gzip", gzip(&lines)),
        ("gzip of two members", [gzip(first), gzip(rest)].concat()),
        ("zstd", zstd(&lines)),
        ("zstd of two frames", [zstd(first), zstd(rest)].concat()),
        ("pretty JSON", pretty.into_bytes()),
        ("framed protobuf", framed(messages())),
        ("framed protobuf with an empty message", framed([vec![]].into_iter().chain(messages()))),
        ("framed protobuf in zstd", zstd(&framed(messages()))),
        ("framed, each message in zstd", framed(messages().map(|message| zstd(&message)))),
        (
            "framed JSON in zstd",
            framed(requests.iter().map(|r| zstd(&serde_json::to_vec(r).unwrap()))),
        ),
        ("bare protobuf, one after the other", messages().collect::<Vec<_>>().concat()),
        ("bare protobuf in gzip", gzip(&messages().collect::<Vec<_>>().concat())),
    ];
    for (form, file) in forms {
        let (rows, report) = read_bytes(file).unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(rows, expected, "{form}");
        assert_eq!(report.spans, 6, "{form}");
    }
}

/// Scenario: a download stopped, or a disk lost its end.
/// Guarantees: an error that says so and where; never a silent end.
#[test]
fn cut_off_files_are_errors() {
    let lines = json_lines(&requests(100, 20));
    let messages: Vec<_> = requests(9, 2).iter().map(Message::encode_to_vec).collect();
    for (file, expected) in [
        (gzip(&lines), "the input ends inside gzip data"),
        (zstd(&lines), "the input ends inside zstd data"),
        (framed(messages.clone()), "the input ends inside the message that begins here"),
        (messages.concat(), "the input ends inside the message that begins here"),
        (lines, "the input ends inside"),
    ] {
        let error = read_bytes(&file[..file.len() - 20]).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.place().unwrap().byte > 0, "{error}");
    }
    let compressed = gzip(&json_lines(&requests(1, 1)));
    for end in 2..compressed.len() {
        assert!(read_bytes(&compressed[..end]).is_err(), "{end}");
    }
}

#[test]
fn damaged_compression_is_an_error() {
    let lines = json_lines(&requests(50, 20));
    for mut file in [gzip(&lines), zstd(&lines)] {
        let middle = file.len() / 2;
        file[middle] ^= 0x55;
        file[middle + 1] ^= 0x55;
        let error = read_bytes(file).unwrap_err();
        assert!(error.to_string().contains("test, "), "{error}");
    }
    let mut trailing = gzip(&lines);
    trailing.extend(b"garbage");
    read_bytes(trailing).unwrap_err();
}

/// Scenario: an error in the middle of a file.
/// Guarantees: one error that names file and place, then nothing.
#[test]
fn the_first_error_ends_the_reading() {
    let mut lines = json_lines(&requests(2, 1));
    let second = lines.len();
    lines.extend(b"{\"resourceSpans\":[{\"scopeSpans\":\"x\"}]}\n");
    lines.extend(json_lines(&requests(1, 1)));
    let mut reader =
        SpanReader::new(std::io::Cursor::new(lines), "shop.jsonl", Options::default()).unwrap();
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert_eq!(error, format!("shop.jsonl, line 3, byte {}: expected an array", second + 32));
    assert!(reader.next().is_none());
    assert!(reader.next().is_none());
}

#[test]
fn a_missing_file_is_named() {
    let error = SpanReader::open("/no/such/file.json".as_ref(), None).unwrap_err();
    assert_eq!(error.to_string(), "/no/such/file.json, byte 0: cannot read");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("No such file"));
}

/// Scenario: a position in a protobuf file.
/// Guarantees: it is the byte in the file, not in the message.
#[test]
fn protobuf_places_are_those_of_the_file() {
    let mut all = requests(3, 1);
    all[2].resource_spans[0].scope_spans[0].spans[0].end_time_unix_nano = 0;
    let messages: Vec<_> = all.iter().map(Message::encode_to_vec).collect();
    let span = all[2].resource_spans[0].scope_spans[0].spans[0].encode_to_vec();
    for file in [framed(messages.clone()), messages.concat()] {
        let begin = file.len() - span.len() - 2;
        assert_eq!(file[begin], 0x12, "the tag of the span");
        let (rows, report) = read_bytes(file).unwrap();
        assert_eq!(rows.num_rows(), 2);
        let expected = format!("test, byte {begin}: end_time_unix_nano is 0");
        assert_eq!(report.rejections[0].to_string(), expected);
    }
}

/// Scenario: a file far larger than a batch.
/// Guarantees: batches are cut, progress is counted in bytes of the file.
#[test]
fn long_files_come_in_batches() {
    let lines = json_lines(&requests(200, 500));
    let file = zstd(&lines);
    let size = file.len() as u64;
    let mut reader =
        SpanReader::new(std::io::Cursor::new(file), "long", Options::default()).unwrap();
    assert_eq!(reader.format(), Some(Format::OtlpJson));
    let progress = reader.bytes_read();
    let batches: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    assert!(batches.len() > 2);
    assert!(batches.iter().all(|batch| batch.num_rows() <= 32 * 1024));
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 100_000);
    assert_eq!(progress.load(Ordering::Relaxed), size);
    let last = batches.last().unwrap().to_stored();
    assert_eq!(cell(&last, spans::SPAN_NAME, last.num_rows() - 1), "span of request 200");
}

/// Scenario: a `data` array of many traces, far beyond the limit of one record.
/// Guarantees: it is read trace by trace.
#[test]
fn long_jaeger_exports_are_streamed() {
    let trace = |number: u32| {
        format!(
            r#"{{"traceID":"{number:x}","spans":[{{"traceID":"{number:x}","spanID":"1",
            "operationName":"op","startTime":5,"duration":1,"processID":"p"}}],
            "processes":{{"p":{{"serviceName":"s","tags":[]}}}}}}"#
        )
    };
    let traces: Vec<String> = (1..=5000).map(trace).collect();
    let export = format!(r#"{{"data":[{}],"total":0}}"#, traces.join(","));
    let options = Options { unit_bytes: 1000, ..Options::default() };
    let reader = SpanReader::new(std::io::Cursor::new(export), "export", options).unwrap();
    assert_eq!(reader.format(), Some(Format::JaegerJson));
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 5000);
}
