//! Answers, read back by other decoders.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::*;
use crate::server::fault::Reason;
use crate::tally::Rejection;

#[test]
fn success_says_nothing() {
    let verdict = Verdict::of(&Tally { accepted: 3, ..Tally::default() });
    assert_eq!(verdict.encode(PayloadFormat::Protobuf), b"");
    assert_eq!(verdict.encode(PayloadFormat::Json), b"{}");
}

#[test]
fn reasons_and_repairs_are_told() {
    let mut tally = Tally { accepted: 3, ..Tally::default() };
    tally.reject(7, Rejection::TraceId);
    tally.reject(9, Rejection::TraceId);
    tally.reject(11, Rejection::Depth { key: "k".into() });
    tally.warnings.insert(Warning::InvalidUtf8, 1);
    tally.warnings.insert(Warning::NegativeDuration, 1);
    let verdict = Verdict::of(&tally);
    let expected = "1 span rejected: attribute `k` nested deeper than 64 levels (first at byte \
                    11); 2 spans rejected: trace_id must be 16 bytes and not all zero (first at \
                    byte 7); 1 span had invalid UTF-8, which was replaced by U+FFFD";
    assert_eq!(verdict.message, expected);
    let response = verdict.encode(PayloadFormat::Protobuf);
    let partial = ExportTraceServiceResponse::decode(&response[..]).unwrap().partial_success;
    let partial = partial.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message), (3, expected.to_owned()));
    let response: Value = serde_json::from_slice(&verdict.encode(PayloadFormat::Json)).unwrap();
    assert_eq!(
        response,
        json!({ "partialSuccess": { "rejectedSpans": "3", "errorMessage": expected } })
    );
}

#[test]
fn long_messages_are_cut_between_characters() {
    let fault = Fault::new(Reason::Malformed, "ä".repeat(2000));
    let message = message(&fault);
    assert!(message.len() <= MESSAGE_BYTES && message.ends_with("ä ..."), "{message}");
}
