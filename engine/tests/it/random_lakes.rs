//! Many small lakes: the same spans, however they came, give the same answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{RecordBatch, UInt32Array, new_null_array};
use datafusion::arrow::compute::take_record_batch;
use engine::{
    CompactSettings, Components, Engine, Intake, LiveSettings, Payload, Settings, SystemClock,
};
use futures::StreamExt;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use schema::SpanBatch;
use schema::promoted::SERVICE_INSTANCE_ID;
use schema::spans::{
    ATTRIBUTES, DURATION_NS, FLAGS, PARENT_SPAN_ID, SERVICE_NAME, SPAN_ID, SPAN_KIND, SPAN_NAME,
    START_TIME_UNIX_NANO, STATUS_CODE, TRACE_ID,
};
use testing::SimDisk;

use crate::it::assembly::{Random, sample, small_pieces};
use crate::it::fixtures::{self, Answers, rows};
use crate::it::numbered_spans::Numbered;
use crate::it::sim::SimFiles;

/// Every column of every row, and what is asked about them, in an order that does not depend on how rows lie.
const QUESTIONS: [&str; 5] = [
    "SELECT * FROM spans ORDER BY trace_id, span_id, start_time, is_duplicate, duration_ns, span_name",
    "SELECT * FROM traces ORDER BY trace_id",
    "SELECT service_name, attributes['http.route'], count(*), sum(self_time_ns), sum(critical_path_ns)
     FROM spans WHERE attributes['http.request.method'] = 'GET' OR error_origin GROUP BY 1, 2 ORDER BY 1, 2",
    // Rollups answer this one,
    "SELECT service_name, date_trunc('hour', start_time), count(*), sum(duration_ns), p95(duration_ns)
     FROM spans WHERE start_time >= '2026-11-11T17:03:00Z' GROUP BY 1, 2 ORDER BY 1, 2",
    // and this one, but for files of which late spans change the trees.
    "SELECT client_service, server_service, connection_type, date_trunc('hour', start_time), sum(sample_weight),
            count(*) FILTER (WHERE is_failed), p95(duration_ns)
     FROM edges WHERE start_time >= '2026-11-11T17:03:00Z' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
];

/// Histories of each choice of spans: the expected answers are worked out once.
const HISTORIES: u64 = 4;

/// Scenario: some traces, whole or in part, some spans twice, in any order, come to memory or as files, on
/// several days, with flushes, assembly and vacuum at any moment; every choice of spans has its own seed, and
/// four such histories.
/// Guarantees: no span is lost or doubled, and every tree column, every row of `traces` and
/// the answers are those of a lake to which all came at once and that was never assembled.
///
/// `SPANLAKE_LAKE_SEEDS` says how many; planning, barely optimized, is a third of the time.
#[tokio::test(flavor = "multi_thread")]
async fn any_history_gives_the_same_answers() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
    };
    let first = number("SPANLAKE_LAKE_SEED", 1);
    let seeds = number("SPANLAKE_LAKE_SEEDS", 250);
    let all = Arc::new(sample());
    let cases = (first..first + seeds).map(|seed| {
        let all = Arc::clone(&all);
        async move {
            let done = tokio::spawn(async move { histories(seed, &all).await }).await;
            assert!(
                done.is_ok(),
                "SPANLAKE_LAKE_SEED={seed} SPANLAKE_LAKE_SEEDS=1 repeats this case"
            );
        }
    });
    futures::stream::iter(cases).for_each_concurrent(4, |case| case).await;
}

async fn histories(seed: u64, all: &RecordBatch) {
    let mut spans = some_spans(&mut Random(seed), all);
    // Most of a case's time goes by columns: one choice in four has them all.
    if !seed.is_multiple_of(4) {
        spans = narrow(&spans);
    }
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let plain = Settings { use_rollups: false, ..settings(usize::MAX) };
    let oracle = Engine::with_components(store, plain, Arc::new(SystemClock));
    let oracle = oracle.await.unwrap();
    import(&oracle, &spans).await;
    let expected = answers(&oracle).await;
    for history in 0..HISTORIES {
        let mut random = Random(seed * HISTORIES + history);
        // What is known of traces fits, fits in part, or not at all.
        let trace_index_bytes = [usize::MAX, 2000, 0][random.below(3)];
        one_history(&mut random, &spans, &expected, settings(trace_index_bytes)).await;
    }
}

fn settings(trace_index_bytes: usize) -> Settings {
    Settings { query_threads: 1, trace_index_bytes, ..Settings::default() }
}

