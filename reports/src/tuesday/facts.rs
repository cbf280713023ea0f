//! Values that set the traces of a cause apart: a version, a region, a customer tier.
//!
//! A value is worth showing if nearly all traces that the cause dominates have it and
//! typical traces of the same root operation mostly do not, by more than chance.
//! Compared are the spans of the cause itself, and the roots. Of several spans of one
//! operation in a trace the largest value counts, so that one failed call of many shows.

use std::collections::HashMap;

use engine::Session;

use super::causes::Explanation;
use super::columns::{holds, or_empty};
use super::model::{Fact, FactOrigin};
use super::parts::Parts;
use super::scan::{Members, each_batch};
use super::sql;
use crate::error::Result;

/// Columns of `spans` that are compared.
const COLUMNS: &[&str] = &[
    "service_version",
    "deployment_environment",
    "cloud_region",
    "http_route",
    "server_address",
    "peer_service",
    "db_query_text",
    "error_type",
];

/// The share of the dominated traces that must have the value.
const DOMINATED_SHARE: f64 = 0.8;

/// How different the shares must be, as Cohen's h: 0.5 is a medium effect (semantics.md 7.2).
const LEAST_EFFECT: f64 = 0.5;

/// If the dominated traces may have the value by accident with a greater chance, it says nothing:
/// what 94 % of the typical traces have, all of a dozen slow ones have in every second week.
const MOST_CHANCE: f64 = 0.01;

/// Of fewer traces nothing is said.
const FEWEST_TRACES: u64 = 5;

/// How many values are shown for a cause.
const MOST_FACTS: usize = 3;

/// One group as the comparison needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Explained<'a> {
    pub(super) parts: &'a Parts,
    pub(super) explanation: &'a Explanation,
}

/// For each group and each of its causes the values that set its traces apart.
pub(super) async fn facts(
    session: &Session,
    members: &Members,
    groups: &[Explained<'_>],
    attribute_keys: &[String],
) -> Result<Vec<Vec<Vec<Fact>>>> {
    let mut tallies: Vec<GroupTally> = groups.iter().map(GroupTally::new).collect();
    let names: Vec<&str> =
        COLUMNS.iter().copied().chain(attribute_keys.iter().map(String::as_str)).collect();
    let attributes = attribute_keys.iter().map(|key| format!("attributes[{}]", sql::quoted(key)));
    let values: Vec<String> = COLUMNS.iter().map(|c| (*c).to_owned()).chain(attributes).collect();
    let mut operations: Vec<(&str, &str)> =
        tallies.iter().flat_map(GroupTally::operations).collect();
    operations.sort_unstable();
    operations.dedup();
    if operations.is_empty() {
        return Ok(groups
            .iter()
            .map(|group| vec![Vec::new(); group.explanation.listed.len()])
            .collect());
    }
    let wanted = members.keys().copied().collect();
    for ids in sql::id_filters(wanted, session.settings()) {
        let query = sql::values(&ids, &operations, &values);
        each_batch(session, &query, |columns| {
            let ids = columns.trace_ids()?;
            let services = columns.text("service_name")?;
            let spans = columns.text("span_name")?;
            let roots = columns.boolean("is_root")?;
            let values = (0..values.len())
                .map(|number| columns.text(&format!("value_{number}")))
                .collect::<Result<Vec<_>>>()?;
            for (row, id) in ids.into_iter().enumerate() {
                let Some(member) = members.get(&id) else { continue };
                let operation = (or_empty(&services, row), or_empty(&spans, row));
                let found = values.iter().enumerate().map(|(number, v)| (number, or_empty(v, row)));
                let found: Vec<(usize, &str)> =
                    found.filter(|(_, value)| !value.is_empty()).collect();
                let tally = &mut tallies[member.group];
                tally.add(
                    operation,
                    FactOrigin::Operation,
                    member.slow_place,
                    member.is_typical,
                    &found,
                );
                if holds(&roots, row) {
                    tally.add(
                        operation,
                        FactOrigin::Root,
                        member.slow_place,
                        member.is_typical,
                        &found,
                    );
                }
            }
            Ok(())
        })
        .await?;
    }
    Ok(tallies.iter().map(|tally| tally.facts(&names)).collect())
}

/// How many traces have a span, and which values.
#[derive(Debug, Default)]
struct Tally {
    traces: u64,
    values: HashMap<(usize, String), u64>,
}

impl Tally {
    fn add(&mut self, found: &[(usize, &str)]) {
        self.traces += 1;
        for (number, value) in found {
            *self.values.entry((*number, (*value).to_owned())).or_default() += 1;
        }
    }
}

/// Tallies of one cause, by origin.
#[derive(Debug, Default)]
struct CauseTally {
    dominated_traces: u64,
    dominated: [Tally; 2],
    typical: [Tally; 2],
}

/// Tallies of one group.
struct GroupTally<'a> {
    parts: &'a Parts,
    explanation: &'a Explanation,
    causes: Vec<CauseTally>,
}

