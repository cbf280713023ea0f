//! What an answer says, in both encodings: `ExportTraceServiceResponse` and `google.rpc.Status`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::server::PayloadFormat;
use crate::server::fault::{Code, Fault};
use crate::server::wire_out;
use crate::tally::{Tally, Warning};

/// Bytes of a message. Answers have limits at the client, and in gRPC the message is a header.
const MESSAGE_BYTES: usize = 1024;

/// What the client is told about a request that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    /// Spans that were left out.
    pub(super) rejected: u64,
    /// Why, or what was repaired; empty if there is nothing to say.
    pub(super) message: String,
}

impl Verdict {
    /// What a tally means for the client.
    pub(super) fn of(tally: &Tally) -> Self {
        Self { rejected: tally.rejected, message: shorten(describe(tally)) }
    }

    /// The answer. A full success has no `partial_success`.
    pub(super) fn encode(&self, format: PayloadFormat) -> Vec<u8> {
        let nothing = *self == Verdict::default();
        match format {
            PayloadFormat::Protobuf if nothing => Vec::new(),
            PayloadFormat::Protobuf => {
                let mut partial = Vec::new();
                wire_out::integer(&mut partial, 1, self.rejected);
                wire_out::bytes(&mut partial, 2, self.message.as_bytes());
                let mut response = Vec::new();
                wire_out::bytes(&mut response, 1, &partial);
                response
            }
            PayloadFormat::Json if nothing => b"{}".to_vec(),
            PayloadFormat::Json => {
                let rejected = self.rejected.to_string();
                let message = &self.message;
                let partial = json!({ "rejectedSpans": rejected, "errorMessage": message });
                json!({ "partialSuccess": partial }).to_string().into_bytes()
            }
        }
    }
}

/// A `google.rpc.Status`.
pub(super) fn status(fault: &Fault, code: Code, format: PayloadFormat) -> Vec<u8> {
    let message = message(fault);
    match format {
        PayloadFormat::Protobuf => {
            let mut status = Vec::new();
            wire_out::integer(&mut status, 1, code as u64);
            wire_out::bytes(&mut status, 2, message.as_bytes());
            for (name, detail) in details(fault, &message) {
                let mut any = Vec::new();
                wire_out::bytes(&mut any, 1, type_url(name).as_bytes());
                wire_out::bytes(&mut any, 2, &detail);
                wire_out::bytes(&mut status, 3, &any);
            }
            status
        }
        PayloadFormat::Json => {
            let mut details = Vec::<Value>::new();
            if let Some(delay) = fault.retry_after {
                let delay = format!("{}s", delay.as_secs_f64());
                details.push(json!({ "@type": type_url("RetryInfo"), "retryDelay": delay }));
            }
            if fault.is_bad_request() {
                let violation = json!({ "field": "resource_spans", "description": message });
                let violations = json!([violation]);
                details.push(
                    json!({ "@type": type_url("BadRequest"), "fieldViolations": violations }),
                );
            }
            let status = json!({ "code": code as u8, "message": message, "details": details });
            status.to_string().into_bytes()
        }
    }
}

/// The message of a fault, at the length that is sent.
pub(super) fn message(fault: &Fault) -> String {
    shorten(fault.message.clone())
}

fn type_url(name: &str) -> String {
    format!("type.googleapis.com/google.rpc.{name}")
}

/// The messages that go with a fault.
fn details(fault: &Fault, message: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut details = Vec::new();
    if let Some(delay) = fault.retry_after {
        let mut info = Vec::new();
        wire_out::bytes(&mut info, 1, &duration(delay));
        details.push(("RetryInfo", info));
    }
    if fault.is_bad_request() {
        let mut violation = Vec::new();
        wire_out::bytes(&mut violation, 1, b"resource_spans");
        wire_out::bytes(&mut violation, 2, message.as_bytes());
        let mut bad_request = Vec::new();
        wire_out::bytes(&mut bad_request, 1, &violation);
        details.push(("BadRequest", bad_request));
    }
    details
}

/// A `google.protobuf.Duration`.
fn duration(delay: Duration) -> Vec<u8> {
    let mut duration = Vec::new();
    wire_out::integer(&mut duration, 1, delay.as_secs());
    wire_out::integer(&mut duration, 2, delay.subsec_nanos().into());
    duration
}

/// What was left out and repaired, in words.
fn describe(tally: &Tally) -> String {
    let mut parts = Vec::new();
    for (reason, count) in &tally.rejected_by_reason {
        // The first one of its kind may name a key or show a text.
        let example = tally.rejections.iter().find(|(_, cause)| cause.reason() == *reason);
        let text = example.map_or_else(
            || (*reason).to_owned(),
            |(at, cause)| format!("{cause} (first at byte {at})"),
        );
        parts.push(format!("{} rejected: {text}", spans(*count)));
    }
    for (warning, count) in &tally.warnings {
        let what = match warning {
            Warning::InvalidUtf8 => "had invalid UTF-8, which was replaced by U+FFFD",
            Warning::LongText => "had text that was cut at the length limit",
            Warning::ManyAttributes => "had more attributes than are kept",
            Warning::ManyEvents => "had more events or links than are kept",
            Warning::StringIndex => "had string indexes without a string table, read as absent",
            // The data is as it was sent, and the counters have it.
            _ => continue,
        };
        parts.push(format!("{} {what}", spans(*count)));
    }
    parts.join("; ")
}

fn spans(count: u64) -> String {
    if count == 1 { "1 span".to_owned() } else { format!("{count} spans") }
}

fn shorten(mut message: String) -> String {
    const MARK: &str = " ...";
    if message.len() > MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES - MARK.len()));
        message.push_str(MARK);
    }
    message
}

#[cfg(test)]
mod tests;
