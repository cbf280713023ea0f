//! Incidents: what was declared in `shop::incidents`, placed into the range.

use serde::Serialize;

use crate::random::Random;
use crate::shop::customers::{REGIONS, TIERS};
use crate::shop::incidents::{INCIDENTS, IncidentFacts};
use crate::shop::services::Service;
use crate::traffic::Traffic;

const WEEK_HOURS: f64 = 168.0;
const SECOND_NS: u64 = 1_000_000_000;

/// Something that went wrong for a while, and what a good report should say about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Incident {
    /// A short name, the same for every seed and range.
    pub id: &'static str,
    /// One line for people.
    pub title: &'static str,
    /// What happened.
    pub description: &'static str,
    /// The pattern it follows.
    pub kind: IncidentKind,
    /// The beginning, in nanoseconds since the epoch. Traces that begin from here on are touched.
    pub start_ns: u64,
    /// The end, exclusive.
    pub end_ns: u64,
    /// The service of the operation at fault.
    pub service_name: &'static str,
    /// The operation that should show up as the cause.
    pub span_name: &'static str,
    /// The root operations that get slow, by service and span name, most affected first.
    pub root_operations: Vec<(&'static str, &'static str)>,
    /// Attributes of the operation at fault, or of its service, that set touched traces apart.
    pub attributes: Vec<(&'static str, &'static str)>,
}

/// The patterns of incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IncidentKind {
    /// A database got slow.
    SlowDependency,
    /// A new version was slow and threw, until it was rolled back.
    BadDeploy,
    /// A third party failed and was asked again and again.
    RetryStorm,
    /// One query per item instead of one for all.
    NPlusOne,
    /// Only one group of customers in one region had to wait.
    SlowAudience,
}

/// The last seven days of the range, or all of it as a compressed week.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Week {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Week {
    /// Seven days of a real week last so many nanoseconds here.
    fn length_ns(self) -> u64 {
        self.end_ns - self.start_ns
    }

    /// The moment that many hours of a real week after the start.
    pub(crate) fn moment(self, hours: f64) -> u64 {
        self.start_ns + (hours / WEEK_HOURS * self.length_ns() as f64) as u64
    }
}

/// A declared incident and its window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scheduled {
    pub(crate) facts: &'static IncidentFacts,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Scheduled {
    /// Whether a trace that begins then, of a customer of that tier and region, is touched.
    pub(crate) fn touches(&self, at_ns: u64, tier: usize, region: usize) -> bool {
        let audience = self.facts.audience.is_none_or(|audience| audience == (tier, region));
        audience && (self.start_ns..self.end_ns).contains(&at_ns)
    }

    /// What callers may know about it.
    pub(crate) fn describe(&self) -> Incident {
        let facts = self.facts;
        let roots = facts.roots.iter();
        Incident {
            id: facts.id,
            title: facts.title,
            description: facts.description,
            kind: facts.kind,
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            service_name: facts.service.name(),
            span_name: facts.span_name,
            root_operations: roots.map(|(service, name)| (service.name(), *name)).collect(),
            attributes: facts.attributes.to_vec(),
        }
    }
}

/// Places every declared incident: by the hour, moved a little by the seed, and
/// long enough to touch its share of the week's traces.
pub(crate) fn schedule<'t>(
    week: Week,
    seed: u64,
    traffic: impl Fn((Service, &'static str)) -> &'t Traffic,
) -> Vec<Scheduled> {
    let place = |(number, facts): (usize, &'static IncidentFacts)| {
        let shift = Random::new(seed, 0x1_4c1d, number as u64).unit() - 0.5;
        let start_ns = whole_second(week.moment(facts.starts_at_hour + shift));
        let traffic = traffic(facts.roots[0]);
        let week_share = traffic.share_before(week.end_ns) - traffic.share_before(week.start_ns);
        let audience =
            facts.audience.map_or(1.0, |(tier, region)| TIERS[tier].share * REGIONS[region].share);
        let share = facts.share / audience * week_share;
        let end_ns = traffic.moment(traffic.share_before(start_ns) + share).min(week.end_ns);
        Scheduled { facts, start_ns, end_ns: whole_second(end_ns) }
    };
    INCIDENTS.iter().enumerate().map(place).collect()
}

fn whole_second(ns: u64) -> u64 {
    ns / SECOND_NS * SECOND_NS
}

#[cfg(test)]
mod tests;
