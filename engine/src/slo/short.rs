//! The short form: one item of the list `slos`.
//!
//! ```yaml
//! slos:
//!   - name: checkout-works
//!     service: checkout
//!     target_percent: 99.9
//!     window: 30d
//!     valid: service_name = 'checkout' AND is_entry
//!     good: status_code <> 'error'
//!   - name: checkout-is-quick
//!     target_percent: 99
//!     window: 30d
//!     table: traces
//!     valid: root_service_name = 'frontend' AND root_span_name = 'POST /checkout'
//!     faster_than: 800 ms
//! ```

use super::alerts::{self, Alert};
use super::document::{Node, Result};
use super::length::{Length, Window};
use super::sli::{self, Budgeting, Sli, Sql};
use super::{Slo, openslo};

const FIELDS: [&str; 14] = [
    "name",
    "service",
    "description",
    "target",
    "target_percent",
    "window",
    "table",
    "valid",
    "good",
    "bad",
    "faster_than",
    "percentile",
    "errors",
    "alerts",
];

/// Reads one SLO.
pub(super) fn read(node: &Node<'_>) -> Result<Slo> {
    node.only(&FIELDS)?;
    let table = node.optional("table", sli::table)?.unwrap_or("spans");
    let valid = Sql::expression(&node.need("valid")?)?;
    let (good, percentile) = good(node, table)?;
    let objective = match percentile {
        Some(share) if node.get("target").is_none() && node.get("target_percent").is_none() => {
            share
        }
        _ => openslo::target(node, "target", "target_percent")?,
    };
    // What nobody sent, users did not wait for: errors can be left to an SLO of their own.
    let excludes_errors = match node.get("errors") {
        None => false,
        Some(errors) => match errors.text()?.as_str() {
            "bad" => false,
            "excluded" => true,
            other => return Err(errors.wrong(format!("`{other}` is neither bad nor excluded"))),
        },
    };
    let no_error = no_error(table);
    let is_about_time = node.get("faster_than").is_some() || percentile.is_some();
    let (valid, good) = match (is_about_time, excludes_errors) {
        (false, true) => {
            return Err(node.wrong("`errors` belongs to `faster_than` and `percentile`"));
        }
        (false, false) => (valid, good),
        (true, true) => (and(valid, no_error), good),
        (true, false) => (valid, and(good, no_error)),
    };
    let window = node.need("window")?;
    let length = Length::read(&window)?;
    if length.minutes() == 0 {
        return Err(window.wrong("a window of no length holds nothing; write 30d"));
    }
    let window = Window::Rolling(length);
    let alerts = match node.get("alerts") {
        None => alerts::usual(window),
        Some(list) => list.items()?.iter().map(Alert::read).collect::<Result<_>>()?,
    };
    Ok(Slo {
        name: openslo::name(&node.need("name")?)?,
        service: node.optional("service", Node::text)?,
        description: node.optional("description", Node::text)?,
        objective,
        window,
        sli: Sli::Rows { table, valid, good },
        budgeting: Budgeting::Occurrences,
        alerts,
        alert_when_no_data: false,
        place: node.place(),
    })
}

fn and(condition: Sql, other: &str) -> Sql {
    let text = format!("({}) AND {other}", condition.text);
    condition.with(text)
}

fn duration(table: &str) -> &'static str {
    if table == "traces" { "root_duration_ns" } else { "duration_ns" }
}

fn no_error(table: &str) -> &'static str {
    if table == "traces" { "root_status_code <> 'error'" } else { "status_code <> 'error'" }
}

/// The condition for a good event, and the share of a percentile if that was asked for.
fn good(node: &Node<'_>, table: &str) -> Result<(Sql, Option<f64>)> {
    let sql = |node: &Node<'_>, text| Sql { text, place: node.place() };
    let given = ["good", "bad", "faster_than", "percentile"].map(|name| node.get(name));
    match given.each_ref().map(Option::as_ref) {
        [Some(good), None, None, None] => Ok((Sql::expression(good)?, None)),
        [None, Some(bad), None, None] => Ok((openslo::not_bad(Sql::expression(bad)?), None)),
        [None, None, Some(limit), None] => {
            let limit_ns = duration_ns(limit, &limit.text()?)?;
            Ok((sql(limit, format!("{} <= {limit_ns}", duration(table))), None))
        }
        [None, None, None, Some(percentile)] => {
            let text = percentile.text()?;
            let wrong =
                || percentile.wrong(format!("`{text}` is no percentile; write it as p99 < 300 ms"));
            let (name, limit) = text.split_once('<').ok_or_else(wrong)?;
            let digits = name.trim().strip_prefix('p').ok_or_else(wrong)?;
            let number: f64 = digits.parse().map_err(|_| wrong())?;
            // `p999` is 99.9 %, as the function of that name has it.
            let whole = digits.split('.').next().unwrap_or(digits).len();
            let share = if whole > 2 { number / 10_f64.powi(whole as i32) } else { number / 100.0 };
            if !(share > 0.0 && share < 1.0) {
                return Err(wrong());
            }
            let (limit, or_equal) = match limit.strip_prefix('=') {
                Some(limit) => (limit, "="),
                None => (limit, ""),
            };
            let limit_ns = duration_ns(percentile, limit)?;
            let text = format!("{} <{or_equal} {limit_ns}", duration(table));
            Ok((sql(percentile, text), Some(share)))
        }
        _ => Err(node.wrong(
            "say what is good by exactly one of `good`, `bad`, `faster_than` and `percentile`",
        )),
    }
}

/// Reads `800 ms`, `1.5s`, `250us` into nanoseconds.
fn duration_ns(node: &Node<'_>, text: &str) -> Result<i64> {
    let text = text.trim();
    let wrong =
        || node.wrong(format!("`{text}` is no duration; write a number and ns, us, ms, s, m or h"));
    let end = text.find(|c: char| c.is_alphabetic()).ok_or_else(wrong)?;
    let number: f64 = text[..end].trim().parse().map_err(|_| wrong())?;
    let unit_ns = match &text[end..] {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3_600e9,
        _ => return Err(wrong()),
    };
    let duration_ns = number * unit_ns;
    if !(0.0..=9e18).contains(&duration_ns) {
        return Err(wrong());
    }
    Ok(duration_ns as i64)
}
