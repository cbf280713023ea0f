//! The stream of requests: traces in time order, their spans cut into batches.
//!
//! Every region has a collector. A span reaches it when it ends, so parents
//! come after their children and a long trace spreads over several batches.
//! Memory holds the spans that have not ended yet, and one batch per region.

use std::collections::{BTreeMap, VecDeque};
use std::iter::Peekable;
use std::sync::Arc;

use crate::fleet::Host;
use crate::shop::customers::REGIONS;
use crate::span::{Request, Resource, ResourceSpans, ScopeSpans};
use crate::trace::{Draft, Recent, World, generate};
use crate::traffic::{Arrival, Arrivals};

/// A collector sends when it has so many spans.
const BATCH_SPANS: usize = 400;

/// The arrivals of all root operations, in order.
#[derive(Debug, Clone)]
pub(crate) struct Merge<'p> {
    sources: Vec<Peekable<Arrivals<'p>>>,
}

impl<'p> Merge<'p> {
    /// Merges arrivals that are each in order.
    pub(crate) fn new(sources: impl Iterator<Item = Arrivals<'p>>) -> Self {
        Self { sources: sources.map(Iterator::peekable).collect() }
    }
}

impl Iterator for Merge<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let heads = self.sources.iter_mut().filter_map(|source| source.peek().copied());
        let first = heads.min_by_key(|arrival| (arrival.at_ns, arrival.root))?;
        self.sources[first.root].next()
    }
}

/// The requests of a plan, in the order in which collectors would send them.
#[derive(Debug)]
pub struct Requests<'p> {
    world: &'p World,
    arrivals: Merge<'p>,
    recent: Recent,
    /// Spans that have not ended, by end and order of making.
    pending: BTreeMap<(u64, u64), Draft>,
    made: u64,
    batches: [Vec<Draft>; REGIONS.len()],
    /// The resource of every pod, in the version it had last.
    resources: Vec<Option<(Host, Arc<Resource>)>>,
    ready: VecDeque<Request>,
}

impl<'p> Requests<'p> {
    pub(crate) fn new(world: &'p World, arrivals: Merge<'p>) -> Self {
        Self {
            world,
            arrivals,
            recent: Recent::default(),
            pending: BTreeMap::new(),
            made: 0,
            batches: [const { Vec::new() }; REGIONS.len()],
            resources: vec![None; world.fleet.pods()],
            ready: VecDeque::new(),
        }
    }

    /// Hands over the spans that have ended by then.
    fn release(&mut self, now_ns: u64) {
        while let Some(first) = self.pending.first_entry()
            && first.key().0 <= now_ns
        {
            let draft = first.remove();
            let region = draft.region;
            self.batches[region].push(draft);
            if self.batches[region].len() == BATCH_SPANS {
                self.send(region);
            }
        }
    }

    /// Makes a request of a region's batch.
    fn send(&mut self, region: usize) {
        let mut batch = std::mem::take(&mut self.batches[region]);
        if batch.is_empty() {
            return;
        }
        // Stable: within a group, spans stay in the order in which they ended.
        batch.sort_by_key(|draft| (draft.host, draft.scope));
        let mut request = Request { resource_spans: Vec::new() };
        let mut last = None;
        for draft in batch {
            let groups = &mut request.resource_spans;
            if last != Some(draft.host) {
                last = Some(draft.host);
                let resource = self.resource(draft.host);
                groups.push(ResourceSpans { resource, scope_spans: Vec::new() });
            }
            let scopes = &mut groups.last_mut().expect("a group was just opened").scope_spans;
            if scopes.last().is_none_or(|open| open.scope != draft.scope) {
                scopes.push(ScopeSpans { scope: draft.scope, spans: Vec::new() });
            }
            scopes.last_mut().expect("a scope was just opened").spans.push(draft.span);
        }
        self.ready.push_back(request);
    }

    fn resource(&mut self, host: Host) -> Arc<Resource> {
        match &self.resources[host.pod()] {
            Some((known, resource)) if *known == host => Arc::clone(resource),
            _ => {
                let resource = Arc::new(self.world.fleet.resource(host));
                self.resources[host.pod()] = Some((host, Arc::clone(&resource)));
                resource
            }
        }
    }
}

impl Iterator for Requests<'_> {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        while self.ready.is_empty() {
            let Some(arrival) = self.arrivals.next() else {
                self.release(u64::MAX);
                for region in 0..REGIONS.len() {
                    self.send(region);
                }
                break;
            };
            self.release(arrival.at_ns);
            for draft in generate(self.world, &mut self.recent, arrival) {
                self.pending.insert((draft.due_ns, self.made), draft);
                self.made += 1;
            }
        }
        self.ready.pop_front()
    }
}
