//! The plan of a data set: how many traces of which root operation, when, and
//! what goes wrong. Made from the settings alone, without writing anything.

use crate::error::Result;
use crate::fleet::Fleet;
use crate::incident::{Incident, Week, schedule};
use crate::settings::Settings;
use crate::shop::roots::{ROOTS, Root};
use crate::shop::services::Service;
use crate::stream::{Merge, Requests};
use crate::trace::{Recent, World, generate};
use crate::traffic::{Arrivals, Traffic};

const WEEK_NS: u64 = 7 * 86_400_000_000_000;
/// So many traces of every root operation say how many spans one has.
const PROBES: u64 = 128;
/// Up to here the whole plan is tried out: few traces make a poor average.
const SMALL_SPANS: u64 = 20_000;
/// A small plan may be off by one part in so many.
const SMALL_ERROR: u64 = 50;
/// So often a small plan is corrected.
const TRIES: usize = 12;

/// A data set that can be generated.
#[derive(Debug, Clone)]
pub struct Plan {
    settings: Settings,
    world: World,
    /// By root operation.
    traffic: Vec<Traffic>,
    counts: Vec<u64>,
    expected_spans: u64,
}

/// A root operation of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RootOperation {
    /// The service of the root span.
    pub service_name: &'static str,
    /// The name of the root span.
    pub span_name: &'static str,
    /// How many traces begin with it.
    pub traces: u64,
}

impl Plan {
    /// Plans a data set. Fails if the settings ask for the impossible.
    pub fn new(settings: &Settings) -> Result<Self> {
        let (start_ns, end_ns) = settings.range_ns()?;
        let traffic: Vec<Traffic> =
            ROOTS.iter().map(|root| Traffic::new(root.rhythm, start_ns, end_ns)).collect();
        let week = Week { start_ns: start_ns.max(end_ns.saturating_sub(WEEK_NS)), end_ns };
        let incidents = schedule(week, settings.seed, |root| &traffic[place(root)]);
        let fleet = Fleet::new(settings.seed, start_ns, end_ns, &incidents);
        let world = World { seed: settings.seed, fleet, incidents };
        let mut plan =
            Self { settings: *settings, world, traffic, counts: Vec::new(), expected_spans: 0 };
        plan.fit();
        Ok(plan)
    }

    /// What was asked for.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many traces will be generated.
    pub fn traces(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// About how many spans will be generated: a total for a progress bar.
    pub fn expected_spans(&self) -> u64 {
        self.expected_spans
    }

    /// Where traces begin, most frequent first by design of the shop.
    pub fn root_operations(&self) -> Vec<RootOperation> {
        let operation = |(root, count): (&Root, &u64)| RootOperation {
            service_name: root.endpoint.service.name(),
            span_name: root.endpoint.api.span_name(),
            traces: *count,
        };
        ROOTS.iter().zip(&self.counts).map(operation).collect()
    }

    /// What goes wrong in the last seven days, by start.
    pub fn incidents(&self) -> Vec<Incident> {
        self.world.incidents.iter().map(|incident| incident.describe()).collect()
    }

    /// The spans, as collectors would send them. Starts anew with every call.
    pub fn requests(&self) -> Requests<'_> {
        Requests::new(&self.world, self.arrivals(&self.counts))
    }

    fn arrivals(&self, counts: &[u64]) -> Merge<'_> {
        let roots = self.traffic.iter().zip(counts).enumerate();
        let seed = self.settings.seed;
        Merge::new(roots.map(|(root, (traffic, count))| Arrivals::new(traffic, seed, root, *count)))
    }

    /// Finds the number of traces that gives the number of spans.
    fn fit(&mut self) {
        let asked = self.settings.spans;
        let probes = self.count_spans(&[PROBES; ROOTS.len()]);
        let spans_per_trace: f64 = ROOTS
            .iter()
            .zip(&probes)
            .map(|(root, spans)| root.share * *spans as f64 / PROBES as f64)
            .sum();
        let mut traces = (asked as f64 / spans_per_trace) as u64;
        self.counts = divide(traces);
        self.expected_spans = asked;
        if asked > SMALL_SPANS {
            return;
        }
        let mut best = u64::MAX;
        for _ in 0..TRIES {
            let counts = divide(traces);
            let spans: u64 = self.count_spans(&counts).iter().sum();
            let error = spans.abs_diff(asked);
            if error < best {
                (best, self.counts, self.expected_spans) = (error, counts, spans);
            }
            if best <= asked / SMALL_ERROR {
                return;
            }
            let missing = (asked as f64 - spans as f64) / spans_per_trace;
            // At least one trace more or less, or the next try is the same.
            let step = if missing < 0.0 { missing.min(-1.0) } else { missing.max(1.0) };
            traces = (traces as f64 + step).max(1.0) as u64;
        }
    }

    /// How many spans so many traces of every root operation have.
    fn count_spans(&self, counts: &[u64]) -> Vec<u64> {
        let mut spans = vec![0; ROOTS.len()];
        let mut recent = Recent::default();
        for arrival in self.arrivals(counts) {
            spans[arrival.root] += generate(&self.world, &mut recent, arrival).len() as u64;
        }
        spans
    }
}

/// Gives every root operation its share of the traces, whole ones.
fn divide(traces: u64) -> Vec<u64> {
    let mut given = 0;
    let mut share = 0.0;
    let count = |root: &Root| {
        share += root.share;
        let until = (share * traces as f64 + 0.5) as u64;
        let count = until - given;
        given = until;
        count
    };
    ROOTS.iter().map(count).collect()
}

fn place((service, name): (Service, &'static str)) -> usize {
    let is_it =
        |root: &Root| root.endpoint.service == service && root.endpoint.api.span_name() == name;
    ROOTS.iter().position(is_it).expect("incidents name roots that exist, which a test checks")
}

#[cfg(test)]
mod tests;
