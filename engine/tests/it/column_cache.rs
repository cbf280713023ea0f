//! Columns in memory are a cache: with them and without them, every question has the same answer.

use engine::{CompactSettings, Engine, Location, Session, Settings};

use crate::it::assembly::{Random, assemble_all, import, sample, small_pieces};
use crate::it::fixtures::{TestLake, answers, assert_same, rows};

/// Questions in every form that a scan may be asked in.
const QUESTIONS: [&str; 28] = [
    "SELECT count(*) FROM spans",
    "SELECT count(*), sum(duration_ns), min(start_time), max(status_message) FROM spans",
    "SELECT service_name, span_name, count(*), sum(duration_ns) FROM spans GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT count(*), max(duration_ns) FROM spans WHERE attributes['http.route'] = '/checkout'",
    "SELECT attributes['exception.type'], resource_attributes['telemetry.sdk.language'], count(*) FROM spans GROUP BY 1, 2
     ORDER BY 1, 2",
    "SELECT span_id FROM spans WHERE attributes['exception.type'] LIKE '%e%' AND resource_attributes['host.name'] <> 'x'
     ORDER BY 1",
    "SELECT attributes['http.route'], attributes['user.id'] IS NULL, count(*) FROM spans
     WHERE attributes['http.request.method'] = 'GET' AND duration_ns > 1000000 GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT span_id, attributes['http.route'] FROM spans WHERE attributes['http.route'] LIKE '%c%' ORDER BY 1",
    "SELECT span_id FROM spans WHERE attributes['no.such.key'] IS NULL AND is_root ORDER BY 1",
    "SELECT span_id FROM spans WHERE attributes['no.such.key'] = 'x' ORDER BY 1",
    "SELECT resource_attributes['service.version'], count(*) FROM spans GROUP BY 1 ORDER BY 1",
    "SELECT trace_id, span_id, upper(service_name) FROM spans WHERE status_code = 'error' ORDER BY 1, 2",
    "SELECT trace_id FROM spans WHERE is_root AND status_message IS NULL ORDER BY duration_ns DESC, trace_id LIMIT 7",
    "SELECT span_name, depth, is_entry FROM spans WHERE depth BETWEEN 1 AND 2 AND NOT is_root ORDER BY span_id",
    "SELECT c.span_id, p.span_name FROM spans c JOIN spans p
     ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id WHERE p.status_code = 'error' ORDER BY 1",
    "SELECT span_id, events[1]['name'] FROM spans WHERE status_code = 'error' ORDER BY 1",
    "SELECT trace_id, span_count, root_span_name FROM traces WHERE error_count > 0 ORDER BY 1",
    "SELECT root_service_name, p99(root_duration_ns), count(*) FROM traces GROUP BY 1 ORDER BY 1",
    "SELECT count(*) FROM spans WHERE service_name = span_name OR duration_ns < 0",
    "SELECT count(*) FROM spans WHERE service_name IN ('payment', 'cart', 'none') AND span_kind <> 'server'",
    "SELECT count(*) FROM spans WHERE start_time >= '2026-11-12T00:00:00Z' AND start_time < '2026-11-13T00:00:00Z'",
    "SELECT span_id FROM spans WHERE trace_id IN (SELECT trace_id FROM traces ORDER BY root_duration_ns DESC LIMIT 3) ORDER BY 1",
    "SELECT sum(self_time_ns), sum(critical_path_ns), count(*) FILTER (WHERE error_origin) FROM spans WHERE 1 = 0 OR is_entry",
    "SELECT span_id, attributes, resource_attributes, scope_attributes FROM spans ORDER BY 1",
    "SELECT attributes, count(*) FROM spans WHERE status_code = 'error' GROUP BY 1 ORDER BY 2, map_keys(attributes)",
    "SELECT span_id, cardinality(attributes) FROM spans WHERE attributes['exception.type'] IS NULL AND depth > 1 ORDER BY 1",
    "SELECT pair['key'], pair['value'], count(*) FROM
     (SELECT unnest(array_concat(map_entries(attributes), map_entries(resource_attributes))) AS pair FROM spans
      WHERE is_entry) GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT trace_id, count(*) FROM spans WHERE trace_id > '8' GROUP BY 1 HAVING count(*) > 20 ORDER BY 1",
];

