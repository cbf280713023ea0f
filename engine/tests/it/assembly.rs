//! Assembly changes no answer, loses nothing and doubles nothing.

use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use engine::{CompactSettings, Layout, Settings};
use ingest::SpanReader;
use schema::SpanBatch;
use schema::spans::stored_schema;

use crate::it::fixtures::{self, Answers, TestLake};

/// Everything that may be asked, in an order that does not depend on how rows lie.
const QUESTIONS: [&str; 9] = [
    "SELECT attributes['http.route'], resource_attributes['service.version'], count(*) FROM spans
     WHERE attributes['http.request.method'] = 'GET' GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT trace_id, span_id, attributes['http.route'], events[1]['name'], scope_name FROM spans
     WHERE attributes['http.request.method'] IS NOT NULL AND is_entry ORDER BY 1, 2, 3, 4, 5",
    "SELECT exception_type, count(*), count(DISTINCT attributes['exception.message']) FROM exceptions
     GROUP BY 1 ORDER BY 1",
    "SELECT * FROM spans ORDER BY trace_id, span_id, start_time, is_duplicate, duration_ns, span_name",
    "SELECT * FROM traces ORDER BY trace_id",
    "SELECT service_name, count(*), sum(self_time_ns), sum(critical_path_ns), count(*) FILTER (WHERE error_origin)
     FROM spans GROUP BY 1 ORDER BY 1",
    "SELECT root_service_name, root_span_name, count(*), sum(root_duration_ns), sum(span_count) FROM traces
     GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT count(*), sum(duration_ns) FROM spans WHERE start_time >= '2026-11-12T00:00:00Z' AND depth > 1",
    "SELECT trace_id, span_id, event_name, event_time FROM span_events ORDER BY 1, 2, 4, 3",
];

/// A source of numbers that one seed determines (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % end.max(1) as u64) as usize
    }
}

/// Units, files and row groups of a few rows: every boundary is met.
pub(crate) fn small_pieces(random: &mut Random) -> CompactSettings {
    CompactSettings {
        unit_rows: 1 + random.below(200),
        commit_rows: 1 + random.below(2000) as u64,
        file_rows: 1 + random.below(500) as u64,
        merge_files: 2 + random.below(3),
        late_percent: [0, 5, 200][random.below(3)],
        rollup_spans_per_row: [0, 2, u64::MAX][random.below(3)],
        ..CompactSettings::default().at_once()
    }
}

/// The spans of the small data set that is part of the repository.
pub(crate) fn sample() -> RecordBatch {
    let file =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/samples/shop-sample.otlp.jsonl.zst");
    let reader = SpanReader::open(file.as_ref(), None).expect("the sample opens");
    let batches: Vec<RecordBatch> =
        reader.map(|batch| batch.expect("a batch").to_stored()).collect();
    concat_batches(&stored_schema(), &batches).expect("one schema")
}

pub(crate) async fn import(lake: &TestLake, rows: &RecordBatch) {
    let mut writer = lake.engine.writer();
    writer.append(SpanBatch::try_new(rows.clone()).expect("spans")).await.expect("stored");
    writer.accept();
    writer.commit().await.expect("committed");
}

async fn answers(lake: &TestLake) -> Answers {
    fixtures::answers(&lake.session().await, &QUESTIONS).await
}

#[track_caller]
fn assert_same(found: &Answers, expected: &Answers, when: &str) {
    fixtures::assert_same(found, expected, &QUESTIONS, when);
}

pub(crate) async fn assemble_all(lake: &TestLake) -> u64 {
    let mut spans = 0;
    loop {
        let done = lake.engine.assemble(&CompactSettings::default().at_once()).await.unwrap();
        if done.version.is_none() {
            return spans;
        }
        spans += done.spans;
    }
}

