//! What table functions ask of SLOs: texts that stand in their queries as `{{name}}`.

use super::alerts::{self, Alert};
use super::sli::{Budgeting, Rows, Sli};
use super::{Slo, Slos};

/// What is put into a place.
type Text = fn(&Slos) -> String;

/// The places in the queries of table functions that SLOs fill.
const PLACES: [(&str, Text); 9] = [
    ("{{slos}}", Slos::list),
    ("{{slo_problems}}", Slos::problem_list),
    ("{{slo_alerts}}", Slos::alert_list),
    ("{{slo_periods}}", Slos::period_list),
    ("{{slis}}", Slos::minutes),
    ("{{slo_window_sums}}", Slos::window_sums),
    ("{{longest_alert}}", |slos| minutes(alerts::longest(&slos.slos))),
    ("{{longest_after}}", |slos| minutes(alerts::longest_after(&slos.slos))),
    ("{{longest_window}}", |slos| minutes(slos.longest_window())),
];

/// The sums that are taken over each window.
const SUMS: [&str; 4] = ["valid", "bad", "valid_events", "bad_events"];

impl Slos {
    /// Fills the places of a query.
    pub(crate) fn fill(&self, sql: &str) -> String {
        let mut filled = sql.to_owned();
        for (place, text) in PLACES {
            if filled.contains(place) {
                filled = filled.replace(place, &text(self));
            }
        }
        filled
    }

    fn longest_window(&self) -> u64 {
        self.slos.iter().map(|slo| slo.window.minutes()).max().unwrap_or(0)
    }

    /// One row for each SLO.
    fn list(&self) -> String {
        let row = |slo: &Slo| {
            let budgeting = match slo.budgeting {
                Budgeting::Occurrences => "occurrences",
                Budgeting::Timeslices { .. } => "timeslices",
                Budgeting::RatioTimeslices { .. } => "ratio_timeslices",
            };
            let Slo { objective, alert_when_no_data, .. } = slo;
            let window_minutes = slo.window.minutes();
            vec![
                text(&slo.name),
                optional(slo.service.as_deref()),
                optional(slo.description.as_deref()),
                format!("{objective:?}"),
                format!("{:?}", slo.budget()),
                format!("{window_minutes}"),
                minutes(window_minutes),
                text(budgeting),
                format!("{alert_when_no_data}"),
                text(&slo.place.file),
                format!("{}", slo.place.line),
            ]
        };
        let columns = [
            ("slo", "TEXT"),
            ("service", "TEXT"),
            ("description", "TEXT"),
            ("objective", "DOUBLE"),
            ("budget", "DOUBLE"),
            ("window_minutes", "BIGINT"),
            ("window", "INTERVAL"),
            ("budgeting", "TEXT"),
            ("alert_when_no_data", "BOOLEAN"),
            ("file", "TEXT"),
            ("line", "BIGINT"),
        ];
        table(&columns, self.slos.iter().map(row))
    }

    /// One row for each problem.
    fn problem_list(&self) -> String {
        let columns = [("slo", "TEXT"), ("file", "TEXT"), ("line", "BIGINT"), ("reason", "TEXT")];
        let rows = self.problems.iter().map(|problem| {
            vec![
                optional(problem.slo.as_deref()),
                text(&problem.place.file),
                format!("{}", problem.place.line),
                text(&problem.reason),
            ]
        });
        table(&columns, rows)
    }

    /// One row for each alert of each SLO. `long_at` and `short_at` are places in the arrays of window sums.
    fn alert_list(&self) -> String {
        let columns = [
            ("slo", "TEXT"),
            ("alert", "BIGINT"),
            ("severity", "TEXT"),
            ("compare", "TEXT"),
            ("threshold", "DOUBLE"),
            ("long_minutes", "BIGINT"),
            ("short_minutes", "BIGINT"),
            ("after_minutes", "BIGINT"),
            ("long_at", "BIGINT"),
            ("short_at", "BIGINT"),
        ];
        let windows = self.alert_windows();
        let at = |minutes: u64| windows.binary_search(&minutes).map_or(0, |at| at + 1);
        let rows = self.slos.iter().flat_map(|slo| {
            (1..).zip(&slo.alerts).map(|(number, alert)| {
                let (long, short) = window_minutes(alert);
                vec![
                    text(&slo.name),
                    format!("{number}"),
                    text(&alert.severity),
                    text(alert.compare.operator()),
                    format!("{:?}", alert.burn_rate),
                    format!("{long}"),
                    format!("{short}"),
                    format!("{}", alert.after.minutes()),
                    format!("{}", at(long)),
                    format!("{}", at(short)),
                ]
            })
        });
        table(&columns, rows)
    }