/// Questions about some traces, which are read by the numbers of their rows.
const LOOK_UPS: [&str; 10] = [
    "SELECT * FROM spans WHERE trace_id = '{a}' ORDER BY span_id",
    "SELECT span_id, service_name, attributes, resource_attributes, events, links FROM spans
     WHERE trace_id IN ('{a}', '{b}', '{c}') ORDER BY span_id",
    "SELECT count(*) FROM spans WHERE trace_id = '{b}'",
    "SELECT 1 FROM spans WHERE trace_id = '{b}' AND is_root",
    "SELECT span_id, attributes['http.route'], resource_attributes['telemetry.sdk.language'] FROM spans
     WHERE trace_id = '{a}' AND attributes['http.route'] IS NOT NULL ORDER BY span_id",
    "SELECT trace_id, span_name, depth FROM spans WHERE trace_id IN ('{c}', '{a}') AND duration_ns > 1000000
     AND service_name <> 'cart' ORDER BY span_id",
    "SELECT * FROM traces WHERE trace_id = '{c}'",
    "SELECT c.span_id, p.span_name, c.events FROM spans c JOIN spans p
     ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id WHERE c.trace_id = '{a}' ORDER BY 1",
    "SELECT count(*) FROM spans WHERE trace_id = '{a}' AND service_name = 'no such service'",
    "SELECT span_id FROM spans WHERE trace_id = '{b}' ORDER BY duration_ns DESC, span_id LIMIT 2",
];

const FILTERS: [&str; 19] = [
    "duration_ns > (SELECT avg(duration_ns) FROM spans)",
    "service_name = 'payment'",
    "service_name <> 'cart'",
    "service_name LIKE 'c%'",
    "span_kind IN ('server', 'consumer')",
    "status_code = 'error'",
    "status_message IS NULL",
    "NOT is_root",
    "is_entry",
    "depth < 3",
    "duration_ns >= 2000000",
    "duration_ns BETWEEN 500000 AND 9000000",
    "attributes['http.route'] IS NOT NULL",
    "attributes['http.request.method'] = 'GET'",
    "attributes['http.route'] LIKE '/%' AND attributes['http.response.status_code'] <> '200'",
    "(parent_span_id IS NULL OR service_name = 'catalog')",
    "start_time > '2026-11-11T12:00:00Z'",
    "span_id < '8'",
    "length(span_name) % 2 = 0",
];

const MEASURES: &str = "count(*), sum(duration_ns), min(span_id), max(attributes['http.route']), count(status_message),
    count(DISTINCT service_name), min(start_time), bool_or(is_root)";

/// The same lake, once with columns in memory and once without.
struct Both {
    lake: TestLake,
    plain: Engine,
}

impl Both {
    async fn new() -> Self {
        let lake = TestLake::empty().await;
        let plain = Settings { column_cache_bytes: 0, ..Settings::default() };
        let location = Location::parse(lake.folder.path().to_str().unwrap()).unwrap();
        let plain = Engine::open_or_create(&location, plain).await.unwrap();
        Self { lake, plain }
    }

    async fn plain(&self) -> Session {
        self.plain.session().await.unwrap()
    }

    /// Asks everything as often as it takes until it is answered from memory, and once more.
    async fn assert_same(&self, questions: &[&str], when: &str) {
        let expected = answers(&self.plain().await, questions).await;
        let session = self.lake.session().await;
        for time in ["first", "second", "third"] {
            let found = answers(&session, questions).await;
            assert_same(&found, &expected, questions, &format!("{when}, the {time} time"));
        }
    }
}

/// Scenario: fresh spans, assembled ones, late ones beside them, and a file whose columns are in memory replaced.
/// Guarantees: the same rows as without columns in memory, whether they are read, being kept, or there.
#[tokio::test(flavor = "multi_thread")]
async fn same_answers() {
    let both = Both::new().await;
    let spans = sample();
    let half = spans.num_rows() / 2;
    import(&both.lake, &spans.slice(0, half)).await;
    both.assert_same(&QUESTIONS, "fresh").await;
    assemble_all(&both.lake).await;
    both.assert_same(&QUESTIONS, "assembled").await;
    import(&both.lake, &spans.slice(half, 40)).await;
    both.assert_same(&QUESTIONS, "some late").await;
    import(&both.lake, &spans.slice(half + 40, spans.num_rows() - half - 40)).await;
    assemble_all(&both.lake).await;
    both.assert_same(&QUESTIONS, "assembled again").await;
}

