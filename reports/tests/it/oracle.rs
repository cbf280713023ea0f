//! The numbers of a report by the plainest way there is: loops over known traces.
//!
//! Shares no code with the crate: means are rational numbers, ranks are positions in
//! sorted lists, sums are made one by one.

use std::collections::BTreeMap;

use super::lake::{Flaw, MONDAY_NS, SECOND, Trace};

/// Service and span name.
pub(crate) type Operation = (&'static str, &'static str);

/// What one root operation must look like.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: Operation,
    pub(crate) traces: Vec<Trace>,
    pub(crate) incomplete: u64,
    pub(crate) percent: u32,
    pub(crate) threshold_ns: i64,
    /// The ids of the review list.
    pub(crate) list: Vec<String>,
    pub(crate) slow: Vec<Trace>,
    pub(crate) typical: Vec<Trace>,
    pub(crate) impact_ns: i64,
}

/// What one operation does in one trace: time, calls, failed calls.
type Use = (i64, u64, u64);

/// The complete traces of the week by root operation, greatest impact first, then the small groups.
pub(crate) fn groups(traces: &[Trace]) -> (Vec<Group>, Vec<(Operation, u64)>) {
    let end = MONDAY_NS + 7 * 24 * 3600 * SECOND;
    let mut by_name: BTreeMap<Operation, (Vec<Trace>, u64)> = BTreeMap::new();
    for trace in traces {
        // A trace starts with its first span.
        let first =
            if trace.flaw == Flaw::EarlyChild { trace.start_ns - 10 } else { trace.start_ns };
        if first < MONDAY_NS || first >= end {
            continue;
        }
        let group = by_name.entry((trace.service, trace.name)).or_default();
        if trace.flaw == Flaw::MissingParent {
            group.1 += 1;
        } else {
            group.0.push(trace.clone());
        }
    }
    let (mut enough, mut small) = (Vec::new(), Vec::new());
    for (name, (traces, incomplete)) in by_name {
        match traces.len() {
            0..72 => small.push((name, traces.len() as u64)),
            n => enough.push(group(name, traces, incomplete, if n < 368 { 5 } else { 1 })),
        }
    }
    enough.sort_by_key(|group| (-group.impact_ns, group.name));
    small.sort_by_key(|(name, count)| (u64::MAX - count, *name));
    (enough, small)
}

fn group(name: Operation, mut traces: Vec<Trace>, incomplete: u64, percent: u32) -> Group {
    traces.sort_by_key(|trace| (-trace.duration_ns(), trace.id));
    let mut k = 0;
    while k * 100 < traces.len() * percent as usize {
        k += 1;
    }
    let threshold_ns = traces[k - 1].duration_ns();
    let mut ascending: Vec<i64> = traces.iter().map(Trace::duration_ns).collect();
    ascending.sort_unstable();
    let (low, high) = (nearest_rank(&ascending, 40), nearest_rank(&ascending, 60));
    let median = nearest_rank(&ascending, 50);
    let slow: Vec<Trace> =
        traces.iter().filter(|trace| trace.duration_ns() >= threshold_ns).cloned().collect();
    let is_typical = |trace: &&Trace| low <= trace.duration_ns() && trace.duration_ns() <= high;
    Group {
        name,
        incomplete,
        percent,
        threshold_ns,
        list: traces[..k].iter().map(Trace::hex_id).collect(),
        typical: traces.iter().filter(is_typical).cloned().collect(),
        impact_ns: slow.iter().map(|trace| trace.duration_ns() - median).sum(),
        slow,
        traces,
    }
}

/// The first value of which at least that many per cent are not larger.
pub(crate) fn nearest_rank(ascending: &[i64], percent: usize) -> i64 {
    let enough = |place: &usize| (place + 1) * 100 >= percent * ascending.len();
    let place = (0..ascending.len()).find(enough).unwrap();
    ascending[place]
}

/// What each operation does in a trace.
pub(crate) fn uses(trace: &Trace) -> BTreeMap<Operation, Use> {
    let mut uses: BTreeMap<Operation, Use> = BTreeMap::new();
    let root = uses.entry((trace.service, trace.name)).or_default();
    *root = (trace.own_ns, u64::from(trace.own_ns > 0), u64::from(trace.root_failed));
    for step in &trace.steps {
        let used = uses.entry((step.service, step.name)).or_default();
        used.0 += step.calls as i64 * step.each_ns;
        used.1 += step.calls;
        used.2 += step.failed_calls;
    }
    uses
}

/// Time, calls and traces with failures of an operation in some traces.
pub(crate) fn total(traces: &[Trace], operation: Operation) -> Use {
    let mut total = (0, 0, 0);
    for trace in traces {
        let (time, calls, failed) = uses(trace).get(&operation).copied().unwrap_or_default();
        total.0 += time;
        total.1 += calls;
        total.2 += u64::from(failed > 0);
    }
    total
}

impl Group {
    /// The operations with a positive excess, the largest first, each with `excess * slow * typical`.
    pub(crate) fn excesses(&self) -> Vec<(Operation, i128)> {
        let mut operations: Vec<Operation> = self
            .slow
            .iter()
            .chain(&self.typical)
            .flat_map(|trace| uses(trace).into_keys())
            .collect();
        operations.sort_unstable();
        operations.dedup();
        let mut excesses: Vec<(Operation, i128)> =
            operations.into_iter().map(|o| (o, self.excess(&self.slow, o))).collect();
        excesses.sort_by_key(|(operation, excess)| (-excess, *operation));
        excesses
    }

    fn excess(&self, traces: &[Trace], operation: Operation) -> i128 {
        let part = i128::from(total(traces, operation).0) * self.typical.len() as i128;
        part - i128::from(total(&self.typical, operation).0) * traces.len() as i128
    }

    /// The operation that dominates a slow trace, and its time in it.
    pub(crate) fn dominant(&self, trace: &Trace) -> (Operation, i64) {
        let one = std::slice::from_ref(trace);
        let mut best: Option<(i128, Operation)> = None;
        for operation in uses(trace).into_keys() {
            let excess = self.excess(one, operation);
            if best.is_none_or(|(most, _)| excess > most) {
                best = Some((excess, operation));
            }
        }
        let (_, operation) = best.unwrap();
        (operation, uses(trace)[&operation].0)
    }

    /// The id of the medoid of some slow traces.
    pub(crate) fn medoid(&self, traces: &[&Trace]) -> String {
        let mut durations: Vec<i64> = traces.iter().map(|trace| trace.duration_ns()).collect();
        durations.sort_unstable();
        let median = nearest_rank(&durations, 50);
        let owned: Vec<Trace> = traces.iter().map(|trace| (*trace).clone()).collect();
        let count = traces.len() as i128;
        let distance = |trace: &Trace| -> i128 {
            let of_operation = |(operation, _): (Operation, i128)| {
                let time = uses(trace).get(&operation).map_or(0, |used| used.0);
                (i128::from(time) * count - i128::from(total(&owned, operation).0)).abs()
            };
            self.excesses().into_iter().map(of_operation).sum()
        };
        let best = traces
            .iter()
            .min_by_key(|trace| (distance(trace), (trace.duration_ns() - median).abs(), trace.id));
        best.unwrap().hex_id()
    }
}
