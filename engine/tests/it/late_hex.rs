//! Ids stay bytes inside a query: what it says is the same as with their text.

use crate::it::assembly::{assemble_all, import, sample};
use crate::it::fixtures::{TestLake, answers, assert_same};

/// Questions about ids of `$spans`, with an order.
const QUESTIONS: &[&str] = &[
    "SELECT trace_id, service_name, parent_span_id IS NULL AS is_root, max(attributes['http.route']) AS value
     FROM $spans WHERE parent_span_id IS NULL OR service_name = 'payment'
     GROUP BY trace_id, service_name, parent_span_id IS NULL ORDER BY 1, 2, 3",
    "SELECT key, count(DISTINCT trace_id), min(trace_id) FROM
     (SELECT attributes['http.route'] AS key, trace_id FROM $spans WHERE attributes['http.route'] IS NOT NULL
      UNION ALL SELECT event['name'], trace_id FROM (SELECT trace_id, unnest(events) AS event FROM $spans))
     GROUP BY key ORDER BY 1",
    "SELECT c.span_name, p.span_name, c.trace_id, c.span_id FROM $spans c
     JOIN $spans p ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id ORDER BY 3, 4, 2, 1",
    "SELECT c.span_id, p.span_id FROM $spans c LEFT JOIN $spans p
     ON c.parent_span_id = p.span_id AND c.trace_id = p.trace_id AND p.span_id < c.span_id ORDER BY 1, 2",
    "SELECT span_id FROM $spans WHERE trace_id IN (SELECT trace_id FROM $spans WHERE status_code = 'error')
     ORDER BY trace_id DESC, span_id",
    "SELECT s.span_id FROM $spans s WHERE NOT EXISTS
     (SELECT 1 FROM $spans c WHERE c.trace_id = s.trace_id AND c.parent_span_id = s.span_id) ORDER BY 1",
    "SELECT trace_id, parent_span_id, count(*), count(parent_span_id), count(DISTINCT span_id), min(span_id),
     first_value(span_id ORDER BY span_id DESC) FROM $spans GROUP BY trace_id, parent_span_id ORDER BY 1, 2",
    "SELECT trace_id, span_name, count(*), grouping(trace_id) FROM $spans
     GROUP BY GROUPING SETS ((trace_id), (span_name), (trace_id, span_name)) ORDER BY 1, 2, 4, 3",
    "SELECT upper(trace_id), length(span_id), count(*) FROM $spans GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT span_id, row_number() OVER (PARTITION BY trace_id ORDER BY span_id),
     lag(span_id) OVER (PARTITION BY trace_id ORDER BY parent_span_id, span_id) FROM $spans ORDER BY 1, 2",
    "SELECT DISTINCT trace_id, parent_span_id IS NULL FROM $spans ORDER BY 1, 2",
    "SELECT DISTINCT ON (trace_id) trace_id, span_id FROM $spans ORDER BY trace_id, span_id",
    "SELECT id, count(*) FROM (SELECT span_id AS id FROM $spans UNION ALL SELECT parent_span_id FROM $spans
     UNION ALL SELECT 'none') GROUP BY id ORDER BY 1",
    "SELECT id, count(*) FROM (SELECT trace_id AS id FROM $spans UNION ALL SELECT span_id FROM $spans)
     GROUP BY id ORDER BY 1",
    "SELECT id, count(*) FROM (SELECT trace_id AS id FROM $spans UNION ALL SELECT trace_id FROM traces)
     GROUP BY id ORDER BY 1",
    "SELECT a.one, count(*) FROM (SELECT unnest(make_array(span_id)) AS one FROM $spans WHERE child_count > 0) a
     JOIN $spans b ON b.parent_span_id = a.one GROUP BY a.one ORDER BY 1",
    "SELECT one FROM (SELECT unnest(make_array(span_id, parent_span_id, 'x')) AS one FROM $spans) ORDER BY 1",
    "SELECT trace_id, root_span_name, (SELECT max(span_id) FROM $spans) AS last FROM traces ORDER BY 1",
    "SELECT t.trace_id, s.span_id FROM traces t JOIN $spans s ON s.trace_id = t.trace_id
     WHERE s.trace_id || s.span_id LIKE '%1%' AND t.trace_id > '0' ORDER BY 1, 2",
    "SELECT s.span_id, v.column1 FROM $spans s JOIN (SELECT replace(max(parent_span_id), '-', '') AS column1 FROM $spans) v
     ON s.span_id = v.column1 OR s.parent_span_id = v.column1 ORDER BY 1, 2",
    "SELECT s.trace_id = p.span_id, s.trace_id < p.trace_id, count(*) FROM $spans s JOIN $spans p
     ON s.parent_span_id IS NOT DISTINCT FROM p.parent_span_id GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT CASE WHEN is_root THEN span_id ELSE parent_span_id END AS above, max(trace_id) FROM $spans
     GROUP BY 1 HAVING max(trace_id) > '0' ORDER BY 1 LIMIT 20",
    "WITH bad AS (SELECT trace_id FROM traces WHERE error_count > 0 ORDER BY trace_id LIMIT 5)
     SELECT s.trace_id, array_agg(s.span_id ORDER BY s.span_id) FROM bad JOIN $spans s USING (trace_id)
     GROUP BY s.trace_id ORDER BY 1",
];

