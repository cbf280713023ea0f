//! The formats, on a small report with hostile names.

use crate::model::*;
use crate::{Range, headline, html, json, markdown};

const HOSTILE: &str = "<script>alert('x')</script> & \"q\" | `b`\nhttp://evil.example";

fn quantile(value_ns: i64) -> Quantile {
    let bounds = (Some(900), Some(value_ns - 1), Some(990), Some(value_ns + 1));
    Quantile {
        value_ns,
        rank: 950,
        low_rank: bounds.0,
        low_ns: bounds.1,
        high_rank: bounds.2,
        high_ns: bounds.3,
    }
}

fn trace(id: u8) -> TraceRef {
    TraceRef {
        trace_id: format!("{id:032x}"),
        start_time: "2026-11-12T09:41:07.123456789Z".parse().unwrap(),
        root_duration_ns: 2_300_000_000,
    }
}

fn header(name: &str) -> GroupHeader {
    GroupHeader {
        root_service_name: "frontend".into(),
        root_span_name: name.into(),
        slowest_percent: 1,
        trace_count: 1_000,
        estimated_trace_count: 1_000.0,
        incomplete_trace_count: 3,
        review_count: 10,
        threshold_ns: 2_100_000_000,
        slow_count: 12,
        slow_share: 0.012,
        slow_mean_duration_ns: 2.3e9,
        typical_mean_duration_ns: 180e6,
        tie_count: 2,
        slow_duration_sum_ns: 12 * 2_300_000_000,
        typical_count: 201,
        typical_low_ns: 170_000_000,
        typical_high_ns: 190_000_000,
        typical_duration_sum_ns: 201 * 180_000_000,
        p50: quantile(180_000_000),
        p95: quantile(400_000_000),
        p99: Quantile {
            low_rank: None,
            low_ns: None,
            high_rank: None,
            high_ns: None,
            ..quantile(2_000_000_000)
        },
        impact_ns: 25_440_000_000,
    }
}

fn cause(name: &str, share: f64, change: CauseChange) -> Cause {
    Cause {
        service_name: "inventory".into(),
        span_name: name.into(),
        excess_ns: share * 2_120_000_000.0,
        share: Some(share),
        slow_mean_ns: share * 2_120_000_000.0 + 20e6,
        typical_mean_ns: 20e6,
        slow_sum_ns: 18_000_000_000,
        typical_sum_ns: 4_020_000_000,
        slow_calls: 12,
        typical_calls: 201,
        slow_calls_per_trace: 1.0,
        typical_calls_per_trace: 1.0,
        slow_ns_per_call: Some(1.5e9),
        typical_ns_per_call: Some(20e6),
        more_calls_ns: 0.0,
        slower_calls_ns: share * 2_120_000_000.0,
        change,
        dominated_count: 11,
        dominated_share: 11.0 / 12.0,
        dominated_median_excess_ns: Some(1.4e9),
        slow_error_count: 6,
        slow_error_share: 0.5,
        typical_error_count: 0,
        typical_error_share: 0.0,
        example_trace_id: Some(trace(7).trace_id),
        facts: vec![Fact {
            name: "service_version".into(),
            value: HOSTILE.into(),
            origin: FactOrigin::Root,
            dominated_count: 11,
            dominated_share: 1.0,
            typical_share: 0.02,
        }],
    }
}

fn row(depth: u32, name: &str, call_count: u64, critical_path_ns: i64) -> WaterfallRow {
    let segment = Segment { start_offset_ns: 10_000_000, duration_ns: 2_000_000_000 };
    WaterfallRow {
        depth,
        service_name: "frontend".into(),
        span_name: name.into(),
        call_count,
        start_offset_ns: 10_000_000,
        duration_ns: 2_000_000_000,
        self_time_ns: 1_000_000_000,
        critical_path_ns,
        error_count: call_count - 1,
        moved_count: 0,
        most_moved_ns: 0,
        segments: vec![segment],
        critical_segments: if critical_path_ns > 0 { vec![segment] } else { Vec::new() },
    }
}

