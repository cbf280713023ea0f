//! Look-ups of traces share a plan, and no rows.

use engine::{Engine, Location, Settings};

use crate::it::assembly::{Random, assemble_all, import, sample, small_pieces};
use crate::it::fixtures::{TestLake, answers, assert_same};

/// Look-ups of `{a}`, some of which name `{b}`, too.
const QUESTIONS: [&str; 13] = [
    "SELECT * FROM spans WHERE trace_id = '{a}' ORDER BY span_id",
    "SELECT * FROM traces WHERE trace_id = '{a}'",
    "SELECT s.span_id, s.attributes['http.route'] FROM spans AS s WHERE '{a}' = s.trace_id AND s.duration_ns > 1000
     ORDER BY s.duration_ns DESC, 1 LIMIT 3",
    "SELECT span_id, depth, trace_id = 'x', events FROM spans WHERE trace_id = '{a}' AND span_name <> '{b}' ORDER BY 1",
    "SELECT span_id, trace_id = '{b}' FROM spans WHERE trace_id = '{a}' ORDER BY 1",
    "SELECT span_id, '{a}' AS this FROM spans WHERE trace_id = '{a}' ORDER BY 1",
    "SELECT span_id FROM spans WHERE trace_id = '{a}' AND trace_id = '{b}' ORDER BY 1",
    "SELECT span_id FROM spans WHERE trace_id = '{a}' AND trace_id <> '{b}' ORDER BY 1",
    "SELECT span_id FROM spans WHERE trace_id = '{a}' OR trace_id = '{b}' ORDER BY 1",
    "SELECT count(*) FROM (SELECT '{b}' AS trace_id FROM spans) WHERE trace_id = '{a}'",
    "SELECT span_id FROM spans WHERE trace_id = '{a}'
     AND service_name IN (SELECT service_name FROM spans WHERE trace_id = '{b}') ORDER BY 1",
    "SELECT event_name, span_id FROM span_events WHERE trace_id = '{a}' ORDER BY 2, 1",
    "SELECT span_id FROM spans WHERE trace_id = '{a}' AND attributes['http.route'] = '{b}'",
];

/// Asks about each trace in turn, so that later ones have the plans of earlier ones.
async fn assert_each_has_its_rows(lake: &TestLake, traces: &[String], when: &str) {
    let location = Location::parse(lake.folder.path().to_str().unwrap()).unwrap();
    for (at, trace) in traces.iter().chain(traces).enumerate() {
        let other = &traces[1];
        let fill = |question: &&str| question.replace("{a}", trace).replace("{b}", other);
        let questions: Vec<String> = QUESTIONS.iter().map(fill).collect();
        let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
        // It has looked up no trace yet.
        let new = Engine::open(&location, Settings::default()).await.unwrap();
        let expected = answers(&new.session().await.unwrap(), &questions).await;
        let found = answers(&lake.session().await, &questions).await;
        assert_same(&found, &expected, &questions, &format!("{when}, look-up {at}"));
    }
}

/// Scenario: traces are looked up one after the other, with the same words, while the lake goes from fresh to assembled
/// in pieces, gets late spans, and is assembled in whole.
/// Guarantees: each look-up has the rows of its trace and of its moment, as in an engine that has looked up no other.
#[tokio::test(flavor = "multi_thread")]
async fn one_after_the_other() {
    let lake = TestLake::empty().await;
    let spans = sample();
    let late = spans.num_rows() / 10;
    import(&lake, &spans.slice(late, spans.num_rows() - late)).await;
    let sql = "SELECT trace_id FROM spans GROUP BY 1 ORDER BY min(start_time), 1 LIMIT 4";
    let mut traces: Vec<String> = lake.rows(sql).await.into_iter().flatten().collect();
    traces.push("4bf92f3577b34da6a3ce929d0e0e4736".into());
    assert_each_has_its_rows(&lake, &traces, "fresh").await;
    lake.engine.assemble(&small_pieces(&mut Random(20_261_123))).await.unwrap();
    assert_each_has_its_rows(&lake, &traces, "in pieces").await;
    import(&lake, &spans.slice(0, late)).await;
    assert_each_has_its_rows(&lake, &traces, "some late").await;
    assemble_all(&lake).await;
    assert_each_has_its_rows(&lake, &traces, "in whole").await;
}
