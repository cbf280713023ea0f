//! Every file of the shared datasets: rows equal what `serde_json` and prost find in it.

use std::path::Path;

use ingest::SpanReader;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use schema::spans;

use super::identity::{Checksum, of_jaeger, of_otlp, of_rows};
use super::support::{cell, content, dataset, dataset_files, read_bytes, read_file, untar};

/// Reads a file both ways; returns its number of spans.
fn check(path: &Path, reference: impl Fn(&[u8]) -> (Checksum, u64)) -> u64 {
    let mut reader = SpanReader::open(path, None).unwrap();
    let mut found = Checksum::default();
    for batch in reader.by_ref() {
        found.merge(of_rows(&batch.unwrap().to_stored()));
    }
    let report = reader.into_report();
    let (expected, rejected) = reference(&content(path));
    assert_eq!(found, expected, "{}", path.display());
    assert_eq!(report.spans, expected.spans, "{}", path.display());
    assert_eq!(report.rejected, rejected, "{}: {:?}", path.display(), report.rejections);
    expected.spans
}

/// Scenario: the largest dataset, 208 MB of OTLP lines in 26 MB of zstd.
/// Guarantees: every span is there with its identity and its times.
#[test]
fn nezha() {
    let Some(path) = dataset("nezha-ob-2022-08-22.otlp.jsonl.zst") else { return };
    assert_eq!(check(&path, of_otlp), 846_632);
}

#[test]
fn traceweaver() {
    let files = dataset_files("traceweaver", &[".otlp.jsonl.zst"]);
    let spans: u64 = files.iter().map(|path| check(path, of_otlp)).sum();
    assert!(files.is_empty() || spans == 295_500, "{spans}");
}

/// Scenario: raw Jaeger files of two loads, one trace per file.
/// Guarantees: every span is there, and the same as in the OTLP form of the load.
#[test]
fn traceweaver_from_jaeger() {
    for (jaeger, otlp) in [
        ("hotel_load50", "hotel_reservation.hotel_load50"),
        ("media_load150", "media_microservices.media_load150"),
    ] {
        let Some(archive) = dataset(&format!("traceweaver/{jaeger}.jaeger-json.tar.zst")) else {
            return;
        };
        // One after the other, as `cat` would make them one file.
        let documents = untar(&content(&archive)).concat();
        let (rows, report) = read_bytes(documents.clone()).unwrap();
        assert_eq!((of_rows(&rows), report.rejected), of_jaeger(&documents), "{jaeger}");
        let Some(otlp) = dataset(&format!("traceweaver/{otlp}.otlp.jsonl.zst")) else { return };
        let (otlp_rows, _) = read_file(&otlp).unwrap();
        assert_eq!(of_rows(&rows).spans, of_rows(&otlp_rows).spans, "{jaeger}");
        assert_eq!(of_rows(&rows).duration, of_rows(&otlp_rows).duration, "{jaeger}");
    }
}

/// Scenario: the UI saved traces with every parent nested in its child's reference.
/// Guarantees: the nesting is stepped over; the spans are those of the OTLP form.
#[test]
fn deathstarbench() {
    let Some(jaeger) = dataset("deathstarbench/traces-1695947455229.jaeger.json.zst") else {
        return;
    };
    let Some(otlp) = dataset("deathstarbench/dsb_social.otlp.jsonl") else { return };
    assert_eq!(check(&jaeger, of_jaeger), 660);
    assert_eq!(check(&otlp, of_otlp), 660);
}

#[test]
fn crisp() {
    let mut left_out = 0;
    for path in dataset_files("fixtures/crisp", &[".json"]) {
        check(&path, of_jaeger);
        let (_, report) = read_file(&path).unwrap();
        left_out += report.rejected;
        for reason in report.rejected_by_reason.keys() {
            // Their clock starts at 0, and they count on beyond the letter F.
            let known =
                ["start_time_unix_nano is 0", "span_id must be 16 hex digits and not all zero"];
            assert!(known.contains(reason), "{}: {reason}", path.display());
        }
    }
    assert!(left_out > 0 || dataset("fixtures/crisp").is_none());
}

#[test]
fn jaeger_fixtures() {
    for path in dataset_files("fixtures/jaeger/integration-traces", &[".json"]) {
        assert!(check(&path, of_otlp) > 0, "{}", path.display());
    }
    for path in dataset_files("fixtures/jaeger/memory-v2", &[".json"]) {
        assert!(check(&path, of_otlp) > 0, "{}", path.display());
    }
    for path in dataset_files("fixtures/jaeger/query-otlp2jaeger", &["-in.json"]) {
        check(&path, of_otlp);
    }
    for path in dataset_files("fixtures/jaeger/query-otlp2jaeger", &["-out.json"]) {
        check(&path, of_jaeger);
    }
    for path in dataset_files("fixtures/jaeger/uimodel", &["ui_01.json"]) {
        check(&path, of_jaeger);
    }
}

#[test]
fn jaeger_ui_fixtures() {
    for path in dataset_files("fixtures/jaeger-ui/traces", &[".json", ".txt"]) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("-in") {
            check(&path, of_otlp);
        } else {
            check(&path, of_jaeger);
        }
    }
}

