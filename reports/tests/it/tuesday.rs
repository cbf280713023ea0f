//! Trace Tuesday on a lake: the report against the oracle, its SQL against the report.

use serde_json::Value;
use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use engine::Session;
use reports::model::{
    CauseChange, GroupHeader, GroupReview, LevelChange, QuestionKind, Trend, TuesdayReport,
};
use reports::{Error, Options, Range, headline, html, json, markdown, tuesday};

use super::lake::{Flaw, MONDAY_NS, MS, SECOND, Step, Trace, lake, session};
use super::oracle::{self, Group, Operation};
use super::week::{HOSTILE, traces};

fn week() -> Range {
    Range::week("2026-W46").unwrap()
}

async fn report(session: &Session) -> TuesdayReport {
    tuesday(session, week(), &Options::default()).await.unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Scenario: a week with ties at the threshold, several roots, copies, skew and missing parents.
/// Guarantees: every number of the report is the one that plain loops over the traces give.
#[tokio::test]
async fn the_report_is_what_the_traces_say() {
    let traces = traces();
    let report = report(&session(&traces).await).await;
    let (groups, small) = oracle::groups(&traces);

    let totals = &report.totals;
    let in_week = groups.iter().map(|g| g.traces.len() as u64 + g.incomplete).sum::<u64>()
        + small.iter().map(|(_, count)| count).sum::<u64>();
    assert_eq!(totals.trace_count, in_week);
    assert_eq!(totals.incomplete_trace_count, 5);
    assert_eq!((totals.group_count, totals.ranked_group_count), (5, 3));
    assert_eq!(
        totals.ranked_trace_count,
        groups.iter().map(|g| g.traces.len() as u64).sum::<u64>()
    );

    // The one without a slow tail is listed, not explained.
    assert_eq!((report.reviews.len(), report.further_groups.len()), (2, 1));
    let headers = report.reviews.iter().map(|review| &review.header).chain(&report.further_groups);
    for (header, group) in headers.zip(&groups) {
        check_header(header, group);
    }
    for (review, group) in report.reviews.iter().zip(&groups) {
        check_review(review, group);
    }
    let found: Vec<_> = report
        .small_groups
        .iter()
        .map(|group| {
            ((group.root_service_name.as_str(), group.root_span_name.as_str()), group.trace_count)
        })
        .collect();
    assert_eq!(found, small);
}

fn check_header(header: &GroupHeader, group: &Group) {
    let mut ascending: Vec<i64> = group.traces.iter().map(Trace::duration_ns).collect();
    ascending.sort_unstable();
    assert_eq!((header.root_service_name.as_str(), header.root_span_name.as_str()), group.name);
    assert_eq!(header.slowest_percent, group.percent);
    assert_eq!(header.trace_count, group.traces.len() as u64);
    assert_eq!(header.incomplete_trace_count, group.incomplete);
    assert_eq!(header.review_count, group.list.len() as u64);
    assert_eq!(header.threshold_ns, group.threshold_ns);
    assert_eq!(header.slow_count, group.slow.len() as u64);
    assert_eq!(header.tie_count, (group.slow.len() - group.list.len()) as u64);
    assert_eq!(header.slow_duration_sum_ns, duration_sum(&group.slow));
    assert_eq!(header.typical_count, group.typical.len() as u64);
    assert_eq!(header.typical_duration_sum_ns, duration_sum(&group.typical));
    assert_eq!(header.impact_ns, group.impact_ns);
    for (quantile, percent) in [(&header.p50, 50), (&header.p95, 95), (&header.p99, 99)] {
        assert_eq!(quantile.value_ns, oracle::nearest_rank(&ascending, percent));
        let at = |rank: u64| ascending[rank as usize - 1];
        assert_eq!(quantile.low_ns, quantile.low_rank.map(at));
        assert_eq!(quantile.high_ns, quantile.high_rank.map(at));
    }
}

fn duration_sum(traces: &[Trace]) -> i64 {
    traces.iter().map(Trace::duration_ns).sum()
}

fn check_review(review: &GroupReview, group: &Group) {
    let (slow, typical) = (group.slow.len() as f64, group.typical.len() as f64);
    let excesses = group.excesses();
    let gap: i128 = excesses.iter().map(|(_, excess)| excess).sum();
    let parts = &review.decomposition;
    assert!(parts.adds_up);
    assert_eq!(parts.operation_count, excesses.len() as u64);
    assert!(close(parts.gap_ns, gap as f64 / (slow * typical)));
    assert_eq!(parts.slow_critical_path_sum_ns, duration_sum(&group.slow));

    let listed: Vec<_> = excesses.iter().filter(|(_, excess)| *excess > 0).take(5).collect();
    assert_eq!(review.causes.len(), listed.len());
    let dominants: Vec<(Operation, i64)> =
        group.slow.iter().map(|trace| group.dominant(trace)).collect();
    for (cause, (operation, excess)) in review.causes.iter().zip(&listed) {
        assert_eq!((cause.service_name.as_str(), cause.span_name.as_str()), *operation);
        let (slow_ns, slow_calls, slow_failed) = oracle::total(&group.slow, *operation);
        let (typical_ns, typical_calls, typical_failed) = oracle::total(&group.typical, *operation);
        assert_eq!((cause.slow_sum_ns, cause.typical_sum_ns), (slow_ns, typical_ns));
        assert_eq!((cause.slow_calls, cause.typical_calls), (slow_calls, typical_calls));
        assert_eq!(
            (cause.slow_error_count, cause.typical_error_count),
            (slow_failed, typical_failed)
        );
        assert!(close(cause.excess_ns, *excess as f64 / (slow * typical)));
        assert!(close(cause.share.unwrap(), *excess as f64 / gap as f64));
        assert!(close(cause.more_calls_ns + cause.slower_calls_ns, cause.excess_ns));
        if typical_calls > 0 {
            let more = (slow_calls as f64 / slow - typical_calls as f64 / typical)
                * (typical_ns as f64 / typical_calls as f64);
            assert!(close(cause.more_calls_ns, more));
        } else {
            assert_eq!(cause.change, CauseChange::OnlyInSlowTraces);
        }
        let dominated: Vec<&Trace> = group
            .slow
            .iter()
            .zip(&dominants)
            .filter(|(_, (dominant, _))| dominant == operation)
            .map(|(trace, _)| trace)
            .collect();
        assert_eq!(cause.dominated_count, dominated.len() as u64);
        let example = (!dominated.is_empty()).then(|| group.medoid(&dominated));
        assert_eq!(cause.example_trace_id, example);
        let mut times: Vec<i64> =
            dominated.iter().map(|trace| oracle::uses(trace)[operation].0).collect();
        times.sort_unstable();
        let median = (!times.is_empty())
            .then(|| oracle::nearest_rank(&times, 50) as f64 - typical_ns as f64 / typical);
        assert!(cause.dominated_median_excess_ns.zip(median).is_none_or(|(a, b)| close(a, b)));
        assert_eq!(cause.dominated_median_excess_ns.is_some(), median.is_some());
    }
    let other = review.other.as_ref();
    let rest: i128 =
        excesses.iter().filter(|e| !listed.contains(e)).map(|(_, excess)| excess).sum();
    assert!(close(other.map_or(0.0, |other| other.excess_ns), rest as f64 / (slow * typical)));

    let ids: Vec<String> =
        review.review_list.iter().map(|row| row.trace.trace_id.clone()).collect();
    assert_eq!(ids, group.list);
    for (row, (dominant, time)) in review.review_list.iter().zip(&dominants) {
        let found = row.dominant.as_ref().unwrap();
        assert_eq!((found.service_name.as_str(), found.span_name.as_str()), *dominant);
        let mean = oracle::total(&group.typical, *dominant).0 as f64 / typical;
        assert!(close(found.excess_ns, *time as f64 - mean));
    }
    assert_eq!(
        review.representative.trace_id,
        group.medoid(&group.slow.iter().collect::<Vec<_>>())
    );
    assert_eq!(review.slowest.trace_id, group.list[0]);
    let newest =
        group.slow.iter().max_by_key(|trace| (trace.start_ns, u128::MAX - trace.id)).unwrap();
    assert_eq!(review.newest.trace_id, newest.hex_id());
    let counted: u64 = review.histogram.iter().map(|bin| bin.trace_count).sum();
    assert_eq!(counted, review.header.trace_count);
    check_waterfall(review, group);
}

fn check_waterfall(review: &GroupReview, group: &Group) {
    let waterfall = &review.waterfall;
    let trace = group.slow.iter().find(|trace| trace.hex_id() == waterfall.trace_id).unwrap();
    let uses = oracle::uses(trace);
    let below_root: Vec<_> = waterfall
        .rows
        .iter()
        .filter(|row| row.critical_path_ns > 0 && row.service_name != "queue")
        .collect();
    let mut drawn: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for row in &below_root {
        *drawn.entry((&row.service_name, &row.span_name)).or_default() += row.critical_path_ns;
        let sections: i64 = row.critical_segments.iter().map(|section| section.duration_ns).sum();
        assert_eq!(sections, row.critical_path_ns);
    }
    let expected: BTreeMap<_, _> =
        uses.iter().map(|(operation, used)| (*operation, used.0)).collect();
    assert_eq!(drawn, expected);
    assert_eq!(waterfall.rows[0].duration_ns, trace.duration_ns());
}

/// Scenario: the same week.
/// Guarantees: each flaw of the data is mentioned with its count, and nothing else is.
#[tokio::test]
async fn the_report_asks_about_the_data() {
    let traces = traces();
    let report = report(&session(&traces).await).await;
    let found: Vec<_> = report.questions.iter().map(|q| (q.kind, q.count)).collect();
    let copies = oracle::groups(&traces).0[..2]
        .iter()
        .flat_map(|group| {
            let typical = group.typical.iter().filter(|t| t.duration_ns() < group.threshold_ns);
            group.slow.iter().chain(typical)
        })
        .filter(|trace| trace.flaw == Flaw::Duplicate)
        .count() as u64;
    assert!(copies > 0);
    assert_eq!(
        found,
        [
            (QuestionKind::IncompleteTraces, 5),
            (QuestionKind::SkewedChildren, 1),
            (QuestionKind::NegativeDurations, 1),
            (QuestionKind::Duplicates, copies),
            (QuestionKind::SmallGroups, 2),
            (QuestionKind::NoSlowTail, 1),
        ]
    );
}

/// Scenario: slow traces of one cause all ran a release that typical ones did not.
/// Guarantees: the report says so, and says nothing of what they have in common with all.
#[tokio::test]
async fn a_cause_shows_what_sets_its_traces_apart() {
    let report = report(&session(&traces()).await).await;
    let search = &report.reviews[0];
    let synonyms = search.causes.iter().find(|c| c.span_name == "SELECT synonyms").unwrap();
    let facts: Vec<_> =
        synonyms.facts.iter().map(|f| (f.name.as_str(), f.value.as_str())).collect();
    assert_eq!(facts, [("service_version", "3.9.0")]);
    assert_eq!(synonyms.facts[0].typical_share, 0.0);
    assert!(report.reviews[1].causes.iter().all(|cause| cause.facts.is_empty()));
}

/// Scenario: a reader runs the SQL that a table shows.
/// Guarantees: it gives the numbers of that table.
#[tokio::test]
async fn the_sql_of_a_table_gives_its_numbers() {
    let session = session(&traces()).await;
    let report = report(&session).await;

    let rows = query(&session, &report.groups_sql).await;
    let headers: Vec<_> =
        report.reviews.iter().map(|review| &review.header).chain(&report.further_groups).collect();
    assert_eq!(
        texts(&rows, "root_span_name"),
        headers.iter().map(|h| h.root_span_name.clone()).collect::<Vec<_>>()
    );
    let all = |of: &dyn Fn(&GroupHeader) -> i64| headers.iter().map(|h| of(h)).collect::<Vec<_>>();
    assert_eq!(ints(&rows, "trace_count"), all(&|h| h.trace_count as i64));
    assert_eq!(ints(&rows, "review_count"), all(&|h| h.review_count as i64));
    assert_eq!(ints(&rows, "threshold_ns"), all(&|h| h.threshold_ns));
    assert_eq!(ints(&rows, "slow_count"), all(&|h| h.slow_count as i64));
    assert_eq!(ints(&rows, "p50_ns"), all(&|h| h.p50.value_ns));
    assert_eq!(ints(&rows, "p95_ns"), all(&|h| h.p95.value_ns));
    assert_eq!(ints(&rows, "p99_ns"), all(&|h| h.p99.value_ns));
    assert_eq!(ints(&rows, "impact_ns"), all(&|h| h.impact_ns));

    let rows = query(&session, &report.small_groups_sql).await;
    let counts: Vec<i64> = report.small_groups.iter().map(|g| g.trace_count as i64).collect();
    assert_eq!(ints(&rows, "trace_count"), counts);
    let slowest: Vec<i64> = report.small_groups.iter().filter_map(|g| g.slowest_ns).collect();
    assert_eq!(ints(&rows, "slowest_ns"), slowest);

    for review in &report.reviews {
        let rows = query(&session, &review.causes_sql).await;
        let causes = review.causes.len();
        let names: Vec<String> = review.causes.iter().map(|c| c.span_name.clone()).collect();
        assert_eq!(texts(&rows, "span_name")[..causes], names);
        let of = |column| ints(&rows, column)[..causes].to_vec();
        assert_eq!(
            of("slow_sum_ns"),
            review.causes.iter().map(|c| c.slow_sum_ns).collect::<Vec<_>>()
        );
        assert_eq!(
            of("typical_sum_ns"),
            review.causes.iter().map(|c| c.typical_sum_ns).collect::<Vec<_>>()
        );
        assert_eq!(
            of("slow_calls"),
            review.causes.iter().map(|c| c.slow_calls as i64).collect::<Vec<_>>()
        );
        assert_eq!(
            of("typical_calls"),
            review.causes.iter().map(|c| c.typical_calls as i64).collect::<Vec<_>>()
        );
        let excesses = floats(&rows, "excess_ns");
        assert!(
            excesses.iter().zip(&review.causes).all(|(sql, cause)| close(*sql, cause.excess_ns))
        );
        // All rows together are the difference that the report explains.
        assert!((excesses.iter().sum::<f64>() - review.decomposition.gap_ns).abs() < 1.0);

        let rows = query(&session, &review.review_list_sql).await;
        let ids: Vec<String> =
            review.review_list.iter().map(|row| row.trace.trace_id.clone()).collect();
        assert_eq!(texts(&rows, "trace_id"), ids);

        let rows = query(&session, &review.clusters_sql).await;
        assert_eq!(ints_len(&rows) as u64, review.cluster_count);
        let listed = review.clusters.len();
        let all = |of: &dyn Fn(&reports::model::Cluster) -> String| {
            review.clusters.iter().map(of).collect::<Vec<_>>()
        };
        let of = |column| texts(&rows, column)[..listed].to_vec();
        assert_eq!(of("shape"), all(&|c| c.shape.clone()));
        assert_eq!(
            of("dominant_span_name"),
            all(&|c| c.dominant_span_name.clone().unwrap_or_default())
        );
        assert_eq!(of("excess_ns"), all(&|c| format!("{:.1}", c.excess_ns as f64)));
        assert_eq!(of("median_ns"), all(&|c| c.median_ns.to_string()));
        assert_eq!(of("example_trace_id"), all(&|c| c.representative.trace_id.clone()));
        assert_eq!(of("slowest_trace_id"), all(&|c| c.slowest.trace_id.clone()));
        assert_eq!(of("latest_trace_id"), all(&|c| c.newest.trace_id.clone()));
        let counts: u64 = review.clusters.iter().map(|c| c.trace_count).sum();
        assert!(review.cluster_count > listed as u64 || counts == review.header.slow_count);

        let rows = query(&session, &review.waterfall_sql).await;
        assert_eq!(ints(&rows, "duration_ns").len() as u64, review.waterfall.span_count);
    }
    for question in &report.questions {
        if let Some(sql) = &question.sql {
            assert!(!ints_len(&query(&session, sql).await).eq(&0), "{sql}");
        }
    }
}

/// Scenario: the report is written in every format.
/// Guarantees: JSON gives it back, the page obeys no name, the headline names the cause.
#[tokio::test]
async fn the_report_in_every_format() {
    let report = report(&session(&traces()).await).await;
    let text = json(&report).unwrap();
    let read: TuesdayReport = serde_json::from_str(&text).unwrap();
    let (read, written) =
        [&read, &report].map(|report| serde_json::to_value(report).unwrap()).into();
    assert!(same(&read, &written), "{read}\n{written}");

    let page = html(&report);
    assert!(!page.contains("<script") && page.contains("POST /&lt;script&gt;"));
    assert!(!page.contains("http:") && !page.contains("https:"));
    assert!(markdown(&report).contains("POST /&lt;script&gt;"));

    let headline = headline(&report);
    let lines: Vec<&str> = headline.lines().collect();
    assert!(lines[0].contains("2026-W46"), "{headline}");
    assert!(lines[2].starts_with("1. frontend GET /search: the slowest 1 % take"), "{headline}");
    assert!(lines[2].contains("is search SELECT synonyms ("), "{headline}");
    assert!(lines[3].contains(HOSTILE) && lines[3].contains("slowest 5 %"), "{headline}");
    assert!(lines[3].contains("payment POST /v1/charges (slower calls)"), "{headline}");
}

/// Scenario: the same spans, written in another order.
/// Guarantees: the same report, to the byte.
#[tokio::test]
async fn the_report_does_not_depend_on_the_order_of_rows() {
    let mut traces = traces();
    let first = json(&report(&session(&traces).await).await).unwrap();
    traces.reverse();
    let second = json(&report(&session(&traces).await).await).unwrap();
    assert!(first == second);
}

/// Scenario: somebody asks for a week in which nothing happened.
/// Guarantees: an error that names the range that has data.
#[tokio::test]
async fn a_week_without_traces_is_no_empty_page() {
    let session = session(&traces()).await;
    let empty = Range::week("2026-W10").unwrap();
    let error = tuesday(&session, empty.clone(), &Options::default()).await.unwrap_err();
    assert!(error.is_caller_fault() && !error.is_retryable());
    let text = error.to_string();
    assert!(
        text.starts_with(
            "no trace starts in 2026-W10 (2026-03-02 to 2026-03-09 UTC); the lake holds 2026-11-"
        ),
        "{text}"
    );
    assert!(text.contains("so try --week 2026-W4"), "{text}");
    let Error::NoData { range, data_range: Some(data) } = error else { panic!("{text}") };
    assert_eq!(range, empty);
    assert!(data.from().timestamp_nanos_opt().unwrap() == MONDAY_NS - 1);

    let nothing = lake(&[]).await.session().await.unwrap();
    let error = tuesday(&nothing, week(), &Options::default()).await.unwrap_err();
    assert!(matches!(&error, Error::NoData { data_range: None, .. }));
    assert!(error.to_string().ends_with("the lake holds no spans"));
}

/// Scenario: the only traces of the range are incomplete, or too few.
/// Guarantees: a report that says so.
#[tokio::test]
async fn a_report_without_reviews_says_why() {
    let mut few: Vec<Trace> =
        traces().into_iter().filter(|trace| trace.service == "cron").collect();
    few.truncate(10);
    few[0].flaw = Flaw::MissingParent;
    few[0].start_ns = MONDAY_NS + SECOND;
    let report = report(&session(&few).await).await;
    assert_eq!((report.totals.trace_count, report.totals.incomplete_trace_count), (10, 1));
    assert_eq!((report.reviews.len(), report.small_groups[0].trace_count), (0, 9));
    assert!(headline(&report).contains("None has slow traces to review."));
    assert!(html(&report).contains("Too few traces"));
}

/// Scenario: two weeks; in the second one step is slow in some traces, in a version that was not there before.
/// Guarantees: the step is a new cause, that of the week before is gone, the levels and the version are named; the
/// week before has nothing to compare with.
#[tokio::test]
async fn changes_since_the_week_before() {
    let step = |service, name, each_ns| Step { service, name, calls: 1, each_ns, failed_calls: 0 };
    let week_ns = 7 * 24 * 3_600 * SECOND;
    let trace = |id: i64| {
        let (week, number) = (id / 1_000, id % 1_000);
        let slow = if number % 50 == 0 { 400 * MS } else { 0 };
        let (stock, price) = if week == 0 { (slow, 0) } else { (0, 3 * slow) };
        Trace {
            id: id as u128 + 1,
            service: "web",
            name: "GET /cart",
            start_ns: MONDAY_NS + week * week_ns + number * SECOND,
            own_ns: 10 * MS + number % 7 * MS,
            root_failed: false,
            steps: vec![
                step("stock", "read", 20 * MS + stock),
                step("price", "sum", 20 * MS + price),
            ],
            flaw: Flaw::None,
            version: if id < 1_500 { "1.0.0" } else { "1.1.0" },
            weight: 1,
        }
    };
    let traces: Vec<Trace> = (0..2_000).map(trace).collect();
    let session = session(&traces).await;
    let first = report(&session).await;
    assert!(first.before.is_none() && first.reviews[0].before.is_none());
    assert!(first.deployments.is_empty());

    let next = Range::week("2026-W47").unwrap();
    let report = tuesday(&session, next, &Options::default()).await.unwrap();
    assert_eq!(report.before, Some(week()));
    let before = report.reviews[0].before.as_ref().unwrap();
    assert_eq!(before.header, first.reviews[0].header);
    let changes: Vec<_> = before.levels.iter().map(|l| (l.percent, l.change)).collect();
    assert_eq!(
        changes,
        [(50, LevelChange::Same), (95, LevelChange::Same), (99, LevelChange::Slower)]
    );
    let causes: Vec<_> =
        before.causes.iter().map(|cause| (cause.service_name.as_str(), cause.trend)).collect();
    assert_eq!(causes, [("price", Trend::New), ("stock", Trend::Gone)]);
    // Twenty of a thousand took so long; ten were the slowest 1 %, with those as slow as the tenth.
    let as_slow = traces[1_000..].iter().filter(|t| t.duration_ns() >= before.header.threshold_ns);
    assert_eq!(before.as_slow_count, as_slow.count() as u64);
    let found: Vec<_> = report
        .deployments
        .iter()
        .map(|d| (d.service_name.as_str(), d.service_version.as_str(), d.previous_version.as_str()))
        .collect();
    let expected = ["web", "stock", "cache", "price"];
    assert_eq!(found, expected.map(|service| (service, "1.1.0", "1.0.0")));
    assert_eq!(ints_len(&query(&session, &report.deployments_sql).await), 4);
    assert!(headline(&report).contains("a new cause"), "{}", headline(&report));
}

/// Scenario: a week of which sampling kept all slow traces and some of the others, with weights; and the week that
/// the weights speak of, with each trace as many times.
/// Guarantees: thresholds, percentiles, lost time, causes and shares are the same; the SQL of the tables, too.
#[tokio::test]
async fn a_sampled_trace_counts_as_its_weight_says() {
    let step = |service, name, each_ns| Step { service, name, calls: 2, each_ns, failed_calls: 0 };
    let trace = |number: u64| {
        let is_slow = number.is_multiple_of(40);
        let (read, sum) = if is_slow { (250 * MS, number as i64 % 7 * 60 * MS) } else { (0, 0) };
        Trace {
            id: u128::from(number) * 1_000,
            service: "web",
            name: "GET /cart",
            start_ns: MONDAY_NS + number as i64 * SECOND,
            own_ns: 10 * MS + (number * 7_919 % 1_000) as i64 * MS / 50,
            root_failed: is_slow,
            steps: vec![step("stock", "read", 20 * MS + read), step("price", "sum", 5 * MS + sum)],
            flaw: Flaw::None,
            version: "1.0.0",
            weight: if is_slow { 1 + number % 3 } else { 2 + number % 5 },
        }
    };
    let sampled: Vec<Trace> = (1..=1_200).map(trace).collect();
    let copies = |trace: &Trace| {
        let one = |copy| Trace { id: trace.id + u128::from(copy), weight: 1, ..trace.clone() };
        (0..trace.weight).map(one).collect::<Vec<_>>()
    };
    let all: Vec<Trace> = sampled.iter().flat_map(copies).collect();
    let sampled_session = session(&sampled).await;
    let (found, expected) = (report(&sampled_session).await, report(&session(&all).await).await);
    let (review, whole) = (&found.reviews[0], &expected.reviews[0]);
    let (header, full) = (&review.header, &whole.header);
    assert_eq!(header.estimated_trace_count, all.len() as f64);
    assert_eq!(full.trace_count, all.len() as u64);
    let values = |h: &GroupHeader| {
        let quantiles = [h.p50.value_ns, h.p95.value_ns, h.p99.value_ns];
        (h.threshold_ns, h.typical_low_ns, h.typical_high_ns, quantiles, h.impact_ns)
    };
    assert_eq!(values(header), values(full));
    assert!(close(header.slow_mean_duration_ns, full.slow_mean_duration_ns));
    assert!(close(header.typical_mean_duration_ns, full.typical_mean_duration_ns));
    assert!(close(header.slow_share, full.slow_share));
    assert!(review.decomposition.adds_up);
    assert!(close(review.decomposition.gap_ns, whole.decomposition.gap_ns));
    assert_eq!(review.causes.len(), whole.causes.len());
    assert_eq!(review.cluster_count, whole.cluster_count);
    for (cluster, full) in review.clusters.iter().zip(&whole.clusters) {
        assert_eq!((&cluster.shape, cluster.median_ns), (&full.shape, full.median_ns));
        assert_eq!(
            (cluster.excess_ns, cluster.estimated_trace_count),
            (full.excess_ns, full.trace_count as f64)
        );
        assert!(close(cluster.share, full.share));
    }
    for (cause, full) in review.causes.iter().zip(&whole.causes) {
        assert_eq!((&cause.span_name, cause.change), (&full.span_name, full.change));
        let numbers = |c: &reports::model::Cause| {
            [
                c.excess_ns,
                c.share.unwrap(),
                c.slow_mean_ns,
                c.typical_mean_ns,
                c.slow_calls_per_trace,
                c.typical_calls_per_trace,
                c.more_calls_ns,
                c.slower_calls_ns,
                c.dominated_share,
                c.slow_error_share,
            ]
        };
        for (found, expected) in numbers(cause).into_iter().zip(numbers(full)) {
            assert!(close(found, expected), "{}: {found} {expected}", cause.span_name);
        }
    }
    let weighted = found.questions.iter().find(|q| q.kind == QuestionKind::SampleWeights).unwrap();
    assert_eq!(weighted.count, sampled.iter().filter(|trace| trace.weight > 1).count() as u64);

    let rows = query(&sampled_session, &found.groups_sql).await;
    assert_eq!(ints(&rows, "threshold_ns"), [header.threshold_ns]);
    assert_eq!(ints(&rows, "review_count"), [header.review_count as i64]);
    assert_eq!(ints(&rows, "p99_ns"), [header.p99.value_ns]);
    assert_eq!(ints(&rows, "impact_ns"), [header.impact_ns]);
    let rows = query(&sampled_session, &review.causes_sql).await;
    let excesses = floats(&rows, "excess_ns");
    assert!(excesses.iter().zip(&review.causes).all(|(sql, cause)| close(*sql, cause.excess_ns)));
    let rows = query(&sampled_session, &review.review_list_sql).await;
    let ids: Vec<String> = review.review_list.iter().map(|r| r.trace.trace_id.clone()).collect();
    assert_eq!(texts(&rows, "trace_id"), ids);
}

async fn query(session: &Session, sql: &str) -> Vec<RecordBatch> {
    session.query(sql).await.unwrap().collect().await.unwrap()
}

fn ints(batches: &[RecordBatch], name: &str) -> Vec<i64> {
    let column = |batch: &RecordBatch| {
        let column = batch.column_by_name(name).unwrap();
        cast(column, &DataType::Int64).unwrap().as_primitive::<Int64Type>().values().to_vec()
    };
    batches.iter().flat_map(column).collect()
}

fn floats(batches: &[RecordBatch], name: &str) -> Vec<f64> {
    let column = |batch: &RecordBatch| {
        let column = batch.column_by_name(name).unwrap();
        cast(column, &DataType::Float64).unwrap().as_primitive::<Float64Type>().values().to_vec()
    };
    batches.iter().flat_map(column).collect()
}

fn texts(batches: &[RecordBatch], name: &str) -> Vec<String> {
    let column = |batch: &RecordBatch| {
        let column = cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
        let texts = column.as_string::<i32>();
        (0..texts.len()).map(|row| texts.value(row).to_owned()).collect::<Vec<_>>()
    };
    batches.iter().flat_map(column).collect()
}

fn ints_len(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// Equal but for the last digits of fractions, which a JSON reader may round.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Number(x), Value::Number(y)) if x.is_f64() => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            (x - y).abs() <= 1e-12 * x.abs().max(y.abs())
        }
        (a, b) => a == b,
    }
}