fn review(name: &str) -> GroupReview {
    let header = header(name);
    GroupReview {
        before: None,
        histogram: vec![
            Bin { from_ns: 100_000_000, to_ns: 2_100_000_000, trace_count: 988, is_slow: false },
            Bin { from_ns: 2_100_000_000, to_ns: 2_400_000_001, trace_count: 12, is_slow: true },
        ],
        decomposition: Decomposition {
            gap_ns: 2_120_000_000.0,
            operation_count: 4,
            slow_critical_path_sum_ns: header.slow_duration_sum_ns,
            typical_critical_path_sum_ns: header.typical_duration_sum_ns,
            adds_up: true,
        },
        causes: vec![
            cause("SELECT stock", 0.71, CauseChange::SlowerCalls),
            cause(HOSTILE, 0.3, CauseChange::MoreAndSlowerCalls),
        ],
        other: Some(OtherOperations {
            operation_count: 2,
            excess_ns: -21_200_000.0,
            share: Some(-0.01),
            slow_mean_ns: 1e6,
            typical_mean_ns: 22.2e6,
            slow_sum_ns: 12_000_000,
            typical_sum_ns: 4_462_200_000,
            dominated_count: 1,
        }),
        undominated_count: 0,
        clusters: vec![Cluster {
            shape: "-7".into(),
            span_count: 80,
            dominant_service_name: Some("inventory".into()),
            dominant_span_name: Some(HOSTILE.into()),
            error_type: Some(HOSTILE.into()),
            trace_count: 9,
            estimated_trace_count: 9.0,
            share: 0.75,
            excess_ns: 17_000_000_000,
            median_ns: 2_200_000_000,
            representative: trace(1),
            slowest: trace(2),
            newest: trace(3),
        }],
        cluster_count: 2,
        representative: trace(1),
        slowest: trace(2),
        newest: trace(3),
        waterfall: Waterfall {
            trace_id: trace(1).trace_id,
            span_count: 80,
            from_offset_ns: -5_000_000,
            to_offset_ns: 2_300_000_000,
            rows: vec![
                row(0, name, 1, 300_000_000),
                row(1, HOSTILE, 24, 2_000_000_000),
                row(30, "cache", 1, 0),
            ],
            hidden_span_count: 54,
            hidden_critical_path_ns: 0,
        },
        review_list: (0..10)
            .map(|id| ReviewTrace { trace: trace(id), root_failed: id == 1, dominant: None })
            .collect(),
        causes_sql: format!("SELECT '{HOSTILE}'"),
        clusters_sql: "SELECT 4".into(),
        review_list_sql: "SELECT 2".into(),
        waterfall_sql: "SELECT 3".into(),
        header,
    }
}

fn before(name: &str) -> Before {
    let level = |percent, before: i64, change| Level {
        percent,
        before: quantile(before),
        now: quantile(2_000_000_000),
        change,
    };
    let since = |span_name: &str, trend| CauseSince {
        service_name: "inventory".into(),
        span_name: span_name.into(),
        trend,
        share_before: (trend != Trend::New).then_some(0.55),
        share_now: (trend != Trend::Gone).then_some(0.71),
    };
    Before {
        header: GroupHeader { threshold_ns: 1_500_000_000, ..header(name) },
        levels: vec![
            level(50, 180_000_000, LevelChange::Same),
            level(99, 600_000_000, LevelChange::Slower),
        ],
        as_slow_count: 50,
        as_slow_share: 0.05,
        causes: vec![since("SELECT stock", Trend::New), since(HOSTILE, Trend::Gone)],
    }
}

fn report() -> TuesdayReport {
    TuesdayReport {
        format_version: FORMAT_VERSION,
        range: Range::week("2026-W46").unwrap(),
        totals: Totals {
            trace_count: 2_103,
            incomplete_trace_count: 103,
            ranked_trace_count: 1_960,
            span_count: 40_000,
            group_count: 3,
            ranked_group_count: 2,
        },
        reviews: vec![review("GET /search"), review(HOSTILE)],
        further_groups: vec![header("GET /health")],
        small_groups: vec![SmallGroup {
            root_service_name: "cron".into(),
            root_span_name: HOSTILE.into(),
            trace_count: 40,
            incomplete_trace_count: 0,
            needed_count: 72,
            slowest_ns: Some(1_000_000),
        }],
        questions: vec![Question {
            kind: QuestionKind::IncompleteTraces,
            count: 103,
            text: "103 traces are incomplete.".into(),
            sql: Some("SELECT 4".into()),
        }],
        before: Range::week("2026-W46").unwrap().before(),
        deployments: vec![Deployment {
            service_name: "inventory".into(),
            service_version: HOSTILE.into(),
            deployment_environment: Some("prod".into()),
            previous_version: "1.2.3".into(),
            first_seen: "2026-11-11T08:00:00Z".parse().unwrap(),
            error_rate: Some(0.031),
            p99_ns: Some(1.2e9),
        }],
        deployments_sql: "SELECT 7".into(),
        groups_sql: "SELECT 5".into(),
        small_groups_sql: "SELECT 6".into(),
    }
}

