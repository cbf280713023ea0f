//! The report as Markdown (GitHub's dialect): the same answers and tables, no charts.

use std::fmt::Write;

pub(super) mod escape;

use super::{glossary, sentences, since};
use crate::format::{Unit, count, duration, number, share};
use crate::instant;
use crate::tuesday::model::{GroupReview, TuesdayReport};
use escape::{block, code, text};

/// Traces listed per root operation.
const MOST_TRACES: usize = 10;

/// Rows of a table of root operations at most.
const MOST_ROWS: usize = 50;

/// One level of a waterfall: no-break spaces, which stay where a cell begins and read as spaces in the source too.
const INDENT: &str = "\u{a0}\u{a0}";

/// The whole document.
pub(super) fn document(report: &TuesdayReport) -> String {
    let mut out = String::new();
    line(&mut out, &format!("# {}", text(&sentences::title(report))));
    line(&mut out, &text(&sentences::scope(report)));
    for (place, review) in report.reviews.iter().enumerate() {
        // A list needs no empty line between its items.
        let _ = writeln!(
            out,
            "{}. **{}**: {}",
            place + 1,
            text(&sentences::group_name(&review.header)),
            text(&sentences::finding(review))
        );
    }
    out.push('\n');
    for (place, found) in report.reviews.iter().enumerate() {
        review(&mut out, report, found, place + 1);
    }
    if !report.deployments.is_empty() {
        line(&mut out, "## Deployments");
        let shown = report.deployments.iter().take(MOST_ROWS);
        list(&mut out, shown.map(|d| text(&since::deployment(d))));
        sql(&mut out, &report.deployments_sql);
    }
    groups(&mut out, report);
    small_groups(&mut out, report);
    if !report.questions.is_empty() {
        line(&mut out, "## Questions about the data");
        for question in &report.questions {
            let _ = writeln!(out, "- {}", text(&question.text));
        }
        out.push('\n');
    }
    line(&mut out, "## How to read this");
    for (word, meaning) in glossary::WORDS {
        let _ = writeln!(out, "- **{word}**: {}", text(meaning));
    }
    out
}

fn list(out: &mut String, items: impl Iterator<Item = String>) {
    for item in items {
        let _ = writeln!(out, "- {item}");
    }
    out.push('\n');
}

fn review(out: &mut String, report: &TuesdayReport, review: &GroupReview, number: usize) {
    let header = &review.header;
    line(out, &format!("## {number}. {}", text(&sentences::group_name(header))));
    line(out, &text(&sentences::capitalized(&sentences::finding(review))));
    if let Some(when) = sentences::when(review) {
        line(out, &text(&when));
    }
    let lost = duration(header.impact_ns as f64);
    line(
        out,
        &format!(
            "{}, {} to review, slow from {}, median {}, p95 {}, p99 {}, {lost} lost.",
            sentences::plural(header.trace_count, "trace"),
            count(header.review_count),
            duration(header.threshold_ns as f64),
            duration(header.p50.value_ns as f64),
            duration(header.p95.value_ns as f64),
            duration(header.p99.value_ns as f64),
        ),
    );
    let changes = since::changes(report, review);
    if !changes.is_empty() {
        line(out, &format!("{}:", since::title(report)));
        list(out, changes.iter().map(|change| text(change)));
    }
    causes(out, review);
    for cause in review.causes.iter().filter(|cause| !cause.facts.is_empty()) {
        for fact in &cause.facts {
            let value = code(&format!("{} = {}", fact.name, fact.value));
            let name = text(&sentences::operation_name(cause));
            let _ = writeln!(out, "- {name}: {value} {}", text(&sentences::fact_shares(fact)));
        }
    }
    out.push('\n');
    line(out, &text(&sentences::sum(review)));
    sql(out, &review.causes_sql);
    waterfall(out, review);
    clusters(out, review);
    traces(out, review);
}

