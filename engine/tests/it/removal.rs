//! What leaves a lake: old days, erased traces, files that nobody needs.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::arrow::array::RecordBatch;
use engine::{Clock, CompactSettings, Engine, Settings, Unused};
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use schema::{SpanBatch, TraceId};

use crate::it::assembly::sample;
use crate::it::fixtures::{rows, text_rows};

const ALL_SPANS: &str = "SELECT * FROM spans ORDER BY trace_id, span_id, start_time, is_duplicate, duration_ns, span_name";
const ALL_TRACES: &str = "SELECT * FROM traces ORDER BY trace_id";

/// A clock that stands still.
#[derive(Debug)]
struct At(DateTime<Utc>);

impl Clock for At {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// Noon of the last day of the sample.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-15T12:00:00Z".parse().unwrap()
}

pub(crate) async fn open(store: &Arc<InMemory>, now: DateTime<Utc>) -> Engine {
    let store: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(store);
    Engine::with_components(store, Settings::default(), Arc::new(At(now))).await.unwrap()
}

pub(crate) async fn import(engine: &Engine, rows: RecordBatch) {
    let mut writer = engine.writer();
    writer.append(SpanBatch::try_new(rows).unwrap()).await.unwrap();
    writer.accept();
    writer.commit().await.unwrap();
}

pub(crate) async fn assemble(engine: &Engine, settings: &CompactSettings) {
    while engine.assemble(settings).await.unwrap().version.is_some() {}
}

pub(crate) async fn ask(engine: &Engine, sql: &str) -> Vec<Vec<String>> {
    rows(&engine.session().await.unwrap(), sql).await
}

async fn files(store: &InMemory) -> BTreeSet<String> {
    let objects: Vec<_> = store.list(Some(&Path::from("spans"))).try_collect().await.unwrap();
    let paths = objects.into_iter().map(|object| object.location.to_string());
    paths.filter(|path| path.ends_with(".parquet")).collect()
}

/// Scenario: a week of seven days, fresh or assembled, of which four days besides today are kept.
/// Guarantees: exactly the older days go, the rest is as it was, a second run does nothing, and the
/// files go with the vacuum.
#[tokio::test(flavor = "multi_thread")]
async fn old_days_go() {
    for assembled in [false, true] {
        let store = Arc::new(InMemory::new());
        let engine = open(&store, noon()).await;
        import(&engine, sample()).await;
        if assembled {
            assemble(&engine, &CompactSettings::default().at_once()).await;
            engine.vacuum(Duration::ZERO).await.unwrap();
        }
        let kept = ALL_SPANS.replace("ORDER", "WHERE start_time >= '2026-11-11T00:00:00Z' ORDER");
        let expected = ask(&engine, &kept).await;
        let before = files(&store).await.len();
        let expired = engine.expired(4).await.unwrap();
        assert_eq!(expired.kept_from.to_string(), "2026-11-11");
        assert_eq!(expired.days.iter().collect::<Vec<_>>(), ["2026-11-09", "2026-11-10"]);
        assert_eq!((expired.spans, expired.spans_of_table), (343 + 208, 1997));
        let removed = engine.expire(&expired).await.unwrap();
        assert_eq!(removed.spans, 551);
        assert!(removed.version.is_some());
        assert_eq!(ask(&engine, ALL_SPANS).await, expected, "assembled: {assembled}");
        assert_eq!(files(&store).await.len(), before, "queries may still read the files");
        let again = engine.expired(4).await.unwrap();
        assert_eq!(engine.expire(&again).await.unwrap().version, None);
        let later = open(&store, noon() + TimeDelta::hours(1)).await;
        later.vacuum(Duration::from_secs(60)).await.unwrap();
        let left = later.snapshot().await.unwrap().files.len();
        assert!(files(&store).await.len() == left && left < before, "{left} of {before} files");
        assert_eq!(ask(&later, ALL_SPANS).await, expected, "vacuumed");
    }
}