async fn one_history(
    random: &mut Random,
    spans: &RecordBatch,
    expected: &Answers,
    settings: Settings,
) {
    let components = Components {
        store: Arc::new(InMemory::new()),
        files: Arc::new(SimFiles(SimDisk::new())),
        clock: Arc::new(SystemClock),
        decode: Arc::new(Numbered),
    };
    let live = LiveSettings {
        wal_dir: PathBuf::from("wal"),
        // A new segment costs a simulated disk as much as a large write.
        wal_segment_bytes: 16 << 10,
        // Flushes happen when the case says so.
        flush_age_ms: 3_600_000,
        ..LiveSettings::default()
    };
    let (lake, intake) = Engine::live_with_components(components, settings, live).await.unwrap();
    let mut at = 0;
    while at < spans.num_rows() {
        let part = spans.slice(at, (1 + random.below(40)).min(spans.num_rows() - at));
        at += part.num_rows();
        if random.below(2) == 0 {
            import(&lake, &part).await;
        } else {
            send(&intake, &part).await;
        }
        something(random, &lake, &intake).await;
    }
    fixtures::assert_same(&answers(&lake).await, expected, &QUESTIONS, "in the end");
    // One trace is found by its id, whichever way it is stored.
    let id = &expected[1][random.below(expected[1].len())][0];
    let by_id = QUESTIONS[0].replace("ORDER", &format!("WHERE trace_id = '{id}' ORDER"));
    let found = rows(&lake.session().await.unwrap(), &by_id).await;
    let of_trace: Vec<_> = expected[0].iter().filter(|row| row[0] == *id).cloned().collect();
    assert_eq!(found, of_trace, "trace {id}");
    something(random, &lake, &intake).await;
    if random.below(4) == 0 {
        fixtures::assert_same(&answers(&lake).await, expected, &QUESTIONS, "a moment later");
    }
}

/// What happens in the background.
async fn something(random: &mut Random, lake: &Engine, intake: &Intake) {
    for _ in 0..random.below(3) {
        match random.below(5) {
            0 => drop(intake.flush().await.unwrap()),
            1 => drop(lake.vacuum(Duration::ZERO).await.unwrap()),
            2 => {
                let settings = CompactSettings::default().at_once();
                while lake.assemble(&settings).await.unwrap().version.is_some() {}
            }
            _ => drop(lake.assemble(&small_pieces(random)).await.unwrap()),
        }
    }
}

/// The same spans with what trees are made of, and their attributes.
fn narrow(spans: &RecordBatch) -> RecordBatch {
    const KEPT: [&str; 12] = [
        TRACE_ID,
        SPAN_ID,
        PARENT_SPAN_ID,
        FLAGS,
        SERVICE_NAME,
        SPAN_NAME,
        SPAN_KIND,
        START_TIME_UNIX_NANO,
        DURATION_NS,
        STATUS_CODE,
        ATTRIBUTES,
        SERVICE_INSTANCE_ID,
    ];
    let schema = spans.schema();
    let columns = schema.fields().iter().zip(spans.columns()).map(|(field, column)| {
        let is_kept = KEPT.contains(&field.name().as_str());
        if is_kept { Arc::clone(column) } else { new_null_array(field.data_type(), column.len()) }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

/// A few runs of spans that follow each other in the sample, in a new order; some twice.
fn some_spans(random: &mut Random, all: &RecordBatch) -> RecordBatch {
    let mut picked: Vec<u32> = Vec::new();
    for _ in 0..1 + random.below(4) {
        let length = 1 + random.below(30);
        let first = random.below(all.num_rows() - length);
        picked.extend((first..first + length).map(|row| row as u32));
    }
    for _ in 0..random.below(4) {
        picked.push(picked[random.below(picked.len())]);
    }
    for at in (1..picked.len()).rev() {
        picked.swap(at, random.below(at + 1));
    }
    take_record_batch(all, &UInt32Array::from(picked)).unwrap()
}

async fn import(engine: &Engine, spans: &RecordBatch) {
    let mut writer = engine.writer();
    writer.append(SpanBatch::try_new(spans.clone()).unwrap()).await.unwrap();
    writer.accept();
    writer.commit().await.unwrap();
}

async fn send(intake: &Intake, spans: &RecordBatch) {
    let count = spans.num_rows() as u64;
    let payload = Payload { format: 7, received_ns: 0, spans: count, bytes: "never read".into() };
    intake.append(payload, vec![SpanBatch::try_new(spans.clone()).unwrap()]).await.unwrap();
}

async fn answers(engine: &Engine) -> Answers {
    fixtures::answers(&engine.session().await.unwrap(), &QUESTIONS).await
}
