//! What runs inside a service: endpoints and their steps.

use std::borrow::Cow;

use super::attributes;
use super::{Answer, Halt, Here, REMOTE_PARENT, Trace};
use crate::shop::failures::Failure;
use crate::shop::incidents::Effect;
use crate::shop::model::{Api, Endpoint, Latency, Query, Step};
use crate::shop::services::{MANUAL, Service};
use crate::span::{Kind, Span, attribute};

/// How long a runtime stops, in microseconds.
const PAUSE_US: (u32, u32) = (40_000, 170_000);

impl Trace<'_> {
    /// Runs an endpoint on some instance and makes its SERVER (or CONSUMER, or job) span.
    pub(super) fn serve(
        &mut self,
        endpoint: &'static Endpoint,
        parent: Option<[u8; 8]>,
        at_ns: u64,
    ) -> Answer {
        let region = self.visitor.region;
        let host = self.world.fleet.pick(endpoint.service, region, at_ns, &mut self.random);
        let here = Here { service: endpoint.service, host, span_id: self.new_id() };
        let outcome = self.handle(endpoint, &here, at_ns);

        let language = endpoint.service.facts().language;
        let (kind, scope) = match endpoint.api {
            Api::Http(_) | Api::Grpc(_) => (Kind::Server, language.calls),
            Api::Consumer(..) => (Kind::Consumer, language.messages),
            Api::Job(_) => (Kind::Internal, MANUAL),
        };
        let end_ns = outcome.unwrap_or_else(|halt| halt.at_ns);
        let failure = outcome.err().map(|halt| halt.failure);
        let mut span = self.span(here.span_id, endpoint.api.span_name(), kind, at_ns, end_ns);
        if parent.is_some() {
            span.parent_span_id = parent;
            span.flags = REMOTE_PARENT;
        } else if kind == Kind::Consumer {
            span.links = self.recent.links_before(at_ns, &mut self.random);
        }
        span.attributes = attributes::endpoint(
            endpoint,
            &self.visitor,
            parent.is_none(),
            failure,
            span.links.len(),
        );
        if let Some(key) = endpoint.flag {
            span.events.push(attributes::flag_event(key, self.visitor.has_flag(key), &span));
        }
        mark_error(&mut span, outcome, endpoint.service);
        self.record(host, scope, span);
        Answer { at_ns: end_ns, failure }
    }

    /// What happens inside an endpoint's span.
    fn handle(
        &mut self,
        endpoint: &'static Endpoint,
        here: &Here,
        at_ns: u64,
    ) -> Result<u64, Halt> {
        let breaks = self.random.chance(endpoint.fails);
        let breaks_at = self.random.below(endpoint.steps.len() as u32) as usize;
        let mut at_ns = self.disturb(endpoint, here, at_ns)?;
        for (place, step) in endpoint.steps.iter().enumerate() {
            at_ns = self.step(step, here, at_ns)?;
            if breaks && breaks_at == place {
                let own = endpoint.service.facts().language.exceptions.own;
                return Err(Halt::broken(at_ns, Failure::Internal, own));
            }
        }
        match endpoint.refuses {
            Some((share, failure)) if self.random.chance(share) => {
                Err(Halt::refused(at_ns, failure))
            }
            _ => Ok(at_ns),
        }
    }

    /// Loses time, or throws, in a handler that an incident has hit.
    fn disturb(&mut self, endpoint: &Endpoint, here: &Here, at_ns: u64) -> Result<u64, Halt> {
        match self.effect(endpoint.service, endpoint.api.span_name()) {
            Some(Effect::SlowHandler { added }) => Ok(at_ns + self.draw(*added)),
            Some(Effect::BadRelease { added, fails, throws, .. })
                if self.world.fleet.is_bad(here.host) =>
            {
                let at_ns = at_ns + self.draw(*added);
                if self.random.chance(*fails) {
                    return Err(Halt::broken(at_ns, Failure::Internal, *throws));
                }
                Ok(at_ns)
            }
            _ => Ok(at_ns),
        }
    }

    fn steps(&mut self, steps: &'static [Step], here: &Here, mut at_ns: u64) -> Result<u64, Halt> {
        for step in steps {
            at_ns = self.step(step, here, at_ns)?;
        }
        Ok(at_ns)
    }

    fn step(&mut self, step: &'static Step, here: &Here, at_ns: u64) -> Result<u64, Halt> {
        match step {
            Step::Work(latency) => Ok(self.work(*latency, here.service, at_ns)),
            Step::Call(endpoint) => self.must_call(endpoint, here, at_ns),
            Step::Try(endpoint) => Ok(self.call(endpoint, here, at_ns).at_ns),
            Step::Parallel(branches) => self.parallel(branches, here, at_ns),
            Step::Maybe(share, steps) if self.random.chance(*share) => {
                self.steps(steps, here, at_ns)
            }
            Step::Maybe(..) => Ok(at_ns),
            Step::Cache(query, hit_ratio, steps) => {
                let hit = self.random.chance(*hit_ratio);
                let at_ns = self.query(query, here, at_ns, Some(hit))?;
                if hit { Ok(at_ns) } else { self.steps(steps, here, at_ns) }
            }
            Step::Query(query) => self.query(query, here, at_ns, None),
            Step::PerItem(batched, single) => self.per_item(batched, single, here, at_ns),
            Step::Repeat(fewest, most, steps) => {
                let mut at_ns = at_ns;
                for _ in 0..self.random.between(*fewest, *most) {
                    at_ns = self.steps(steps, here, at_ns)?;
                }
                Ok(at_ns)
            }
            Step::Span(name, steps) => self.internal(name, steps, here, at_ns),
            Step::Publish(topic, consumers) => Ok(self.publish(topic, consumers, here, at_ns)),
            Step::External(external) => self.external(external, here, at_ns),
        }
    }

    fn work(&mut self, latency: Latency, service: Service, at_ns: u64) -> u64 {
        let mut done_ns = at_ns + self.draw(latency);
        if self.random.chance(service.facts().language.pause) {
            done_ns += u64::from(self.random.between(PAUSE_US.0, PAUSE_US.1)) * 1_000;
        }
        done_ns
    }

    /// Waits for the slowest branch, also after one has failed.
    fn parallel(
        &mut self,
        branches: &'static [Step],
        here: &Here,
        at_ns: u64,
    ) -> Result<u64, Halt> {
        let (mut begin_ns, mut end_ns, mut halt) = (at_ns, at_ns, None);
        for branch in branches {
            begin_ns += u64::from(self.random.between(15_000, 70_000));
            let done_ns = self.step(branch, here, begin_ns).unwrap_or_else(|failed| {
                halt.get_or_insert(failed);
                failed.at_ns
            });
            end_ns = end_ns.max(done_ns);
        }
        halt.map_or(Ok(end_ns), |halt| Err(Halt { at_ns: end_ns, ..halt }))
    }

    fn per_item(
        &mut self,
        batched: &'static Query,
        single: &'static Query,
        here: &Here,
        at_ns: u64,
    ) -> Result<u64, Halt> {
        let Some(Effect::PerItem) = self.effect(here.service, batched.summary) else {
            return self.query(batched, here, at_ns, None);
        };
        let mut at_ns = at_ns;
        for _ in 0..self.visitor.items {
            at_ns = self.query(single, here, at_ns, None)?;
            at_ns += u64::from(self.random.between(20_000, 120_000));
        }
        Ok(at_ns)
    }

    fn internal(
        &mut self,
        name: &'static str,
        steps: &'static [Step],
        parent: &Here,
        at_ns: u64,
    ) -> Result<u64, Halt> {
        let here = Here { span_id: self.new_id(), ..*parent };
        let outcome = self.steps(steps, &here, at_ns);
        let end_ns = outcome.unwrap_or_else(|halt| halt.at_ns);
        let mut span = self.span(here.span_id, name, Kind::Internal, at_ns, end_ns);
        span.parent_span_id = Some(parent.span_id);
        mark_error(&mut span, outcome, here.service);
        if let Some(thrown) = outcome.err().and_then(|halt| halt.throws) {
            span.attributes.push(attribute("error.type", thrown.class));
        }
        self.record(here.host, MANUAL, span);
        outcome
    }
}

/// An exception makes the span an error; a refusal does not.
fn mark_error(span: &mut Span, outcome: Result<u64, Halt>, service: Service) {
    if let Err(Halt { throws: Some(thrown), .. }) = outcome {
        span.error = Some(Cow::Borrowed(thrown.message));
        span.events.push(attributes::exception_event(thrown, service, span.end_ns));
    }
}
