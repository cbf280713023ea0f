//! Inputs that break rules: table B of the reliability notes.

use std::fmt::Write;

use ingest::Warning;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use schema::spans;

use super::oracle::with_attribute;
use super::support::{cell, decode_json, decode_protobuf};

/// A span in JSON whose members may be overridden by those given: of two the last counts.
fn span(members: &str) -> String {
    format!(
        r#"{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",
        "name":"n","startTimeUnixNano":"1000","endTimeUnixNano":"3000"{}{members}}}"#,
        if members.is_empty() { "" } else { "," }
    )
}

fn request(spans: &[String]) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","))
}

/// A cell of the one row that these members of a span become.
fn column(members: &str, column: &str) -> String {
    let (rows, tally) = decode_json(request(&[span(members)]).as_bytes()).unwrap();
    assert_eq!((rows.num_rows(), tally.rejected), (1, 0), "{members}: {:?}", tally.rejections);
    cell(&rows, column, 0)
}

/// Why the span with these members is left out, while another span is kept.
fn rejection(members: &str) -> String {
    let (rows, tally) = decode_json(request(&[span(members), span("")]).as_bytes()).unwrap();
    assert_eq!((rows.num_rows(), tally.rejected), (1, 1), "{members}");
    tally.rejections[0].1.to_string()
}

/// Why a request with this span is refused.
fn refusal(members: &str) -> String {
    decode_json(request(&[span(members)]).as_bytes()).unwrap_err().to_string()
}

/// B1: empty envelopes.
#[test]
fn empty_requests_are_fine() {
    for request in [
        "{}",
        r#"{"resourceSpans":[]}"#,
        r#"{"resourceSpans":null}"#,
        r#"{"resourceSpans":[{}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[]}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[]}]}]}"#,
        r#"{"resourceSpans":[null,{"resource":null,"scopeSpans":[null,{"scope":null}]}]}"#,
    ] {
        let (rows, tally) = decode_json(request.as_bytes()).unwrap();
        assert_eq!((rows.num_rows(), tally.rejected), (0, 0), "{request}");
    }
    for request in [&[][..], &[0x0a, 0], &[0x0a, 2, 0x12, 0], &[0x0a, 4, 0x0a, 0, 0x12, 0]] {
        assert_eq!(decode_protobuf(request).unwrap().0.num_rows(), 0, "{request:?}");
    }
}

/// B2: wire types, lengths, groups.
#[test]
fn malformed_protobuf_names_the_byte() {
    for (request, expected) in [
        (&[0x0a, 5, 0x12][..], "byte 0: field 1 has 5 bytes but only 1 are left"),
        (&[0x0a, 2, 0x12, 9], "byte 2: field 2 has 9 bytes but only 0 are left"),
        (&[0x08, 1], "byte 0: field 1 has wire type 0 where an OTLP trace request has 2;"),
        (&[0x0b], "byte 0: protobuf groups are not part of OTLP"),
        (&[0x0a, 4, 0x12, 2, 0x08, 1], "byte 4: field 1 has wire type 0 where"),
        (&[0x12, 1, 7, 0x20, 1], ""),
        (&[0x0a, 6, 0x12, 4, 0x12, 2, 0x08, 1], "byte 6: field 1 has wire type 0 where"),
        (&[0x0a, 0x80], "byte 1: the input ends inside a protobuf number"),
    ] {
        match decode_protobuf(request) {
            Err(error) => assert!(error.to_string().starts_with(expected), "{error}"),
            // Fields that nobody knows are stepped over.
            Ok((rows, _)) => assert_eq!(rows.num_rows(), 0, "{request:?}"),
        }
    }
}

