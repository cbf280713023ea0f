//! Tests of `fleet`.

use super::*;
use crate::incident::schedule;
use crate::shop::customers::BROWSING;
use crate::traffic::Traffic;

const START: u64 = 1_794_182_400_000_000_000;

fn week_with(weeks: u64) -> (Fleet, Vec<Scheduled>) {
    let end_ns = START + weeks * WEEK_NS;
    let traffic = Traffic::new(&BROWSING, START, end_ns);
    let week = Week { start_ns: end_ns - WEEK_NS, end_ns };
    let incidents = schedule(week, 46, |_| &traffic);
    (Fleet::new(46, START, end_ns, &incidents), incidents)
}

fn versions(fleet: &Fleet, service: Service, at_ns: u64) -> Vec<String> {
    let mut random = Random::new(1, 1, at_ns);
    let mut versions: Vec<String> = (0..200)
        .map(|number| fleet.pick(service, number % 3, at_ns, &mut random))
        .map(|host| fleet.resource(host).text("service.version").unwrap().to_owned())
        .collect();
    versions.sort();
    versions.dedup();
    versions
}

#[test]
fn a_bad_release_rolls_out_and_back_inside_its_incident() {
    let (fleet, incidents) = week_with(2);
    let bad = incidents.iter().find(|one| one.facts.service == Service::Search).unwrap();
    let middle = bad.start_ns.midpoint(bad.end_ns);
    assert_eq!(versions(&fleet, Service::Search, bad.start_ns - 1), ["3.8.4"]);
    assert_eq!(versions(&fleet, Service::Search, bad.start_ns + ROLL_NS * 4), ["3.8.4", "3.9.0"]);
    assert_eq!(versions(&fleet, Service::Search, middle), ["3.9.0"]);
    assert_eq!(versions(&fleet, Service::Search, bad.end_ns), ["3.8.4"]);
}

#[test]
fn routine_releases_go_on_for_weeks() {
    let (fleet, _) = week_with(3);
    let releases = &fleet.releases[Service::Frontend as usize];
    assert_eq!(releases.len(), 1 + 3 * 3);
    assert!(releases.is_sorted_by_key(|release| release.at_ns));
    assert_eq!(versions(&fleet, Service::Frontend, START), ["5.12.0"]);
    assert_ne!(versions(&fleet, Service::Frontend, START + 3 * WEEK_NS), ["5.12.0"]);
}

#[test]
fn few_clocks_are_off() {
    let (fleet, _) = week_with(1);
    let off = fleet.pods.iter().filter(|pod| pod.skew_ns != 0).count();
    assert!(off > 0 && off * 20 < fleet.pods(), "{off} of {}", fleet.pods());
    assert!(fleet.pods.iter().all(|pod| pod.skew_ns.abs() <= MOST_SKEW_NS));
}

#[test]
fn instances_differ() {
    let (fleet, _) = week_with(1);
    let mut ids: Vec<String> = (0..fleet.pods() as u32)
        .map(|pod| fleet.resource(Host { pod, release: 0 }))
        .map(|resource| resource.text("service.instance.id").unwrap().to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), fleet.pods());
}