impl<'a> GroupTally<'a> {
    fn new(group: &Explained<'a>) -> Self {
        let causes = group.explanation.causes.iter();
        let causes = causes
            .map(|c| CauseTally { dominated_traces: c.dominated_count, ..CauseTally::default() })
            .collect();
        Self { parts: group.parts, explanation: group.explanation, causes }
    }

    /// The operations of the causes that dominate enough traces to say something about them.
    fn operations(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let parts = self.parts;
        let causes = self.explanation.listed.iter().zip(&self.explanation.causes);
        causes.filter(|(_, cause)| cause.dominated_count >= FEWEST_TRACES).map(|(operation, _)| {
            let operation = &parts.operations[*operation as usize];
            (operation.service_name.as_str(), operation.span_name.as_str())
        })
    }

    fn add(
        &mut self,
        (service, span): (&str, &str),
        origin: FactOrigin,
        slow_place: Option<u32>,
        is_typical: bool,
        found: &[(usize, &str)],
    ) {
        let dominant = slow_place
            .and_then(|place| self.explanation.dominant[place as usize])
            .map(|dominant| dominant.operation);
        for (operation, tally) in self.explanation.listed.iter().zip(&mut self.causes) {
            let named = &self.parts.operations[*operation as usize];
            let is_it = named.service_name == service && named.span_name == span;
            if origin == FactOrigin::Operation && !is_it {
                continue;
            }
            if dominant == Some(*operation) {
                tally.dominated[origin as usize].add(found);
            }
            if is_typical {
                tally.typical[origin as usize].add(found);
            }
        }
    }

    fn facts(&self, names: &[&str]) -> Vec<Vec<Fact>> {
        self.causes.iter().map(|tally| tally.facts(names)).collect()
    }
}

impl CauseTally {
    fn facts(&self, names: &[&str]) -> Vec<Fact> {
        if self.dominated_traces < FEWEST_TRACES {
            return Vec::new();
        }
        let mut facts: Vec<(f64, Fact)> = Vec::new();
        for origin in [FactOrigin::Operation, FactOrigin::Root] {
            let (dominated, typical) =
                (&self.dominated[origin as usize], &self.typical[origin as usize]);
            if typical.traces == 0 {
                continue;
            }
            for ((name, value), count) in &dominated.values {
                // An operation that is a root and a child in one trace has two rows there.
                let dominated_count = (*count).min(self.dominated_traces);
                let dominated_share = dominated_count as f64 / self.dominated_traces as f64;
                let key = (*name, value.clone());
                let typical_count = typical.values.get(&key).copied().unwrap_or(0);
                let typical_share = typical_count as f64 / typical.traces as f64;
                let effect = cohens_h(dominated_share, typical_share);
                let is_telling = dominated_share >= DOMINATED_SHARE && effect >= LEAST_EFFECT;
                let chance = || at_least(dominated_count, self.dominated_traces, typical_share);
                if is_telling && chance() <= MOST_CHANCE {
                    let fact = Fact {
                        name: names[*name].to_owned(),
                        value: value.clone(),
                        origin,
                        dominated_count,
                        dominated_share,
                        typical_share,
                    };
                    facts.push((effect, fact));
                }
            }
        }
        facts.sort_by(|(a, fact_a), (b, fact_b)| {
            let names = |fact: &Fact| (fact.name.clone(), fact.value.clone(), fact.origin as usize);
            b.total_cmp(a).then_with(|| names(fact_a).cmp(&names(fact_b)))
        });
        let mut shown: Vec<Fact> = Vec::new();
        for (_, fact) in facts {
            // A root and an operation often carry the same value.
            if !shown.iter().any(|s| s.name == fact.name && s.value == fact.value) {
                shown.push(fact);
            }
        }
        shown.truncate(MOST_FACTS);
        shown
    }
}

/// The difference of two shares on a scale on which it means the same everywhere.
fn cohens_h(a: f64, b: f64) -> f64 {
    2.0 * a.sqrt().asin() - 2.0 * b.sqrt().asin()
}

/// The chance that of `all` traces at least `some` have a value that each has with this share:
/// the upper tail of the binomial distribution.
fn at_least(some: u64, all: u64, share: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return if share >= 1.0 || some == 0 { 1.0 } else { 0.0 };
    }
    // In logarithms: the first of many small factors would be 0.
    let mut ways = 0.0_f64;
    let mut chance = 0.0;
    for count in 0..=all {
        if count > 0 {
            ways += ((all - count + 1) as f64 / count as f64).ln();
        }
        if count >= some {
            let ln = ways + count as f64 * share.ln() + (all - count) as f64 * (1.0 - share).ln();
            chance += ln.exp();
        }
    }
    chance
}

#[cfg(test)]
mod tests;
