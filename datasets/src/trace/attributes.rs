//! Span attributes and events, by the current semantic conventions.
//!
//! Each function serves one kind of span and is pure: facts in, attributes out.

use crate::shop::customers::TIERS;
use crate::shop::failures::{Exception, Failure};
use crate::shop::model::{Api, Endpoint, External, Fact, Query, Topic};
use crate::shop::services::Service;
use crate::span::{Attribute, Event, Span, attribute};
use crate::visitor::Visitor;

/// One of the attempts to reach a third party.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// 0 for the first.
    pub(super) number: u32,
    pub(super) failed: bool,
}

/// The SERVER, CONSUMER or job span of an endpoint.
pub(super) fn endpoint(
    endpoint: &Endpoint,
    visitor: &Visitor,
    is_root: bool,
    failure: Option<Failure>,
    messages: usize,
) -> Vec<Attribute> {
    let mut all = Vec::with_capacity(16);
    match endpoint.api {
        Api::Http(name) => {
            let (method, route) = split(name);
            all.push(attribute("http.request.method", method));
            all.push(attribute("http.route", route));
            all.push(attribute("url.path", path(route, visitor)));
            all.push(attribute("url.scheme", "https"));
            all.push(attribute(
                "http.response.status_code",
                failure.map_or(200, |failure| failure.http().0),
            ));
        }
        Api::Grpc(method) => {
            all.push(attribute("rpc.system.name", "grpc"));
            all.push(attribute("rpc.method", method));
            all.push(attribute("rpc.status_code", failure.map_or("OK", Failure::grpc)));
        }
        Api::Consumer(_, topic) => {
            all.push(attribute("messaging.system", "kafka"));
            all.push(attribute("messaging.operation.type", "process"));
            all.push(attribute("messaging.operation.name", "process"));
            all.push(attribute("messaging.destination.name", topic.name));
            all.push(attribute("messaging.consumer.group.name", endpoint.service.name()));
            if is_root {
                all.push(attribute("messaging.batch.message_count", messages.max(1) as u32));
            }
        }
        Api::Job(_) => {}
    }
    if let Some(failure) = failure.filter(|failure| !failure.is_callers_fault()) {
        all.push(error_type(endpoint.api, failure));
    }
    all.push(attribute("app.customer_tier", TIERS[visitor.tier].name));
    all.push(attribute("app.tenant", format!("t-{:04}", visitor.tenant)));
    if is_root && let Api::Http(_) = endpoint.api {
        let [third, fourth] = visitor.address;
        all.push(attribute("user.id", format!("u-{:06}", visitor.user)));
        all.push(attribute("session.id", format!("{:016x}", visitor.session)));
        all.push(attribute("client.address", format!("203.0.{third}.{fourth}")));
        all.push(attribute("user_agent.original", visitor.browser));
    }
    all.extend(endpoint.facts.iter().map(|fact| business(*fact, visitor)));
    all
}

/// The CLIENT span of a call to an endpoint.
pub(super) fn call(
    endpoint: &Endpoint,
    visitor: &Visitor,
    failure: Option<Failure>,
) -> Vec<Attribute> {
    let mut all = Vec::with_capacity(8);
    let name = endpoint.service.name();
    match endpoint.api {
        Api::Http(text) => {
            let (method, route) = split(text);
            all.push(attribute("http.request.method", method));
            all.push(attribute("url.template", route));
            all.push(attribute("url.full", format!("http://{name}:8080{}", path(route, visitor))));
            all.push(attribute(
                "http.response.status_code",
                failure.map_or(200, |failure| failure.http().0),
            ));
        }
        Api::Grpc(method) | Api::Consumer(method, _) | Api::Job(method) => {
            all.push(attribute("rpc.system.name", "grpc"));
            all.push(attribute("rpc.method", method));
            all.push(attribute("rpc.status_code", failure.map_or("OK", Failure::grpc)));
        }
    }
    all.push(attribute("server.address", name));
    all.push(attribute("server.port", 8080u32));
    all.push(attribute("service.peer.name", name));
    all.extend(failure.map(|failure| error_type(endpoint.api, failure)));
    all
}

