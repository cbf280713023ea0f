//! Kinds of slow traces (semantics.md 4.5): those with the same call tree, the same main cause and the same error at
//! the root.

use std::collections::{BTreeMap, HashMap};

use schema::TraceId;

use super::causes::Explanation;
use super::medoid::{median_ns, medoid};
use super::model::Cluster;
use super::parts::Parts;
use super::ranking::{RankedGroup, TraceRow, rounded, to_i64};
use super::weight;
use super::{newest, trace_ref};

/// What a slow trace looks like.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    /// Hash of the call tree.
    pub(super) shape: i64,
    pub(super) span_count: u64,
    /// Of the root.
    pub(super) error_type: Option<String>,
}

/// The looks of the slow traces of all groups.
pub(super) type Looks = HashMap<TraceId, Look>;

/// All kinds of one group, the one that lost most time first.
pub(super) fn clusters(
    group: &RankedGroup,
    parts: &Parts,
    explanation: &Explanation,
    looks: &Looks,
) -> Vec<Cluster> {
    let unknown = Look::default();
    let look = |trace: &TraceRow| looks.get(&trace.id).unwrap_or(&unknown);
    let mut kinds: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for (place, trace) in group.slow().iter().enumerate() {
        let dominant = explanation.dominant.get(place).copied().flatten();
        let look = look(trace);
        let kind = (look.shape, dominant.map(|dominant| dominant.operation), &look.error_type);
        kinds.entry(kind).or_default().push(place as u32);
    }
    let mut clusters: Vec<Cluster> = kinds
        .into_iter()
        .filter_map(|((shape, operation, error_type), places)| {
            let trace = |place: u32| group.slow()[place as usize];
            let traces: Vec<TraceRow> = places.iter().map(|place| trace(*place)).collect();
            let (weight, lost) = traces.iter().fold((0, 0), |(weight, lost), trace| {
                let over = i128::from(trace.duration_ns) - i128::from(group.header.p50.value_ns);
                (weight + u128::from(trace.weight), lost + over * i128::from(trace.weight))
            });
            let example = trace(medoid(parts, group.slow(), &places)?);
            let operation = operation.map(|operation| &parts.operations[operation as usize]);
            Some(Cluster {
                shape: shape.to_string(),
                span_count: look(&example).span_count,
                dominant_service_name: operation.map(|one| one.service_name.clone()),
                dominant_span_name: operation.map(|one| one.span_name.clone()),
                error_type: error_type.clone(),
                trace_count: traces.len() as u64,
                estimated_trace_count: weight::traces(weight),
                share: weight as f64 / group.slow_cohort.weight as f64,
                excess_ns: to_i64(rounded(lost, i128::from(weight::ONE))),
                median_ns: median_ns(group.slow(), &places)?,
                representative: trace_ref(&example),
                slowest: trace_ref(traces.first()?),
                newest: trace_ref(newest(&traces)?),
            })
        })
        .collect();
    clusters.sort_by(|a, b| {
        let example = |cluster: &Cluster| cluster.representative.trace_id.clone();
        b.excess_ns.cmp(&a.excess_ns).then_with(|| example(a).cmp(&example(b)))
    });
    clusters
}
