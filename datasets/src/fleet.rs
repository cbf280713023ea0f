//! Where services run: pods in regions, their versions over time, their clocks.
//!
//! A rolling release replaces the pods of a service one by one; a pod of a new
//! version is a new service instance with a new name. A few hosts have a clock
//! that is some milliseconds off, as in every real cluster.

mod resource;

use crate::incident::{Scheduled, Week};
use crate::random::{Random, mix};
use crate::shop::customers::REGIONS;
use crate::shop::incidents::Effect;
use crate::shop::services::{SERVICES, Service, ServiceFacts};
use crate::span::Resource;

const HOUR_NS: u64 = 3_600_000_000_000;
const WEEK_NS: u64 = 168 * HOUR_NS;
/// A rolling release replaces a pod every 90 seconds.
const ROLL_NS: u64 = 90_000_000_000;
/// One instance in so many has a clock that is off.
const SKEW_ONE_IN: u64 = 40;
/// No clock is off by more than this.
pub(crate) const MOST_SKEW_NS: i64 = 8_000_000;

/// All instances of all services.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    seed: u64,
    pods: Vec<Pod>,
    /// The number of the first pod of every service.
    first_pod: Vec<u32>,
    /// The releases of every service, by time.
    releases: Vec<Vec<Release>>,
}

/// A place for one instance of a service.
#[derive(Debug, Clone, Copy)]
struct Pod {
    service: Service,
    region: usize,
    /// Its place in a rolling release of the service.
    turn: u64,
    skew_ns: i64,
}

/// A version of a service, from a moment on.
#[derive(Debug, Clone)]
struct Release {
    /// When the first pod gets it.
    at_ns: u64,
    /// How long after its predecessor the next pod gets it.
    roll_ns: u64,
    version: String,
    is_bad: bool,
}

/// An instance: a pod and the release that runs in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Host {
    pod: u32,
    release: u32,
}

impl Host {
    /// The pod's number among all pods.
    pub(crate) fn pod(self) -> usize {
        self.pod as usize
    }
}

impl Fleet {
    /// The pods and releases of a range.
    pub(crate) fn new(seed: u64, start_ns: u64, end_ns: u64, incidents: &[Scheduled]) -> Self {
        let mut first_pod = Vec::new();
        let mut pods = Vec::new();
        for facts in &SERVICES {
            first_pod.push(pods.len() as u32);
            for number in 0..REGIONS.len() as u32 * facts.pods {
                let region = (number / facts.pods) as usize;
                let skew_ns = skew(mix(seed, pods.len() as u64));
                pods.push(Pod { service: facts.service, region, turn: number.into(), skew_ns });
            }
        }
        let releases = SERVICES.iter().map(|facts| {
            let bad = incidents.iter().find(|incident| incident.facts.service == facts.service);
            releases(seed, facts, start_ns, end_ns, bad)
        });
        Self { seed, first_pod, releases: releases.collect(), pods }
    }

    /// How many pods there are.
    pub(crate) fn pods(&self) -> usize {
        self.pods.len()
    }

    /// An instance of a service in a region, as the load balancer picks it.
    pub(crate) fn pick(
        &self,
        service: Service,
        region: usize,
        at_ns: u64,
        random: &mut Random,
    ) -> Host {
        let per_region = service.facts().pods;
        let pod = self.first_pod[service as usize]
            + region as u32 * per_region
            + random.below(per_region);
        let turn = self.pods[pod as usize].turn;
        let reached = |release: &Release| release.at_ns + turn * release.roll_ns <= at_ns;
        let releases = &self.releases[service as usize];
        // The first release is there from the beginning, also for a clock before it.
        let release = releases.partition_point(reached).max(1) as u32 - 1;
        Host { pod, release }
    }

    /// Whether the instance runs the release of a bad deploy.
    pub(crate) fn is_bad(&self, host: Host) -> bool {
        self.release(host).is_bad
    }

    /// How far the host's clock is off.
    pub(crate) fn skew_ns(&self, host: Host) -> i64 {
        self.pods[host.pod()].skew_ns
    }

    /// What the instance's SDK says about itself.
    pub(crate) fn resource(&self, host: Host) -> Resource {
        let pod = self.pods[host.pod()];
        resource::describe(self.seed, host, pod, &self.release(host).version)
    }

    fn release(&self, host: Host) -> &Release {
        &self.releases[self.pods[host.pod()].service as usize][host.release as usize]
    }
}

fn skew(chance: u64) -> i64 {
    if !chance.is_multiple_of(SKEW_ONE_IN) {
        return 0;
    }
    let size = MOST_SKEW_NS / 8 + (chance >> 32) as i64 % (MOST_SKEW_NS / 8 * 7);
    if chance & (1 << 20) == 0 { size } else { -size }
}

/// The first version, routine releases on working days, and the bad one.
fn releases(
    seed: u64,
    facts: &ServiceFacts,
    start_ns: u64,
    end_ns: u64,
    incident: Option<&Scheduled>,
) -> Vec<Release> {
    let length_ns = (end_ns - start_ns).min(WEEK_NS);
    let roll_ns = (ROLL_NS as f64 * (length_ns as f64 / WEEK_NS as f64)) as u64;
    let release = |at_ns, version| Release { at_ns, roll_ns, version, is_bad: false };
    let mut all = vec![Release { roll_ns: 0, ..release(start_ns, text(facts.version)) }];
    let mut version = facts.version;
    for week in 0..(end_ns - start_ns).div_ceil(length_ns) {
        let first_ns = start_ns + week * length_ns;
        let week_span = Week { start_ns: first_ns, end_ns: first_ns + length_ns };
        for number in 0..facts.releases {
            let mut random =
                Random::new(seed, 0x5e_1ea5e + facts.service as u64, week * 8 + u64::from(number));
            version = bump(version, random.chance(0.3));
            // One after the other from Monday to Thursday, in the afternoon.
            let day = (number * 4 + random.below(4)) / facts.releases;
            let at_ns = week_span.moment(f64::from(day * 24) + 13.0 + 4.0 * random.unit());
            all.push(release(at_ns, text(version)));
        }
    }
    all.sort_by_key(|release| release.at_ns);
    if let Some(incident) = incident {
        insert_bad(&mut all, facts, incident, roll_ns);
    }
    all
}

/// The bad release and its rollback, both finished inside the incident's window.
fn insert_bad(all: &mut Vec<Release>, facts: &ServiceFacts, incident: &Scheduled, roll_ns: u64) {
    let Effect::BadRelease { version, .. } = incident.facts.effect else { return };
    let place = all.partition_point(|release| release.at_ns <= incident.start_ns);
    let before = all[place - 1].version.clone();
    let pods = REGIONS.len() as u64 * u64::from(facts.pods);
    let bad =
        Release { at_ns: incident.start_ns, roll_ns, version: version.to_owned(), is_bad: true };
    let rollback_ns = incident.end_ns.saturating_sub(pods * roll_ns).max(incident.start_ns);
    let rollback = Release { at_ns: rollback_ns, roll_ns, version: before, is_bad: false };
    all.splice(place..place, [bad, rollback]);
}

fn bump([major, minor, patch]: [u32; 3], is_minor: bool) -> [u32; 3] {
    if is_minor { [major, minor + 1, 0] } else { [major, minor, patch + 1] }
}

fn text([major, minor, patch]: [u32; 3]) -> String {
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests;
