//! Rows of the stored table as OTLP requests: the way back.
//!
//! What the wire has room for comes back as it was. Types of attribute values do not: the lake keeps
//! text, so every value is a string, and an array or an object is its JSON. A span without a known
//! schema URL of its own has that of its resource. Importing what was exported gives the same rows.

mod row;

use std::collections::HashMap;

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use row::{Origin, Rows};

/// The spans of a batch, by resource and scope, in the order in which these come first.
///
/// # Errors
///
/// If a column of [`schema::spans::stored_schema`] is missing or has another type.
pub(crate) fn request(batch: &RecordBatch) -> Result<ExportTraceServiceRequest> {
    let rows = Rows::of(batch).context("the rows are not those of a lake")?;
    let mut resources: Vec<ResourceSpans> = Vec::new();
    let mut known_resources: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut known_scopes: HashMap<(usize, Vec<u8>, String), usize> = HashMap::new();
    for row in 0..batch.num_rows() {
        let Origin { resource, scope, schema_url } = rows.origin(row);
        let resource_at = *known_resources.entry(resource.encode_to_vec()).or_insert_with(|| {
            resources.push(ResourceSpans { resource: Some(resource), ..Default::default() });
            resources.len() - 1
        });
        let scopes = &mut resources[resource_at].scope_spans;
        let scope_key = scope.as_ref().map(Message::encode_to_vec).unwrap_or_default();
        let scope_key = (resource_at, scope_key, schema_url.clone());
        let scope_at = *known_scopes.entry(scope_key).or_insert_with(|| {
            scopes.push(ScopeSpans { scope, schema_url, spans: Vec::new() });
            scopes.len() - 1
        });
        let span: Span = rows.span(row);
        scopes[scope_at].spans.push(span);
    }
    Ok(ExportTraceServiceRequest { resource_spans: resources })
}
