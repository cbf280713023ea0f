//! References to other spans: one of them is the parent, the others are links.

use std::borrow::Cow;

use crate::error::Decoded;
use crate::json::Json;
use crate::span::{Id, Link, Span, Value};
use crate::tally::Warning;
use crate::value::decode_base64;

const CHILD_OF: &str = "CHILD_OF";
const FOLLOWS_FROM: &str = "FOLLOWS_FROM";

/// A reference as received.
pub(super) struct Reference<'a> {
    kind: Cow<'a, str>,
    /// `None` means the trace of the span itself.
    trace_id: Option<Id<16>>,
    span_id: Id<8>,
}

/// An id: hex without its leading zeros, or base64, which ends with `=` at these lengths.
pub(super) fn id<const N: usize>(text: &str) -> Id<N> {
    if text.ends_with('=') {
        return decode_base64(text).map_or(Id::NotHex, |bytes| Id::from_bytes(&bytes));
    }
    Id::from_short_hex(text)
}

/// Reads a reference. The UI nests the whole referenced span in it; that is stepped over.
pub(super) fn read<'a>(json: &mut Json<'a>) -> Decoded<Reference<'a>> {
    let mut reference =
        Reference { kind: Cow::Borrowed(CHILD_OF), trace_id: None, span_id: Id::Absent };
    let mut first = true;
    json.object()?;
    while let Some(key) = json.key(&mut first)? {
        match &*key {
            "refType" => reference.kind = json.string()?,
            "traceID" | "traceId" => reference.trace_id = Some(id(&json.string()?)),
            "spanID" | "spanId" => reference.span_id = id(&json.string()?),
            _ => json.skip()?,
        }
    }
    Ok(reference)
}

/// Makes one reference the parent of the span and the others its links.
pub(super) fn resolve<'a>(
    references: &mut Vec<Reference<'a>>,
    parent: Id<8>,
    limit: usize,
    span: &mut Span<'a>,
) {
    let trace_id = span.trace_id;
    let in_trace = |reference: &Reference<'_>| reference.trace_id.is_none_or(|id| id == trace_id);
    let first = |kind| references.iter().position(|r| r.kind == kind && in_trace(r));
    let parent_index = first(CHILD_OF).or_else(|| first(FOLLOWS_FROM));
    span.parent_span_id = match parent_index {
        Some(index) => references.remove(index).span_id,
        None => parent,
    };
    for reference in references.drain(..) {
        if span.links.len() >= limit {
            span.notes.warn(Warning::ManyEvents);
            span.dropped_links = span.dropped_links.saturating_add(1);
            continue;
        }
        let start = span.inner_attributes.len();
        let kind = Cow::Owned(reference.kind.to_ascii_lowercase());
        span.inner_attributes.push((Cow::Borrowed("opentracing.ref_type"), Value::Text(kind)));
        span.links.push(Link {
            trace_id: reference.trace_id.unwrap_or(trace_id),
            span_id: reference.span_id,
            attributes: start..start + 1,
            ..Link::default()
        });
    }
}
