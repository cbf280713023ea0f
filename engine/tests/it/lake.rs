//! A lake as a whole: what a commit makes visible, and when.

use engine::{Engine, Error, Location, Settings};

use crate::it::fixtures::TestLake;

const TWO_SPANS: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]},"scopeSpans":[{"spans":[
{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"GET /","kind":2,"startTimeUnixNano":"1762732800123456789","endTimeUnixNano":"1762732801123456790"},
{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b8","parentSpanId":"00f067aa0ba902b7","name":"SELECT","kind":3,"startTimeUnixNano":"1762819200000000000","endTimeUnixNano":"1762819200000000002"}]}]}]}"#;

/// Scenario: a folder without a lake is opened for reading.
/// Guarantees: the error says that it is none, and how to make one.
#[tokio::test]
async fn a_folder_is_no_lake() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_path_buf(), folder.path().join("missing")] {
        let location = Location::parse(path.to_str().unwrap()).unwrap();
        let error = Engine::open(&location, Settings::default()).await.expect_err("no lake");
        assert!(matches!(error, Error::NotALake { .. }), "{error:?}");
        assert!(error.to_string().contains("spanlake import"), "{error}");
    }
}

/// Scenario: rows are appended, and one source is rejected, before a commit.
/// Guarantees: nothing is visible before the commit, and of the rejected source nothing ever; no file is left over.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_all_or_nothing() {
    // A buffer of one byte writes every batch to a file at once: the hardest case for taking it back.
    let lake =
        TestLake::with_settings(Settings { write_buffer_bytes: 1, ..Settings::default() }).await;
    let file = lake.folder.path().join("input.json");
    std::fs::write(&file, TWO_SPANS).unwrap();
    let read = || ingest::SpanReader::open(&file, None).unwrap().map(|batch| batch.unwrap());
    let mut writer = lake.engine.writer();
    for batch in read() {
        writer.append(batch).await.unwrap();
    }
    writer.reject().await;
    assert_eq!(parquet_files(&lake), 0);
    for batch in read() {
        writer.append(batch).await.unwrap();
    }
    writer.accept();
    assert_eq!(lake.value("SELECT count(*) FROM spans").await, "0");
    let committed = writer.commit().await.unwrap();
    assert_eq!((committed.spans, committed.files), (2, 2), "one file per day");
    assert_eq!(lake.value("SELECT count(*) FROM spans").await, "2");
    assert_eq!(writer.commit().await.unwrap().version, None, "nothing more to commit");
    assert_eq!(parquet_files(&lake), 2);
}

/// Scenario: a session is open while another commit lands.
/// Guarantees: the session keeps its snapshot; a new one sees the rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_one_snapshot() {
    let lake = TestLake::empty().await;
    lake.import_text(TWO_SPANS).await;
    let before = lake.session().await;
    lake.import_text(TWO_SPANS).await;
    let count = "SELECT count(*) FROM spans";
    assert_eq!(crate::it::fixtures::rows(&before, count).await, [["2"]]);
    assert_eq!(lake.value(count).await, "4");
}

/// Scenario: spans whose trace crosses midnight are read back.
/// Guarantees: nanoseconds are exact, and the trace is one tree over two files.
#[tokio::test(flavor = "multi_thread")]
async fn nanoseconds_and_trees_survive_partitions() {
    let lake = TestLake::empty().await;
    lake.import_text(TWO_SPANS).await;
    let rows = lake
        .rows("SELECT span_id, parent_span_id, start_time, duration_ns, depth, parent_service_name FROM spans ORDER BY depth")
        .await;
    assert_eq!(
        rows,
        [
            [
                "00f067aa0ba902b7",
                "NULL",
                "2025-11-10T00:00:00.123456789Z",
                "1000000001",
                "0",
                "NULL"
            ],
            ["00f067aa0ba902b8", "00f067aa0ba902b7", "2025-11-11T00:00:00Z", "2", "1", "web"],
        ]
    );
}

fn parquet_files(lake: &TestLake) -> usize {
    let mut folders = vec![lake.folder.path().join("spans")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "parquet") {
                count += 1;
            }
        }
    }
    count
}