/// Scenario: one trace in the UI's JSON and in the JSON of the storage model.
/// Guarantees: the rows are equal, but for the digits that microseconds do not hold.
#[test]
fn storage_model_equals_query_api() {
    let Some(ui) = dataset("fixtures/jaeger/uimodel/fixtures_ui_01.json") else { return };
    let Some(model) = dataset("fixtures/jaeger/uimodel/fixtures_domain_01.json") else { return };
    let ((ui, _), (model, _)) = (read_file(&ui).unwrap(), read_file(&model).unwrap());
    assert_eq!((ui.num_rows(), model.num_rows()), (5, 5));
    for (index, field) in ui.schema().fields().iter().enumerate() {
        if ![spans::START_TIME_UNIX_NANO, spans::EVENTS].contains(&field.name().as_str()) {
            assert_eq!(ui.column(index), model.column(index), "{field}");
        }
    }
    assert_eq!(cell(&ui, spans::START_TIME_UNIX_NANO, 0), "1485467191639875000");
    assert_eq!(cell(&model, spans::START_TIME_UNIX_NANO, 0), "1485467191639875139");
}

/// Scenario: spans as Elasticsearch stores them, and in the storage model's JSON.
/// Guarantees: a span alone in its document is a row, with its own process.
#[test]
fn single_spans() {
    for name in ["fixtures_es_01.json", "fixtures_domain_es_01.json"] {
        let Some(path) = dataset(&format!("fixtures/jaeger/uimodel/{name}")) else { return };
        let (rows, report) = read_file(&path).unwrap();
        assert_eq!((report.spans, report.rejected), (1, 0), "{name}");
        assert_eq!(cell(&rows, spans::TRACE_ID, 0), format!("{:0>32}", "1"));
        assert_eq!(cell(&rows, spans::PARENT_SPAN_ID, 0), format!("{:0>16}", "3"));
        assert_eq!(cell(&rows, spans::SERVICE_NAME, 0), "service-x");
        assert_eq!(cell(&rows, spans::STATUS_CODE, 0), "error");
        assert_eq!(cell(&rows, "peer_service", 0), "service-y");
        assert_eq!(cell(&rows, spans::LINKS, 0).matches("trace_id").count(), 2);
    }
}

/// Scenario: the examples of the OTLP specification and of otlp2parquet.
/// Guarantees: traces are read; other signals and invalid files are refused with a reason.
#[test]
fn otlp_examples() {
    for (name, expected) in [
        ("otlp-proto-examples/examples_logs.json", "found logs (`resourceLogs`), not traces"),
        ("otlp-proto-examples/examples_metrics.json", "found metrics (`resourceMetrics`), not"),
        ("otlp2parquet/testdata_logs.pb", "found logs, not traces"),
        ("otlp2parquet/testdata_logs.jsonl", "found logs (`resourceLogs`), not traces"),
        ("otlp2parquet/testdata_metrics_gauge.pb", "found metrics, not traces"),
        ("otlp2parquet/testdata_metrics_sum.pb", "found metrics, not traces"),
        ("otlp2parquet/testdata_metrics_histogram.pb", "found metrics, not traces"),
        ("otlp2parquet/testdata_metrics_exponential_histogram.pb", "found metrics, not traces"),
        ("otlp2parquet/testdata_metrics_summary.pb", "found metrics, not traces"),
        ("otlp2parquet/testdata_metrics_mixed.pb", "found metrics, not traces"),
        ("otlp2parquet/testdata_parquet_traces.parquet", "found a Parquet file"),
        ("otlp2parquet/testdata_invalid_malformed.json", "the input ends inside"),
        ("otlp2parquet/testdata_invalid_trace_invalid_kind.json", "kind is the text `SPAN_KIND_I"),
        ("otlp2parquet/testdata_invalid_trace_invalid_base64.json", "enum values as integers"),
        ("otlp2parquet/testdata_invalid_trace_mixed_encoding.json", "enum values as integers"),
        ("otlp2parquet/testdata_traces.jsonl", "line 1, byte 781: kind is the text `SPAN_KIND"),
        ("otlp2parquet/testdata_trace.json", "kind is the text `SPAN_KIND_CLIENT`"),
        ("zipkin/testdata_ascend.json", "found what looks like a Zipkin span"),
    ] {
        let Some(path) = dataset(&format!("fixtures/{name}")) else { return };
        let error = read_file(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
    let Some(path) = dataset("fixtures/otlp-proto-examples/examples_trace.json") else { return };
    assert_eq!(check(&path, of_otlp), 1);
    let (rows, _) = read_file(&path).unwrap();
    assert_eq!(cell(&rows, spans::SERVICE_NAME, 0), "my.service");
    assert_eq!(cell(&rows, spans::SPAN_NAME, 0), "I'm a server span");
    assert_eq!(cell(&rows, spans::SCOPE_NAME, 0), "my.library");
}

/// Scenario: requests in protobuf, without framing.
/// Guarantees: as many spans as prost finds, with the same ids and names.
#[test]
fn bare_protobuf_examples() {
    for path in dataset_files("fixtures/otlp2parquet", &["_trace.pb", "_traces.pb"]) {
        let request = ExportTraceServiceRequest::decode(&content(&path)[..]).unwrap();
        let (rows, report) = read_file(&path).unwrap();
        let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        let spans_expected: Vec<_> = scopes.flat_map(|scope| &scope.spans).collect();
        assert_eq!(report.rejected, 0, "{:?}", report.rejections);
        assert_eq!(rows.num_rows(), spans_expected.len(), "{}", path.display());
        for (row, span) in spans_expected.iter().enumerate() {
            let hex: String = span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(cell(&rows, spans::TRACE_ID, row), hex);
            assert_eq!(cell(&rows, spans::SPAN_NAME, row), span.name);
        }
    }
}
