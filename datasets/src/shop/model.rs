//! The words in which the shop is declared.

use super::failures::Failure;
use super::services::Service;

/// How long something takes: lognormal, with a Pareto tail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    /// The median in microseconds.
    pub(crate) median_us: u32,
    /// Sigma of the logarithm.
    pub(crate) spread: f64,
    /// The share of draws that the Pareto tail stretches.
    pub(crate) tail: f64,
}

/// A latency with a median in microseconds and a usual shape.
pub(crate) const fn us(median_us: u32) -> Latency {
    Latency { median_us, spread: 0.48, tail: 0.008 }
}

/// A latency with a median in milliseconds and a usual shape.
pub(crate) const fn ms(median_ms: u32) -> Latency {
    us(median_ms * 1_000)
}

impl Latency {
    /// The same median, more or less even.
    pub(crate) const fn spread(self, spread: f64) -> Self {
        Self { spread, ..self }
    }
}

/// An operation that a service offers: its SERVER, CONSUMER or root span.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) service: Service,
    pub(crate) api: Api,
    /// What the handler does, one after the other.
    pub(crate) steps: &'static [Step],
    /// The share of calls in which the handler itself throws.
    pub(crate) fails: f64,
    /// The share of calls refused because of what the caller asked for.
    pub(crate) refuses: Option<(f64, Failure)>,
    /// The feature flag that the handler evaluates.
    pub(crate) flag: Option<&'static str>,
    /// Business facts on the span.
    pub(crate) facts: &'static [Fact],
}

/// How an endpoint is reached. The text is the span name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Api {
    /// `METHOD /route/{id}`.
    Http(&'static str),
    /// `package.Service/Method`.
    Grpc(&'static str),
    /// Messages of a topic, `process <topic>`.
    Consumer(&'static str, &'static Topic),
    /// A job without a caller.
    Job(&'static str),
}

impl Api {
    pub(crate) fn span_name(self) -> &'static str {
        match self {
            Api::Http(name) | Api::Grpc(name) | Api::Consumer(name, _) | Api::Job(name) => name,
        }
    }
}

const fn endpoint(service: Service, api: Api, steps: &'static [Step]) -> Endpoint {
    Endpoint { service, api, steps, fails: 0.000_5, refuses: None, flag: None, facts: &[] }
}

/// An HTTP endpoint, by `METHOD /route`.
pub(crate) const fn http(service: Service, name: &'static str, steps: &'static [Step]) -> Endpoint {
    endpoint(service, Api::Http(name), steps)
}

/// A gRPC endpoint, by `package.Service/Method`.
pub(crate) const fn grpc(service: Service, name: &'static str, steps: &'static [Step]) -> Endpoint {
    endpoint(service, Api::Grpc(name), steps)
}

/// A consumer of a topic.
pub(crate) const fn consumer(
    service: Service,
    name: &'static str,
    topic: &'static Topic,
    steps: &'static [Step],
) -> Endpoint {
    endpoint(service, Api::Consumer(name, topic), steps)
}

/// A job that starts by itself.
pub(crate) const fn job(service: Service, name: &'static str, steps: &'static [Step]) -> Endpoint {
    endpoint(service, Api::Job(name), steps)
}

impl Endpoint {
    pub(crate) const fn refuses(self, share: f64, failure: Failure) -> Self {
        Self { refuses: Some((share, failure)), ..self }
    }

    pub(crate) const fn flag(self, key: &'static str) -> Self {
        Self { flag: Some(key), ..self }
    }

    pub(crate) const fn facts(self, facts: &'static [Fact]) -> Self {
        Self { facts, ..self }
    }
}

/// One thing a handler does.
#[derive(Debug)]
pub(crate) enum Step {
    /// Computes, without a span of its own.
    Work(Latency),
    /// Calls another service and needs the answer.
    Call(&'static Endpoint),
    /// Calls another service and can do without the answer.
    Try(&'static Endpoint),
    /// Starts every step at once and waits for all.
    Parallel(&'static [Step]),
    /// Does the steps in a share of the calls.
    Maybe(f64, &'static [Step]),
    /// Looks into a cache with this hit ratio; a miss does the steps.
    Cache(&'static Query, f64, &'static [Step]),
    /// Asks a database.
    Query(&'static Query),
    /// Asks a database once for all items of the answer. A loss of the batched
    /// form (an N+1 incident) asks the second query once per item.
    PerItem(&'static Query, &'static Query),
    /// Does the steps between this many and that many times.
    Repeat(u32, u32, &'static [Step]),
    /// Does the steps within an INTERNAL span.
    Span(&'static str, &'static [Step]),
    /// Sends a message. The consumers run later, in the same trace.
    Publish(&'static Topic, &'static [&'static Endpoint]),
    /// Calls a third party that sends us no spans.
    External(&'static External),
}

/// A database or cache.
#[derive(Debug)]
pub(crate) struct Database {
    /// `db.system.name`.
    pub(crate) system: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) address: &'static str,
    pub(crate) port: u32,
}

/// A query of low cardinality. Its summary is the span name.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) database: &'static Database,
    pub(crate) summary: &'static str,
    pub(crate) text: &'static str,
    pub(crate) latency: Latency,
    /// The fewest and the most rows returned.
    pub(crate) rows: (u32, u32),
}

/// A Kafka topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    /// The name of the PRODUCER span.
    pub(crate) send: &'static str,
    /// How long a message waits for its consumer.
    pub(crate) lag: Latency,
}

/// A call to a third party.
#[derive(Debug)]
pub(crate) struct External {
    /// `service.peer.name`.
    pub(crate) peer: &'static str,
    pub(crate) address: &'static str,
    /// `METHOD /template`, the span name.
    pub(crate) name: &'static str,
    pub(crate) latency: Latency,
    /// The share of attempts answered with 503.
    pub(crate) fails: f64,
    /// How often a failed attempt is made again.
    pub(crate) retries: u32,
}

/// A business fact that an endpoint records on its span.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fact {
    /// `app.product.id`.
    Product,
    /// `app.cart.item_count`.
    CartItems,
    /// `app.cart.value`, with its currency.
    CartValue,
    /// `app.result_count`: search results or recommended items.
    Results,
    /// `app.search.terms`.
    SearchTerms,
    /// `app.order.id`.
    Order,
}
