//! Every format over one batch that has a bit of everything.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ::arrow::array::{
    ArrayRef, FixedSizeBinaryArray, Float64Array, Int64Array, ListArray, MapBuilder, StringArray,
    StringBuilder, TimestampNanosecondArray,
};
use ::arrow::datatypes::Int64Type;
use ::arrow::ipc::reader::{FileReader, StreamReader};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

/// A sink that the test can look into.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one thread").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a format makes of some batches.
pub(super) fn written(layout: Layout, batches: &[RecordBatch]) -> Vec<u8> {
    let sink = Shared::default();
    let schema = batches[0].schema();
    let mut writer = writer(layout, &schema, Box::new(sink.clone())).expect("a writer");
    for batch in batches {
        writer.write(batch).expect("written");
    }
    writer.finish().expect("finished");
    let bytes = sink.0.lock().expect("one thread");
    bytes.clone()
}

pub(super) fn layout(format: Format) -> Layout {
    let table = TableStyle { width: None, expanded: Expanded::Auto };
    Layout { format, table, arrow_file: false }
}

fn text(format: Format, batch: &RecordBatch) -> String {
    String::from_utf8(written(layout(format), std::slice::from_ref(batch))).expect("text")
}

fn everything() -> RecordBatch {
    let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    tags.keys().append_value("http.route");
    tags.values().append_value("/\"a\"");
    tags.append(true).expect("a map");
    tags.append(false).expect("no map");
    let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(
        [Some([0x4b_u8, 0xf9]), None].into_iter(),
        2,
    );
    let columns: [(&str, ArrayRef); 7] = [
        ("name", Arc::new(StringArray::from(vec![Some("=cmd|' /C calc'!A0"), Some("")]))),
        ("count", Arc::new(Int64Array::from(vec![Some(-1), None]))),
        ("ratio", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(0.5)]))),
        (
            "start_time",
            Arc::new(TimestampNanosecondArray::from(vec![Some(1), None]).with_timezone("UTC")),
        ),
        ("tags", Arc::new(tags.finish())),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([
                Some(vec![Some(1), None]),
                Some(vec![]),
            ])),
        ),
        ("id", Arc::new(ids.expect("ids"))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .expect("a batch")
}

#[test]
fn json_is_one_object_per_line_with_every_column() {
    let expected = concat!(
        r#"{"name":"=cmd|' /C calc'!A0","count":-1,"ratio":null,"#,
        r#""start_time":"1970-01-01T00:00:00.000000001Z","#,
        r#""tags":{"http.route":"/\"a\""},"list":[1,null],"id":"4bf9"}"#,
        "\n",
        r#"{"name":"","count":null,"ratio":0.5,"start_time":null,"tags":null,"list":[],"id":null}"#,
        "\n",
    );
    assert_eq!(text(Format::Json, &everything()), expected);
}

#[test]
fn csv_tells_null_from_empty_text_and_defuses_formulas() {
    let expected = concat!(
        "name,count,ratio,start_time,tags,list,id\n",
        "\"'=cmd|' /C calc'!A0\",-1,NaN,1970-01-01T00:00:00.000000001Z,",
        "\"{\"\"http.route\"\":\"\"/\\\"\"a\\\"\"\"\"}\",\"[1,null]\",4bf9\n",
        "\"\",,0.5,,,[],\n",
    );
    assert_eq!(text(Format::Csv, &everything()), expected);
}

#[test]
fn an_empty_result_has_a_header() {
    let none = everything().slice(0, 0);
    assert_eq!(text(Format::Csv, &none), "name,count,ratio,start_time,tags,list,id\n");
    assert_eq!(text(Format::Json, &none), "");
    assert!(text(Format::Table, &none).starts_with(" name | count |"));
}

#[test]
fn arrow_and_parquet_come_back_as_they_went() {
    let batch = everything();
    let stream = written(layout(Format::Arrow), std::slice::from_ref(&batch));
    let read = StreamReader::try_new(stream.as_slice(), None).expect("a stream");
    assert_eq!(read.map(|b| b.expect("a batch")).collect::<Vec<_>>(), vec![batch.clone()]);

    let file = Layout { arrow_file: true, ..layout(Format::Arrow) };
    let file = io::Cursor::new(written(file, std::slice::from_ref(&batch)));
    let read = FileReader::try_new(file, None).expect("a file");
    assert_eq!(read.map(|b| b.expect("a batch")).collect::<Vec<_>>(), vec![batch.clone()]);

    let parquet = written(layout(Format::Parquet), &[batch.clone(), batch.clone()]);
    let mut path = tempfile::NamedTempFile::new().expect("a file");
    path.write_all(&parquet).expect("written");
    let file = path.reopen().expect("the file");
    let read = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build();
    let rows: usize = read.expect("a reader").map(|b| b.expect("a batch").num_rows()).sum();
    assert_eq!(rows, 4);
}

#[test]
fn columns_of_one_name_are_told_apart() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let named = ["x", "x", "x_2", "x"].map(|name| (name, Arc::clone(&column)));
    let batch = RecordBatch::try_from_iter(named).expect("a batch");
    assert_eq!(text(Format::Json, &batch), "{\"x\":1,\"x_3\":1,\"x_2\":1,\"x_4\":1}\n");
    assert!(text(Format::Table, &batch).starts_with(" x | x | x_2 | x\n"));
}

#[test]
fn file_names_choose_formats() {
    for (name, expected) in [
        ("a.csv", Some(Format::Csv)),
        ("a.jsonl", Some(Format::Json)),
        ("a.parquet", Some(Format::Parquet)),
        ("a.arrows", Some(Format::Arrow)),
        ("a", None),
        ("a.html", None),
    ] {
        assert_eq!(format_of(Path::new(name)), expected, "{name}");
    }
    assert!(is_arrow_file(Path::new("x.arrow")) && !is_arrow_file(Path::new("x.arrows")));
}