fn causes(out: &mut String, review: &GroupReview) {
    let means = review.causes.iter().flat_map(|cause| [cause.slow_mean_ns, cause.typical_mean_ns]);
    let unit = Unit::of(means);
    let part = |part: Option<f64>| part.map_or_else(|| "-".into(), share);
    let head = [
        "Operation",
        "Excess",
        "Share",
        "Slow",
        "Typical",
        "Change",
        "Main cause",
        "Fails, slow / typical",
        "Example",
    ];
    let head = head.map(|title| match title {
        "Excess" | "Slow" | "Typical" => format!("{title} ({})", unit.name),
        _ => title.into(),
    });
    let mut rows: Vec<Vec<String>> = Vec::new();
    for cause in &review.causes {
        rows.push(vec![
            text(&sentences::operation_name(cause)),
            unit.signed(cause.excess_ns),
            part(cause.share),
            unit.number(cause.slow_mean_ns),
            unit.number(cause.typical_mean_ns),
            text(&format!("{}: {}", sentences::change(cause), sentences::change_in_numbers(cause))),
            format!("{} ({})", count(cause.dominated_count), share(cause.dominated_share)),
            format!("{} / {}", share(cause.slow_error_share), share(cause.typical_error_share)),
            cause.example_trace_id.as_deref().map_or_else(String::new, code),
        ]);
    }
    if let Some(other) = &review.other {
        rows.push(vec![
            sentences::plural(other.operation_count, "other operation"),
            unit.signed(other.excess_ns),
            part(other.share),
            unit.number(other.slow_mean_ns),
            unit.number(other.typical_mean_ns),
            String::new(),
            count(other.dominated_count),
            String::new(),
            String::new(),
        ]);
    }
    rows.push(vec![
        "**All**".into(),
        unit.signed(review.decomposition.gap_ns),
        String::new(),
        unit.number(review.header.slow_mean_duration_ns),
        unit.number(review.header.typical_mean_duration_ns),
        String::new(),
        count(review.header.slow_count),
        String::new(),
        String::new(),
    ]);
    table(out, &head, &[0, 5, 8], &rows);
}

fn waterfall(out: &mut String, review: &GroupReview) {
    let waterfall = &review.waterfall;
    let unit = Unit::of([waterfall.to_offset_ns as f64, waterfall.from_offset_ns as f64]);
    let time = |ns: i64| unit.number(ns as f64);
    line(out, &format!("**A representative slow trace:** {}", code(&waterfall.trace_id)));
    let head = ["Span", "Start", "Duration", "Self", "Critical path", "Remarks"];
    let head = head.map(|title| match title {
        "Span" | "Remarks" => title.into(),
        _ => format!("{title} ({})", unit.name),
    });
    let rows: Vec<Vec<String>> = waterfall
        .rows
        .iter()
        .map(|row| {
            let name = text(&sentences::name(&row.service_name, &row.span_name));
            let calls = if row.call_count > 1 {
                format!(" x{}", count(row.call_count))
            } else {
                String::new()
            };
            let on_path = match row.critical_path_ns {
                0 => "-".into(),
                ns if sentences::is_heavy(row, waterfall) => format!("**{}**", time(ns)),
                ns => time(ns),
            };
            vec![
                format!("{}{name}{calls}", INDENT.repeat(row.depth.min(14) as usize)),
                time(row.start_offset_ns),
                time(row.duration_ns),
                time(row.self_time_ns),
                on_path,
                text(&sentences::remarks(row)),
            ]
        })
        .collect();
    table(out, &head, &[0, 5], &rows);
    if let Some(moved) = sentences::moved(waterfall) {
        line(out, moved);
    }
    if let Some(hidden) = sentences::hidden(waterfall) {
        line(out, &hidden);
    }
    sql(out, &review.waterfall_sql);
}

fn clusters(out: &mut String, review: &GroupReview) {
    let clusters = &review.clusters;
    if clusters.is_empty() {
        return;
    }
    let unit = Unit::of(clusters.iter().map(|cluster| cluster.median_ns as f64));
    let lost = Unit::of(clusters.iter().map(|cluster| cluster.excess_ns as f64));
    line(out, &format!("**Kinds of slow traces:** {}", sentences::kinds(review)));
    let head = [
        "Main cause".into(),
        format!("Time lost ({})", lost.name),
        "Slow traces".into(),
        format!("Median ({})", unit.name),
        "Spans".into(),
        "Error".into(),
        "Typical trace".into(),
    ];
    let rows: Vec<Vec<String>> = clusters
        .iter()
        .map(|cluster| {
            vec![
                text(&sentences::main_cause(cluster)),
                lost.number(cluster.excess_ns as f64),
                format!("{} ({})", count(cluster.trace_count), share(cluster.share)),
                unit.number(cluster.median_ns as f64),
                count(cluster.span_count),
                cluster.error_type.as_deref().map_or_else(String::new, text),
                code(&cluster.representative.trace_id),
            ]
        })
        .collect();
    table(out, &head, &[0, 5, 6], &rows);
    rest(out, review.cluster_count as usize - clusters.len());
    sql(out, &review.clusters_sql);
}

