//! Rollups are a cache: with them and without them, every question has the same answer.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch};
use engine::{CompactSettings, Engine, Settings, SystemClock};
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use schema::SpanBatch;
use schema::spans::SAMPLE_WEIGHT;

use crate::it::assembly::{Random, sample, small_pieces};
use crate::it::fixtures::rows;

/// What a question may group by: an expression, and whether rollups know it.
const GROUPS: [&str; 14] = [
    "service_name",
    "span_name",
    "span_kind",
    "status_code",
    "service_version",
    "deployment_environment",
    "status_code = 'error'",
    "upper(service_name) || coalesce(service_version, '?')",
    "date_trunc('minute', start_time)",
    "date_trunc('hour', start_time)",
    "date_trunc('day', start_time)",
    "date_bin(INTERVAL '15 minutes', start_time)",
    "date_bin(INTERVAL '6 hours', start_time, TIMESTAMP '2026-01-01 03:00:00')",
    "extract(dow FROM start_time) * 24 + extract(hour FROM start_time)",
];

const MEASURES: [&str; 19] = [
    "count(*)",
    "quantile(duration_ns, 0.5, sample_weight)",
    "quantile(duration_ns, 0.99, sample_weight)",
    "sketch_count(sketch(duration_ns, sample_weight))",
    "count(span_id)",
    "count(DISTINCT service_name)",
    "sum(sample_weight)",
    "sum(duration_ns)",
    "min(duration_ns)",
    "max(duration_ns)",
    "avg(duration_ns)",
    "p50(duration_ns)",
    "p95(duration_ns)",
    "p999(duration_ns)",
    "quantile(duration_ns, 0.25)",
    "sketch_quantile(sketch(duration_ns), 0.9)",
    "sketch_count(sketch(duration_ns))",
    "max(span_name)",
    "min(date_trunc('hour', start_time))",
];

const FILTERS: [&str; 10] = [
    "span_kind IN ('server', 'consumer')",
    "status_code = 'error'",
    "service_name LIKE 'c%'",
    "service_version IS NOT NULL AND span_name <> 'GET /'",
    "start_time >= @1",
    "start_time < @2",
    "start_time > @1 AND start_time <= @2",
    "start_time BETWEEN @1 AND @2",
    "(start_time < @1 OR start_time >= @2)",
    "date_trunc('hour', start_time) >= @1",
];

/// What a question may be made of.
pub(crate) struct Words<'a> {
    pub(crate) table: &'a str,
    pub(crate) groups: &'a [&'a str],
    pub(crate) measures: &'a [&'a str],
    pub(crate) filters: &'a [&'a str],
}

const OF_SPANS: Words<'static> =
    Words { table: "spans", groups: &GROUPS, measures: &MEASURES, filters: &FILTERS };

/// The same spans, some of which stand for several, or for less than one. Sums of such weights are exact.
pub(crate) fn weighed(random: &mut Random, spans: &RecordBatch) -> RecordBatch {
    let weight = |_| [None, None, Some(1.0), Some(4.0), Some(0.5)][random.below(5)];
    let weights: Float64Array = (0..spans.num_rows()).map(weight).collect();
    with_column(spans, SAMPLE_WEIGHT, Arc::new(weights))
}

pub(crate) fn with_column(spans: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let mut columns = spans.columns().to_vec();
    columns[spans.schema().index_of(name).unwrap()] = column;
    RecordBatch::try_new(spans.schema(), columns).unwrap()
}

/// A lake in which some spans are assembled, with rollups, and some are not.
async fn lake(random: &mut Random) -> Arc<dyn ObjectStore> {
    let spans = weighed(random, &sample());
    lake_of(random, &spans).await
}

pub(crate) async fn lake_of(random: &mut Random, spans: &RecordBatch) -> Arc<dyn ObjectStore> {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let lake = open(&store, Settings::default()).await;
    let first = random.below(spans.num_rows());
    import(&lake, &spans.slice(0, first)).await;
    for _ in 0..random.below(3) {
        let settings = CompactSettings { rollup_spans_per_row: 0, ..small_pieces(random) };
        lake.assemble(&settings).await.unwrap();
    }
    import(&lake, &spans.slice(first, spans.num_rows() - first)).await;
    let rollup_spans_per_row = random.below(3) as u64;
    let settings = CompactSettings { rollup_spans_per_row, ..small_pieces(random) };
    for _ in 0..=random.below(6) {
        lake.assemble(&settings).await.unwrap();
    }
    store
}

