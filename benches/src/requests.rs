//! Trace requests of a stated shape, the same for the same seed.
//!
//! The spans are those of a shop: HTTP servers, HTTP clients, database clients
//! and message consumers, each with ten attributes of the current semantic
//! conventions and about 400 bytes of OTLP. Values repeat as they do in life:
//! routes and methods are few, urls, users and query texts are many.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

/// How large a request is, and how it is divided.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Spans in all resources together.
    pub spans: usize,
    /// Resources, each with six attributes and one scope.
    pub resources: usize,
    /// One span of so many failed, with an `exception` event. 0 is none.
    pub failed_every: usize,
}

/// A request of that shape.
pub fn request(shape: Shape, seed: u64) -> ExportTraceServiceRequest {
    let mut random = Random::new(seed);
    let resource_spans = (0..shape.resources).map(|index| {
        let first = index * shape.spans / shape.resources;
        let last = (index + 1) * shape.spans / shape.resources;
        let spans = (first..last).map(|number| span(number, shape, &mut random)).collect();
        let scope = InstrumentationScope {
            name: "io.opentelemetry.shop-http-1.0".to_owned(),
            version: "2.11.0".to_owned(),
            ..InstrumentationScope::default()
        };
        ResourceSpans {
            resource: Some(Resource { attributes: resource(index), ..Resource::default() }),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }],
            schema_url: "https://opentelemetry.io/schemas/1.37.0".to_owned(),
        }
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
}

fn resource(index: usize) -> Vec<KeyValue> {
    const SERVICES: [&str; 4] = ["frontend", "checkout", "cart", "payment"];
    let service = SERVICES[index % SERVICES.len()];
    vec![
        text("service.name", service),
        text("service.version", "4.2.1"),
        text("service.instance.id", &format!("{service}-7d9f6c5b8-{index:05}")),
        text("deployment.environment.name", "production"),
        text("host.name", &format!("node-{}.eu-central-1.internal", index % 7)),
        text("telemetry.sdk.language", "java"),
    ]
}

fn span(number: usize, shape: Shape, random: &mut Random) -> Span {
    let start = 1_790_000_000_000_000_000 + number as u64 * 10_000 + random.below(10_000);
    let failed = shape.failed_every > 0 && number % shape.failed_every == shape.failed_every - 1;
    let (kind, name, attributes) = match number % 4 {
        0 => server(random, failed),
        1 => client(random, failed),
        2 => database(random),
        _ => consumer(random),
    };
    let status = failed.then(|| Status { code: StatusCode::Error.into(), message: String::new() });
    Span {
        trace_id: [random.next(), random.next()].iter().flat_map(|n| n.to_be_bytes()).collect(),
        span_id: random.next().to_be_bytes().to_vec(),
        parent_span_id: match number % 8 {
            0 => Vec::new(),
            _ => random.next().to_be_bytes().to_vec(),
        },
        flags: 0x101,
        name,
        kind: kind.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + random.below(50_000_000),
        attributes,
        events: if failed { vec![exception(start)] } else { Vec::new() },
        status: Some(status.unwrap_or_default()),
        ..Span::default()
    }
}

type Parts = (SpanKind, String, Vec<KeyValue>);

fn server(random: &mut Random, failed: bool) -> Parts {
    let route = ROUTES[random.below(4) as usize];
    let path = route.replace("{id}", &random.below(1_000_000).to_string());
    let attributes = vec![
        text("http.request.method", "GET"),
        text("http.route", route),
        text("url.path", &path),
        text("url.scheme", "https"),
        integer("http.response.status_code", if failed { 503 } else { 200 }),
        text("server.address", "shop.example.com"),
        integer("server.port", 443),
        text("user_agent.original", "Mozilla/5.0 (X11)"),
        text("user.id", &format!("u{:06}", random.below(200_000))),
        integer("thread.id", 40 + random.below(32) as i64),
    ];
    (SpanKind::Server, format!("GET {route}"), attributes)
}

fn client(random: &mut Random, failed: bool) -> Parts {
    let attributes = vec![
        text("http.request.method", "POST"),
        text("url.full", &format!("http://payment:8080/charge/{}", random.below(1_000_000))),
        integer("http.response.status_code", if failed { 503 } else { 200 }),
        text("server.address", "payment"),
        integer("server.port", 8080),
        text("network.protocol.version", "1.1"),
        text("network.peer.address", &format!("10.0.{}.7", random.below(250))),
        text("thread.name", "http-nio-8080-exec-4"),
        integer("thread.id", 40 + random.below(32) as i64),
        boolean("shop.retry", false),
    ];
    (SpanKind::Client, "POST".to_owned(), attributes)
}

fn database(random: &mut Random) -> Parts {
    let attributes = vec![
        text("db.system.name", "postgresql"),
        text("db.namespace", "shop"),
        text("db.collection.name", "orders"),
        text("db.operation.name", "SELECT"),
        text("db.query.text", "SELECT * FROM orders WHERE user_id = $1 LIMIT 20"),
        text("server.address", "orders-db"),
        integer("server.port", 5432),
        integer("db.response.returned_rows", random.below(20) as i64),
        double("shop.pool.wait_ms", random.below(4000) as f64 / 1000.0),
        integer("thread.id", 40 + random.below(32) as i64),
    ];
    (SpanKind::Client, "SELECT orders".to_owned(), attributes)
}

fn consumer(random: &mut Random) -> Parts {
    let attributes = vec![
        text("messaging.system", "kafka"),
        text("messaging.destination.name", "order-events"),
        text("messaging.operation.type", "process"),
        text("messaging.consumer.group.name", "billing"),
        text("messaging.client.id", "billing-2"),
        integer("messaging.kafka.offset", random.below(1 << 40) as i64),
        text("messaging.destination.partition.id", "3"),
        text("messaging.message.id", &format!("{:016x}", random.next())),
        integer("messaging.batch.message_count", 1 + random.below(100) as i64),
        text("shop.tenant", &format!("tenant-{}", random.below(300))),
    ];
    (SpanKind::Consumer, "process order-events".to_owned(), attributes)
}

fn exception(time: u64) -> Event {
    Event {
        time_unix_nano: time,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", "java.net.SocketTimeoutException"),
            text("exception.message", "Read timed out"),
            text("exception.stacktrace", &"\tat shop.Client.read(Client.java:42)\n".repeat(12)),
        ],
        dropped_attributes_count: 0,
    }
}

const ROUTES: [&str; 4] = ["/cart/{id}", "/products/{id}", "/orders/{id}/items", "/checkout"];

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.to_owned()))
}

fn integer(key: &str, value: i64) -> KeyValue {
    pair(key, Value::IntValue(value))
}

fn double(key: &str, value: f64) -> KeyValue {
    pair(key, Value::DoubleValue(value))
}

fn boolean(key: &str, value: bool) -> KeyValue {
    pair(key, Value::BoolValue(value))
}

fn pair(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// SplitMix64: small, and the same everywhere.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
