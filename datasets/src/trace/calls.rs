//! What leaves a service: calls, queries, messages, third parties.

use std::borrow::Cow;

use super::attributes::{self, Attempt};
use super::{Answer, Halt, Here, Trace};
use crate::shop::failures::Failure;
use crate::shop::incidents::Effect;
use crate::shop::model::{Endpoint, External, Query, Topic, us};
use crate::span::Kind;

/// The chance that a query fails, in a database whose errors the language knows.
const QUERY_FAILS: f64 = 0.000_06;
/// The chance that a callee cannot be reached.
const UNREACHABLE: f64 = 0.000_02;
/// The pause before the first retry, in milliseconds. It doubles.
const BACKOFF_MS: u64 = 100;

impl Trace<'_> {
    /// Calls another service: a CLIENT span here, a SERVER span there, and the network between.
    pub(super) fn call(&mut self, endpoint: &'static Endpoint, here: &Here, at_ns: u64) -> Answer {
        let span_id = self.new_id();
        let sent_ns = at_ns + self.draw(us(230));
        let answer = if self.random.chance(UNREACHABLE) {
            Answer { at_ns: sent_ns, failure: Some(Failure::Unavailable) }
        } else {
            self.serve(endpoint, Some(span_id), sent_ns)
        };
        let end_ns = answer.at_ns + self.draw(us(190));
        let mut span = self.span(span_id, endpoint.api.span_name(), Kind::Client, at_ns, end_ns);
        span.parent_span_id = Some(here.span_id);
        span.attributes = attributes::call(endpoint, &self.visitor, answer.failure);
        span.error = answer.failure.map(|failure| Cow::Borrowed(failure.grpc()));
        self.record(here.host, here.service.facts().language.calls, span);
        Answer { at_ns: end_ns, ..answer }
    }

    /// The same, by a handler that cannot do without the answer.
    pub(super) fn must_call(
        &mut self,
        endpoint: &'static Endpoint,
        here: &Here,
        at_ns: u64,
    ) -> Result<u64, Halt> {
        let Answer { at_ns, failure } = self.call(endpoint, here, at_ns);
        match failure {
            None => Ok(at_ns),
            Some(failure) if failure.is_callers_fault() => Err(Halt::refused(at_ns, failure)),
            Some(failure) => {
                let upstream = here.service.facts().language.exceptions.upstream;
                Err(Halt::broken(at_ns, failure, upstream))
            }
        }
    }

    /// Asks a database. A cache also says whether it had the value.
    pub(super) fn query(
        &mut self,
        query: &'static Query,
        here: &Here,
        at_ns: u64,
        hit: Option<bool>,
    ) -> Result<u64, Halt> {
        let language = here.service.facts().language;
        let mut took_ns = self.draw(query.latency);
        if let Some(Effect::SlowQuery { factor }) = self.effect(here.service, query.summary) {
            took_ns = (took_ns as f64 * factor) as u64;
        }
        let end_ns = at_ns + took_ns;
        let rows = hit.map_or_else(|| self.random.between(query.rows.0, query.rows.1), u32::from);
        let (system, exception) = language.exceptions.database;
        let fails = self.random.chance(QUERY_FAILS) && system == query.database.system;
        let thrown = fails.then_some(exception);

        let span_id = self.new_id();
        let mut span = self.span(span_id, query.summary, Kind::Client, at_ns, end_ns);
        span.parent_span_id = Some(here.span_id);
        span.attributes = attributes::query(query, rows, hit, thrown);
        if let Some(thrown) = thrown {
            span.error = Some(Cow::Borrowed(thrown.message));
            span.events.push(attributes::exception_event(thrown, here.service, end_ns));
        }
        self.record(here.host, language.databases, span);
        thrown.map_or(Ok(end_ns), |thrown| Err(Halt::broken(end_ns, Failure::Internal, thrown)))
    }

    /// Calls a third party, and again if that fails, after growing pauses.
    pub(super) fn external(
        &mut self,
        external: &'static External,
        here: &Here,
        at_ns: u64,
    ) -> Result<u64, Halt> {
        let (fails, slow) = match self.effect(here.service, external.name) {
            Some(Effect::FailingPeer { fails, latency }) => (*fails, *latency),
            _ => (external.fails, external.latency),
        };
        let mut at_ns = at_ns;
        for number in 0..=external.retries {
            let failed = self.random.chance(fails);
            let end_ns = at_ns + self.draw(if failed { slow } else { external.latency });
            let span_id = self.new_id();
            let mut span = self.span(span_id, external.name, Kind::Client, at_ns, end_ns);
            span.parent_span_id = Some(here.span_id);
            span.attributes =
                attributes::external(external, &self.visitor, Attempt { number, failed });
            span.error = failed.then_some(Cow::Borrowed("503 Service Unavailable"));
            self.record(here.host, here.service.facts().language.calls, span);
            if !failed {
                return Ok(end_ns);
            }
            at_ns = end_ns;
            if number < external.retries {
                let pause_us = (BACKOFF_MS << number) * u64::from(self.random.between(800, 1_200));
                at_ns += pause_us * 1_000;
            }
        }
        let upstream = here.service.facts().language.exceptions.upstream;
        Err(Halt::broken(at_ns, Failure::Unavailable, upstream))
    }

    /// Sends a message. Its consumers run later; nobody here waits for them.
    pub(super) fn publish(
        &mut self,
        topic: &'static Topic,
        consumers: &'static [&'static Endpoint],
        here: &Here,
        at_ns: u64,
    ) -> u64 {
        let span_id = self.new_id();
        let end_ns = at_ns + self.draw(us(1_700));
        let partition = self.random.below(12);
        let mut span = self.span(span_id, topic.send, Kind::Producer, at_ns, end_ns);
        span.parent_span_id = Some(here.span_id);
        span.attributes = attributes::message(topic, partition);
        self.record(here.host, here.service.facts().language.messages, span);
        for consumer in consumers {
            let lag_ns = self.draw(topic.lag);
            self.serve(consumer, Some(span_id), end_ns + lag_ns);
        }
        if consumers.is_empty() {
            self.recent.remember(end_ns, self.trace_id, span_id);
        }
        end_ns
    }
}