    /// The windows of all alerts, in minutes, in order.
    fn alert_windows(&self) -> Vec<u64> {
        let alerts = self.slos.iter().flat_map(|slo| &slo.alerts);
        let mut all: Vec<u64> =
            alerts.flat_map(|alert| <[u64; 2]>::from(window_minutes(alert))).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// For each sum an array with one item for each window, in the order of [`Slos::alert_windows`]. The rows are
    /// those of consecutive minutes.
    fn window_sums(&self) -> String {
        // Without SLOs there are no windows, and no rows either.
        let windows = self.alert_windows();
        let windows = if windows.is_empty() { vec![1] } else { windows };
        let windows: Vec<String> = windows.iter().map(u64::to_string).collect();
        let windows = windows.join(", ");
        let sums = SUMS.iter().map(|sum| {
            format!(
                "trailing_sums({sum}, {windows}) OVER (PARTITION BY slo ORDER BY minute_number) AS {sum}"
            )
        });
        sums.collect::<Vec<_>>().join(", ")
    }

    /// The windows of those SLOs that count by the calendar.
    fn period_list(&self) -> String {
        let columns = [("slo", "TEXT"), ("begins", "TIMESTAMP"), ("ends", "TIMESTAMP")];
        let rows = self.slos.iter().flat_map(|slo| {
            slo.window.of_calendar().into_iter().map(|(begins, ends)| {
                let moment =
                    |moment: chrono::DateTime<_>| text(&moment.format("%FT%TZ").to_string());
                vec![text(&slo.name), moment(begins), moment(ends)]
            })
        });
        table(&columns, rows)
    }

    /// Events by minute: `slo, minute, valid, bad, valid_events, bad_events`, of `$from` to `$to`.
    fn minutes(&self) -> String {
        if self.slos.is_empty() {
            let none = "SELECT CAST(NULL AS TEXT) AS slo, arrow_cast(NULL, 'Timestamp(Nanosecond, Some(\"UTC\"))') \
                 AS minute, 0.0 AS valid, 0.0 AS bad, 0 AS valid_events, 0 AS bad_events WHERE false";
            return format!("({none})");
        }
        let each: Vec<String> = self.slos.iter().map(Slo::minutes_sql).collect();
        format!("({})", each.join(" UNION ALL "))
    }
}

impl Slo {
    /// A query for its events by minute, or by slice of time, of `$from` to `$to`.
    pub(super) fn minutes_sql(&self) -> String {
        format!(
            "SELECT {} AS slo, minute, valid, valid - good AS bad, valid_events, \
             valid_events - good_events AS bad_events FROM ({}) AS events",
            text(&self.name),
            self.budgeted(&by_minute(&self.sli)),
        )
    }