pub(crate) async fn open(store: &Arc<dyn ObjectStore>, settings: Settings) -> Engine {
    Engine::with_components(Arc::clone(store), settings, Arc::new(SystemClock)).await.unwrap()
}

pub(crate) async fn import(lake: &Engine, spans: &RecordBatch) {
    if spans.num_rows() == 0 {
        return;
    }
    let mut writer = lake.writer();
    writer.append(SpanBatch::try_new(spans.clone()).unwrap()).await.unwrap();
    writer.accept();
    writer.commit().await.unwrap();
}

fn some<'a>(random: &mut Random, all: &[&'a str], least: usize, most: usize) -> Vec<&'a str> {
    (0..least + random.below(most - least + 1)).map(|_| all[random.below(all.len())]).collect()
}

/// A question, and times around the borders of buckets in it.
pub(crate) fn question(random: &mut Random, words: &Words<'_>, first_ns: i64) -> String {
    let mut groups = some(random, words.groups, 0, 3);
    groups.sort_unstable();
    groups.dedup();
    let filters = some(random, words.filters, 0, 2);
    let mut columns: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    for measure in some(random, words.measures, usize::from(groups.is_empty()), 4) {
        let filter = some(random, words.filters, 1, 1)[0];
        let is_filtered = random.below(3) == 0 && !measure.starts_with("sketch");
        let filter = if is_filtered { format!(" FILTER (WHERE {filter})") } else { String::new() };
        columns.push(format!("{measure}{filter}"));
    }
    let columns: Vec<String> =
        columns.iter().enumerate().map(|(at, column)| format!("{column} AS c{at}")).collect();
    let mut sql = format!("SELECT {} FROM {}", columns.join(", "), words.table);
    if !filters.is_empty() {
        sql += &format!(" WHERE {}", filters.join(" AND "));
    }
    if !groups.is_empty() {
        let numbers: Vec<String> = (1..=groups.len()).map(|at| at.to_string()).collect();
        sql += &format!(" GROUP BY {} ORDER BY {}", numbers.join(", "), numbers.join(", "));
    }
    let mut times: Vec<i64> = (0..2).map(|_| moment(random, first_ns)).collect();
    times.sort_unstable();
    for (at, time) in times.iter().enumerate() {
        let time = format!("arrow_cast({time}, 'Timestamp(Nanosecond, Some(\"UTC\"))')");
        sql = sql.replace(&format!("@{}", at + 1), &time);
    }
    sql
}

/// A time in the week of the sample: anywhere, or on a border of a minute, an hour or a day, or beside one.
pub(crate) fn moment(random: &mut Random, first_ns: i64) -> i64 {
    let minute = 60_000_000_000;
    let time = first_ns + random.below(7 * 24 * 60) as i64 * minute + random.below(1 << 30) as i64;
    let bucket = [1, minute, 60 * minute, 24 * 60 * minute][random.below(4)];
    time - time % bucket + random.below(3) as i64 - 1
}

#[tokio::test(flavor = "multi_thread")]
async fn any_question_has_the_same_answer_without_rollups() {
    let mut used = 0;
    for seed in 0..10 {
        let mut random = Random(seed + 1);
        let store = lake(&mut random).await;
        let with = open(&store, Settings::default()).await.session().await.unwrap();
        let settings = Settings { use_rollups: false, ..Settings::default() };
        let without = open(&store, settings).await.session().await.unwrap();
        let first = "SELECT arrow_cast(min(start_time), 'Int64') FROM spans";
        let first_ns = rows(&without, first).await[0][0].parse().unwrap();
        for _ in 0..12 {
            let sql = question(&mut random, &OF_SPANS, first_ns);
            let (found, expected) = (rows(&with, &sql).await, rows(&without, &sql).await);
            assert_eq!(found, expected, "seed {seed}: {sql}");
            let plan = rows(&with, &format!("EXPLAIN {sql}")).await.concat().join("\n");
            used += usize::from(plan.contains("operations_1"));
        }
    }
    // Questions with a bound in the middle of a bucket cut much of so small a lake.
    assert!(used > 40, "only {used} of 120 questions were answered from rollups");
}

