//! OpenSLO v1 documents (semantics 5.6). Our SQL is in `spec` of a `metricSource`.

use std::collections::HashMap;

use super::alerts::{self, Alert, Compare};
use super::document::{Node, Result, Wrong};
use super::length::{Length, Window};
use super::sli::{Budgeting, Rows, Sli, Sql};
use super::{Slo, SloProblem};

const VERSION: &str = "openslo/v1";
/// Says that a slice of time without events is a good one.
const EMPTY_SLICES: &str = "spanlake/empty-slices";
/// Gives an alert condition its second, shorter window: OpenSLO has one.
const SHORT_WINDOW: &str = "spanlake/short-window";
/// Longest name by RFC 1123.
const LONGEST_NAME: usize = 63;

/// Documents by kind and name; SLOs may refer to them from other files.
#[derive(Debug, Default)]
pub(super) struct Documents<'a> {
    by_name: HashMap<(String, String), Node<'a>>,
    slos: Vec<Node<'a>>,
}

impl<'a> Documents<'a> {
    /// Takes a document in.
    pub(super) fn add(&mut self, document: Node<'a>) -> Result<()> {
        document.only(&["apiVersion", "kind", "metadata", "spec"])?;
        let version = document.need("apiVersion")?;
        if version.text()? != VERSION {
            let found = version.text()?;
            return Err(version.wrong(format!("apiVersion `{found}` is not read; use {VERSION}")));
        }
        let kind = document.need("kind")?;
        let name = match kind.text()?.as_str() {
            "SLO" => {
                self.slos.push(document);
                return Ok(());
            }
            // They say nothing that is asked here.
            "DataSource" | "Service" | "AlertNotificationTarget" => return Ok(()),
            "SLI" | "AlertPolicy" | "AlertCondition" => {
                let metadata = document.need("metadata")?;
                name(&metadata.need("name")?)?
            }
            other => return Err(kind.wrong(format!("OpenSLO has no kind `{other}`"))),
        };
        let key = (kind.text()?, name);
        if self.by_name.contains_key(&key) {
            return Err(
                document.wrong(format!("there are two of kind {} named `{}`", key.0, key.1))
            );
        }
        self.by_name.insert(key, document);
        Ok(())
    }

    /// All SLOs; each objective is one.
    pub(super) fn slos(&self, problems: &mut Vec<SloProblem>) -> Vec<Slo> {
        let mut slos = Vec::new();
        for document in &self.slos {
            let metadata = document.get("metadata");
            let named = metadata.and_then(|metadata| metadata.get("name")?.text().ok());
            match self.slo(document) {
                Ok(several) => slos.extend(several),
                Err(Wrong { place, reason }) => {
                    problems.push(SloProblem { slo: named, place, reason });
                }
            }
        }
        slos
    }