fn traces(out: &mut String, review: &GroupReview) {
    let shown = &review.review_list[..review.review_list.len().min(MOST_TRACES)];
    let unit = Unit::of(shown.iter().map(|row| row.trace.root_duration_ns as f64));
    line(
        out,
        &format!(
            "**Traces to review:** {} of {}; the newest slow one is {}.",
            count(shown.len() as u64),
            count(review.review_list.len() as u64),
            code(&review.newest.trace_id)
        ),
    );
    let head = [
        "Trace".into(),
        "Start (UTC)".into(),
        format!("Duration ({})", unit.name),
        "Main cause".into(),
    ];
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|row| {
            let dominant = row.dominant.as_ref();
            vec![
                code(&row.trace.trace_id),
                instant::to_minute(&row.trace.start_time),
                unit.number(row.trace.root_duration_ns as f64),
                dominant.map_or_else(String::new, |d| {
                    text(&sentences::name(&d.service_name, &d.span_name))
                }),
            ]
        })
        .collect();
    table(out, &head, &[0, 1, 3], &rows);
    sql(out, &review.review_list_sql);
}

fn groups(out: &mut String, report: &TuesdayReport) {
    let all: Vec<_> =
        report.reviews.iter().map(|review| &review.header).chain(&report.further_groups).collect();
    if all.is_empty() {
        return;
    }
    let shown = &all[..all.len().min(MOST_ROWS)];
    let unit = Unit::of(shown.iter().map(|group| group.p99.value_ns as f64));
    let lost = Unit::of(shown.iter().map(|group| group.impact_ns as f64));
    line(out, "## All root operations");
    let time = |ns: i64| unit.number(ns as f64);
    let head = [
        "Root operation".into(),
        format!("Time lost ({})", lost.name),
        "Traces".into(),
        "Reviewed".into(),
        format!("Median ({})", unit.name),
        format!("p95 ({})", unit.name),
        format!("p99 ({})", unit.name),
        format!("Slow from ({})", unit.name),
    ];
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|group| {
            vec![
                text(&sentences::group_name(group)),
                lost.number(group.impact_ns as f64),
                count(group.trace_count),
                format!(
                    "{} ({} %)",
                    count(group.review_count),
                    number(group.slowest_percent.into())
                ),
                time(group.p50.value_ns),
                time(group.p95.value_ns),
                time(group.p99.value_ns),
                time(group.threshold_ns),
            ]
        })
        .collect();
    table(out, &head, &[0], &rows);
    rest(out, all.len() - shown.len());
    sql(out, &report.groups_sql);
}

fn small_groups(out: &mut String, report: &TuesdayReport) {
    if report.small_groups.is_empty() {
        return;
    }
    let shown = &report.small_groups[..report.small_groups.len().min(MOST_ROWS)];
    let unit = Unit::of(shown.iter().filter_map(|group| group.slowest_ns).map(|ns| ns as f64));
    line(out, "## Too few traces");
    let head = [
        "Root operation".into(),
        "Complete traces".into(),
        "Incomplete".into(),
        format!("Slowest ({})", unit.name),
    ];
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|group| {
            vec![
                text(&sentences::name(&group.root_service_name, &group.root_span_name)),
                count(group.trace_count),
                count(group.incomplete_trace_count),
                group.slowest_ns.map_or_else(|| "-".into(), |ns| unit.number(ns as f64)),
            ]
        })
        .collect();
    table(out, &head, &[0], &rows);
    rest(out, report.small_groups.len() - shown.len());
    sql(out, &report.small_groups_sql);
}

/// A table; the columns in `left` hold text, all others numbers.
fn table(out: &mut String, head: &[String], left: &[usize], rows: &[Vec<String>]) {
    let mut row = |cells: Vec<&str>| {
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    };
    row(head.iter().map(String::as_str).collect());
    row((0..head.len()).map(|column| if left.contains(&column) { "---" } else { "--:" }).collect());
    for cells in rows {
        row(cells.iter().map(String::as_str).collect());
    }
    out.push('\n');
}

fn rest(out: &mut String, hidden: usize) {
    if hidden > 0 {
        line(out, &format!("{} more in the JSON report, and by the SQL.", count(hidden as u64)));
    }
}

fn sql(out: &mut String, sql: &str) {
    line(out, "<details><summary>SQL</summary>");
    line(out, &block(sql));
    line(out, "</details>");
}

/// A paragraph.
fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push_str("\n\n");
}