#[test]
fn the_headline_is_the_answer() {
    let text = headline(&report());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Trace Tuesday, 2026-W46 (2026-11-09 to 2026-11-16 UTC)");
    assert_eq!(
        lines[1],
        "2,103 traces and 40,000 spans of 3 root operations. 20 slow traces to review, in the \
         2 root operations that lost most time. 4.9 % are incomplete and not ranked."
    );
    assert_eq!(
        lines[2],
        "1. frontend GET /search: the slowest 1 % take 2.3 s instead of 180 ms; 71 % of the \
         difference is inventory SELECT stock (slower calls)."
    );
    // The line break in the name is gone.
    assert_eq!(lines.len(), 4);
    assert!(text.ends_with('\n'));
}

#[test]
fn the_headline_names_a_value_that_typical_traces_lack() {
    let mut report = report();
    let fact = &mut report.reviews[0].causes[0].facts[0];
    fact.value = "3.9.0".into();
    assert!(headline(&report).contains("SELECT stock (slower calls; service_version = 3.9.0)."));
    report.reviews[0].causes[0].facts[0].typical_share = 0.6;
    assert!(headline(&report).contains("SELECT stock (slower calls)."));
}

#[test]
fn a_section_tells_when_and_what_matters() {
    let mut report = report();
    let review = &mut report.reviews[0];
    review.review_list[3].trace.start_time = "2026-11-10T03:00:00Z".parse().unwrap();
    // Slower calls, and four of them instead of one.
    review.causes[0].slow_calls_per_trace = 4.0;
    let detail = Cause { dominated_count: 0, ..cause("a detail", 0.004, CauseChange::SlowerCalls) };
    review.causes.push(detail);
    let page = html(&report);
    assert!(page.contains(
        "The 10 slow traces to review started from Tue 2026-11-10 03:00 to Thu 2026-11-12 09:41 UTC."
    ));
    assert!(page.contains("1.5 s instead of 20 ms each, 4 calls instead of 1 per trace"));
    assert!(page.contains("Each other operation adds less than 1 %."));
    assert!(!page.contains("<strong class=\"name\">inventory a detail"));
    assert!(!page.contains("main cause in 0 of"));
}

#[test]
fn a_row_says_whose_clock_was_off() {
    let mut report = report();
    let rows = &mut report.reviews[0].waterfall.rows;
    (rows[0].moved_count, rows[0].most_moved_ns) = (1, -3_200_000);
    (rows[1].moved_count, rows[1].most_moved_ns) = (2, 40_000_000);
    let (page, document) = (html(&report), markdown(&report));
    assert!(page.contains("[clock off by 3.2 ms] frontend GET /search"));
    for text in [&page, &document] {
        assert!(text.contains("clock off by 3.2 ms, moved into its caller"));
        assert!(text.contains("23 errors; 2 clocks off by up to 40 ms, moved into their callers"));
        assert_eq!(text.matches("recorded outside its caller").count(), 1);
    }
}

#[test]
fn json_round_trips() {
    let report = report();
    let text = json(&report).unwrap();
    assert_eq!(serde_json::from_str::<TuesdayReport>(&text).unwrap(), report);
    assert!(text.contains("\"threshold_ns\": 2100000000"));
    assert!(text.contains("\"from\": \"2026-11-09T00:00:00Z\""));
    assert!(text.contains("\"start_time\": \"2026-11-12T09:41:07.123456789Z\""));
}

