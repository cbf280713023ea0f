//! Two traces side by side: where they part first, and what else is different.

mod svg;

use engine::Session;
use schema::TraceId;

use crate::error::{Error, Result};
use crate::format;
use crate::page::{Answer, Level, Page, Row, Section, Table};
use crate::tuesday::quoted;

/// Divergences that are told in sentences; the table has them all.
const MOST_TOLD: usize = 5;

/// Compares trace `b` with trace `a`.
///
/// # Errors
///
/// [`Error::BadTraceId`] for a text that is no trace id, [`Error::NoTrace`] if the lake does not have one of the two,
/// [`Error::Engine`] if it cannot be queried.
pub async fn diff(session: &Session, a: &str, b: &str) -> Result<Page> {
    let (a, b) = (trace_id(a)?, trace_id(b)?);
    let traces = Table::ask(
        session,
        &format!(
            "SELECT CASE WHEN trace_id = {0} THEN 'a' ELSE 'b' END AS trace, trace_id, root_service_name, \
             root_span_name, start_time, root_duration_ns, root_status_code, span_count, error_count\n\
             FROM traces WHERE trace_id IN ({0}, {1})\nORDER BY trace",
            quoted(&a),
            quoted(&b)
        ),
    )
    .await?;
    for id in [&a, &b] {
        if !traces.rows().any(|row| row.text("trace_id") == id) {
            return Err(Error::NoTrace { trace_id: id.clone() });
        }
    }
    let spans = Table::ask(
        session,
        &format!(
            "SELECT rank, service_name, span_name, span_kind, depth, difference, is_first, other_values, \
             offset_a_ns, offset_b_ns, duration_a_ns, duration_b_ns, self_time_a_ns, self_time_b_ns, \
             status_a, status_b, error_type_a, error_type_b\n\
             FROM trace_diff({}, {}, \"all\" => true)\nORDER BY rank",
            quoted(&a),
            quoted(&b)
        ),
    )
    .await?;
    let figure = svg::drawing(&spans);
    Ok(Page {
        title: "Two traces".into(),
        scope: traces.rows().map(|row| described(&row)).collect::<Vec<_>>().join("; "),
        answers: answers(&spans, a == b),
        sections: vec![
            Section {
                title: "Side by side".into(),
                text: Some(
                    "Spans of both from the root down, in the order in which they begin: a above, b below. \
                     What differs is marked."
                        .into(),
                ),
                figure: Some(figure),
                table: Some(spans),
            },
            Section { title: "The traces".into(), table: Some(traces), ..Section::default() },
        ],
    })
}

fn trace_id(text: &str) -> Result<String> {
    let id: Result<TraceId, _> = text.trim().parse();
    let id = id.map_err(|_| Error::BadTraceId { text: text.chars().take(80).collect() })?;
    Ok(id.to_string())
}

fn described(row: &Row<'_>) -> String {
    format!(
        "{}: {} {}, {}, {}",
        row.text("trace"),
        row.text("root_service_name"),
        row.text("root_span_name"),
        format::duration(row.number("root_duration_ns").unwrap_or(0.0)),
        if row.text("root_status_code") == "error" { "failed" } else { "did not fail" },
    )
}

fn answers(spans: &Table, is_same: bool) -> Vec<Answer> {
    let differing: Vec<Row<'_>> =
        spans.rows().filter(|row| row.text("difference") != "same").collect();
    let answer = |level, text| Answer { level, text };
    let mut found = Vec::new();
    if let Some(first) = differing.iter().find(|row| row.holds("is_first")) {
        let at = first.number("offset_b_ns").or(first.number("offset_a_ns")).unwrap_or(0.0);
        let text = format!("they part {} in: {}", format::duration(at), told(first));
        found.push(answer(Level::Warning, text));
    }
    let others = differing.iter().filter(|row| !row.holds("is_first"));
    found.extend(others.take(MOST_TOLD).map(|row| answer(Level::Note, told(row))));
    let rest = differing.len().saturating_sub(MOST_TOLD + 1);
    if rest > 0 {
        found.push(answer(Level::Note, format!("and {rest} more")));
    }
    if found.is_empty() {
        let text = if is_same { "it is the same trace" } else { "no span differs" };
        found.push(answer(Level::Good, text.into()));
    }
    found
}

/// One divergence.
fn told(row: &Row<'_>) -> String {
    let named = format!("{} {}", row.text("service_name"), row.text("span_name"));
    let time = |column: &str| row.number(column).map_or_else(|| "-".into(), format::duration);
    let error = |column: &str| match row.text(column) {
        "" => String::new(),
        error => format!(" ({error})"),
    };
    let mut text = match row.text("difference") {
        "fails in a" => format!("{named} fails in a{}, not in b", error("error_type_a")),
        "fails in b" => format!("{named} fails in b{}, not in a", error("error_type_b")),
        "fails differently" => {
            format!(
                "{named} fails differently: {} and {}",
                row.text("error_type_a"),
                row.text("error_type_b")
            )
        }
        "slower in a" | "slower in b" => format!(
            "{named} takes {} by itself in a, {} in b",
            time("self_time_a_ns"),
            time("self_time_b_ns")
        ),
        "only in a" => format!("{named} is only in a ({})", time("duration_a_ns")),
        "only in b" => format!("{named} is only in b ({})", time("duration_b_ns")),
        _ => named,
    };
    if !row.text("other_values").is_empty() {
        text.push_str(&format!("; {}", row.text("other_values")));
    }
    text
}