/// Scenario: look-ups of the first, the last and another trace, in a lake that is fresh, assembled in pieces with late
/// spans beside them, and assembled in whole.
/// Guarantees: the same rows as without columns in memory, whatever is asked of them.
#[tokio::test(flavor = "multi_thread")]
async fn look_ups() {
    let mut random = Random(20_261_123);
    let both = Both::new().await;
    let spans = sample();
    let late = spans.num_rows() / 10;
    import(&both.lake, &spans.slice(late, spans.num_rows() - late)).await;
    let trace =
        async |which| both.lake.value(&format!("SELECT {which}(trace_id) FROM spans")).await;
    let (first, last) = (trace("min").await, trace("max").await);
    let sql = format!("SELECT min(trace_id) FROM spans WHERE trace_id > '{}'", &first[..2]);
    let other = both.lake.value(&sql).await;
    let fill = |question: &&str| {
        question.replace("{a}", &first).replace("{b}", &other).replace("{c}", &last)
    };
    let questions: Vec<String> = LOOK_UPS.iter().map(fill).collect();
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    both.assert_same(&questions, "fresh").await;
    both.lake.engine.assemble(&small_pieces(&mut random)).await.unwrap();
    both.assert_same(&questions, "in pieces").await;
    import(&both.lake, &spans.slice(0, late)).await;
    both.assert_same(&questions, "some late").await;
    assemble_all(&both.lake).await;
    both.assert_same(&questions, "in whole").await;
}

/// Scenario: random filters, over a lake in files and row groups of a few rows.
/// Guarantees: the same rows as without columns in memory.
#[tokio::test(flavor = "multi_thread")]
async fn random_filters() {
    let mut random = Random(20_261_122);
    let both = Both::new().await;
    let spans = sample();
    let first = random.below(spans.num_rows());
    import(&both.lake, &spans.slice(0, first)).await;
    both.lake.engine.assemble(&small_pieces(&mut random)).await.unwrap();
    import(&both.lake, &spans.slice(first, spans.num_rows() - first)).await;
    let questions: Vec<String> = (0..60)
        .map(|_| {
            let filters: Vec<&str> =
                (0..1 + random.below(4)).map(|_| FILTERS[random.below(FILTERS.len())]).collect();
            format!("SELECT {MEASURES} FROM spans WHERE {}", filters.join(" AND "))
        })
        .collect();
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    both.assert_same(&questions, "in pieces").await;
    both.lake.engine.assemble(&CompactSettings::default().at_once()).await.unwrap();
    both.assert_same(&questions, "in whole").await;
}