/// B3: a small request of very many empty spans, attributes, events.
#[test]
fn amplification_by_empty_elements_is_bounded() {
    let many = |tag: u8, count: usize| [tag, 0].repeat(count);
    let field = |tag: u8, content: &[u8]| {
        let mut bytes = vec![tag];
        prost::encoding::encode_varint(content.len() as u64, &mut bytes);
        bytes.extend(content);
        bytes
    };
    let (_, tally) = decode_protobuf(&field(0x0a, &field(0x12, &many(0x12, 1_000_000)))).unwrap();
    assert_eq!((tally.accepted, tally.rejected, tally.rejections.len()), (0, 1_000_000, 100));

    let ids = [field(0x0a, &[1; 16]), field(0x12, &[1; 8])].concat();
    let times = [&[0x39, 1, 0, 0, 0, 0, 0, 0, 0][..], &[0x41, 1, 0, 0, 0, 0, 0, 0, 0]].concat();
    for (tag, column, kept) in [
        (0x4a, spans::DROPPED_ATTRIBUTES_COUNT, 128),
        (0x5a, spans::DROPPED_EVENTS_COUNT, 4096),
        (0x6a, spans::DROPPED_LINKS_COUNT, 4096),
    ] {
        let span = [&ids[..], &times, &many(tag, 500_000)].concat();
        let request = field(0x0a, &field(0x12, &field(0x12, &span)));
        let (rows, _) = decode_protobuf(&request).unwrap();
        assert_eq!(cell(&rows, column, 0), (500_000 - kept).to_string());
    }
}

/// B3 in JSON: containers that are held until their spans are read.
#[test]
fn very_many_scopes_are_refused() {
    let scopes = "{},".repeat(1 << 17) + "{}";
    let request = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{scopes}]}}]}}"#);
    let error = decode_json(request.as_bytes()).unwrap_err().to_string();
    assert!(error.ends_with("more than 65536 scopes below one resource"), "{error}");
    // The same in protobuf takes no memory.
    let scopes = [0x12, 0].repeat(1 << 17);
    let mut request = vec![0x0a];
    prost::encoding::encode_varint(scopes.len() as u64, &mut request);
    request.extend(scopes);
    assert_eq!(decode_protobuf(&request).unwrap().0.num_rows(), 0);
}

/// Arrays inside arrays in protobuf, without recursion and in linear time.
fn nested_protobuf(levels: usize, tag: u8) -> Vec<u8> {
    let mut heads: Vec<Vec<u8>> = Vec::new();
    let mut len = 0;
    let head = |tag: u8, len: usize| {
        let mut bytes = vec![tag];
        prost::encoding::encode_varint(len as u64, &mut bytes);
        bytes
    };
    for level in 0..levels {
        // The element that holds the level before, then the array or object in its value.
        if level > 0 {
            if tag == 0x32 {
                heads.push(head(0x12, len));
                len += heads.last().unwrap().len();
            }
            heads.push(head(0x0a, len));
            len += heads.last().unwrap().len();
        }
        heads.push(head(tag, len));
        len += heads.last().unwrap().len();
    }
    heads.reverse();
    heads.concat()
}

fn request_with_value(value: &[u8]) -> Vec<u8> {
    // The bytes of an unknown field 200 stand in for the value until it is exchanged.
    let template = with_attribute(AnyValue { value: Some(Value::BoolValue(true)) });
    let span = &template.resource_spans[0].scope_spans[0].spans[0];
    let mut bytes = span.encode_to_vec();
    bytes.truncate(bytes.len() - span.attributes[0].encoded_len() - 2);
    let field = |tag: u8, content: &[u8]| {
        let mut bytes = vec![tag];
        prost::encoding::encode_varint(content.len() as u64, &mut bytes);
        bytes.extend(content);
        bytes
    };
    let pair = [field(0x0a, b"k"), field(0x12, value)].concat();
    bytes.extend(field(0x4a, &pair));
    field(0x0a, &field(0x12, &field(0x12, &bytes)))
}

