//! Trees of fresh spans: a question about some time computes those of its traces only, and they are whole.

use datafusion::arrow::array::UInt32Array;
use datafusion::arrow::compute::take_record_batch;
use engine::CompactSettings;

use crate::it::assembly::{assemble_all, import, sample};
use crate::it::fixtures::{self, TestLake};

/// Scenario: an hour in the middle of a week is asked about, with bounds between the spans of traces, while all
/// spans are fresh, and while late ones are.
/// Guarantees: answers are those of an assembled lake; only traces of that hour are computed.
#[tokio::test(flavor = "multi_thread")]
async fn only_traces_of_the_time_in_question() {
    let rows = sample();
    let assembled = TestLake::empty().await;
    import(&assembled, &rows).await;
    assemble_all(&assembled).await;
    // Late spans: every third row of the sample comes after the others were assembled.
    let late = TestLake::empty().await;
    let (last, first): (Vec<u32>, Vec<u32>) =
        (0..rows.num_rows() as u32).partition(|row| row % 3 == 0);
    let some = |rows_of: Vec<u32>| take_record_batch(&rows, &UInt32Array::from(rows_of)).unwrap();
    import(&late, &some(first)).await;
    let settings = CompactSettings::default().at_once();
    while late.engine.assemble(&settings).await.unwrap().version.is_some() {}
    import(&late, &some(last)).await;
    let fresh = TestLake::empty().await;
    import(&fresh, &rows).await;
    let starts = "SELECT start_time FROM spans WHERE depth = 2 ORDER BY start_time";
    let starts = assembled.rows(starts).await;
    let (from, to) = (&starts[starts.len() / 2][0], &starts[starts.len() * 5 / 8][0]);
    let time = format!("start_time > '{from}' AND start_time <= '{to}'");
    let questions = [
        format!(
            "SELECT trace_id, span_id, depth, self_time_ns, critical_path_ns, parent_service_name, shape,
                    is_paired, child_count, root_span_name
             FROM spans WHERE {time} ORDER BY 1, 2, 3, 4"
        ),
        format!(
            "SELECT client_service, server_service, connection_type, count(*), sum(duration_ns)
             FROM edges WHERE {time} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        ),
        format!("SELECT service_name, count(*) FROM spans WHERE error_origin AND {time} GROUP BY 1 ORDER BY 1"),
    ];
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    let expected = fixtures::answers(&assembled.session().await, &questions).await;
    assert!(expected[0].len() > 50, "{}", expected[0].len());
    for (lake, when) in [(&fresh, "fresh"), (&late, "late")] {
        let found = fixtures::answers(&lake.session().await, &questions).await;
        fixtures::assert_same(&found, &expected, &questions, when);
        for sql in &questions {
            let plan = lake.rows(&format!("EXPLAIN {sql}")).await.concat().join("\n");
            assert!(plan.contains("RightSemi"), "{when}: {plan}");
            assert!(plan.contains("SpanTree"), "{when}: {plan}");
        }
    }
    let all = "EXPLAIN SELECT max(depth) FROM spans WHERE start_time >= '2020-01-01T00:00:00Z'";
    assert!(!fresh.rows(all).await.concat().join("\n").contains("RightSemi"));
}
