//! Triage: one page that walks through what an engineer on call asks about a service and a time.
//!
//! ```text
//! scope -> which root operations are worse -> which of their traces are bad
//!       -> suspects, differences, new calls, deployments, errors, retries, budgets, is it over?
//! ```
//!
//! Every step is one statement that anybody can run; sentences only say what their first rows do.

mod predicate;
mod sentences;

use chrono::{DateTime, TimeDelta, Utc};
use engine::Session;
use futures::future::try_join_all;

use crate::error::Result;
use crate::instant;
use crate::page::{Answer, Page, Section, Table};
use crate::tuesday::quoted;
use predicate::Symptom;

/// What to look at.
#[derive(Debug, Clone)]
pub struct TriageOptions {
    /// Only requests that this service takes part in; all without it.
    pub service: Option<String>,
    /// When the trouble began.
    pub from: DateTime<Utc>,
    /// When it ended, or now.
    pub to: DateTime<Utc>,
}

/// The time before the trouble that it is compared with is so many times as long, and not less than
/// [`LEAST_BEFORE`].
const TIMES_BEFORE: i32 = 2;
const LEAST_BEFORE: TimeDelta = TimeDelta::hours(1);
/// Root operations that are looked into.
const MOST_OPERATIONS: usize = 5;

/// Asks all of it.
///
/// # Errors
///
/// [`crate::Error::Engine`] if the lake cannot be queried.
pub async fn triage(session: &Session, options: &TriageOptions) -> Result<Page> {
    let before = options.from - ((options.to - options.from) * TIMES_BEFORE).max(LEAST_BEFORE);
    let scope = Table::ask(session, &scope_sql(options, before)).await?;
    let symptoms: Vec<Symptom> =
        scope.rows().filter_map(|row| Symptom::of(&row)).take(MOST_OPERATIONS).collect();
    let has_slos = !session.slos().slos.is_empty();
    let asked = steps(options, before, &symptoms, has_slos);
    let tables = try_join_all(asked.iter().map(|step| Table::ask(session, &step.sql))).await?;

    let mut answers = sentences::scope(&scope, &symptoms, options);
    for (step, table) in asked.iter().zip(&tables) {
        answers.extend((step.say)(table));
    }
    let mut sections = vec![Section {
        title: "Which requests".into(),
        text: Some("Root operations in the time in question and before, the worst first.".into()),
        table: Some(scope),
        figure: None,
    }];
    for (step, table) in asked.into_iter().zip(tables) {
        sections.push(Section {
            title: step.title.into(),
            text: Some(step.about.into()),
            table: Some(table),
            figure: None,
        });
    }
    let service = options.service.as_deref();
    Ok(Page {
        title: match service {
            Some(service) => format!("Triage of {service}"),
            None => "Triage".into(),
        },
        scope: format!(
            "{} to {} UTC, compared with the time from {} on",
            options.from.format("%F %T"),
            options.to.format("%F %T"),
            before.format("%F %T"),
        ),
        answers,
        sections,
    })
}

/// A question, and what to say about its answer.
struct Step {
    title: &'static str,
    about: &'static str,
    sql: String,
    say: fn(&Table) -> Option<Answer>,
}

