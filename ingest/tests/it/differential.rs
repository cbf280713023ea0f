//! Our protobuf decoder against prost, on random requests and on damaged ones.
//!
//! `SPANLAKE_FUZZ_SECONDS` makes the search as long as wanted. It then keeps inputs that
//! led to something new (another outcome, another set of filled columns) and damages
//! those further.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValueKind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use prost::Message;

use super::expected;
use super::layout::repeats_a_value;
use super::oracle::request;
use super::row::{Row, of_batch};
use super::support::decode_protobuf;

/// Why we may accept what prost refuses: texts that are not UTF-8 become U+FFFD, values may be
/// nested deeper, and fields that have no column are stepped over unread.
const LENIENT: [&str; 6] = [
    "UTF-8",
    "recursion limit",
    "Resource.dropped_attributes_count",
    "Resource.entity_refs",
    "InstrumentationScope.dropped_attributes_count",
    "KeyValue.key_strindex",
];

/// What came of an input, and whether both decoders agree.
fn compare(bytes: &[u8]) -> Result<Outcome, String> {
    let theirs = ExportTraceServiceRequest::decode(bytes);
    let ours = decode_protobuf(bytes);
    match (theirs, ours) {
        (_, Ok(_)) if repeats_a_value(bytes) => Ok(Outcome::Merged),
        (Ok(request), Ok((batch, tally))) => {
            let (rows, (expected, rejected)) = (of_batch(&batch), expected::rows(&request));
            if let Some(at) =
                (0..rows.len().max(expected.len())).find(|at| rows.get(*at) != expected.get(*at))
            {
                let (row, expected) = (rows.get(at), expected.get(at));
                return Err(format!("row {at} is\n{row:?}\ninstead of\n{expected:?}"));
            }
            if (tally.accepted, tally.rejected) != (rows.len() as u64, rejected as u64) {
                return Err(format!("{tally:?} for {} rows, {rejected} rejected", rows.len()));
            }
            Ok(Outcome::Rows(rows, rejected))
        }
        (Err(_), Err(ours)) => Ok(Outcome::Refused(ours.to_string())),
        (Err(theirs), Ok(_)) => {
            let reason = theirs.to_string();
            match LENIENT.iter().find(|lenient| reason.contains(**lenient)) {
                Some(lenient) => Ok(Outcome::Lenient(lenient)),
                None => Err(format!("prost refuses: {reason}")),
            }
        }
        // prost steps over groups, which OTLP never had.
        (Ok(_), Err(ours)) if ours.to_string().contains("groups") => {
            Ok(Outcome::Refused(ours.to_string()))
        }
        (Ok(_), Err(ours)) => Err(format!("prost accepts what we refuse: {ours}")),
    }
}

enum Outcome {
    Rows(Vec<Row>, usize),
    Refused(String),
    Lenient(&'static str),
    Merged,
}

impl Outcome {
    /// What is worth keeping an input for: the kind of outcome and which columns it filled,
    /// not the values.
    fn feature(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self {
            Outcome::Rows(rows, rejected) => {
                (0, rows.len().min(3), (*rejected).min(2)).hash(&mut hasher);
                for row in rows.iter().take(2) {
                    row.promoted.keys().for_each(|name| name.hash(&mut hasher));
                    let flags = [
                        row.parent_span_id.is_some(),
                        row.trace_state.is_some(),
                        row.negative_duration.is_some(),
                        row.sample_weight.is_some(),
                        row.dropped_attributes.is_some(),
                        row.dropped_events.is_some(),
                        row.dropped_links.is_some(),
                        row.conflict,
                        row.schema_url.is_some(),
                    ];
                    flags.hash(&mut hasher);
                    let lens = [
                        row.attributes.len(),
                        row.resource_attributes.len(),
                        row.scope_attributes.len(),
                        row.events.len(),
                        row.links.len(),
                    ];
                    lens.map(|len| len.min(4)).hash(&mut hasher);
                }
            }
            Outcome::Refused(reason) => {
                let words = reason.split(": ").last().unwrap_or_default();
                let words: String = words.chars().filter(|c| !c.is_ascii_digit()).collect();
                (1, words).hash(&mut hasher);
            }
            Outcome::Lenient(reason) => (2, reason).hash(&mut hasher),
            Outcome::Merged => 3.hash(&mut hasher),
        }
        hasher.finish()
    }
}

/// 300, unless the variable of proptest says otherwise.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").map_or(300, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// Scenario: any request, encoded by the official types.
    /// Guarantees: every column of every row is what the rules say of it.
    #[test]
    fn every_column_is_as_expected(request in request()) {
        if let Err(difference) = compare(&request.encode_to_vec()) {
            prop_assert!(false, "{difference}");
        }
    }
}

