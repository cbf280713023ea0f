//! Where requests leave the form that encoders write.

/// The messages on the way to attribute values.
#[derive(Clone, Copy, PartialEq)]
enum Node {
    Request,
    ResourceSpans,
    Resource,
    ScopeSpans,
    Scope,
    Span,
    Event,
    Link,
    KeyValue,
    AnyValue,
    Array,
    List,
}

impl Node {
    fn child(self, field: u64) -> Option<Node> {
        Some(match (self, field) {
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
            | (Node::List, 1) => Node::KeyValue,
            (Node::KeyValue, 2) | (Node::Array, 1) => Node::AnyValue,
            (Node::AnyValue, 5) => Node::Array,
            (Node::AnyValue, 6) => Node::List,
            _ => return None,
        })
    }
}

/// Whether an attribute has its value twice. Protobuf says that arrays and lists are merged
/// then; no encoder writes that, and ours takes the last one.
pub(crate) fn repeats_a_value(request: &[u8]) -> bool {
    let mut found = false;
    walk(Node::Request, request, &mut found);
    found
}

/// Goes on behind a message that is none; `None` at the end of what can be read.
fn walk(node: Node, mut bytes: &[u8], found: &mut bool) -> Option<()> {
    let mut values = 0;
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let field = tag >> 3;
        match tag & 7 {
            0 => drop(varint(&mut bytes)?),
            1 => bytes = bytes.get(8..)?,
            5 => bytes = bytes.get(4..)?,
            2 => {
                let len = usize::try_from(varint(&mut bytes)?).ok()?;
                let (message, rest) = bytes.split_at_checked(len)?;
                if let Some(child) = node.child(field) {
                    walk(child, message, found);
                }
                bytes = rest;
            }
            _ => return None,
        }
        let is_value = match node {
            Node::KeyValue => field == 2,
            Node::AnyValue => (1..=8).contains(&field),
            _ => false,
        };
        values += usize::from(is_value);
        *found |= values > 1;
    }
    Some(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}
