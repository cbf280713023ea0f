//! What the first rows of each answer say.

use super::TriageOptions;
use super::predicate::Symptom;
use crate::format;
use crate::page::{Answer, Level, Row, Table};

fn answer(level: Level, text: String) -> Answer {
    Answer { level, text }
}

/// What is wrong, and where.
pub(super) fn scope(scope: &Table, symptoms: &[Symptom], options: &TriageOptions) -> Vec<Answer> {
    let of = match &options.service {
        Some(service) => format!(" that {service} takes part in"),
        None => String::new(),
    };
    if scope.is_empty() {
        let text = format!("no data: there were no requests{of} in this time");
        return vec![answer(Level::Warning, text)];
    }
    if symptoms.is_empty() {
        let text = format!(
            "no root operation{of} is slower or fails more than before, by what chance does to {} requests",
            format::number(scope.rows().filter_map(|row| row.number("traces")).sum())
        );
        return vec![answer(Level::Good, text)];
    }
    let worst = scope.rows().next();
    let mut answers: Vec<Answer> =
        worst.iter().map(|row| answer(Level::Alert, operation(row))).collect();
    let others = symptoms.len() - 1;
    if others > 0 {
        let names: Vec<&str> =
            symptoms[1..].iter().map(|symptom| symptom.root_span_name.as_str()).collect();
        answers.push(answer(Level::Alert, format!("also affected: {}", names.join(", "))));
    } else if scope.len() > 1 {
        answers.push(answer(
            Level::Note,
            format!("only that: {} other root operations are as before", scope.len() - 1),
        ));
    }
    answers
}

/// What is wrong with one root operation.
fn operation(row: &Row<'_>) -> String {
    let name = format!("{} {}", row.text("root_service_name"), row.text("root_span_name"));
    let mut parts = Vec::new();
    if row.holds("fails_more") {
        let share = |column: &str| format::share(row.number(column).unwrap_or(0.0));
        parts.push(format!("{} fail, {} before", share("error_rate"), share("error_rate_before")));
    }
    if row.holds("is_slower") {
        let time = |column: &str| row.number(column).map_or_else(|| "-".into(), format::duration);
        parts.push(format!(
            "p95 {}, {} before (p50 {}, {})",
            time("p95_ns"),
            time("p95_before_ns"),
            time("p50_ns"),
            time("p50_before_ns")
        ));
    }
    format!("{name}: {}", parts.join("; "))
}

/// From this score on a suspect is worth a word where nothing else is wrong. The first suspects of eight quiet hours of
/// the made-up shop and one of a real system had 0.15 at most, those of five faults 0.84 at least.
const TELLING_SCORE: f64 = 0.3;

/// Who is to blame.
pub(super) fn suspect(table: &Table) -> Option<Answer> {
    let row = table.rows().next()?;
    Some(answer(Level::Alert, format!("most suspect is {}", blamed(&row))))
}

/// Who does something else, where no operation as a whole is worse.
pub(super) fn hidden_suspect(table: &Table) -> Option<Answer> {
    let row = table.rows().next()?;
    let score = row.number("score").filter(|score| *score >= TELLING_SCORE)?;
    let text = format!(
        "yet something changed, with a score of {}: {}",
        format::number(score),
        blamed(&row)
    );
    Some(answer(Level::Warning, text))
}

fn blamed(row: &Row<'_>) -> String {
    format!("{}, {}: {}", row.text("service_name"), row.text("span_name"), row.text("reason"))
}

/// Whether it is over: from the last twelfth that was worse than before to the end.
pub(super) fn course(table: &Table) -> Option<Answer> {
    let rows: Vec<Row<'_>> = table.rows().collect();
    let last = rows.iter().rposition(|row| row.holds("is_worse"))?;
    let sum = |rows: &[Row<'_>], column: &str| -> f64 {
        rows.iter().filter_map(|row| row.number(column)).sum()
    };
    let share = |rows: &[Row<'_>]| {
        format::share(sum(rows, "bad_requests") / sum(rows, "requests").max(1.0))
    };
    let before = format::share(rows[last].number("bad_share_before").unwrap_or(0.0));
    // One twelfth may be quiet by chance.
    Some(match rows.get(last + 1..).filter(|after| after.len() > 1) {
        Some(after) => answer(
            Level::Good,
            format!(
                "it seems over since {}: of {} such requests since then {} are bad, {before} before",
                after[0].get("start_time").shown("start_time"),
                format::number(sum(after, "requests")),
                share(after)
            ),
        ),
        None => answer(
            Level::Alert,
            format!(
                "it is not over: of the last {} such requests {} are bad, {before} before",
                format::number(sum(&rows[last..], "requests")),
                share(&rows[last..])
            ),
        ),
    })
}