    fn find(&self, kind: &str, reference: &Node<'_>) -> Result<&Node<'a>> {
        let name = reference.text()?;
        self.by_name.get(&(kind.into(), name)).ok_or_else(|| {
            let name = reference.text().unwrap_or_default();
            reference.wrong(format!("there is no {kind} named `{name}` in the files"))
        })
    }

    fn slo(&self, document: &Node<'a>) -> Result<Vec<Slo>> {
        let metadata = document.need("metadata")?;
        metadata.only(&["name", "displayName", "labels", "annotations"])?;
        let name = name(&metadata.need("name")?)?;
        let spec = document.need("spec")?;
        spec.only(&[
            "description",
            "service",
            "indicator",
            "indicatorRef",
            "timeWindow",
            "budgetingMethod",
            "objectives",
            "alertPolicies",
        ])?;
        let windows = spec.need("timeWindow")?;
        let window = match windows.items()?.as_slice() {
            [window] => Window::read(window)?,
            _ => return Err(windows.wrong("spec.timeWindow must have one item")),
        };
        let alerts = match spec.get("alertPolicies") {
            None => None,
            Some(policies) => Some(self.policies(&policies)?),
        };
        let objectives = spec.need("objectives")?;
        let items = objectives.items()?;
        if items.is_empty() {
            return Err(objectives.wrong("spec.objectives is empty; write one with `target`"));
        }
        let mut slos = Vec::new();
        for (number, objective) in (1..).zip(&items) {
            objective.only(&[
                "displayName",
                "op",
                "value",
                "target",
                "targetPercent",
                "timeSliceTarget",
                "timeSliceWindow",
                "indicator",
                "indicatorRef",
                "compositeWeight",
            ])?;
            let display_name = objective.optional("displayName", Node::text)?;
            let name = match (&display_name, items.len()) {
                (_, 1) => name.clone(),
                (Some(display_name), _) => format!("{name}/{display_name}"),
                (None, _) => format!("{name}/{number}"),
            };
            let (alerts, alert_when_no_data) =
                alerts.clone().unwrap_or_else(|| (alerts::usual(window), false));
            slos.push(Slo {
                name,
                service: spec.optional("service", Node::text)?,
                description: spec.optional("description", Node::text)?,
                objective: target(objective, "target", "targetPercent")?,
                window,
                sli: self.indicator(&spec, objective)?,
                budgeting: budgeting(&metadata, &spec, objective)?,
                alerts,
                alert_when_no_data,
                place: document.place(),
            });
        }
        Ok(slos)
    }

    /// The indicator of an objective: its own, or that of the SLO.
    fn indicator(&self, spec: &Node<'a>, objective: &Node<'a>) -> Result<Sli> {
        let holder = [objective, spec].into_iter().find(|holder| {
            holder.get("indicator").is_some() || holder.get("indicatorRef").is_some()
        });
        let Some(holder) = holder else {
            return Err(spec.wrong("spec needs `indicator` or `indicatorRef`"));
        };
        let indicator = match (holder.get("indicator"), holder.get("indicatorRef")) {
            (Some(indicator), None) => indicator,
            (None, Some(reference)) => self.find("SLI", &reference)?.clone(),
            _ => return Err(holder.wrong("give one of `indicator` and `indicatorRef`")),
        };
        let spec = indicator.need("spec")?;
        spec.only(&["description", "thresholdMetric", "ratioMetric"])?;
        match (spec.get("thresholdMetric"), spec.get("ratioMetric")) {
            (Some(metric), None) => threshold(&metric, objective),
            (None, Some(metric)) => {
                if let Some(op) = objective.get("op").or_else(|| objective.get("value")) {
                    return Err(op.wrong("`op` and `value` belong to a thresholdMetric"));
                }
                ratio(&metric)
            }
            _ => Err(spec.wrong("give one of `thresholdMetric` and `ratioMetric`")),
        }
    }

    fn policies(&self, policies: &Node<'a>) -> Result<(Vec<Alert>, bool)> {
        let (mut alerts, mut when_no_data) = (Vec::new(), false);
        for policy in policies.items()? {
            let policy = match policy.get("alertPolicyRef") {
                Some(reference) => self.find("AlertPolicy", &reference)?.clone(),
                None => policy,
            };
            let spec = policy.need("spec")?;
            spec.only(&[
                "description",
                "alertWhenNoData",
                "alertWhenResolved",
                "alertWhenBreaching",
                "conditions",
                "notificationTargets",
            ])?;
            when_no_data |= spec.optional("alertWhenNoData", Node::truth)?.unwrap_or(false);
            if spec.optional("alertWhenBreaching", Node::truth)? == Some(false) {
                continue;
            }
            for condition in spec.need("conditions")?.items()? {
                let condition = match condition.get("conditionRef") {
                    Some(reference) => self.find("AlertCondition", &reference)?.clone(),
                    None => condition,
                };
                alerts.push(alert(&condition)?);
            }
        }
        Ok((alerts, when_no_data))
    }
}

fn threshold(metric: &Node<'_>, objective: &Node<'_>) -> Result<Sli> {
    metric.only(&["metricSource"])?;
    let source = metric.need("metricSource")?;
    let (op, limit) = (objective.need("op")?, objective.need("value")?);
    let rows = with_value(Rows::read(&source)?, &source)?;
    Ok(Sli::Threshold { rows, compare: Compare::read(&op)?, limit: limit.number()? })
}

fn ratio(metric: &Node<'_>) -> Result<Sli> {
    metric.only(&["counter", "good", "bad", "total", "rawType", "raw"])?;
    let rows = |node: &Node<'_>| {
        node.only(&["metricSource"])?;
        Rows::read(&node.need("metricSource")?)
    };
    let part = match (metric.get("good"), metric.get("bad")) {
        (Some(_), Some(bad)) => return Err(bad.wrong("give one of `good` and `bad`")),
        (Some(good), None) => Some((good, true)),
        (None, Some(bad)) => Some((bad, false)),
        (None, None) => None,
    };
    match (part, metric.get("total"), metric.get("raw")) {
        (Some((part, is_good)), Some(total), None) => {
            Ok(of_one_table(Sli::Ratio { part: rows(&part)?, is_good, total: rows(&total)? }))
        }
        (None, None, Some(raw)) => {
            let kind = metric.need("rawType")?;
            let is_success = match kind.text()?.as_str() {
                "success" => true,
                "failure" => false,
                other => {
                    return Err(kind.wrong(format!("`{other}` is neither success nor failure")));
                }
            };
            let source = raw.need("metricSource")?;
            Ok(Sli::Raw { rows: with_value(Rows::read(&source)?, &source)?, is_success })
        }
        _ => Err(metric
            .wrong("a ratioMetric has `good` or `bad`, and `total`; or else `raw` and `rawType`")),
    }
}

