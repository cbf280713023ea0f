//! Turns one arrival into the spans of a trace, by interpreting the steps of
//! its root operation.
//!
//! Time goes forward through the steps: each takes the moment at which it may
//! begin and returns the moment at which it is done, or why and when it failed.
//! A span is made when it is done, so children come before their parents.
//!
//! Incidents change how a step behaves, never which steps there are: what is
//! slow or failing is found in the trace by looking, not by a label.

mod attributes;
mod calls;
mod handler;
mod recent;

pub(crate) use recent::Recent;

use crate::fleet::{Fleet, Host};
use crate::incident::Scheduled;
use crate::random::{Random, exp};
use crate::shop::failures::{Exception, Failure};
use crate::shop::incidents::Effect;
use crate::shop::model::Latency;
use crate::shop::roots::ROOTS;
use crate::shop::services::Service;
use crate::span::{Kind, Scope, Span};
use crate::traffic::{Arrival, region_weights};
use crate::visitor::Visitor;

/// The W3C flag "sampled", and OTLP's "it is known whether the parent is remote".
const LOCAL_PARENT: u32 = 0x101;
/// The same, and the parent is remote.
const REMOTE_PARENT: u32 = 0x301;

/// An idle shop is this fast,
const NIGHT_PACE: f64 = 0.85;
/// and traffic makes it slower: by about a third at the busiest hour.
const LOAD_COST: f64 = 0.24;
/// Some requests are slow all the way: large answers, busy nodes.
const PACE_SPREAD: f64 = 0.14;

/// What all traces of a data set have in common.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) fleet: Fleet,
    pub(crate) incidents: Vec<Scheduled>,
}

/// A span, and what the collector needs to group it and put it in order.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) span: Span,
    /// When it ended, by the right clock.
    pub(crate) due_ns: u64,
    pub(crate) host: Host,
    pub(crate) region: usize,
    pub(crate) scope: Scope,
}

/// Makes the spans of a trace, children before parents.
pub(crate) fn generate(world: &World, recent: &mut Recent, arrival: Arrival) -> Vec<Draft> {
    let root = &ROOTS[arrival.root];
    let mut random = Random::new(world.seed, arrival.root as u64, arrival.number);
    let weights = region_weights(root.rhythm, arrival.at_ns);
    let load = weights.iter().sum::<f64>();
    let pace = (NIGHT_PACE + LOAD_COST * load) * exp(PACE_SPREAD * random.normal());
    let visitor = Visitor::draw(&mut random, weights, arrival.at_ns);
    let touches = |one: &&Scheduled| one.touches(arrival.at_ns, visitor.tier, visitor.region);
    let mut trace = Trace {
        world,
        touching: world.incidents.iter().filter(touches).collect(),
        visitor,
        pace,
        trace_id: ((u128::from(random.bits()) << 64) | u128::from(random.bits()))
            .max(1)
            .to_be_bytes(),
        random,
        recent,
        drafts: Vec::with_capacity(32),
    };
    trace.serve(root.endpoint, None, arrival.at_ns);
    trace.drafts
}

/// A trace in the making.
struct Trace<'w> {
    world: &'w World,
    /// The incidents that touch it.
    touching: Vec<&'w Scheduled>,
    visitor: Visitor,
    /// How slow everything is for this request, 1 on average.
    pace: f64,
    trace_id: [u8; 16],
    random: Random,
    recent: &'w mut Recent,
    drafts: Vec<Draft>,
}

/// Where code runs: inside a span of an instance.
#[derive(Debug, Clone, Copy)]
struct Here {
    service: Service,
    host: Host,
    span_id: [u8; 8],
}

/// A call that came to an end.
#[derive(Debug, Clone, Copy)]
struct Answer {
    at_ns: u64,
    failure: Option<Failure>,
}

/// A handler that cannot go on.
#[derive(Debug, Clone, Copy)]
struct Halt {
    at_ns: u64,
    failure: Failure,
    /// What the handler throws. A refusal is an answer, not an exception.
    throws: Option<Exception>,
}

impl Halt {
    /// A handler that throws because something broke.
    fn broken(at_ns: u64, failure: Failure, exception: Exception) -> Self {
        Self { at_ns, failure, throws: Some(exception) }
    }

    /// A handler that refuses what the caller asked for.
    fn refused(at_ns: u64, failure: Failure) -> Self {
        Self { at_ns, failure, throws: None }
    }
}

impl Trace<'_> {
    /// How an incident changes an operation in this trace.
    fn effect(&self, service: Service, span_name: &str) -> Option<&'static Effect> {
        let facts = self.touching.iter().map(|one| one.facts);
        let mut hit =
            facts.filter(|facts| facts.service == service && facts.span_name == span_name);
        hit.next().map(|facts| &facts.effect)
    }

    fn draw(&mut self, latency: Latency) -> u64 {
        let median_us = f64::from(latency.median_us) * self.pace;
        let mut us = median_us * exp(latency.spread * self.random.normal());
        if self.random.chance(latency.tail) {
            us *= self.random.stretch();
        }
        (us * 1_000.0) as u64
    }

    fn new_id(&mut self) -> [u8; 8] {
        self.random.bits().max(1).to_be_bytes()
    }

    /// A span with only the fields that every span has.
    fn span(
        &self,
        span_id: [u8; 8],
        name: &'static str,
        kind: Kind,
        start_ns: u64,
        end_ns: u64,
    ) -> Span {
        Span {
            trace_id: self.trace_id,
            span_id,
            parent_span_id: None,
            flags: LOCAL_PARENT,
            name,
            kind,
            start_ns,
            end_ns,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            error: None,
        }
    }

    /// Adds a span, by the clock of its host.
    fn record(&mut self, host: Host, scope: Scope, mut span: Span) {
        let due_ns = span.end_ns;
        let skew_ns = self.world.fleet.skew_ns(host);
        span.start_ns = span.start_ns.saturating_add_signed(skew_ns);
        span.end_ns = span.end_ns.saturating_add_signed(skew_ns);
        for event in &mut span.events {
            event.time_ns = event.time_ns.saturating_add_signed(skew_ns);
        }
        self.drafts.push(Draft { span, due_ns, host, region: self.visitor.region, scope });
    }
}