/// Root operations now and before.
fn scope_sql(options: &TriageOptions, before: DateTime<Utc>) -> String {
    let TriageOptions { service, from, to } = options;
    let of_service = match service {
        None => String::new(),
        Some(service) => format!("\n        AND array_has(services, {})", quoted(service)),
    };
    let (from, to, before) =
        (instant::to_text(from), instant::to_text(to), instant::to_text(&before));
    format!(
        "SELECT
    root_service_name, root_span_name, traces, traces_before,
    errors / nullif(traces, 0) AS error_rate, errors_before / nullif(traces_before, 0) AS error_rate_before,
    coalesce(wilson_low(errors, traces) > coalesce(wilson_high(errors_before, traces_before), 0.0), false) AS fails_more,
    p50_ns, p50_before_ns, p95_ns, p95_before_ns, slower_share,
    coalesce(traces >= 5 AND wilson_low(slower_share * traces, traces) > 0.1, false) AS is_slower
FROM (
    SELECT
        root_service_name, root_span_name,
        coalesce(sum(weight) FILTER (WHERE is_now), 0.0) AS traces,
        coalesce(sum(weight) FILTER (WHERE NOT is_now), 0.0) AS traces_before,
        coalesce(sum(weight) FILTER (WHERE is_now AND is_failed), 0.0) AS errors,
        coalesce(sum(weight) FILTER (WHERE NOT is_now AND is_failed), 0.0) AS errors_before,
        quantile(root_duration_ns, 0.5, weight) FILTER (WHERE is_now) AS p50_ns,
        quantile(root_duration_ns, 0.5, weight) FILTER (WHERE NOT is_now) AS p50_before_ns,
        quantile(root_duration_ns, 0.95, weight) FILTER (WHERE is_now) AS p95_ns,
        quantile(root_duration_ns, 0.95, weight) FILTER (WHERE NOT is_now) AS p95_before_ns,
        -- One in 20 took longer before.
        1.0 - sketch_rank(
            sketch(root_duration_ns, weight) FILTER (WHERE is_now),
            quantile(root_duration_ns, 0.95, weight) FILTER (WHERE NOT is_now)
        ) AS slower_share
    FROM (
        SELECT
            root_service_name, root_span_name, root_duration_ns, sample_weight AS weight,
            start_time >= '{from}' AS is_now, root_status_code = 'error' AS is_failed
        FROM traces
        WHERE start_time >= '{before}' AND start_time < '{to}'{of_service}
    ) AS requests
    GROUP BY root_service_name, root_span_name
) AS operations
WHERE traces > 0
ORDER BY fails_more DESC, is_slower DESC, greatest(
    (coalesce(errors, 0.0) / traces - coalesce(errors_before / nullif(traces_before, 0), 0.0)) * traces,
    (coalesce(slower_share, 0.0) - 0.05) * traces
) DESC, traces DESC
LIMIT 20"
    )
}

/// The course of the trouble: bad requests by the twelfth of the time.
fn course_sql(options: &TriageOptions, before: DateTime<Utc>, affected: &str, bad: &str) -> String {
    let (from, to, before) =
        (instant::to_text(&options.from), instant::to_text(&options.to), instant::to_text(&before));
    let seconds = ((options.to - options.from).num_seconds() / 12).max(1);
    format!(
        "SELECT
    start_time, requests, bad_requests, bad_requests / requests AS bad_share, bad_share_before,
    -- Three deviations: twelve shares are looked at.
    wilson_low(bad_requests, requests, 3) > bad_share_before AS is_worse
FROM (
    SELECT
        start_time, requests, bad_requests, is_now,
        coalesce(
            sum(CASE WHEN is_now THEN 0.0 ELSE bad_requests END) OVER ()
                / nullif(sum(CASE WHEN is_now THEN 0.0 ELSE requests END) OVER (), 0), 0.0
        ) AS bad_share_before
    FROM (
        SELECT
            date_bin(INTERVAL '{seconds} seconds', start_time, '{from}') AS start_time,
            start_time >= '{from}' AS is_now,
            sum(sample_weight) AS requests,
            coalesce(sum(sample_weight) FILTER (WHERE {bad}), 0.0) AS bad_requests
        FROM traces
        WHERE {affected} AND start_time >= '{before}' AND start_time < '{to}'
        GROUP BY 1, 2
    ) AS counted
) AS compared
WHERE is_now
ORDER BY start_time"
    )
}

