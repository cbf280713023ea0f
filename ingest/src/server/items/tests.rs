//! The counts against requests that were counted by hand.

use super::*;

/// The largest limit that a payload breaks, found from above.
fn count(format: PayloadFormat, payload: &[u8]) -> usize {
    let walk = |limit| match format {
        PayloadFormat::Protobuf => {
            Walk { left: limit }.message(Node::Request, Wire::new(payload), 0)
        }
        PayloadFormat::Json => elements(payload, limit),
    };
    (0..1000).find(|limit| walk(*limit).is_ok()).expect("fewer than 1000 items")
}

#[test]
fn json_elements_are_counted() {
    let json = |text: &str| count(PayloadFormat::Json, text.as_bytes());
    assert_eq!(json("{}"), 0);
    assert_eq!(json(r#"{"resourceSpans": [ ]}"#), 0);
    assert_eq!(json(r#"{"resourceSpans": [{}]}"#), 1);
    assert_eq!(json(r#"{"resourceSpans": [ {} , {"a": 1, "b": 2} ]}"#), 2);
    assert_eq!(json(r#"[[],[1,2],{"x":[null]}]"#), 6);
    assert_eq!(json(r#"["a,b\",[", "]\\"]"#), 2);
    assert_eq!(json(r#"["#), 0);
    assert_eq!(json(r#"]]],,"#), 0);
    assert_eq!(json(r#"["unfinished"#), 1);
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(json(&deep), 200);
}

#[test]
fn protobuf_items_are_counted() {
    let message = |field: u8, content: &[u8]| {
        let mut bytes = vec![field << 3 | 2, content.len() as u8];
        bytes.extend_from_slice(content);
        bytes
    };
    let count = |payload: &[u8]| count(PayloadFormat::Protobuf, payload);
    let text = message(2, &message(1, b"v"));
    let attribute = message(9, &[message(1, b"k"), text].concat());
    let span = message(2, &[message(5, b"name"), attribute.clone(), attribute].concat());
    let scope = message(2, &[span.clone(), span].concat());
    assert_eq!(count(&message(1, &scope)), 1 + 1 + 2 * 3);

    // Scalars have nothing in them, whatever they look like; a scalar with an array behind it does.
    let array = message(5, &message(1, b"").repeat(3));
    let number = [&[0x18][..], &[0xff; 9], &[1]].concat();
    let scalars = [message(1, &array), vec![0x10, 1], vec![0x18, 0], number, vec![0x21; 9]];
    for (value, items) in scalars.into_iter().map(|value| (value, 1)).chain([
        ([&[0x10, 1][..], &array].concat(), 4),
        ([&array[..], &[0x18, 0]].concat(), 4),
        (array, 4),
    ]) {
        let attribute = message(9, &[message(1, b"k"), message(2, &value)].concat());
        let request = message(1, &message(2, &message(2, &attribute)));
        assert_eq!(count(&request), 3 + items, "{value:?}");
    }

    // An array of three values inside the attribute of an event.
    let array = message(5, &message(1, b"").repeat(3));
    let event = message(11, &message(3, &message(2, &array)));
    let request = message(1, &message(2, &message(2, &event)));
    assert_eq!(count(&request), 5 + 3);
    assert_eq!(count(b""), 0);
}

#[test]
fn the_walk_stops_at_the_limit() {
    // Behind the limit the request is broken, which must not matter any more.
    let spans = [&[0x12, 0][..], &[0x12, 0], &[0x12, 0], &[0xff; 20]].concat();
    let scope = [&[0x12, spans.len() as u8][..], &spans].concat();
    let request = [&[0x0a, scope.len() as u8][..], &scope].concat();
    let check = |limit| check(PayloadFormat::Protobuf, &request, limit);
    assert!(matches!(check(4), Err(Refused::TooMany)));
    assert!(matches!(check(5), Err(Refused::Broken(_))));
}