/// What bad requests have in common.
pub(super) fn difference(table: &Table) -> Option<Answer> {
    let first = table.rows().next()?;
    // Where it says more together with another value, that is the row below.
    let pair = table.rows().nth(1).filter(|pair| {
        !pair.text("combined_with").is_empty() && pair.number("effect") > first.number("effect")
    });
    let row = pair.unwrap_or(first);
    let with = match row.text("combined_with") {
        "" => String::new(),
        other => format!(" together with {other}"),
    };
    let share = |column: &str| format::share(row.number(column).unwrap_or(0.0));
    let text = format!(
        "{} = {} (in {}){with} is on {} of the bad requests and on {} of the others",
        row.text("attribute"),
        row.text("value"),
        row.text("service_name"),
        share("bad_share"),
        share("good_share")
    );
    Some(answer(Level::Warning, text))
}

/// What was deployed last before the trouble.
pub(super) fn deployment(table: &Table) -> Option<Answer> {
    let row = table.rows().next()?;
    let text = format!(
        "{} {} was first seen at {} (before: {})",
        row.text("service_name"),
        row.text("service_version"),
        row.get("first_seen").shown("first_seen"),
        row.text("previous_version")
    );
    Some(answer(Level::Warning, text))
}

/// Where errors begin.
pub(super) fn origin(table: &Table) -> Option<Answer> {
    let row = table.rows().next()?;
    let traces = row.number("decisive_traces").filter(|traces| *traces > 0.0)?;
    let kind = match row.text("error_type") {
        "" => String::new(),
        kind => format!(" ({kind})"),
    };
    let text = format!(
        "errors of {} requests begin in {}, {}{kind}",
        format::number(traces),
        row.text("origin_service"),
        row.text("span_name")
    );
    Some(answer(Level::Note, text))
}

/// What is said that was not said before.
pub(super) fn said(table: &Table) -> Option<Answer> {
    let row = table.rows().next()?;
    let times = format::number(row.number("events")?);
    let how = match row.number("events_before") {
        Some(before) if before > 0.0 => format!("{times} times, {} before", format::number(before)),
        _ => format!("{times} times, never before"),
    };
    let said = match row.text("message") {
        "" => row.text("event_name"),
        message => message,
    };
    Some(answer(Level::Note, format!("{} says `{said}` {how}", row.text("service_name"))))
}

/// What is full.
pub(super) fn saturation(table: &Table) -> Option<Answer> {
    let row = table.rows().next()?;
    let of = match row.text("span_name") {
        "" => row.text("service_name").to_owned(),
        span_name => format!("{}, {span_name}", row.text("service_name")),
    };
    let shown = |column: &str| {
        let value = row.number(column).unwrap_or(0.0);
        match row.text("unit") {
            "share" => format::share(value),
            "ns" => format::duration(value),
            _ => format::number(value),
        }
    };
    let (now, before) = (shown("value"), shown("value_before"));
    let text = match row.text("sign") {
        "rejected" => format!("{of} turns away {now} of its calls, {before} before"),
        "waiting" => {
            format!("{of}: clients wait {now} longer than the server works (p90), {before} before")
        }
        "message_lag" => format!("{of}: messages lie for {now} (p90), {before} before"),
        "self_time" => {
            format!(
                "{of} itself works for {now} (p90), {before} before, while what it calls is as fast"
            )
        }
        _ => {
            format!("{of} has {now} requests at a time, {before} before, and does not finish more")
        }
    };
    Some(answer(Level::Note, text))
}

/// Whether retries make it worse.
pub(super) fn retries(table: &Table) -> Option<Answer> {
    let row = table.rows().next()?;
    let per_call = row.number("attempts_per_call").filter(|attempts| *attempts >= 1.05)?;
    let text = format!(
        "retries: {} calls {} {} times per request for it, {} of time in all",
        row.text("service_name"),
        row.text("callee"),
        format::number(per_call),
        format::duration(row.number("wasted_ns").unwrap_or(0.0))
    );
    Some(answer(Level::Warning, text))
}

/// The objective that burns fastest.
pub(super) fn objective(table: &Table) -> Option<Answer> {
    let row = table.rows().next()?;
    let burn = row.number("burn_rate_1h").filter(|burn| *burn > 1.0)?;
    let text = format!(
        "{} is {}: it burned {} times as fast as its budget lasts",
        row.text("slo"),
        row.text("state"),
        format::number(burn)
    );
    Some(answer(Level::Warning, text))
}
