//! The OTLP data model, as far as the shop uses it: what the engine produces
//! and the encoders write.
//!
//! Names are `&'static str` because they come from the declared topology; only
//! values that differ between traces are owned.

use std::borrow::Cow;
use std::sync::Arc;

/// One `ExportTraceServiceRequest`: a batch of one collector, with spans of
/// many services and traces.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The spans, grouped by the instance that made them.
    pub resource_spans: Vec<ResourceSpans>,
}

impl Request {
    /// Every span of the request, with its resource.
    pub fn spans(&self) -> impl Iterator<Item = (&Resource, &Span)> {
        self.resource_spans.iter().flat_map(|group| {
            let spans = group.scope_spans.iter().flat_map(|scope| &scope.spans);
            spans.map(|span| (group.resource.as_ref(), span))
        })
    }
}

/// The spans of one service instance.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceSpans {
    /// The instance.
    pub resource: Arc<Resource>,
    /// Its spans, grouped by instrumentation library.
    pub scope_spans: Vec<ScopeSpans>,
}

/// The spans of one instrumentation library.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeSpans {
    /// The library.
    pub scope: Scope,
    /// Its spans, in the order in which they ended.
    pub spans: Vec<Span>,
}

/// A service instance: one pod of one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// `service.name` and the other resource attributes.
    pub attributes: Vec<Attribute>,
}

impl Resource {
    /// The value of `service.name`.
    pub fn service_name(&self) -> &str {
        self.text("service.name").unwrap_or_default()
    }

    /// A text attribute.
    pub fn text(&self, key: &str) -> Option<&str> {
        find_text(&self.attributes, key)
    }
}

/// An instrumentation library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The library's name.
    pub name: &'static str,
    /// The library's version.
    pub version: &'static str,
}

/// One operation of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace, never zero.
    pub trace_id: [u8; 16],
    /// The span within the trace, never zero.
    pub span_id: [u8; 8],
    /// The span that caused this one; a root has none.
    pub parent_span_id: Option<[u8; 8]>,
    /// W3C trace flags and OTLP's "parent is remote" bits.
    pub flags: u32,
    /// The operation, of low cardinality.
    pub name: &'static str,
    /// The side of a call this span stands on.
    pub kind: Kind,
    /// Nanoseconds since the epoch, by the clock of the host.
    pub start_ns: u64,
    /// Nanoseconds since the epoch, by the clock of the host.
    pub end_ns: u64,
    /// Facts about the operation.
    pub attributes: Vec<Attribute>,
    /// Exceptions and feature flag evaluations.
    pub events: Vec<Event>,
    /// Spans of other traces that led to this one.
    pub links: Vec<Link>,
    /// Why the operation failed, if it did.
    pub error: Option<Cow<'static, str>>,
}

impl Span {
    /// A text attribute.
    pub fn text(&self, key: &str) -> Option<&str> {
        find_text(&self.attributes, key)
    }

    /// How long the operation took.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}

/// OTLP's span kinds, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work inside a service.
    Internal = 1,
    /// A request as its receiver sees it.
    Server = 2,
    /// A request as its sender sees it.
    Client = 3,
    /// A message sent.
    Producer = 4,
    /// A message, or a batch of them, processed.
    Consumer = 5,
}

/// A named value.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The name, by the semantic conventions where they have one.
    pub key: &'static str,
    /// The value.
    pub value: Value,
}

/// An attribute value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Text(Cow<'static, str>),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// True or false.
    Bool(bool),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(Cow::Owned(text))
    }
}

impl From<Cow<'static, str>> for Value {
    fn from(text: Cow<'static, str>) -> Self {
        Value::Text(text)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Value::Int(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Double(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

/// Something that happened at one moment of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub time_ns: u64,
    /// What, for example `exception`.
    pub name: &'static str,
    /// Facts about it.
    pub attributes: Vec<Attribute>,
}

/// A span of another trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its trace.
    pub trace_id: [u8; 16],
    /// Its id within that trace.
    pub span_id: [u8; 8],
}

/// An attribute from a name and anything that is a value.
pub(crate) fn attribute(key: &'static str, value: impl Into<Value>) -> Attribute {
    Attribute { key, value: value.into() }
}

fn find_text<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.key == key).and_then(|attribute| match &attribute
        .value
    {
        Value::Text(text) => Some(text.as_ref()),
        _ => None,
    })
}