/// Scenario: questions that many ask.
/// Guarantees: EXPLAIN says which rollup answers them; one about anything else reads spans.
#[tokio::test(flavor = "multi_thread")]
async fn what_rollups_answer() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let lake = open(&store, Settings::default()).await;
    import(&lake, &sample()).await;
    let settings = CompactSettings { rollup_spans_per_row: 0, ..CompactSettings::default() };
    while lake.assemble(&settings.clone().at_once()).await.unwrap().version.is_some() {}
    let session = lake.session().await.unwrap();
    for (rollup, sql) in [
        ("operations_1d", "SELECT DISTINCT service_name FROM spans"),
        ("operations_1d", "SELECT service_version, p99(duration_ns) FROM spans GROUP BY 1"),
        (
            "operations_1m",
            "SELECT date_trunc('minute', start_time), count(*) FROM spans GROUP BY 1",
        ),
        (
            "operations_1h",
            "WITH all_of_them AS (SELECT *, date_trunc('hour', start_time) AS hour FROM spans)
             SELECT s.hour, avg(s.duration_ns) FROM all_of_them AS s
             WHERE s.service_name = 'cart' GROUP BY s.hour",
        ),
        (
            "operations_1d",
            "SELECT service_name, quantile(duration_ns, 0.99, sample_weight) FROM spans GROUP BY 1",
        ),
        (
            "operations_1d",
            "SELECT count(*) FILTER (WHERE status_code = 'error') FROM spans
             WHERE start_time >= '2000-01-01T05:00:00Z'::TIMESTAMP + INTERVAL '1 hour'",
        ),
        ("spans", "SELECT http_route, count(*) FROM spans GROUP BY 1"),
        ("spans", "SELECT service_name, max(start_time) FROM spans GROUP BY 1"),
        ("spans", "SELECT service_name, max(depth) FROM spans GROUP BY 1"),
        ("spans", "SELECT service_name, p99(duration_ns / 1e6) FROM spans GROUP BY 1"),
        ("spans", "SELECT date_trunc('second', start_time), count(*) FROM spans GROUP BY 1"),
        ("spans", "SELECT count(*) FROM spans WHERE attributes['http.route'] = '/cart'"),
    ] {
        let plan = rows(&session, &format!("EXPLAIN {sql}")).await.concat().join("\n");
        let is_rollup = plan.contains("operations_1");
        assert_eq!(is_rollup, rollup != "spans", "{sql}\n{plan}");
        assert!(!is_rollup || plan.contains(rollup), "{sql}\n{plan}");
    }
}

/// Scenario: somebody deletes the rollups, or writes over them.
/// Guarantees: the answers are computed from the spans.
#[tokio::test(flavor = "multi_thread")]
async fn lost_rollups_are_computed() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let lake = open(&store, Settings::default()).await;
    import(&lake, &sample()).await;
    let settings = CompactSettings { rollup_spans_per_row: 0, ..CompactSettings::default() };
    while lake.assemble(&settings.clone().at_once()).await.unwrap().version.is_some() {}
    let sql = "SELECT date_trunc('UNIT', start_time), service_name, count(*), p95(duration_ns)
               FROM spans WHERE start_time >= '2020-01-01T00:30:00Z' GROUP BY 1, 2 ORDER BY 1, 2";
    let units = ["minute", "hour", "day"].map(|unit| sql.replace("UNIT", unit));
    let mut expected = Vec::new();
    for sql in &units {
        expected.push(rows(&lake.session().await.unwrap(), sql).await);
    }
    let folder = Path::from("rollups");
    let objects: Vec<_> = store.list(Some(&folder)).try_collect().await.unwrap();
    assert!(objects.len() >= 14, "a week, by hour and by minute: {objects:?}");
    for (at, object) in objects.iter().enumerate() {
        match (at % 3, object.location.as_ref().ends_with(".1m.parquet")) {
            (0, false) => {
                store.put(&object.location, "no Parquet".into()).await.map(drop).unwrap();
            }
            (1, _) | (0, true) => store.delete(&object.location).await.unwrap(),
            _ => {}
        }
    }
    let other = open(&store, Settings::default()).await.session().await.unwrap();
    for (sql, expected) in units.iter().zip(expected) {
        assert_eq!(rows(&other, sql).await, expected, "{sql}");
    }
}

