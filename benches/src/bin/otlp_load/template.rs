//! Encoded trace requests whose ids and times can be replaced in place.
//!
//! A load generator shares the machine with the server that it measures, so a request
//! is encoded once and then only patched: fresh ids and times cost a few writes per span.

use bytes::BytesMut;

const SPANS_PER_TRACE: u64 = 10;
/// A gRPC message begins with a flag and its length.
const GRPC_HEADER_BYTES: usize = 5;

/// Where a number of a span stands in the request.
#[derive(Debug, Clone, Copy)]
enum Patch {
    TraceId { at: usize, trace: u64 },
    SpanId { at: usize, span: u64 },
    Time { at: usize, offset_ns: u64 },
}

/// One request: an `ExportTraceServiceRequest` behind its gRPC header.
#[derive(Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    patches: Vec<Patch>,
    pub(crate) spans: u64,
}

impl Template {
    /// A request of `spans` spans with ten attributes each, of `resources` services.
    pub(crate) fn new(seed: u64, spans: u64, resources: u64) -> Self {
        let mut out = Writer { random: seed, ..Writer::default() };
        let per_resource = spans.div_ceil(resources);
        let mut span = 0;
        while span < spans {
            let service = (seed * resources + span / per_resource) % 24;
            let last = (span + per_resource).min(spans);
            out.message(1, |out| {
                out.message(1, |out| resource(out, service));
                out.message(2, |out| {
                    out.message(1, |out| {
                        out.text(1, "io.opentelemetry.http-server");
                        out.text(2, "2.18.0");
                    });
                    for span in span..last {
                        out.message(2, |out| write_span(out, span));
                    }
                });
            });
            span = last;
        }
        let mut bytes = vec![0];
        bytes.extend((out.bytes.len() as u32).to_be_bytes());
        bytes.extend(out.bytes);
        let patches = out.patches;
        Self { bytes, patches, spans }
    }

    /// Size of the request without the header.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - GRPC_HEADER_BYTES
    }

    /// The request number `request`, with ids that no other number has, and times after `now_ns`.
    pub(crate) fn fill(&self, request: u64, now_ns: u64) -> bytes::Bytes {
        let mut bytes = BytesMut::from(&self.bytes[..]);
        let mut put = |at: usize, value: [u8; 8]| {
            let at = at + GRPC_HEADER_BYTES;
            bytes[at..at + 8].copy_from_slice(&value);
        };
        for patch in &self.patches {
            match *patch {
                Patch::TraceId { at, trace } => {
                    put(at, mix(request << 20 | trace | 1 << 63).to_be_bytes());
                    put(at + 8, (request << 20 | trace).to_be_bytes());
                }
                Patch::SpanId { at, span } => {
                    put(at, mix(!(request << 20 | span)).to_be_bytes());
                }
                Patch::Time { at, offset_ns } => put(at, (now_ns + offset_ns).to_le_bytes()),
            }
        }
        bytes.freeze()
    }
}

/// A one-to-one function of 64-bit numbers (the finisher of SplitMix64).
pub(crate) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn resource(out: &mut Writer, service: u64) {
    let version = format!("4.{service}.1");
    for (key, value) in [
        ("service.name", format!("service-{service:02}")),
        ("service.version", version),
        ("deployment.environment.name", "production".into()),
        ("cloud.region", "eu-central-1".into()),
        ("k8s.pod.name", format!("service-{service:02}-7d9c5b6f4-x{}", service % 7)),
        ("host.name", format!("ip-10-20-{service}-7")),
    ] {
        out.attribute(1, key, &value);
    }
}

/// A span of about 400 bytes.
fn write_span(out: &mut Writer, span: u64) {
    let (trace, number) = (span / SPANS_PER_TRACE, span % SPANS_PER_TRACE);
    let random = out.random();
    let start = random % 1_000_000_000;
    let failed = random.is_multiple_of(50);
    let duration = 1_000_000 + mix(random) % 40_000_000;
    out.patch(1, 16, |at| Patch::TraceId { at, trace });
    out.patch(2, 8, |at| Patch::SpanId { at, span });
    if number > 0 {
        let parent = trace * SPANS_PER_TRACE + (number - 1) / 2;
        out.patch(4, 8, |at| Patch::SpanId { at, span: parent });
    }
    let route = ["/cart", "/cart/items", "/checkout", "/products/{id}", "/search", "/login"]
        [(random >> 8) as usize % 6];
    out.text(5, &format!("GET {route}"));
    out.number(6, 2 + number % 2);
    out.time(7, start);
    out.time(8, start + duration);
    out.attribute(9, "http.request.method", "GET");
    out.attribute(9, "http.route", route);
    out.attribute(9, "url.path", &format!("{route}/{:x}", random >> 40));
    out.integer_attribute(9, "http.response.status_code", if failed { 500 } else { 200 });
    out.attribute(9, "server.address", "shop.example.com");
    out.integer_attribute(9, "server.port", 8443);
    out.attribute(9, "user.id", &format!("u-{:06}", (random >> 16) % 1_000_000));
    out.attribute(9, "session.id", &format!("{random:016x}"));
    out.attribute(9, "client.address", &format!("203.0.113.{}", random % 256));
    out.attribute(9, "app.tenant", &format!("t-{:04}", (random >> 24) % 500));
    if failed {
        out.message(15, |out| out.number(3, 2));
    }
}

/// Writes protobuf and notes where ids and times lie.
#[derive(Debug, Default)]
struct Writer {
    bytes: Vec<u8>,
    patches: Vec<Patch>,
    random: u64,
}

impl Writer {
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.random)
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn tag(&mut self, field: u64, wire_type: u64) {
        self.varint(field << 3 | wire_type);
    }

    fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        let mut inner = Self { random: self.random, ..Self::default() };
        write(&mut inner);
        self.random = inner.random;
        self.tag(field, 2);
        self.varint(inner.bytes.len() as u64);
        let base = self.bytes.len();
        self.bytes.extend(inner.bytes);
        self.patches.extend(inner.patches.into_iter().map(|patch| patch.moved(base)));
    }

    fn text(&mut self, field: u64, text: &str) {
        self.tag(field, 2);
        self.varint(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    fn number(&mut self, field: u64, value: u64) {
        self.tag(field, 0);
        self.varint(value);
    }

    fn attribute(&mut self, field: u64, key: &str, value: &str) {
        self.message(field, |out| {
            out.text(1, key);
            out.message(2, |out| out.text(1, value));
        });
    }

    fn integer_attribute(&mut self, field: u64, key: &str, value: u64) {
        self.message(field, |out| {
            out.text(1, key);
            out.message(2, |out| out.number(3, value));
        });
    }

    fn patch(&mut self, field: u64, len: usize, patch: impl FnOnce(usize) -> Patch) {
        self.tag(field, 2);
        self.varint(len as u64);
        self.patches.push(patch(self.bytes.len()));
        self.bytes.resize(self.bytes.len() + len, 0);
    }

    fn time(&mut self, field: u64, offset_ns: u64) {
        self.tag(field, 1);
        self.patches.push(Patch::Time { at: self.bytes.len(), offset_ns });
        self.bytes.extend([0; 8]);
    }
}

impl Patch {
    fn moved(self, by: usize) -> Self {
        match self {
            Self::TraceId { at, trace } => Self::TraceId { at: at + by, trace },
            Self::SpanId { at, span } => Self::SpanId { at: at + by, span },
            Self::Time { at, offset_ns } => Self::Time { at: at + by, offset_ns },
        }
    }
}
