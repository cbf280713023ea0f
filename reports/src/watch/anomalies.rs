//! What is not as usual.

use chrono::{DateTime, Utc};
use engine::Session;

use crate::error::Result;
use crate::format;
use crate::instant;
use crate::page::{Answer, Level, Page, Row, Section, Table};
use crate::tuesday::quoted;

/// What left its usual band, the ongoing first. Hours of the week are those of a time zone.
///
/// # Errors
///
/// [`crate::Error::Engine`] if the lake cannot be queried, or if there is no such time zone.
pub async fn anomalies(
    session: &Session,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    service: Option<&str>,
    time_zone: &str,
) -> Result<Page> {
    let service = match service {
        None => String::new(),
        Some(service) => format!(", service => {}", quoted(service)),
    };
    let sql = format!(
        "SELECT rank, service_name, metric, state, direction, started_at, ended_at, observed, expected, lower, upper, \
         score, calls\nFROM anomalies(\"from\" => '{}', \"to\" => '{}', time_zone => {}{service})\n\
         ORDER BY rank NULLS LAST",
        instant::to_text(&from),
        instant::to_text(&to),
        quoted(time_zone)
    );
    let table = Table::ask(session, &sql).await?;
    let mut answers: Vec<Answer> = table.rows().filter_map(|row| event(&row)).collect();
    let unjudged = table.rows().filter(|row| row.number("rank").is_none()).count();
    if answers.is_empty() {
        let judged = table.len() > unjudged || unjudged == 0;
        let text = if judged {
            "nothing is unusual"
        } else {
            "nothing could be judged: there is no baseline yet, or too little traffic"
        };
        let level = if judged { Level::Good } else { Level::Warning };
        answers.push(Answer { level, text: text.into() });
    }
    answers.sort_by_key(|answer| answer.level);
    Ok(Page {
        title: "Anomalies".into(),
        scope: format!("{} to {} UTC", from.format("%F %T"), to.format("%F %T")),
        answers,
        sections: vec![Section {
            title: "Events".into(),
            text: Some(
                "What left the band that is usual at that hour of the week. What cannot be judged comes last.".into(),
            ),
            table: Some(table),
            figure: None,
        }],
    })
}

/// One sentence about one event.
fn event(row: &Row<'_>) -> Option<Answer> {
    row.number("rank")?;
    let metric = row.text("metric");
    let value = |column: &str| {
        let Some(number) = row.number(column) else { return "-".into() };
        match metric {
            "error_rate" => format::share(number),
            "traffic" => format!("{} calls", format::number(number)),
            _ => format::duration(number),
        }
    };
    let direction = if row.text("direction") == "low" { "low" } else { "high" };
    let (level, when) = match row.text("state") {
        "ongoing" => (Level::Alert, format!("since {}", row.get("started_at").shown("started_at"))),
        "no data" => (
            Level::Warning,
            format!("from {} on, and had no data since", row.get("started_at").shown("started_at")),
        ),
        _ => (
            Level::Note,
            format!(
                "from {} to {}",
                row.get("started_at").shown("started_at"),
                row.get("ended_at").shown("ended_at")
            ),
        ),
    };
    let text = format!(
        "{} {metric} was {direction} {when}: {}, usual is {}",
        row.text("service_name"),
        value("observed"),
        value("expected")
    );
    Some(Answer { level, text })
}