/// A table of the same spans whose ids the planner takes for any text.
const TEXT: &str = "WITH texts AS (SELECT * REPLACE (replace(trace_id, '-', '') AS trace_id, replace(span_id, '-', '') AS span_id,
    replace(parent_span_id, '-', '') AS parent_span_id) FROM spans)";

/// Scenario: every way to use an id, of fresh and of assembled spans.
/// Guarantees: the same rows as with ids that are only text.
#[tokio::test(flavor = "multi_thread")]
async fn says_the_same_as_text() {
    let lake = TestLake::empty().await;
    import(&lake, &sample()).await;
    let bytes: Vec<String> = QUESTIONS.iter().map(|sql| sql.replace("$spans", "spans")).collect();
    let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
    let text = QUESTIONS.iter().map(|sql| sql.replace("$spans", "texts"));
    let text: Vec<String> = text
        .map(|sql| match sql.strip_prefix("WITH ") {
            Some(rest) => format!("{TEXT}, {rest}"),
            None => format!("{TEXT} {sql}"),
        })
        .collect();
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    for when in ["fresh", "assembled"] {
        let session = lake.session().await;
        let expected = answers(&session, &text).await;
        let found = answers(&session, &bytes).await;
        let empty = expected.iter().zip(&bytes).find(|(rows, _)| rows.is_empty());
        assert!(empty.is_none(), "{empty:?}");
        assert_same(&found, &expected, &bytes, when);
        assemble_all(&lake).await;
    }
}

/// Scenario: a join, a group and a window by ids, and a filter above them.
/// Guarantees: text is made of the rows that come out, and ids are looked up by their bytes.
#[tokio::test(flavor = "multi_thread")]
async fn text_comes_last() {
    let lake = TestLake::empty().await;
    import(&lake, &sample()).await;
    for sql in [
        "SELECT c.trace_id, c.span_id, p.span_name FROM spans c JOIN spans p
         ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id",
        "SELECT trace_id, parent_span_id, count(*) FROM spans GROUP BY trace_id, parent_span_id",
        "SELECT a.one, b.span_name FROM (SELECT unnest(make_array(span_id)) AS one FROM spans) a
         JOIN spans b ON b.parent_span_id = a.one",
    ] {
        let plan = lake.rows(&format!("EXPLAIN FORMAT INDENT {sql}")).await.concat().join("\n");
        let logical = plan.split("physical_plan").next().unwrap();
        let above = logical.find("Join:").or_else(|| logical.find("Aggregate:")).unwrap();
        assert!(logical[..above].contains("_hex("), "{plan}");
        assert!(!logical[above..].contains("_hex("), "{plan}");
    }
}
