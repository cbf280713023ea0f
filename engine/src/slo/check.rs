//! Whether a lake can answer what SLOs ask.

use super::sli::{Rows, Sli, Sql};
use super::{Slo, SloProblem, Slos};
use crate::error::Error;
use crate::sql::Session;

impl Slos {
    /// Leaves out SLOs whose questions cannot be planned, such as those about columns that do not exist.
    pub(crate) async fn checked(self, session: &Session) -> Self {
        let Self { slos, mut problems } = self;
        let mut kept = Vec::with_capacity(slos.len());
        for slo in slos {
            match wrong(&slo, session).await {
                None => kept.push(slo),
                Some(problem) => problems.push(problem),
            }
        }
        Self { slos: kept, problems }
    }
}

async fn wrong(slo: &Slo, session: &Session) -> Option<SloProblem> {
    // Part by part first: then the line is that of the part.
    for (part, statement) in parts(&slo.sli) {
        if let Err(error) = session.prepare(&statement).await {
            return Some(SloProblem {
                slo: Some(slo.name.clone()),
                place: part.place.clone(),
                reason: reason(&error),
            });
        }
    }
    let statement = slo.minutes_sql().replace("$from", "now()").replace("$to", "now()");
    let error = session.prepare(&statement).await.err()?;
    let place = slo.place.clone();
    Some(SloProblem { slo: Some(slo.name.clone()), place, reason: reason(&error) })
}

fn reason(error: &Error) -> String {
    let text = error.to_string();
    // Suggestions of the planner go on for lines.
    text.lines().next().unwrap_or_default().to_owned()
}

/// Each text of an indicator, and a statement that needs it to make sense.
fn parts(sli: &Sli) -> Vec<(&Sql, String)> {
    let condition = |table: &str, sql: &Sql| format!("SELECT 1 FROM {table} WHERE {}", sql.text);
    let rows = |rows, has_value| -> Vec<(&Sql, String)> {
        match rows {
            &Rows::Where { table, condition: ref given, ref value } => {
                let value = value.as_ref();
                let value = value
                    .map(|value| (value, format!("SELECT ({}) < 1.0 FROM {table}", value.text)));
                [(given, condition(table, given))].into_iter().chain(value).collect()
            }
            Rows::Query(query) => {
                let value = if has_value { ", value < 1.0" } else { "" };
                let text = &query.text;
                let statement = format!(
                    "SELECT date_bin(INTERVAL '1 minute', start_time), sample_weight{value} \
                     FROM ({text}) AS rows"
                );
                vec![(query, statement)]
            }
        }
    };
    match sli {
        Sli::Rows { table, valid, good } => {
            vec![(valid, condition(table, valid)), (good, condition(table, good))]
        }
        Sli::Ratio { part, total, .. } => {
            rows(total, false).into_iter().chain(rows(part, false)).collect()
        }
        Sli::Raw { rows: raw, .. } | Sli::Threshold { rows: raw, .. } => rows(raw, true),
    }
}