/// Scenario: joins of every kind between random parts of the spans, over a lake in files and row groups of a few rows.
/// Guarantees: the same rows, whichever side columns in memory let the planner keep.
#[tokio::test(flavor = "multi_thread")]
async fn random_joins() {
    const JOINS: [&str; 8] = [
        "{m} FROM (SELECT * FROM spans WHERE {l}) l JOIN (SELECT * FROM spans WHERE {r}) r ON {on}",
        "{m} FROM (SELECT * FROM spans WHERE {l}) l LEFT JOIN (SELECT * FROM spans WHERE {r}) r ON {on}",
        "{m} FROM (SELECT * FROM spans WHERE {l}) l RIGHT JOIN (SELECT * FROM spans WHERE {r}) r ON {on}",
        "{m} FROM (SELECT * FROM spans WHERE {l}) l FULL JOIN (SELECT * FROM spans WHERE {r}) r ON {on}",
        "{s} FROM (SELECT * FROM spans WHERE {l}) l WHERE EXISTS (SELECT 1 FROM (SELECT * FROM spans WHERE {r}) r WHERE {on})",
        "{s} FROM (SELECT * FROM spans WHERE {l}) l WHERE NOT EXISTS (SELECT 1 FROM (SELECT * FROM spans WHERE {r}) r WHERE {on})",
        "{s} FROM spans l WHERE {l} AND trace_id IN (SELECT trace_id FROM spans WHERE {r})",
        "{s} FROM spans l WHERE {l} AND parent_span_id NOT IN (SELECT span_id FROM spans WHERE {r})",
    ];
    const ON: [&str; 3] = [
        "l.trace_id = r.trace_id AND l.span_id = r.parent_span_id",
        "l.parent_span_id = r.span_id AND l.duration_ns <= r.duration_ns",
        "l.trace_id = r.trace_id AND l.service_name = r.service_name",
    ];
    let mut random = Random(20_261_124);
    let both = Both::new().await;
    let spans = sample();
    let first = random.below(spans.num_rows());
    import(&both.lake, &spans.slice(0, first)).await;
    both.lake.engine.assemble(&small_pieces(&mut random)).await.unwrap();
    import(&both.lake, &spans.slice(first, spans.num_rows() - first)).await;
    let mut any = |of: &[&'static str]| of[random.below(of.len())];
    let question = |_| {
        any(&JOINS)
            .replace("{m}", "SELECT count(*), min(l.span_id), max(r.span_id), count(l.span_id), sum(r.duration_ns)")
            .replace("{s}", "SELECT count(*), min(span_id), max(trace_id), sum(duration_ns)")
            .replace("{l}", any(&FILTERS))
            .replace("{r}", any(&FILTERS))
            .replace("{on}", any(&ON))
    };
    let questions: Vec<String> = (0..60).map(question).collect();
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    both.assert_same(&questions, "in pieces").await;
    both.lake.engine.assemble(&CompactSettings::default().at_once()).await.unwrap();
    both.assert_same(&questions, "in whole").await;
}

/// Scenario: the few spans with many children, before and after `JOIN` and in `IN`, and their children.
/// Guarantees: once a scan has brought columns into memory, the few are kept and the many looked up.
#[tokio::test(flavor = "multi_thread")]
async fn few_are_kept() {
    let lake = TestLake::empty().await;
    import(&lake, &sample()).await;
    assemble_all(&lake).await;
    let session = lake.session().await;
    let most = lake.value("SELECT max(child_count) FROM spans").await;
    let few = format!("(SELECT span_id AS id FROM spans WHERE child_count = {most})");
    for from in [
        format!("spans JOIN {few} ON id = parent_span_id WHERE span_kind = 'client'"),
        format!("{few} JOIN spans ON id = parent_span_id WHERE span_kind = 'client'"),
        format!("spans WHERE span_kind = 'client' AND parent_span_id IN {few}"),
    ] {
        let sql = format!("SELECT count(*), sum(duration_ns) FROM {from}");
        for _ in 0..2 {
            rows(&session, &sql).await;
        }
        let plan =
            rows(&session, &format!("EXPLAIN FORMAT INDENT {sql}")).await.concat().join("\n");
        let (_, join) = plan.split_once("HashJoinExec").expect(&plan);
        let (join, sides) = join.split_once('\n').expect(&plan);
        assert!(join.contains("mode=CollectLeft"), "{plan}");
        let (kept, looked_up) =
            sides.split_once("DataSourceExec").unwrap().1.split_once("DataSourceExec").unwrap();
        assert!(kept.contains("child_count") && looked_up.contains("span_kind"), "{plan}");
    }
}

/// Scenario: a question is asked three times.
/// Guarantees: the third time nothing is read, and the plan says so; a lookup of a trace is read as ever.
#[tokio::test(flavor = "multi_thread")]
async fn third_time_from_memory() {
    let lake = TestLake::empty().await;
    import(&lake, &sample()).await;
    assemble_all(&lake).await;
    let session = lake.session().await;
    let sql = "EXPLAIN ANALYZE SELECT service_name, sum(duration_ns) FROM spans
               WHERE span_kind = 'server' AND span_name LIKE 'GET%' GROUP BY 1";
    let mut plans = Vec::new();
    for _ in 0..3 {
        plans.push(rows(&session, sql).await.concat().join("\n"));
    }
    assert!(plans[0].contains("row_groups_in_memory=0"), "{}", plans[0]);
    assert!(
        plans[1].contains("row_groups_in_memory=") && !plans[1].contains("bytes_scanned=0"),
        "{}",
        plans[1]
    );
    assert!(!plans[2].contains("row_groups_in_memory=0"), "{}", plans[2]);
    assert!(!plans[2].contains("bytes_scanned"), "{}", plans[2]);
    let trace = lake.value("SELECT max(trace_id) FROM spans").await;
    let sql = format!(
        "EXPLAIN ANALYZE SELECT span_name, duration_ns FROM spans WHERE trace_id = '{trace}'"
    );
    for _ in 0..3 {
        let plan = rows(&session, &sql).await.concat().join("\n");
        assert!(plan.contains("row_groups_in_memory=0"), "{plan}");
    }
}
