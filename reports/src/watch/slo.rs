//! How service level objectives stand, and when they would have alerted.

use chrono::{DateTime, Utc};
use engine::Session;

use crate::error::Result;
use crate::format;
use crate::instant;
use crate::page::{Answer, Level, Page, Row, Section, Table};

/// How every objective stands at a moment.
///
/// # Errors
///
/// [`crate::Error::Engine`] if the lake cannot be queried.
pub async fn slo_status(session: &Session, at: DateTime<Utc>) -> Result<Page> {
    let moment = instant::to_text(&at);
    let sql = format!(
        "SELECT * FROM slo_status(at => '{moment}')\nORDER BY is_alert DESC, burn_rate_1h DESC NULLS LAST, slo"
    );
    let table = Table::ask(session, &sql).await?;
    let mut answers: Vec<Answer> = table.rows().map(|row| status(&row)).collect();
    if answers.is_empty() {
        let text = "no objective is watched: the files name none".into();
        answers.push(Answer { level: Level::Warning, text });
    }
    answers.sort_by_key(|answer| answer.level);
    let burning = Table::ask(
        session,
        &format!(
            "SELECT slo, severity, long_minutes, short_minutes, threshold, burn_rate, burn_rate_short, \
             error_ratio, bad, valid, state\n\
             FROM burn_rate(\"from\" => TIMESTAMP '{moment}' - INTERVAL '1 minute', \"to\" => '{moment}')\n\
             ORDER BY burn_rate / threshold DESC NULLS LAST"
        ),
    )
    .await?;
    Ok(Page {
        title: "Service level objectives".into(),
        scope: format!("as of {}", shown(at)),
        answers,
        sections: vec![
            Section { title: "Objectives".into(), table: Some(table), ..Section::default() },
            Section {
                title: "Alerts".into(),
                text: Some(
                    "An alert fires if its long and its short window both burn faster than its threshold. \
                     A burn rate of 1 uses up the budget just at the end of the window."
                        .into(),
                ),
                table: Some(burning),
                figure: None,
            },
        ],
    })
}

/// One sentence about one objective.
fn status(row: &Row<'_>) -> Answer {
    let (slo, state) = (row.text("slo"), row.text("state"));
    let left = row.number("budget_remaining_projected");
    let budget = match left {
        Some(left) if left < 0.0 => {
            format!("the budget is overspent by {}", format::share(-left))
        }
        Some(left) => format!("{} of the budget is left", format::share(left)),
        None => "nothing was counted".into(),
    };
    let burn = row.number("burn_rate_1h").map_or_else(String::new, |burn| {
        format!(", burning {} times as fast as it lasts over the last hour", format::number(burn))
    });
    let end = match row.get("exhausts_at") {
        crate::page::Cell::Null => String::new(),
        at => format!("; at this rate it is gone by {}", at.shown("exhausts_at")),
    };
    let (level, text) = match state {
        "invalid" => (Level::Alert, row.text("problem").to_owned()),
        "no data" => {
            let level = if row.holds("is_alert") { Level::Alert } else { Level::Warning };
            (level, format!("{slo}: no data"))
        }
        "ok" if left.is_some_and(|left| left < 0.0) => {
            (Level::Warning, format!("{slo}: {budget}{burn}"))
        }
        "ok" => (Level::Good, format!("{slo}: {budget}{burn}{end}")),
        severity => {
            let level = if severity == "page" { Level::Alert } else { Level::Warning };
            (level, format!("{slo}: {severity}; {budget}{burn}{end}"))
        }
    };
    Answer { level, text }
}

/// When alerts would have fired.
///
/// # Errors
///
/// As [`slo_status`].
pub async fn slo_backtest(
    session: &Session,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Page> {
    let sql = format!(
        "SELECT * FROM slo_alerts(\"from\" => '{}', \"to\" => '{}')\nORDER BY started, slo, long_minutes",
        instant::to_text(&from),
        instant::to_text(&to)
    );
    let table = Table::ask(session, &sql).await?;
    let mut answers: Vec<Answer> = Vec::new();
    for slo in &session.slos().slos {
        let rows = || table.rows().filter(|row| row.text("slo") == slo.name);
        let alerts = rows().count();
        if alerts == 0 {
            answers.push(Answer { level: Level::Good, text: format!("{}: no alert", slo.name) });
            continue;
        }
        let pages = rows().filter(|row| row.text("severity") == "page").count();
        let first =
            rows().next().map(|row| row.get("started").shown("started")).unwrap_or_default();
        let times =
            |count: usize| if count == 1 { "once".into() } else { format!("{count} times") };
        let text = match pages {
            0 => format!("{}: alerted {}, first at {first}", slo.name, times(alerts)),
            pages => format!(
                "{}: alerted {}, of which it paged {}, first at {first}",
                slo.name,
                times(alerts),
                times(pages)
            ),
        };
        answers.push(Answer { level: if pages > 0 { Level::Alert } else { Level::Warning }, text });
    }
    for problem in &session.slos().problems {
        answers.push(Answer { level: Level::Alert, text: problem.to_string() });
    }
    answers.sort_by_key(|answer| answer.level);
    Ok(Page {
        title: "Service level objectives, looking back".into(),
        scope: format!("{} to {}", shown(from), shown(to)),
        answers,
        sections: vec![Section {
            title: "Alerts".into(),
            text: Some("From the first to the last minute in which each would have fired.".into()),
            table: Some(table),
            figure: None,
        }],
    })
}

fn shown(moment: DateTime<Utc>) -> String {
    moment.format("%F %T UTC").to_string()
}