/// Scenario: the clock is years ahead, a setting is too small, or one more day is over.
/// Guarantees: the first two would take too much at once, and say so.
#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once_is_noticed() {
    let store = Arc::new(InMemory::new());
    import(&open(&store, noon()).await, sample()).await;
    let suspicious = async |now, days| {
        let expired = open(&store, now).await.expired(days).await.unwrap();
        (expired.is_suspicious(), expired.days.len())
    };
    assert_eq!(suspicious(noon() + TimeDelta::days(3650), 30).await, (true, 7));
    assert_eq!(suspicious(noon(), 1).await, (true, 5));
    assert_eq!(suspicious(noon(), 5).await, (false, 1));
    assert_eq!(suspicious(noon(), 100).await, (false, 0));
    assert_eq!(suspicious(noon(), u32::MAX).await, (false, 0));
}

/// Scenario: traces are erased from a lake in which they lie assembled, fresh, late, and in several files.
/// Guarantees: answers are those of a lake that never had them, before and after more assembly; no file is
/// left that has them once it is vacuumed, and the lake passes its check.
#[tokio::test(flavor = "multi_thread")]
async fn erased_traces_are_nowhere() {
    let all = sample();
    let (store, never) = (Arc::new(InMemory::new()), Arc::new(InMemory::new()));
    let engine = open(&store, noon()).await;
    let third = all.num_rows() / 3;
    let settings = CompactSettings {
        unit_rows: 100,
        commit_rows: 700,
        file_rows: 300,
        ..CompactSettings::default().at_once()
    };
    import(&engine, all.slice(0, third)).await;
    assemble(&engine, &settings).await;
    // What comes now is late, or new; its second half is assembled, too.
    let every_second = |odd: usize| -> Vec<RecordBatch> {
        (third + odd..all.num_rows()).step_by(2).map(|row| all.slice(row, 1)).collect()
    };
    for half in [every_second(0), every_second(1)] {
        for part in half.chunks(half.len() / 2 + 1) {
            let part = datafusion::arrow::compute::concat_batches(&all.schema(), part).unwrap();
            import(&engine, part).await;
        }
    }
    let ids = ask(&engine, "SELECT DISTINCT trace_id FROM spans ORDER BY 1").await.concat();
    let erased: HashSet<TraceId> = ids.iter().step_by(7).map(|id| id.parse().unwrap()).collect();
    let keep: Vec<bool> = {
        use datafusion::arrow::array::AsArray;
        let column = all.column_by_name("trace_id").unwrap().as_fixed_size_binary();
        column
            .iter()
            .map(|id| !erased.contains(&TraceId::from_bytes(id.unwrap()).unwrap()))
            .collect()
    };
    let gone = keep.iter().filter(|is_kept| !**is_kept).count() as u64;
    assert!(gone > 100, "{gone} spans are erased");
    let kept = datafusion::arrow::compute::filter_record_batch(&all, &keep.into()).unwrap();
    let never = open(&never, noon()).await;
    import(&never, kept).await;

    let removed = engine.erase(&erased, &settings).await.unwrap();
    assert_eq!(removed.spans, gone);
    for when in ["erased", "assembled"] {
        for sql in [ALL_SPANS, ALL_TRACES] {
            assert_eq!(ask(&engine, sql).await, ask(&never, sql).await, "{when}: {sql}");
        }
        assemble(&engine, &settings).await;
    }
    assert_eq!(engine.erase(&erased, &settings).await.unwrap().version, None);
    engine.vacuum(Duration::ZERO).await.unwrap();
    let snapshot = engine.snapshot().await.unwrap();
    assert_eq!(files(&store).await.len(), snapshot.files.len(), "no other file is left");
    let checked = engine.check().await.unwrap();
    assert_eq!(checked.findings, []);
    assert_eq!(checked.spans, all.num_rows() as u64 - gone);
    assert_eq!(checked.spans_of_sample, checked.spans, "small files are checked as a whole");
}

