//! `Engine::check` finds what is wrong, and nothing else.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::kernels::numeric::add;
use datafusion::arrow::datatypes::Int32Type;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use engine::{CompactSettings, Finding};
use schema::SpanBatch;
use serde_json::json;

use crate::it::assembly::sample;
use crate::it::fixtures::TestLake;

/// An assembled lake of one week, and its files.
async fn assembled() -> (TestLake, Vec<PathBuf>) {
    let lake = TestLake::empty().await;
    let mut writer = lake.engine.writer();
    writer.append(SpanBatch::try_new(sample()).unwrap()).await.unwrap();
    writer.accept();
    writer.commit().await.unwrap();
    let settings = CompactSettings::default().at_once();
    while lake.engine.assemble(&settings).await.unwrap().version.is_some() {}
    let files = lake.engine.snapshot().await.unwrap();
    let files = files.files.iter().map(|file| {
        assert!(file.hash.is_some(), "{file:?}");
        lake.folder.path().join("spans").join(file.path.as_ref())
    });
    let files = files.collect();
    (lake, files)
}

async fn findings(lake: &TestLake) -> Vec<Finding> {
    lake.engine.check().await.unwrap().findings
}

/// Scenario: files of a lake are lost, cut, or changed in one bit.
/// Guarantees: before, nothing is found; then each of these files, by name, with what is wrong with it.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_are_found() {
    let (lake, files) = assembled().await;
    assert_eq!(findings(&lake).await, []);
    fs::remove_file(&files[0]).unwrap();
    let mut bytes = fs::read(&files[1]).unwrap();
    bytes.pop();
    fs::write(&files[1], &bytes).unwrap();
    let mut bytes = fs::read(&files[2]).unwrap();
    bytes[1000] ^= 1;
    fs::write(&files[2], &bytes).unwrap();
    let found = findings(&lake).await;
    assert_eq!(found.len(), 3, "{found:?}");
    for (finding, (file, what)) in found.iter().zip(files.iter().zip([
        "it is not there",
        "bytes, not ",
        "its bytes have changed",
    ])) {
        assert!(file.ends_with(&finding.path), "{finding}");
        assert!(finding.what.contains(what) && finding.advice.contains("restore"), "{finding}");
    }
}

/// Scenario: a file in which a tree column, or an attribute that is a column, is wrong takes the place of a
/// right one, in files and log.
/// Guarantees: the column is named.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_columns_are_found() {
    let wrong = |change: Change| async move { what_is_wrong_after(change).await };
    assert_eq!(wrong(deeper).await, ["`spans.depth` is not what follows from the spans"]);
    let expected = ["the column `attributes['http.request.method']` is not what the map has"];
    assert_eq!(wrong(posted).await, expected);
}

/// Makes wrong rows of right ones.
type Change = fn(&RecordBatch) -> RecordBatch;

async fn what_is_wrong_after(change: Change) -> Vec<String> {
    let (lake, files) = assembled().await;
    let spans = lake.folder.path().join("spans");
    let old = files[0].strip_prefix(&spans).unwrap().to_str().unwrap().to_owned();
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&files[0]).unwrap()).unwrap();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let new = old.replace(".parquet", "-wrong.parquet");
    let file = fs::File::create(spans.join(&new)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batches[0].schema(), None).unwrap();
    for batch in &batches {
        writer.write(&change(batch)).unwrap();
    }
    writer.close().unwrap();
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let date = old.split(['=', '/']).nth(1).unwrap();
    let snapshot = lake.engine.snapshot().await.unwrap();
    let first = snapshot.files.iter().find(|file| file.path.as_ref() == old).unwrap();
    let (from, to) = first.start_time_range.unwrap();
    let stats = json!({
        "numRecords": rows,
        "minValues": {"start_time_unix_nano": from},
        "maxValues": {"start_time_unix_nano": to},
    });
    let size = fs::metadata(spans.join(&new)).unwrap().len();
    let commit = [
        json!({"remove": {"path": old, "deletionTimestamp": 1, "dataChange": false}}),
        json!({"add": {
            "path": new, "partitionValues": {"date": date}, "size": size, "modificationTime": 1,
            "dataChange": false, "stats": stats.to_string(), "tags": {"spanlake.assembled": "3"},
        }}),
    ];
    let commit: Vec<String> = commit.iter().map(ToString::to_string).collect();
    let version = format!("_delta_log/{:020}.json", snapshot.version + 1);
    fs::write(spans.join(version), commit.join("\n")).unwrap();
    let checked = lake.engine.check().await.unwrap();
    assert_eq!(checked.without_hash, 1);
    assert!(checked.findings.iter().all(|finding| finding.path.ends_with("-wrong.parquet")));
    checked.findings.into_iter().map(|finding| finding.what).collect()
}

/// The rows, as if each request had been a POST.
fn posted(batch: &RecordBatch) -> RecordBatch {
    let at = batch.schema().index_of("attributes['http.request.method']").unwrap();
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(StringArray::from(vec!["POST"; batch.num_rows()]));
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// The rows, each one level deeper than it is.
fn deeper(batch: &RecordBatch) -> RecordBatch {
    let at = batch.schema().index_of("depth").unwrap();
    let depth = batch.column(at).as_primitive::<Int32Type>();
    let one = datafusion::arrow::array::Int32Array::new_scalar(1);
    let deeper: ArrayRef = add(depth, &one).unwrap();
    assert_eq!(deeper.len(), batch.num_rows());
    let mut columns = batch.columns().to_vec();
    columns[at] = deeper;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}