/// What spans say now and did not say before, with the numbers in it left out.
fn events_sql(options: &TriageOptions, before: DateTime<Utc>) -> String {
    let TriageOptions { service, from, to } = options;
    let of_service = match service {
        None => String::new(),
        Some(service) => format!(
            "\n            AND trace_id IN (\n                SELECT trace_id FROM traces\n                WHERE start_time >= \
             '{}' AND start_time < '{}' AND array_has(services, {})\n            )",
            instant::to_text(&before),
            instant::to_text(to),
            quoted(service)
        ),
    };
    let longer = (*from - before).num_seconds() as f64 / (*to - *from).num_seconds().max(1) as f64;
    let (from, to, before) =
        (instant::to_text(from), instant::to_text(to), instant::to_text(&before));
    format!(
        "SELECT service_name, event_name, message, events, events_before, first_seen, example_trace_id
FROM (
    SELECT
        service_name, event['name'] AS event_name,
        concat_ws(': ', event['attributes']['exception.type'], regexp_replace(
            coalesce(event['attributes']['exception.message'], event['attributes']['message']),
            '\\b(0x)?[0-9a-fA-F-]*[0-9][0-9a-fA-F-]*\\b|\\b[0-9]+(\\.[0-9]+)?', '#', 'g'
        )) AS message,
        coalesce(sum(sample_weight) FILTER (WHERE start_time >= '{from}'), 0.0) AS events,
        coalesce(sum(sample_weight) FILTER (WHERE start_time < '{from}'), 0.0) AS events_before,
        min(start_time) FILTER (WHERE start_time >= '{from}') AS first_seen,
        min(trace_id) FILTER (WHERE start_time >= '{from}') AS example_trace_id
    FROM (
        SELECT trace_id, start_time, service_name, sample_weight, unnest(events) AS event
        FROM spans
        WHERE start_time >= '{before}' AND start_time < '{to}' AND NOT is_duplicate{of_service}
    ) AS said
    GROUP BY 1, 2, 3
) AS counted
-- The time before is {longer} times as long.
WHERE events >= 3 AND events * {longer} >= 3 * events_before
ORDER BY events_before > 0, events DESC, service_name, event_name, message
LIMIT 8"
    )
}