/// Every opening tag of the page with a closing one, in the right order.
fn unbalanced(page: &str) -> Option<String> {
    const VOID: [&str; 1] = ["meta"];
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else { return Some(format!("<{tag}")) };
        if tag.starts_with('!') {
            continue;
        }
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap_or("");
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return Some(tag.into());
            }
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    open.pop().map(str::to_owned)
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    let page = html(&report());
    assert_eq!(unbalanced(&page), None);
    // The name in the data is the only text that mentions another place; nothing loads it.
    let without_data = page.replace("http://evil.example", "");
    for outside in ["http:", "https:", "src=", "@import", "<script", "<link", "url(h"] {
        assert!(!without_data.contains(outside), "{outside}");
    }
    assert!(!page.contains("href=\"http"));
}

#[test]
fn names_are_escaped_everywhere() {
    let page = html(&report());
    assert!(!page.contains("<script"));
    assert!(page.contains("&lt;script&gt;alert('x')&lt;/script&gt; &amp; &quot;q&quot;"));
    let document = markdown(&report());
    for line in document.lines().filter(|line| !line.starts_with("SELECT")) {
        assert!(!outside_code(line).contains("<script"), "{line}");
    }
}

/// The line without its code spans, which end at as many backticks as they begin with.
fn outside_code(line: &str) -> String {
    let mut outside = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        // An escaped backtick begins nothing.
        let is_escaped = rest[..start].ends_with('\\');
        let run = rest[start..].chars().take_while(|c| *c == '`').count();
        outside.push_str(&rest[..start]);
        rest = &rest[start + run..];
        if is_escaped {
            continue;
        }
        let fence = "`".repeat(run);
        if let Some(end) = rest.find(&fence) {
            rest = &rest[end + run..];
        }
    }
    outside + rest
}

#[test]
fn a_table_has_the_same_cells_in_every_row() {
    let document = markdown(&report());
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut columns = None;
    for line in document.lines() {
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        assert_eq!(cells(line), *columns.get_or_insert(cells(line)), "{line}");
    }
}

#[test]
fn every_id_is_there_once() {
    let page = html(&report());
    let mut ids: Vec<&str> =
        page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    for reference in
        page.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next())
    {
        for id in reference.split(' ') {
            assert!(ids.contains(&id), "{id}");
        }
    }
}

#[test]
fn an_accessible_page_says_what_it_is() {
    let page = html(&report());
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    assert!(page.contains("<title>Trace Tuesday, 2026-W46"));
    assert_eq!(page.matches("<h1").count(), 1);
    assert_eq!(page.matches("<svg").count(), page.matches("role=\"img\"").count());
    assert_eq!(page.matches("<svg").count(), page.matches("<desc").count());
    let heads = page.matches("<th").count() - page.matches("<thead").count();
    assert_eq!(heads, page.matches("scope=\"").count());
}

#[test]
fn a_report_without_reviews_is_no_empty_page() {
    let mut report = report();
    report.reviews.clear();
    report.further_groups.clear();
    assert!(headline(&report).contains("None has slow traces to review."));
    assert!(html(&report).contains("No root operation of this range has slow traces to review."));
    assert!(markdown(&report).contains("Too few traces"));
}

/// Scenario: a cause is new, p99 rose, and a service of a cause was deployed.
/// Guarantees: both forms say so, in sentences; the headline names the new cause.
#[test]
fn changes_since_the_week_before() {
    let mut report = report();
    report.reviews[0].before = Some(before("GET /search"));
    assert!(headline(&report).contains("SELECT stock (slower calls; a new cause)"));
    for text in [html(&report), markdown(&report)] {
        for sentence in [
            "Since the week before",
            "The p99 rose from 600 ms to 2 s.",
            "50 of 1,000 traces (5 %) take 1.5 s or longer, as 1.2 % did before.",
            "New cause: inventory SELECT stock (71 % of the difference).",
            "(55 % of the difference before).",
            "after 1.2.3 in prod, first seen Wed 2026-11-11 08:00 UTC; 3.1 % of its calls fail, p99 1.2 s.",
        ] {
            assert!(text.contains(sentence), "{sentence}");
        }
    }
    let alone = TuesdayReport { before: None, deployments: Vec::new(), ..report };
    assert!(!html(&alone).contains("Since the week before"));
}