/// Scenario: files are assembled again, and vacuum deletes what was replaced.
/// Guarantees: a rollup goes with its file.
#[tokio::test(flavor = "multi_thread")]
async fn rollups_go_with_their_files() {
    let mut random = Random(5);
    let store = lake(&mut random).await;
    let lake = open(&store, Settings::default()).await;
    let settings = CompactSettings { rollup_spans_per_row: 0, ..CompactSettings::default() };
    while lake.assemble(&settings.clone().at_once()).await.unwrap().version.is_some() {}
    lake.vacuum(std::time::Duration::ZERO).await.unwrap();
    let names = async |folder: &str| {
        let folder = Path::from(folder);
        let objects: Vec<_> = store.list(Some(&folder)).try_collect().await.unwrap();
        let names = objects.into_iter().filter_map(|object| {
            let name = object.location.filename()?.strip_suffix(".parquet")?;
            Some(name.trim_end_matches(".1m").trim_end_matches(".edges").to_owned())
        });
        let mut names: Vec<String> = names.filter(|name| name.len() == 36).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let (rollups, files) = (names("rollups").await, names("spans").await);
    assert!(!rollups.is_empty());
    assert!(rollups.iter().all(|rollup| files.contains(rollup)), "{rollups:?} of {files:?}");
}

/// Guarantees: the tables of rollups say what the spans say, wherever these lie; fresh spans are in them.
#[tokio::test(flavor = "multi_thread")]
async fn rollups_are_tables() {
    for seed in 1..4 {
        let store = lake(&mut Random(seed)).await;
        for use_rollups in [true, false] {
            let settings = Settings { use_rollups, ..Settings::default() };
            let session = open(&store, settings).await.session().await.unwrap();
            for (table, unit) in
                [("operations_1m", "minute"), ("operations_1h", "hour"), ("operations_1d", "day")]
            {
                let columns = "service_name, span_name, span_kind, status_code, service_version,
                               deployment_environment";
                let found = format!(
                    "SELECT start_time, {columns}, calls, errors, span_count, duration_sum_ns,
                            duration_min_ns, duration_max_ns, sketch_quantile(duration, 0.99)
                     FROM {table} WHERE span_kind <> 'internal' ORDER BY 1, 2, 3, 4, 5, 6, 7"
                );
                let expected = format!(
                    "SELECT date_trunc('{unit}', start_time), {columns}, sum(sample_weight),
                            coalesce(sum(sample_weight) FILTER (WHERE status_code = 'error'), 0),
                            count(*), sum(duration_ns), min(duration_ns), max(duration_ns),
                            quantile(CAST(duration_ns AS DOUBLE), 0.99, sample_weight)
                     FROM spans WHERE span_kind <> 'internal' GROUP BY 1, 2, 3, 4, 5, 6, 7
                     ORDER BY 1, 2, 3, 4, 5, 6, 7"
                );
                let (found, expected) =
                    (rows(&session, &found).await, rows(&session, &expected).await);
                assert_eq!(found, expected, "{table} of seed {seed}, rollups {use_rollups}");
            }
        }
    }
}

/// Scenario: the rollup of one file takes the place of another's; a third one is deleted.
/// Guarantees: `check` names both, and the edges that were another file's, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_rollups_are_found() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let lake = open(&store, Settings::default()).await;
    import(&lake, &sample()).await;
    let settings = CompactSettings { rollup_spans_per_row: 0, ..CompactSettings::default() };
    while lake.assemble(&settings.clone().at_once()).await.unwrap().version.is_some() {}
    assert_eq!(lake.check().await.unwrap().findings, []);
    let folder = Path::from("rollups");
    let objects: Vec<_> = store.list(Some(&folder)).try_collect().await.unwrap();
    let coarse: Vec<&Path> = objects.iter().map(|object| &object.location).collect();
    let coarse = coarse.into_iter().filter(|path| !path.as_ref().ends_with(".1m.parquet"));
    let (edges, coarse): (Vec<&Path>, Vec<&Path>) =
        coarse.partition(|path| path.as_ref().ends_with(".edges.parquet"));
    store.copy(coarse[0], coarse[1]).await.unwrap();
    store.delete(coarse[2]).await.unwrap();
    store.copy(edges[3], edges[4]).await.unwrap();
    let mut found: Vec<(String, String)> = lake
        .check()
        .await
        .unwrap()
        .findings
        .into_iter()
        .map(|finding| (finding.path, finding.what))
        .collect();
    found.sort();
    let mut expected = [
        (coarse[1], "does not say what the spans say"),
        (coarse[2], "cannot be read"),
        (edges[4], "does not say what the spans say"),
    ];
    expected.sort();
    assert_eq!(found.len(), 3, "{found:?}");
    for ((path, what), (expected_path, expected)) in found.iter().zip(expected) {
        assert!(path == expected_path.as_ref() && what.contains(expected), "{path}: {what}");
    }
}