/// Scenario: a file was replaced, and another one was never committed.
/// Guarantees: both are named, each when nobody can need it any more; deleting them disturbs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn unused_files_are_found() {
    let store = Arc::new(InMemory::new());
    let engine = open(&store, noon()).await;
    import(&engine, sample()).await;
    let replaced = files(&store).await;
    assemble(&engine, &CompactSettings::default().at_once()).await;
    let expected = ask(&engine, ALL_SPANS).await;
    let orphan = Path::from("spans/date=2026-11-09/orphan.parquet");
    store.put(&orphan, "half a file".into()).await.unwrap();
    let unused = async |now, grace| open(&store, now).await.unused(grace).await.unwrap();
    let hour = Duration::from_secs(3600);
    assert_eq!(unused(noon(), hour).await, []);
    let found = unused(noon() + TimeDelta::hours(1), hour).await;
    let found: BTreeSet<String> = found.iter().map(|file| format!("spans/{}", file.path)).collect();
    assert_eq!(found, replaced);
    let later = open(&store, Utc::now() + TimeDelta::days(2)).await;
    let found = later.unused(hour).await.unwrap();
    assert_eq!(found.len(), replaced.len() + 1);
    let never: Vec<_> = found.iter().filter(|file| file.why == Unused::NeverCommitted).collect();
    assert_eq!(never.len(), 1);
    assert_eq!(
        (never[0].path.as_ref(), never[0].size_bytes),
        ("date=2026-11-09/orphan.parquet", Some(11))
    );
    later.delete_unused(&found).await.unwrap();
    assert_eq!(later.unused(hour).await.unwrap(), []);
    assert_eq!(ask(&open(&store, noon()).await, ALL_SPANS).await, expected);
}

/// Scenario: queries have given their first rows when assembly replaces all their files, and more rows come.
/// Then vacuum runs, with time for queries to end; later, with none.
/// Guarantees: a query that ends in time gives all rows of its snapshot and no others; one that has not read
/// all by then fails, rather than leaving rows out.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_query_is_not_disturbed() {
    let (store, all) = (Arc::new(InMemory::new()), sample());
    // Columns in memory would still be there.
    let settings = Settings {
        query_threads: 1,
        row_group_rows: 20,
        column_cache_bytes: 0,
        ..Settings::default()
    };
    let open_at = async |now| {
        let store: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&store);
        Engine::with_components(store, settings.clone(), Arc::new(At(now))).await.unwrap()
    };
    let engine = open_at(noon()).await;
    let spans = all.num_rows() - 1;
    for first in (0..spans).step_by(100) {
        import(&engine, all.slice(first, 100.min(spans - first))).await;
    }
    let sql = "SELECT trace_id, span_id, start_time FROM spans";
    let mut expected = ask(&engine, sql).await;
    expected.sort();
    let session = engine.session().await.unwrap();
    let start = async || {
        let mut query = session.query(sql).await.unwrap();
        let first = query.next().await.unwrap().expect("rows");
        assert!(first.num_rows() < spans / 2, "{} rows at once", first.num_rows());
        (query, first)
    };
    let ((in_time, first), (too_long, _)) = (start().await, start().await);

    let replaced = engine.snapshot().await.unwrap().files.len();
    assemble(&engine, &CompactSettings::default().at_once()).await;
    import(&engine, all.slice(spans, 1)).await;
    let hour = Duration::from_secs(3600);
    let vacuum = async |minutes| {
        open_at(noon() + TimeDelta::minutes(minutes)).await.vacuum(hour).await.unwrap()
    };
    assert_eq!(vacuum(59).await, 0);
    let mut found = text_rows(&first);
    for batch in in_time.collect().await.unwrap() {
        found.extend(text_rows(&batch));
    }
    found.sort();
    assert_eq!(found, expected);

    assert_eq!(vacuum(61).await, replaced);
    let error = too_long.collect().await.expect_err("its files are gone").to_string();
    assert!(error.contains("not found"), "{error}");
    assert_eq!(ask(&engine, "SELECT count(*) FROM spans").await, [[(spans + 1).to_string()]]);
}