/// A span with one of few names and one of few lists of keys, some of which begin alike, have the same
/// keys in another order, or have one twice.
fn like_others() -> impl Strategy<Value = Span> {
    const LISTS: [&[&str]; 6] = [
        &["http.route", "url.path", "user.id"],
        &["http.route", "user.id", "url.path"],
        &["http.route", "url.path"],
        &["http.route", "url.path", "http.route"],
        &["user.id"],
        &[],
    ];
    let value = prop_oneof![
        "[ab]{0,2}".prop_map(AnyValueKind::StringValue),
        any::<i64>().prop_map(AnyValueKind::IntValue),
    ];
    let values = prop::collection::vec(prop::option::weighted(0.9, value), 3);
    (0..3_usize, 0..LISTS.len(), values, 0..20_u8).prop_map(|(name, list, values, id)| Span {
        name: ["a1", "b1", "a longer name"][name].into(),
        // Now and then a span that is rejected.
        trace_id: vec![id.min(1); 16],
        span_id: vec![7; 8],
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        attributes: LISTS[list]
            .iter()
            .zip(values)
            .map(|(key, value)| KeyValue {
                key: (*key).into(),
                value: Some(AnyValue { value }),
                ..KeyValue::default()
            })
            .collect(),
        ..Span::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// Scenario: many spans whose names and keys repeat, from which the decoder learns.
    /// Guarantees: each has its own keys and values.
    #[test]
    fn repeated_keys_are_told_apart(spans in prop::collection::vec(like_others(), 1..80)) {
        let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        let request = ExportTraceServiceRequest { resource_spans };
        if let Err(difference) = compare(&request.encode_to_vec()) {
            prop_assert!(false, "{difference}");
        }
    }
}

/// Scenario: requests with bytes changed, inserted, removed, repeated and spliced, for a time
/// that can be set.
/// Guarantees: both decoders agree on what is a request and on what it says; where ours accepts
/// more, it is for a reason that is documented.
#[test]
fn damaged_requests_are_read_alike() {
    let seconds = std::env::var("SPANLAKE_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(0, |text| text.parse().unwrap());
    let rounds = if seconds == 0 { 4000 } else { u64::MAX };
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut random = Random(if seconds == 0 { 1 } else { u64::from(std::process::id()) });
    let mut corpus = seeds();
    let (mut seen, mut tried) = (HashSet::new(), 0u64);
    while tried < rounds && (seconds == 0 || Instant::now() < end) {
        let input = damaged(&corpus, &mut random);
        match compare(&input) {
            Ok(outcome) => {
                if seen.insert(outcome.feature()) && corpus.len() < 4096 {
                    corpus.push(input);
                }
            }
            Err(difference) => panic!("after {tried} inputs, {input:02x?}:\n{difference}"),
        }
        tried += 1;
        if seconds > 0 && tried.is_multiple_of(1 << 20) {
            println!("{tried} inputs, {} kept, {} outcomes", corpus.len(), seen.len());
        }
    }
    assert!(seen.len() > 50, "only {} different outcomes", seen.len());
}

fn seeds() -> Vec<Vec<u8>> {
    let mut runner = TestRunner::deterministic();
    let tree = |runner: &mut TestRunner| request().new_tree(runner).unwrap().current();
    (0..100).map(|_| tree(&mut runner).encode_to_vec()).collect()
}

/// An input with one to four changes.
fn damaged(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const BYTES: [u8; 12] = [0, 1, 2, 8, 0x0a, 0x12, 0x4a, 0x5a, 0x7f, 0x80, 0xc3, 0xff];
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let end = (at + 1 + random.below(16)).min(input.len());
        match random.below(8) {
            0 | 1 if at < input.len() => input[at] ^= 1 << random.below(8),
            2 if at < input.len() => input[at] = BYTES[random.below(BYTES.len())],
            3 if at < input.len() => {
                input[at] = input[at].wrapping_add(random.below(5) as u8).wrapping_sub(2)
            }
            4 => input.insert(at, BYTES[random.below(BYTES.len())]),
            5 => drop(input.drain(at.min(end)..end)),
            6 => {
                let piece = input[at.min(end)..end].to_vec();
                input.splice(at..at, piece);
            }
            _ => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }
    input
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