    fn budgeted(&self, by_minute: &str) -> String {
        let (slice, is_empty_good, good) = match &self.budgeting {
            Budgeting::Occurrences => return by_minute.to_owned(),
            Budgeting::Timeslices { slice, target, is_empty_good } => (
                slice,
                *is_empty_good,
                format!("CASE WHEN sum(good) >= sum(valid) * {target:?} THEN 1.0 ELSE 0.0 END"),
            ),
            Budgeting::RatioTimeslices { slice, is_empty_good } => {
                (slice, *is_empty_good, "sum(good) / sum(valid)".to_owned())
            }
        };
        let interval = minutes(slice.minutes());
        let slices = format!(
            "SELECT minute, 1.0 AS valid, good, 1 AS valid_events, CAST(floor(good) AS BIGINT) AS good_events \
             FROM (SELECT date_bin({interval}, minute) AS minute, {good} AS good FROM ({by_minute}) AS minutes \
             GROUP BY 1 HAVING sum(valid) > 0) AS slices"
        );
        if !is_empty_good {
            return slices;
        }
        format!(
            "SELECT every.minute, 1.0 AS valid, coalesce(some.good, 1.0) AS good, 1 AS valid_events, \
             coalesce(some.good_events, 1) AS good_events FROM (SELECT unnest(generate_series(\
             date_bin({interval}, $from), $to - {interval}, {interval})) AS minute) AS every \
             LEFT JOIN ({slices}) AS some ON some.minute = every.minute"
        )
    }
}

/// `minute, valid, good, valid_events, good_events`
fn by_minute(sli: &Sli) -> String {
    const MINUTE: &str = "date_bin(INTERVAL '1 minute', start_time) AS minute";
    const BETWEEN: &str = "start_time >= $from AND start_time < $to";
    match sli {
        Sli::Rows { table, valid, good } => {
            let (valid, good) = (&valid.text, &good.text);
            format!(
                "SELECT {MINUTE}, sum(sample_weight) AS valid, \
                 coalesce(sum(sample_weight) FILTER (WHERE {good}), 0.0) AS good, \
                 count(*) AS valid_events, count(*) FILTER (WHERE {good}) AS good_events \
                 FROM {table} WHERE ({valid}) AND {BETWEEN} GROUP BY 1"
            )
        }
        Sli::Ratio { part, is_good, total } => {
            let sums = |rows: &Rows, sums: &str| {
                format!("SELECT {MINUTE}, {sums} FROM ({}) AS rows WHERE {BETWEEN}", rows.sql())
            };
            let total = sums(
                total,
                "sample_weight AS valid, 0.0 AS part, 1 AS valid_events, 0 AS part_events",
            );
            let part = sums(
                part,
                "0.0 AS valid, sample_weight AS part, 0 AS valid_events, 1 AS part_events",
            );
            let (good, good_events) = match is_good {
                true => ("sum(part)", "sum(part_events)"),
                false => ("sum(valid) - sum(part)", "sum(valid_events) - sum(part_events)"),
            };
            format!(
                "SELECT minute, sum(valid) AS valid, {good} AS good, \
                 sum(valid_events) AS valid_events, {good_events} AS good_events \
                 FROM ({total} UNION ALL {part}) AS both GROUP BY minute HAVING sum(valid_events) > 0"
            )
        }
        Sli::Raw { rows, is_success } => {
            let good = if *is_success { "value" } else { "1.0 - value" };
            format!(
                "SELECT {MINUTE}, sum(sample_weight) AS valid, sum(sample_weight * ({good})) AS good, \
                 count(*) AS valid_events, count(*) FILTER (WHERE ({good}) >= 1.0) AS good_events \
                 FROM ({}) AS rows WHERE value IS NOT NULL AND {BETWEEN} GROUP BY 1",
                rows.sql()
            )
        }
        Sli::Threshold { rows, compare, limit } => {
            let good = format!("value {} {limit:?}", compare.operator());
            format!(
                "SELECT {MINUTE}, sum(sample_weight) AS valid, \
                 coalesce(sum(sample_weight) FILTER (WHERE {good}), 0.0) AS good, \
                 count(*) AS valid_events, count(*) FILTER (WHERE {good}) AS good_events \
                 FROM ({}) AS rows WHERE {BETWEEN} GROUP BY 1",
                rows.sql()
            )
        }
    }
}

impl Rows {
    /// `start_time, sample_weight`, and `value` if there is one.
    pub(super) fn sql(&self) -> String {
        match self {
            Self::Query(query) => query.text.clone(),
            Self::Where { table, condition, value } => {
                let value = value.as_ref();
                let value =
                    value.map_or_else(String::new, |value| format!(", {} AS value", value.text));
                let condition = &condition.text;
                format!("SELECT start_time, sample_weight{value} FROM {table} WHERE {condition}")
            }
        }
    }
}

/// Minutes of the long and the short window.
fn window_minutes(alert: &Alert) -> (u64, u64) {
    (alert.long.minutes(), alert.short.unwrap_or(alert.long).minutes())
}

/// A subquery with these rows.
fn table(columns: &[(&str, &str)], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<String> = rows.map(|row| format!("({})", row.join(", "))).collect();
    let select: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, (name, kind))| match *kind {
            "TIMESTAMP" => {
                let cast = "'Timestamp(Nanosecond, Some(\"UTC\"))'";
                format!("arrow_cast(column{}, {cast}) AS {name}", at + 1)
            }
            kind => format!("CAST(column{} AS {kind}) AS {name}", at + 1),
        })
        .collect();
    let select = select.join(", ");
    if rows.is_empty() {
        let nothing = vec!["NULL"; columns.len()].join(", ");
        return format!("(SELECT {select} FROM (VALUES ({nothing})) AS list WHERE false)");
    }
    format!("(SELECT {select} FROM (VALUES {}) AS list)", rows.join(", "))
}

fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn optional(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".into(), text)
}

fn minutes(minutes: u64) -> String {
    format!("INTERVAL '{minutes} minutes'")
}
