//! Which message lies where in a trace request, in both encodings.
//!
//! Counting and redaction walk a request by this table. They do not decode, so
//! scalars are not in it.

/// A kind of message in a trace request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Request,
    ResourceSpans,
    Resource,
    ScopeSpans,
    Scope,
    Span,
    Event,
    Link,
    /// A key with a value.
    Attribute,
    /// `AnyValue`.
    Value,
    Array,
    /// `KeyValueList`.
    Object,
}

impl Node {
    /// The message in a field of the protobuf encoding.
    pub(super) fn field(self, number: u32) -> Option<Node> {
        Some(match (self, number) {
            (Node::Request, 1) => Node::ResourceSpans,
            (Node::ResourceSpans, 1) => Node::Resource,
            (Node::ResourceSpans, 2) => Node::ScopeSpans,
            (Node::ScopeSpans, 1) => Node::Scope,
            (Node::ScopeSpans, 2) => Node::Span,
            (Node::Span, 11) => Node::Event,
            (Node::Span, 13) => Node::Link,
            (Node::Resource, 1)
            | (Node::Scope, 3)
            | (Node::Span, 9)
            | (Node::Event, 3)
            | (Node::Link, 4)
            | (Node::Object, 1) => Node::Attribute,
            (Node::Attribute, 2) | (Node::Array, 1) => Node::Value,
            (Node::Value, 5) => Node::Array,
            (Node::Value, 6) => Node::Object,
            _ => return None,
        })
    }

    /// The message in a member of the JSON encoding, and whether the member is an array of them.
    pub(super) fn member(self, name: &str) -> Option<(Node, bool)> {
        Some(match (self, name) {
            (Node::Request, "resourceSpans") => (Node::ResourceSpans, true),
            (Node::ResourceSpans, "resource") => (Node::Resource, false),
            (Node::ResourceSpans, "scopeSpans") => (Node::ScopeSpans, true),
            (Node::ScopeSpans, "scope") => (Node::Scope, false),
            (Node::ScopeSpans, "spans") => (Node::Span, true),
            (Node::Span, "events") => (Node::Event, true),
            (Node::Span, "links") => (Node::Link, true),
            (
                Node::Resource | Node::Scope | Node::Span | Node::Event | Node::Link,
                "attributes",
            )
            | (Node::Object, "values") => (Node::Attribute, true),
            (Node::Attribute, "value") => (Node::Value, false),
            (Node::Array, "values") => (Node::Value, true),
            (Node::Value, "arrayValue") => (Node::Array, false),
            (Node::Value, "kvlistValue") => (Node::Object, false),
            _ => return None,
        })
    }

    /// Whether such a message below `parent` may come any number of times.
    pub(super) fn is_item_of(self, parent: Node) -> bool {
        match self {
            Node::ResourceSpans
            | Node::ScopeSpans
            | Node::Span
            | Node::Event
            | Node::Link
            | Node::Attribute => true,
            Node::Value => parent == Node::Array,
            Node::Request | Node::Resource | Node::Scope | Node::Array | Node::Object => false,
        }
    }
}