/// Scenario: the sample is imported, asked, assembled, and asked again.
/// Guarantees: every column of every row is the same; nothing fresh is left; a second run does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_assembled_lake_answers_as_before() {
    let (lake, rows) = (TestLake::empty().await, sample());
    import(&lake, &rows).await;
    let before = answers(&lake).await;
    assert!(before[3].len() > 1000 && before[4].len() > 50, "the sample is a real one");
    assert_eq!(assemble_all(&lake).await, rows.num_rows() as u64);
    let snapshot = lake.engine.snapshot().await.unwrap();
    assert!(snapshot.files.iter().all(|file| file.layout == Layout::Assembled));
    assert_same(&answers(&lake).await, &before, "assembled");
    assert_eq!(assemble_all(&lake).await, 0);
}

/// What the scan of a query says of itself.
async fn metric(lake: &TestLake, sql: &str, name: &str) -> String {
    let plan = lake.rows(&format!("EXPLAIN ANALYZE {sql}")).await.concat().concat();
    let value = plan.split_once(&format!("{name}=")).expect("the scan has it").1;
    value[..value.find([',', ']']).expect("more metrics")].to_owned()
}

/// Scenario: every key of every map of an assembled lake is asked for by itself.
/// Guarantees: the answer is what the map says; frequent keys are read from a column, with their bounds.
#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_read_from_columns() {
    let (lake, rows) = (TestLake::empty().await, sample());
    import(&lake, &rows).await;
    assemble_all(&lake).await;
    for (map, least_keys) in [("attributes", 21), ("resource_attributes", 6)] {
        let keys =
            format!("SELECT DISTINCT unnest(map_keys({map})) AS key FROM spans ORDER BY key");
        let keys = lake.rows(&keys).await;
        assert!(keys.len() >= least_keys, "the sample has {} keys in {map}", keys.len());
        for key in keys.iter().map(|row| &row[0]).chain([&"none".to_owned(), &String::new()]) {
            let differing = format!(
                "SELECT count(*) FROM spans
                 WHERE {map}['{key}'] IS DISTINCT FROM map_extract({map}, '{key}')[1]"
            );
            assert_eq!(lake.value(&differing).await, "0", "{map} {key}");
        }
    }
    let column = "SELECT count(*) FROM spans WHERE attributes['http.request.method'] = 'GET'";
    let map = "SELECT count(*) FROM spans WHERE map_extract(attributes, 'http.request.method')[1] = 'GET'";
    assert_eq!(lake.rows(column).await, lake.rows(map).await);
    // The scan itself leaves out rows by a column, and never by a part of a map. Asked of one that reads files.
    let settings = Settings { column_cache_bytes: 0, ..Settings::default() };
    let lake = TestLake::with_settings(settings).await;
    import(&lake, &rows).await;
    assemble_all(&lake).await;
    assert_ne!(metric(&lake, column, "pushdown_rows_pruned").await, "0");
    assert_eq!(metric(&lake, map, "pushdown_rows_pruned").await, "0");
    let none = "SELECT count(*) FROM spans WHERE attributes['http.request.method'] = 'ZZZ'";
    let left = metric(&lake, none, "row_groups_pruned_statistics").await;
    assert!(left.ends_with("→ 0 matched"), "bounds say that there is none: {left}");
}

/// Scenario: the same spans, split at random over files in random order, some of them twice, with
/// assembly in between; every case has its own seed.
/// Guarantees: every answer is that of a lake to which they came at once.
#[tokio::test(flavor = "multi_thread")]
async fn any_split_any_moment() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
    };
    let first = number("SPANLAKE_ASSEMBLY_SEED", 1);
    let all = sample();
    for seed in first..first + number("SPANLAKE_ASSEMBLY_CASES", 4) {
        eprintln!("SPANLAKE_ASSEMBLY_SEED={seed} SPANLAKE_ASSEMBLY_CASES=1 repeats this case");
        case(seed, &all).await;
    }
}