/// B4 and B5: values inside values.
#[test]
fn nesting_is_accepted_to_64_levels() {
    for levels in [1, 31, 46, 47, 48, 64, 65, 127, 128, 10_000, 100_000] {
        for (tag, open, close) in [(0x2a, "[", "]"), (0x32, "{\"\":", "}")] {
            let (rows, tally) =
                decode_protobuf(&request_with_value(&nested_protobuf(levels, tag))).unwrap();
            if levels > 64 {
                let reason = tally.rejections[0].1.to_string();
                assert_eq!(reason, "attribute `k` nested deeper than 64 levels");
                continue;
            }
            let inner = if tag == 0x2a { "[]" } else { "{}" };
            let (opens, closes) = (open.repeat(levels - 1), close.repeat(levels - 1));
            let expected = format!("{{k: {opens}{inner}{closes}}}");
            assert_eq!(cell(&rows, spans::ATTRIBUTES, 0), expected);
        }
        let open = r#"{"arrayValue":{"values":["#.repeat(levels);
        let value = open + &"]}}".repeat(levels);
        let members = format!(r#""attributes":[{{"key":"k","value":{value}}}]"#);
        if levels > 64 {
            assert_eq!(rejection(&members), "attribute `k` nested deeper than 64 levels");
        } else {
            let expected = format!("{{k: {}{}}}", "[".repeat(levels), "]".repeat(levels));
            assert_eq!(column(&members, spans::ATTRIBUTES), expected);
        }
        // What nobody knows may be as deep as it likes.
        let unknown = format!(r#""x":{}{}"#, "[".repeat(levels), "]".repeat(levels));
        assert_eq!(column(&unknown, spans::SPAN_NAME), "n");
    }
}

/// B6: invalid UTF-8 in one span of many.
#[test]
fn invalid_utf8_is_replaced_and_counted() {
    let mut request = with_attribute(AnyValue { value: Some(Value::StringValue("QQ".into())) });
    request.resource_spans[0].scope_spans[0].spans[0].name = "QQ".to_owned();
    let mut good = request.resource_spans[0].scope_spans[0].spans[0].clone();
    good.name = "good".to_owned();
    good.attributes.clear();
    request.resource_spans[0].scope_spans[0].spans.extend(vec![good; 999]);
    let mut protobuf = request.encode_to_vec();
    let mut json = serde_json::to_vec(&request).unwrap();
    for bytes in [&mut protobuf, &mut json] {
        while let Some(at) = bytes.windows(2).position(|pair| pair == b"QQ") {
            bytes[at..at + 2].copy_from_slice(b"a\xff");
        }
    }
    for (rows, tally) in [decode_protobuf(&protobuf).unwrap(), decode_json(&json).unwrap()] {
        assert_eq!((rows.num_rows(), tally.rejected), (1000, 0));
        assert_eq!(cell(&rows, spans::SPAN_NAME, 0), "a\u{FFFD}");
        assert_eq!(cell(&rows, spans::ATTRIBUTES, 0), "{k: a\u{FFFD}}");
        assert_eq!(tally.warnings[&Warning::InvalidUtf8], 1);
    }
}

/// B7: odd but legal text.
#[test]
fn odd_text_is_kept() {
    assert_eq!(column(r#""name":"a\u0000b""#, spans::SPAN_NAME), "a\0b");
    assert_eq!(column(r#""name":"\ud800x""#, spans::SPAN_NAME), "\u{FFFD}x");
    assert_eq!(column(r#""name":"\u202e\u001b[31m""#, spans::SPAN_NAME), "\u{202e}\u{1b}[31m");
    assert_eq!(column(r#""name":"\ud83d\ude00""#, spans::SPAN_NAME), "\u{1F600}");
}

/// B8 and B9: ids.
#[test]
fn invalid_ids_reject_the_span() {
    let zero = "0".repeat(32);
    for (members, expected) in [
        (format!(r#""traceId":"{zero}""#), "trace_id must be 16 bytes and not all zero"),
        (r#""traceId":"""#.to_owned(), "trace_id must be 16 bytes and not all zero"),
        (
            r#""traceId":"5b8efff798038103""#.to_owned(),
            "trace_id must be 32 hex digits and not all zero",
        ),
        (
            format!(r#""traceId":"{}""#, "ab".repeat(32)),
            "trace_id must be 32 hex digits and not all zero",
        ),
        (format!(r#""spanId":"{}""#, &zero[..16]), "span_id must be 8 bytes and not all zero"),
        (r#""spanId":"eee""#.to_owned(), "span_id must be 16 hex digits and not all zero"),
        (r#""parentSpanId":"eee""#.to_owned(), "parent_span_id must be 16 hex digits or empty"),
    ] {
        assert_eq!(rejection(&members), expected, "{members}");
    }
    for len in [0, 8, 15, 17, 32] {
        let mut request = with_attribute(AnyValue::default());
        request.resource_spans[0].scope_spans[0].spans[0].trace_id = vec![1; len];
        let (_, tally) = decode_protobuf(&request.encode_to_vec()).unwrap();
        assert_eq!(tally.rejected_by_reason["trace_id must be 16 bytes and not all zero"], 1);
    }
}

/// B11 to B13: parents and repetitions are for the tree to judge.
#[test]
fn parents_and_duplicates_are_kept() {
    let zero = format!(r#""parentSpanId":"{}""#, "0".repeat(16));
    assert_eq!(column(&zero, spans::PARENT_SPAN_ID), "NULL");
    let own = r#""parentSpanId":"eee19b7ec3c1b174""#;
    assert_eq!(column(own, spans::PARENT_SPAN_ID), "eee19b7ec3c1b174");
    let twice = request(&[span(""), span(""), span(r#""kind":3"#)]);
    assert_eq!(decode_json(twice.as_bytes()).unwrap().0.num_rows(), 3);
}

/// B14 to B16: times.
#[test]
fn times_are_judged() {
    let backwards = r#""startTimeUnixNano":"5000""#;
    assert_eq!(column(backwards, spans::DURATION_NS), "0");
    assert_eq!(column(backwards, spans::NEGATIVE_DURATION_NS), "2000");
    assert_eq!(rejection(r#""startTimeUnixNano":0"#), "start_time_unix_nano is 0");
    assert_eq!(rejection(r#""endTimeUnixNano":"0""#), "end_time_unix_nano is 0");
    for nanos in ["18446744073709551615", "9223372036854775808", "9223372036854775807"] {
        for (member, field) in [
            ("startTimeUnixNano", "start_time_unix_nano"),
            ("endTimeUnixNano", "end_time_unix_nano"),
        ] {
            let reason = rejection(&format!(r#""{member}":"{nanos}""#));
            assert_eq!(
                reason,
                format!("{field} is outside the representable range (1970 to 2262)")
            );
        }
    }
}

/// B19 and B20: very many or very long attributes.
#[test]
fn attributes_are_limited() {
    let mut list = String::new();
    for index in 0..1000 {
        let comma = if index == 0 { "" } else { "," };
        write!(list, r#"{comma}{{"key":"k{index}","value":{{"intValue":{index}}}}}"#).unwrap();
    }
    let many = format!(r#""attributes":[{list}],"droppedAttributesCount":5"#);
    assert_eq!(column(&many, spans::DROPPED_ATTRIBUTES_COUNT), "877");
    let long = format!(
        r#""attributes":[{{"key":"k","value":{{"stringValue":"{}"}}}}]"#,
        "\u{e4}".repeat(1 << 20)
    );
    assert_eq!(column(&long, spans::ATTRIBUTES).len(), "{k: }".len() + (64 << 10));
}

/// B22: one key twice.
#[test]
fn the_last_duplicate_key_wins() {
    let list = r#""attributes":[{"key":"a","value":{"intValue":1}},
        {"key":"b","value":{"intValue":2}},{"key":"a","value":{"intValue":3}}]"#;
    assert_eq!(column(list, spans::ATTRIBUTES), "{a: 3, b: 2}");
    let (_, tally) = decode_json(request(&[span(list)]).as_bytes()).unwrap();
    assert_eq!(tally.warnings[&Warning::DuplicateKey], 1);
}

/// B23 to B25: every kind of value, in every legal spelling.
#[test]
fn values_of_every_kind() {
    for (value, expected) in [
        ("{}", "NULL"),
        ("null", "NULL"),
        (r#"{"stringValue":""}"#, ""),
        (r#"{"stringValue":null}"#, "NULL"),
        (r#"{"boolValue":false}"#, "false"),
        (r#"{"intValue":"-5"}"#, "-5"),
        (r#"{"intValue":5}"#, "5"),
        (r#"{"intValue":1e3}"#, "1000"),
        (r#"{"intValue":1.0}"#, "1"),
        (r#"{"intValue":"9223372036854775807"}"#, "9223372036854775807"),
        (r#"{"doubleValue":72.5}"#, "72.5"),
        (r#"{"doubleValue":1}"#, "1.0"),
        (r#"{"doubleValue":-0.0}"#, "-0.0"),
        (r#"{"doubleValue":"1.5"}"#, "1.5"),
        (r#"{"doubleValue":"NaN"}"#, "NaN"),
        (r#"{"doubleValue":"Infinity"}"#, "Infinity"),
        (r#"{"doubleValue":"-Infinity"}"#, "-Infinity"),
        (r#"{"doubleValue":1e400}"#, "Infinity"),
        (r#"{"bytesValue":"AAAwOQ=="}"#, "AAAwOQ=="),
        (r#"{"bytesValue":"AAAwOQ"}"#, "AAAwOQ=="),
        (r#"{"bytesValue":"__8"}"#, "//8="),
        (r#"{"stringValueStrindex":4}"#, "NULL"),
        (r#"{"unknown":[1]}"#, "NULL"),
        (r#"{"arrayValue":{}}"#, "[]"),
        (
            r#"{"arrayValue":{"values":[{"stringValue":"a\"\n"},{},null,{"intValue":"7"},
               {"doubleValue":"NaN"},{"doubleValue":2.5},{"bytesValue":"AQ=="}]}}"#,
            r#"["a\"\n",null,null,7,"NaN",2.5,"AQ=="]"#,
        ),
        (
            r#"{"kvlistValue":{"values":[{"value":{"boolValue":true},"key":"b"},{"key":"n"}]}}"#,
            r#"{"b":true,"n":null}"#,
        ),
    ] {
        let list = format!(r#""attributes":[{{"key":"k","value":{value}}}]"#);
        assert_eq!(column(&list, spans::ATTRIBUTES), format!("{{k: {expected}}}"), "{value}");
    }
    for double in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0] {
        let value = AnyValue { value: Some(Value::DoubleValue(double)) };
        let (rows, _) = decode_protobuf(&with_attribute(value).encode_to_vec()).unwrap();
        let expected = match double {
            0.0 => "-0.0".to_owned(),
            other => other.to_string().replace("inf", "Infinity"),
        };
        assert_eq!(cell(&rows, spans::ATTRIBUTES, 0), format!("{{k: {expected}}}"));
    }
    let index = AnyValue { value: Some(Value::StringValueStrindex(3)) };
    let (rows, tally) = decode_protobuf(&with_attribute(index).encode_to_vec()).unwrap();
    assert_eq!(cell(&rows, spans::ATTRIBUTES, 0), "{k: NULL}");
    assert_eq!(tally.warnings[&Warning::StringIndex], 1);
}

/// B25: spellings that a tolerant reader accepts.
#[test]
fn json_is_read_tolerantly() {
    let upper = r#""traceId":"5B8EFFF798038103D269B633813FC60C""#;
    assert_eq!(column(upper, spans::TRACE_ID), "5b8efff798038103d269b633813fc60c");
    assert_eq!(column(r#""startTimeUnixNano":1000"#, spans::START_TIME_UNIX_NANO), "1000");
    assert_eq!(column(r#""startTimeUnixNano":1e3"#, spans::START_TIME_UNIX_NANO), "1000");
    assert_eq!(column(r#""kind":null,"events":null,"x":{"y":[]}"#, spans::EVENTS), "NULL");
    assert_eq!(column(r#""flags":"257""#, spans::FLAGS), "257");
    assert_eq!(column(r#""n\u0061me":"escaped key""#, spans::SPAN_NAME), "escaped key");
}

/// B26: spellings that are not OTLP/JSON.
#[test]
fn other_spellings_are_refused_or_ignored() {
    assert_eq!(
        refusal(r#""kind":"SPAN_KIND_SERVER""#).split_once(": ").unwrap().1,
        "kind is the text `SPAN_KIND_SERVER`, but OTLP/JSON writes enum values as integers \
         (server is 2)"
    );
    assert!(
        refusal(r#""status":{"code":"STATUS_CODE_ERROR"}"#).contains("status code is the text")
    );
    let snake = r#"{"trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b174"}"#;
    let (_, tally) = decode_json(request(&[snake.to_owned()]).as_bytes()).unwrap();
    assert_eq!(tally.rejections[0].1.to_string(), "trace_id must be 16 bytes and not all zero");
    let text = "trace_id must be 32 hex digits and not all zero";
    assert_eq!(rejection(r#""traceId":"W47/95gDgQPSabYzgT/GDA==""#), text);
    assert_eq!(rejection(r#""traceId":"5b8efff798038103d269b633813fc60""#), text);
    let bytes = r#""attributes":[{"key":"k","value":{"bytesValue":"!"}}]"#;
    assert_eq!(rejection(bytes), "attribute `k` has a bytes value that is not base64");
}

/// B27: numbers out of range, members that come twice.
#[test]
fn numbers_and_members_at_the_edge() {
    assert!(refusal(r#""startTimeUnixNano":18446744073709551616"#).contains("not an integer"));
    assert!(refusal(r#""startTimeUnixNano":1.5"#).contains("startTimeUnixNano is not an integer"));
    assert!(refusal(r#""flags":4294967296"#).contains("flags is not an integer of its range"));
    assert!(refusal(r#""name":5"#).contains("expected a string"));
    assert_eq!(column(r#""name":"first","name":"last""#, spans::SPAN_NAME), "last");
    let twice = r#""attributes":[{"key":"a"}],"attributes":[{"key":"b"}]"#;
    assert_eq!(column(twice, spans::ATTRIBUTES), "{b: NULL}");
}

/// B28: numbers that no enum has yet.
#[test]
fn unknown_enum_values_are_kept() {
    assert_eq!(column(r#""kind":99"#, spans::SPAN_KIND), "unknown(99)");
    assert_eq!(column(r#""status":{"code":7}"#, spans::STATUS_CODE), "unknown(7)");
    assert_eq!(column(r#""flags":4294967295"#, spans::FLAGS), "4294967295");
}

/// B29: the service name.
#[test]
fn the_service_is_always_named() {
    for (value, expected) in [
        (r#"{"stringValue":""}"#, "unknown_service"),
        ("{}", "unknown_service"),
        (r#"{"intValue":5}"#, "5"),
        (r#"{"arrayValue":{"values":[{"stringValue":"a"}]}}"#, r#"["a"]"#),
    ] {
        let request = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}],"resource":{{"attributes":
            [{{"key":"service.name","value":{value}}}]}}}}]}}"#,
            span("")
        );
        let (rows, _) = decode_json(request.as_bytes()).unwrap();
        assert_eq!(cell(&rows, spans::SERVICE_NAME, 0), expected, "{value}");
    }
    assert_eq!(column("", spans::SERVICE_NAME), "unknown_service");
}