/// Two conditions on one table need to be asked only once.
fn of_one_table(sli: Sli) -> Sli {
    match sli {
        Sli::Ratio {
            part: Rows::Where { table, condition: part, value: None },
            is_good,
            total: Rows::Where { table: total_table, condition: total, value: None },
        } if table == total_table => {
            let good = if is_good { part } else { not_bad(part) };
            Sli::Rows { table, valid: total, good }
        }
        other => other,
    }
}

/// What is not known to be bad is good.
pub(super) fn not_bad(bad: Sql) -> Sql {
    let text = format!("coalesce(NOT ({}), true)", bad.text);
    bad.with(text)
}

fn with_value(rows: Rows, source: &Node<'_>) -> Result<Rows> {
    match rows {
        Rows::Where { value: None, .. } => {
            let example = "duration_ns / 1e6";
            Err(source.wrong(format!("spec needs `value` with an expression, as in {example}")))
        }
        rows => Ok(rows),
    }
}

/// Reads a condition by which people are told.
fn alert(condition: &Node<'_>) -> Result<Alert> {
    let spec = condition.need("spec")?;
    spec.only(&["description", "severity", "condition"])?;
    let inner = spec.need("condition")?;
    inner.only(&["kind", "op", "threshold", "lookbackWindow", "alertAfter"])?;
    let kind = inner.need("kind")?;
    if kind.text()? != "burnrate" {
        return Err(kind.wrong(format!("condition `{}` is not known; use burnrate", kind.text()?)));
    }
    let annotations = condition.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let short = match annotations.and_then(|annotations| annotations.get(SHORT_WINDOW)) {
        Some(short) => Some(Length::read(&short)?),
        None => None,
    };
    let long = inner.need("lookbackWindow")?;
    let alert = Alert {
        severity: spec.need("severity")?.text()?,
        compare: inner.optional("op", Compare::read)?.unwrap_or(Compare::Gt),
        burn_rate: inner.need("threshold")?.number()?,
        long: Length::read(&long)?,
        short,
        after: inner.optional("alertAfter", Length::read)?.unwrap_or(Length::of_minutes(0)),
    };
    alert.check(&long)?;
    Ok(alert)
}

fn budgeting(metadata: &Node<'_>, spec: &Node<'_>, objective: &Node<'_>) -> Result<Budgeting> {
    let annotations = metadata.get("annotations");
    let is_empty_good = match annotations.and_then(|annotations| annotations.get(EMPTY_SLICES)) {
        None => false,
        Some(value) => match value.text()?.as_str() {
            "good" => true,
            "excluded" => false,
            other => return Err(value.wrong(format!("`{other}` is neither good nor excluded"))),
        },
    };
    let method = spec.need("budgetingMethod")?;
    let slice = || {
        let slice = objective.need("timeSliceWindow")?;
        let length = Length::read(&slice)?;
        if length.minutes() == 0 {
            return Err(slice.wrong("a slice of no length holds nothing; write 1m"));
        }
        Ok(length)
    };
    match method.text()?.as_str() {
        "Occurrences" => Ok(Budgeting::Occurrences),
        "Timeslices" => {
            let target = objective.need("timeSliceTarget")?;
            let share = target.number()?;
            if !(0.0..=1.0).contains(&share) {
                return Err(target.wrong("timeSliceTarget must be between 0 and 1"));
            }
            Ok(Budgeting::Timeslices { slice: slice()?, target: share, is_empty_good })
        }
        "RatioTimeslices" => Ok(Budgeting::RatioTimeslices { slice: slice()?, is_empty_good }),
        other => Err(method
            .wrong(format!("`{other}` is none of Occurrences, Timeslices and RatioTimeslices"))),
    }
}

/// The share of good events that is promised, given as a share or in percent.
pub(super) fn target(node: &Node<'_>, share: &str, percent: &str) -> Result<f64> {
    let (given, target) = match (node.get(share), node.get(percent)) {
        (Some(given), None) => (given.clone(), given.number()?),
        (None, Some(given)) => (given.clone(), given.number()? / 100.0),
        _ => return Err(node.wrong(format!("give one of `{share}` and `{percent}`"))),
    };
    if (0.0..1.0).contains(&target) {
        return Ok(target);
    }
    Err(given.wrong(format!(
        "a promise of {} % leaves no budget, or means nothing; it must be at least 0 and less than \
         100 %, as in {percent}: 99.9",
        target * 100.0
    )))
}

/// A name: lowercase letters, digits and `-`.
pub(super) fn name(node: &Node<'_>) -> Result<String> {
    let name = node.text()?;
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_right = name.len() <= LONGEST_NAME
        && name.chars().all(|c| is_end(c) || c == '-')
        && name.starts_with(is_end)
        && name.ends_with(is_end);
    if is_right {
        return Ok(name);
    }
    Err(node.wrong(format!(
        "`{name}` is no name; use up to {LONGEST_NAME} lowercase letters, digits and `-`"
    )))
}
