//! What the tests share: reading, looking at cells, finding the datasets.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use ingest::{Error, Options, Report, SpanBatchBuilder, SpanReader, Tally};
use schema::spans;

/// Rows and report of a file, or its first error.
pub(crate) fn read_file(path: &Path) -> Result<(RecordBatch, Report), Error> {
    collect(SpanReader::open(path, None)?)
}

/// Rows and report of bytes that could be a file.
pub(crate) fn read_bytes(content: impl Into<Vec<u8>>) -> Result<(RecordBatch, Report), Error> {
    collect(SpanReader::new(Cursor::new(content.into()), "test", Options::default())?)
}

fn collect(mut reader: SpanReader) -> Result<(RecordBatch, Report), Error> {
    let mut batches = Vec::new();
    for batch in reader.by_ref() {
        batches.push(batch?.to_stored());
    }
    let rows = concat_batches(&spans::stored_schema(), &batches).unwrap();
    Ok((rows, reader.into_report()))
}

/// Rows and tally of one OTLP request in JSON.
pub(crate) fn decode_json(request: &[u8]) -> Result<(RecordBatch, Tally), Error> {
    let mut builder = SpanBatchBuilder::default();
    ingest::otlp::json::decode(request, &mut builder)?;
    Ok(finish(builder))
}

/// Rows and tally of one OTLP request in protobuf.
pub(crate) fn decode_protobuf(request: &[u8]) -> Result<(RecordBatch, Tally), Error> {
    let mut builder = SpanBatchBuilder::default();
    ingest::otlp::protobuf::decode(request, &mut builder)?;
    Ok(finish(builder))
}

fn finish(mut builder: SpanBatchBuilder) -> (RecordBatch, Tally) {
    let batches = builder.finish();
    let batches: Vec<_> = batches.iter().map(|batch| batch.to_stored()).collect();
    let rows = concat_batches(&spans::stored_schema(), &batches).unwrap();
    (rows, builder.take_tally())
}

/// A cell as text.
pub(crate) fn cell(batch: &RecordBatch, column: &str, row: usize) -> String {
    let options = FormatOptions::new().with_null("NULL");
    let column = batch.column_by_name(column).unwrap();
    assert!(row < column.len(), "row {row} of {}", column.len());
    ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string()
}

/// A dataset or fixture. `None`, and said loudly, if the shared datasets are not there.
pub(crate) fn dataset(relative: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("SPANLAKE_DATASETS") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/datasets"),
    };
    let path = root.join(relative);
    if path.exists() {
        return Some(path);
    }
    // Past the test harness, which would hide it.
    let hint = "set SPANLAKE_DATASETS to the datasets folder";
    let message = format!("SKIPPED: {} is not there; {hint}\n", path.display());
    std::io::stderr().write_all(message.as_bytes()).unwrap();
    None
}

/// All files below a folder of the datasets with one of these endings, sorted.
pub(crate) fn dataset_files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let Some(folder) = dataset(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)))
        .collect();
    found.sort();
    found
}

/// The content of a file, decompressed.
pub(crate) fn content(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "zst") {
        return zstd::decode_all(&bytes[..]).unwrap();
    }
    bytes
}

/// The regular files of a tar archive.
pub(crate) fn untar(archive: &[u8]) -> Vec<Vec<u8>> {
    const BLOCK: usize = 512;
    let mut files = Vec::new();
    let mut rest = archive;
    while rest.len() >= BLOCK && rest[0] != 0 {
        let size = str::from_utf8(&rest[124..135]).unwrap();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap();
        if matches!(rest[156], b'0' | 0) {
            files.push(rest[BLOCK..BLOCK + size].to_vec());
        }
        rest = &rest[BLOCK + size.div_ceil(BLOCK) * BLOCK..];
    }
    files
}
