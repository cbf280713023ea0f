//! Lakes and rows for the tests of this binary.

use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use engine::{Engine, Location, Session, Settings};
use ingest::SpanReader;
use tempfile::TempDir;

/// A lake in a folder that is removed at the end of the test.
pub(crate) struct TestLake {
    pub(crate) engine: Engine,
    pub(crate) folder: TempDir,
}

impl TestLake {
    pub(crate) async fn empty() -> Self {
        Self::with_settings(Settings::default()).await
    }

    pub(crate) async fn with_settings(settings: Settings) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = Location::parse(folder.path().to_str().expect("UTF-8")).expect("a location");
        let engine = Engine::open_or_create(&location, settings).await.expect("a lake");
        Self { engine, folder }
    }

    /// A lake with the spans of `files`, each committed by itself.
    pub(crate) async fn of_files(files: &[PathBuf]) -> Self {
        let lake = Self::empty().await;
        for file in files {
            lake.import(file).await;
        }
        lake
    }

    /// Imports one file; returns how many spans were refused.
    pub(crate) async fn import(&self, file: &Path) -> u64 {
        let mut reader = SpanReader::open(file, None).expect("the file opens");
        let mut writer = self.engine.writer();
        for batch in reader.by_ref() {
            let batch = batch.unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            writer.append(batch).await.expect("the batch is stored");
        }
        writer.accept();
        writer.commit().await.expect("the commit succeeds");
        reader.report().rejected
    }

    /// Imports OTLP JSON text.
    pub(crate) async fn import_text(&self, otlp_json: &str) -> u64 {
        let file = self.folder.path().join("input.otlp.jsonl");
        std::fs::write(&file, otlp_json).expect("the input is written");
        self.import(&file).await
    }

    pub(crate) async fn session(&self) -> Session {
        self.engine.session().await.expect("a session")
    }

    pub(crate) async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.session().await, sql).await
    }

    /// The one value of a query with one row and one column.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let rows = self.rows(sql).await;
        assert!(rows.len() == 1 && rows[0].len() == 1, "{sql}: {rows:?}");
        rows[0][0].clone()
    }
}

/// The rows of a query as text; NULL is `NULL`.
pub(crate) async fn rows(session: &Session, sql: &str) -> Vec<Vec<String>> {
    let query = session.query(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let batches = query.collect().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    batches.iter().flat_map(text_rows).collect()
}

/// The rows of each of some questions.
pub(crate) type Answers = Vec<Vec<Vec<String>>>;

/// Asks them all.
pub(crate) async fn answers(session: &Session, questions: &[&str]) -> Answers {
    let mut answers = Vec::new();
    for question in questions {
        answers.push(rows(session, question).await);
    }
    answers
}

/// Fails with the first row that differs.
#[track_caller]
pub(crate) fn assert_same(found: &Answers, expected: &Answers, questions: &[&str], when: &str) {
    for ((found, expected), question) in found.iter().zip(expected).zip(questions) {
        assert_eq!(found.len(), expected.len(), "{when}: rows of {question}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected, "{when}: {question}");
        }
    }
}

/// The error of a query that must fail.
pub(crate) async fn error(session: &Session, sql: &str) -> engine::Error {
    match session.query(sql).await {
        Err(error) => error,
        Ok(query) => query.collect().await.expect_err(sql),
    }
}

/// The rows of a batch as text; NULL is `NULL`.
pub(crate) fn text_rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).expect("a printable column"))
        .collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect())
        .collect()
}

/// The folder of public traces, or `None` with a line that says which test was skipped.
pub(crate) fn public_traces(test: &str) -> Option<PathBuf> {
    let given = std::env::var_os("SPANLAKE_DATASETS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/datasets");
    let folder = given.unwrap_or(beside);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED {test}: no public traces at {}; set SPANLAKE_DATASETS", folder.display());
    None
}