async fn case(seed: u64, all: &RecordBatch) {
    let mut random = Random(seed);
    let mut rows: Vec<u32> = (0..400).map(|_| random.below(all.num_rows()) as u32).collect();
    if random.below(2) == 0 {
        // Whole traces, as far as the sample has them side by side.
        let start = random.below(all.num_rows() - 500) as u32;
        rows = (start..start + 500).collect();
        for _ in 0..random.below(20) {
            rows.push(start + random.below(500) as u32);
        }
    }
    for at in (1..rows.len()).rev() {
        if random.below(3) > 0 {
            rows.swap(at, random.below(at + 1));
        }
    }
    let rows = take_record_batch(all, &UInt32Array::from(rows)).expect("rows");
    let oracle = TestLake::empty().await;
    import(&oracle, &rows).await;
    let expected = answers(&oracle).await;

    let lake = TestLake::empty().await;
    let mut at = 0;
    while at < rows.num_rows() {
        let count = (1 + random.below(150)).min(rows.num_rows() - at);
        import(&lake, &rows.slice(at, count)).await;
        at += count;
        for _ in 0..random.below(3) {
            lake.engine.assemble(&small_pieces(&mut random)).await.unwrap();
            let count = lake.value("SELECT count(*) FROM spans").await;
            assert_eq!(count, at.to_string(), "seed {seed}: rows are conserved");
        }
    }
    assert_same(&answers(&lake).await, &expected, &format!("seed {seed}"));
    for _ in 0..3 {
        lake.engine.assemble(&small_pieces(&mut random)).await.unwrap();
    }
    assert_same(&answers(&lake).await, &expected, &format!("seed {seed}, later"));
    assemble_all(&lake).await;
    assert_same(&answers(&lake).await, &expected, &format!("seed {seed}, at the end"));
}

/// Scenario: two processes assemble one lake at the same time, a third one writes to it.
/// Guarantees: no row is lost or doubled, and no trace is assembled in two files.
#[tokio::test(flavor = "multi_thread")]
async fn two_assemblers_and_a_writer() {
    let (lake, rows) = (TestLake::empty().await, sample());
    let location = engine::Location::parse(lake.folder.path().to_str().unwrap()).unwrap();
    let other = engine::Engine::open(&location, Settings::default()).await.unwrap();
    let oracle = TestLake::empty().await;
    import(&oracle, &rows).await;
    let assembling = |engine: engine::Engine, seed: u64| async move {
        let mut random = Random(seed);
        for _ in 0..12 {
            engine.assemble(&small_pieces(&mut random)).await.unwrap();
        }
    };
    let writing = async {
        for at in (0..rows.num_rows()).step_by(97) {
            import(&lake, &rows.slice(at, 97.min(rows.num_rows() - at))).await;
        }
    };
    tokio::join!(assembling(lake.engine.clone(), 1), assembling(other, 2), writing);
    assert_same(&answers(&lake).await, &answers(&oracle).await, "two assemblers");
    assemble_all(&lake).await;
    assert_same(&answers(&lake).await, &answers(&oracle).await, "in the end");
}

/// Scenario: an assembled lake is vacuumed, first with a long grace period, then with none.
/// Guarantees: only replaced files go, each once; what is asked afterwards is answered.
#[tokio::test(flavor = "multi_thread")]
async fn vacuum_deletes_what_was_replaced() {
    let (lake, rows) = (TestLake::empty().await, sample());
    import(&lake, &rows).await;
    let before = answers(&lake).await;
    let files = lake.engine.snapshot().await.unwrap().files.len();
    assemble_all(&lake).await;
    let hour = std::time::Duration::from_secs(3600);
    assert_eq!(lake.engine.vacuum(hour).await.unwrap(), 0);
    assert!(lake.engine.vacuum(std::time::Duration::ZERO).await.unwrap() >= files);
    assert_eq!(lake.engine.vacuum(std::time::Duration::ZERO).await.unwrap(), 0);
    assert_same(&answers(&lake).await, &before, "vacuumed");
}
