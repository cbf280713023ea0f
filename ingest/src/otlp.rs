//! OTLP trace requests: `ExportTraceServiceRequest`, in protobuf and in JSON.
//!
//! Both decoders walk a request twice where the order of fields is free: first
//! for the resource and the scopes, then for the spans below them. Malformed
//! input fails the request; a span that breaks a rule is left out and counted.
//!
//! After an error the builder may hold rows of the same request: a receiver
//! drops them with [`crate::SpanBatchBuilder::clear`].

pub mod json;
pub mod protobuf;
pub(crate) mod wire;