fn steps(
    options: &TriageOptions,
    before: DateTime<Utc>,
    symptoms: &[Symptom],
    has_slos: bool,
) -> Vec<Step> {
    let bad = predicate::bad(symptoms);
    let (from, to) = (instant::to_text(&options.from), instant::to_text(&options.to));
    let window = format!("\"from\" => '{from}', \"to\" => '{to}'");
    let mut steps = Vec::new();
    let affected = predicate::operations(symptoms);
    let all = match &options.service {
        Some(service) => format!("array_has(services, {})", quoted(service)),
        None => "true".into(),
    };
    // Where no operation as a whole is worse, a part of one may be.
    let looked_at = affected.as_deref().unwrap_or(&all);
    let now = format!("{looked_at} AND start_time >= '{from}' AND start_time < '{to}'");
    let then = format!(
        "{looked_at} AND start_time >= '{}' AND start_time < '{from}'",
        instant::to_text(&before)
    );
    steps.push(Step {
        title: "Who is to blame",
        about: "Services that do something else than before in these requests: by themselves, between call \
                and execution, in what they call, or in errors that begin there.",
        sql: format!(
            "SELECT rank, service_name, span_name, score, reason, affected_bad_traces, bad_traces, \
             example_trace_id\nFROM suspects({}, {})\nWHERE rank <= 5 ORDER BY rank",
            quoted(&now),
            quoted(&then)
        ),
        say: if affected.is_some() { sentences::suspect } else { sentences::hidden_suspect },
    });
    if let Some(affected) = &affected {
        steps.push(Step {
            title: "Is it over",
            about: "The share of bad requests, a twelfth of the time in each row, beside the share of before.",
            sql: course_sql(options, before, affected, &bad),
            say: sentences::course,
        });
        steps.push(Step {
            title: "What differs",
            about: "Attribute values that bad requests have more often than good ones of the same time.",
            sql: format!(
                "SELECT rank, service_name, attribute, value, combined_with, effect, bad_share, good_share, risk_ratio, \
                 same_traces\n\
                 FROM compare({}, {}, {window}, deepest => 3)\nWHERE rank <= 8 ORDER BY rank",
                quoted(&bad),
                quoted(affected)
            ),
            say: sentences::difference,
        });
        steps.push(Step {
            title: "Which calls changed",
            about: "Calls that bad requests make and good ones do not, or the other way round, or that take longer \
                    or fail.",
            sql: format!(
                "SELECT rank, change, path, effect, bad_share, good_share, example_trace_id\n\
                 FROM compare_paths({}, {}, {window}, before => INTERVAL '{} seconds')\n\
                 WHERE rank <= 8 ORDER BY rank",
                quoted(&bad),
                quoted(affected),
                (options.from - before).num_seconds()
            ),
            say: |_| None,
        });
        steps.push(Step {
            title: "Traces to look at",
            about: "Bad requests, the ones that took longest first.",
            sql: format!(
                "SELECT trace_id, start_time, root_service_name, root_span_name, root_duration_ns, \
                 root_status_code, span_count, error_count\nFROM traces\n\
                 WHERE start_time >= '{from}' AND start_time < '{to}' AND {bad}\n\
                 ORDER BY root_duration_ns DESC, trace_id LIMIT 10"
            ),
            say: |_| None,
        });
    }
    steps.push(Step {
        title: "What was deployed",
        about: "Versions that were first seen around that time.",
        sql: format!(
            "SELECT service_name, service_version, previous_version, first_seen, last_seen, calls, error_rate, \
             p99_ns\nFROM deployments(\"from\" => '{}', \"to\" => '{to}')\n\
             WHERE is_new AND first_seen >= '{}' ORDER BY first_seen DESC",
            instant::to_text(&(before - TimeDelta::hours(24))),
            instant::to_text(&(options.from - TimeDelta::hours(2))),
        ),
        say: sentences::deployment,
    });
    steps.push(Step {
        title: "Where errors begin",
        about: "Services and operations in which an error began, with the failed requests that it led to.",
        sql: format!(
            "SELECT rank, origin_service, span_name, error_type, decisive_traces, affected_traces, first_seen, \
             example_message, example_trace_id\nFROM error_origins({window})\nWHERE rank <= 5 ORDER BY rank"
        ),
        say: sentences::origin,
    });
    let is_service = match &options.service {
        Some(service) => format!(", service => {}", quoted(service)),
        None => String::new(),
    };
    steps.push(Step {
        title: "What spans say",
        about: "Exceptions and other events of spans that are new, or three times as frequent as before or more. \
                Numbers in them are left out.",
        sql: events_sql(options, before),
        say: sentences::said,
    });
    steps.push(Step {
        title: "Retries",
        about: "Calls that were tried again, and the time that cost.",
        sql: format!(
            "SELECT rank, service_name, span_name, callee, attempts_per_call, recovered, exhausted, wasted_ns, \
             example_trace_id\nFROM retries({window}{is_service})\nWHERE rank <= 5 ORDER BY rank"
        ),
        say: sentences::retries,
    });
    steps.push(Step {
        title: "What may be full",
        about: "Signs of saturation that are stronger than before: calls that are turned away, clients that wait \
                longer than servers work, messages that lie, operations that work longer while their callees do \
                not, more requests at a time.",
        sql: format!(
            "SELECT rank, sign, service_name, span_name, value, value_before, unit, calls, example_trace_id\n\
             FROM saturation({window}, before => INTERVAL '{} seconds'{is_service})\nWHERE rank <= 5 ORDER BY rank",
            (options.from - before).num_seconds()
        ),
        say: sentences::saturation,
    });
    steps.push(Step {
        title: "Calls between services",
        about: "Those of which most failed.",
        sql: format!(
            "SELECT client_service, server_service, connection_type, calls, error_rate, health, p50_ns, p99_ns\n\
             FROM service_graph({window}{is_service})\nWHERE errors > 0 ORDER BY error_rate DESC LIMIT 10"
        ),
        say: |_| None,
    });
    if has_slos {
        steps.push(Step {
            title: "Objectives",
            about: "How much of their budgets is left.",
            sql: format!(
                "SELECT slo, state, alerts, burn_rate_1h, budget_remaining, exhausts_at\n\
                 FROM slo_status(at => '{to}')\nORDER BY is_alert DESC, burn_rate_1h DESC NULLS LAST"
            ),
            say: sentences::objective,
        });
    }
    steps
}