/// The CLIENT span of a query.
pub(super) fn query(
    query: &Query,
    rows: u32,
    hit: Option<bool>,
    thrown: Option<Exception>,
) -> Vec<Attribute> {
    let mut all = Vec::with_capacity(12);
    let (operation, collection) = split(query.summary);
    let database = query.database;
    all.push(attribute("db.system.name", database.system));
    all.push(attribute("db.namespace", database.namespace));
    if database.system != "redis" {
        all.push(attribute("db.collection.name", collection));
        all.push(attribute("db.response.returned_rows", rows));
    }
    all.push(attribute("db.operation.name", operation));
    all.push(attribute("db.query.summary", query.summary));
    all.push(attribute("db.query.text", query.text));
    all.push(attribute("server.address", database.address));
    all.push(attribute("server.port", database.port));
    all.extend(hit.map(|hit| attribute("app.cache.hit", hit)));
    all.extend(thrown.map(|thrown| attribute("error.type", thrown.class)));
    all
}

/// The CLIENT span of one attempt to reach a third party.
pub(super) fn external(external: &External, visitor: &Visitor, attempt: Attempt) -> Vec<Attribute> {
    let mut all = Vec::with_capacity(10);
    let (method, template) = split(external.name);
    let path = template.replace("{code}", &visitor.order.to_string());
    all.push(attribute("http.request.method", method));
    all.push(attribute("url.template", template));
    all.push(attribute("url.full", format!("https://{}{path}", external.address)));
    all.push(attribute("server.address", external.address));
    all.push(attribute("server.port", 443u32));
    all.push(attribute("service.peer.name", external.peer));
    all.push(attribute("http.response.status_code", if attempt.failed { 503u32 } else { 200 }));
    if attempt.number > 0 {
        all.push(attribute("http.request.resend_count", attempt.number));
    }
    if attempt.failed {
        all.push(attribute("error.type", "503"));
    }
    all
}

/// The PRODUCER span of a message.
pub(super) fn message(topic: &Topic, partition: u32) -> Vec<Attribute> {
    vec![
        attribute("messaging.system", "kafka"),
        attribute("messaging.operation.type", "send"),
        attribute("messaging.operation.name", "send"),
        attribute("messaging.destination.name", topic.name),
        attribute("messaging.destination.partition.id", partition.to_string()),
        attribute("server.address", "kafka.shop.internal"),
        attribute("server.port", 9092u32),
    ]
}

/// A feature flag was evaluated, early in the span.
pub(super) fn flag_event(key: &'static str, is_on: bool, span: &Span) -> Event {
    let reason = if is_on { "targeting_match" } else { "default" };
    Event {
        time_ns: (span.start_ns + 90_000).min(span.end_ns),
        name: "feature_flag.evaluation",
        attributes: vec![
            attribute("feature_flag.key", key),
            attribute("feature_flag.provider.name", "flagd"),
            attribute("feature_flag.result.variant", if is_on { "on" } else { "off" }),
            attribute("feature_flag.result.reason", reason),
        ],
    }
}

/// An exception ended the span.
pub(super) fn exception_event(thrown: Exception, service: Service, at_ns: u64) -> Event {
    let frames = service.facts().language.exceptions.frames.replace("{service}", service.name());
    let trace = format!("{}: {}\n{frames}", thrown.class, thrown.message);
    Event {
        time_ns: at_ns,
        name: "exception",
        attributes: vec![
            attribute("exception.type", thrown.class),
            attribute("exception.message", thrown.message),
            attribute("exception.stacktrace", trace),
        ],
    }
}

fn error_type(api: Api, failure: Failure) -> Attribute {
    let value = match api {
        Api::Http(_) => failure.http().1,
        Api::Grpc(_) | Api::Consumer(..) | Api::Job(_) => failure.grpc(),
    };
    attribute("error.type", value)
}

fn business(fact: Fact, visitor: &Visitor) -> Attribute {
    match fact {
        Fact::Product => attribute("app.product.id", format!("p-{:05}", visitor.product)),
        Fact::CartItems => attribute("app.cart.item_count", visitor.cart_items),
        Fact::CartValue => attribute("app.cart.value", f64::from(visitor.cart_cents) / 100.0),
        Fact::Results => attribute("app.result_count", visitor.items),
        Fact::SearchTerms => attribute("app.search.terms", visitor.terms),
        Fact::Order => attribute("app.order.id", format!("o-{}", visitor.order)),
    }
}

/// Names are `METHOD /route` and `VERB collection`.
fn split(name: &'static str) -> (&'static str, &'static str) {
    name.split_once(' ').unwrap_or((name, ""))
}

fn path(route: &'static str, visitor: &Visitor) -> std::borrow::Cow<'static, str> {
    if !route.ends_with("{id}") {
        return route.into();
    }
    let id = if route.starts_with("/orders") { visitor.order } else { visitor.product };
    route.replace("{id}", &id.to_string()).into()
}
