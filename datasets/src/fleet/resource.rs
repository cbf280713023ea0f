//! The resource of an instance: what its SDK, its cluster and its cloud say.

use super::{Host, Pod};
use crate::random::mix;
use crate::shop::customers::REGIONS;
use crate::span::{Resource, attribute};

/// Kubernetes names are made of these.
const ALPHABET: &[u8; 32] = b"bcdfghjklmnpqrstvwxz2456789bcdfg";
/// So many nodes carry the pods of a region.
const NODES: u64 = 12;

/// The resource of a pod in a version.
pub(super) fn describe(seed: u64, host: Host, pod: Pod, version: &str) -> Resource {
    let facts = pod.service.facts();
    let region = REGIONS[pod.region].name;
    let identity = mix(mix(seed, host.pod.into()), host.release.into());
    // Pods of one release share the hash of their replica set.
    let replica_set = mix(mix(seed, pod.service as u64), host.release.into());
    let name = format!("{}-{}-{}", facts.name, word(replica_set, 9), word(identity, 5));
    let node = mix(seed, host.pod.into()) % NODES;
    let node_name = format!(
        "ip-10-{}-{}-{}.{region}.compute.internal",
        pod.region + 20,
        node * 16,
        node * 7 + 11
    );
    let zone = format!("{region}{}", ["a", "b", "c"][node as usize % 3]);
    Resource {
        attributes: vec![
            attribute("service.name", facts.name),
            attribute("service.namespace", "shop"),
            attribute("service.version", version.to_owned()),
            attribute("service.instance.id", uuid(identity)),
            attribute("service.criticality", facts.criticality),
            attribute("deployment.environment.name", "production"),
            attribute("telemetry.sdk.name", "opentelemetry"),
            attribute("telemetry.sdk.language", facts.language.name),
            attribute("telemetry.sdk.version", facts.language.sdk_version),
            attribute("cloud.provider", "aws"),
            attribute("cloud.platform", "aws_eks"),
            attribute("cloud.region", region),
            attribute("cloud.availability_zone", zone),
            attribute("k8s.cluster.name", format!("shop-{region}")),
            attribute("k8s.namespace.name", "shop"),
            attribute("k8s.deployment.name", facts.name),
            attribute("k8s.pod.name", name),
            attribute("k8s.node.name", node_name.clone()),
            attribute("host.name", node_name),
            attribute(
                "host.id",
                format!("i-{:017x}", mix(seed, node * 3 + pod.region as u64) >> 4),
            ),
        ],
    }
}

fn word(bits: u64, length: usize) -> String {
    (0..length).map(|place| char::from(ALPHABET[(bits >> (5 * place)) as usize % 32])).collect()
}

fn uuid(bits: u64) -> String {
    let (high, low) = (bits, mix(bits, 1));
    let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xfff);
    format!(
        "{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}",
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}
