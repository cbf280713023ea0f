//! The reader against `serde_json`.

use proptest::prelude::*;
use serde_json::{Map, Number, Value};

use super::Json;
use crate::error::{Decoded, Error};

/// Reads a whole document the way `serde_json` would.
fn read(json: &mut Json<'_>) -> Decoded<Value> {
    Ok(match json.peek()? {
        b'{' => {
            let (mut first, mut map) = (true, Map::new());
            json.object()?;
            while let Some(key) = json.key(&mut first)? {
                let key = key.into_owned();
                map.insert(key, read(json)?);
            }
            Value::Object(map)
        }
        b'[' => {
            let (mut first, mut list) = (true, Vec::new());
            json.array()?;
            while json.item(&mut first)? {
                list.push(read(json)?);
            }
            Value::Array(list)
        }
        b'"' => Value::String(json.string()?.into_owned()),
        b't' | b'f' => Value::Bool(json.boolean()?),
        b'n' => {
            json.null()?;
            Value::Null
        }
        _ => {
            let text = json.number()?;
            let integer = text.parse::<i64>().ok().map(Number::from);
            let integer = integer.or_else(|| text.parse::<u64>().ok().map(Number::from));
            let double = || Number::from_f64(text.parse().ok()?);
            let overflow = || Error::malformed(0, "number out of range");
            Value::Number(integer.or_else(double).ok_or_else(overflow)?)
        }
    })
}

fn document(text: &[u8]) -> Decoded<Value> {
    let mut json = Json::new(text);
    let value = read(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Whether two documents are the same but for members that are `null`, and for the last digits
/// of doubles, of which `serde_json` is not sure.
fn alike(ours: Value, theirs: Value) -> bool {
    same_but_last_digits(&without_null_members(ours), &without_null_members(theirs))
}

fn same_but_last_digits(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) if ours.is_f64() && theirs.is_f64() => {
            let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
            (ours - theirs).abs() <= 1e-12 * ours.abs()
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(ours, theirs)| same_but_last_digits(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let same = |key, ours| {
                theirs.get(key).is_some_and(|theirs| same_but_last_digits(ours, theirs))
            };
            ours.len() == theirs.len() && ours.iter().all(|(key, ours)| same(key, ours))
        }
        (ours, theirs) => ours == theirs,
    }
}

fn without_null_members(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(without_null_members).collect(),
        Value::Object(map) => {
            let members = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(k, v)| (k, without_null_members(v))).collect())
        }
        other => other,
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e10..1e10).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Found by `damage_is_judged_the_same`: cut to digits, the two are not alike.
#[test]
fn doubles_on_both_sides_of_a_rounded_digit_are_alike() {
    let theirs: f64 = 9_635_515_177.035_5;
    assert!(alike(theirs.next_up().into(), theirs.into()));
    assert!(!alike(9_635_515_177.1.into(), theirs.into()));
}

proptest! {
    #[test]
    fn documents_read_the_same(value in any_json(), pretty in any::<bool>()) {
        let text = match pretty {
            true => serde_json::to_vec_pretty(&value).unwrap(),
            false => serde_json::to_vec(&value).unwrap(),
        };
        let read = document(&text).unwrap();
        prop_assert!(alike(read.clone(), value), "{}", read);
        let mut json = Json::new(&text);
        json.skip().unwrap();
        prop_assert_eq!(json.offset(), text.len());
    }

    /// Scenario: one byte of a document is changed or lost.
    /// Guarantees: both readers take it or both refuse it.
    #[test]
    fn damage_is_judged_the_same(value in any_json(), at in any::<prop::sample::Index>(), to in any::<Option<u8>>()) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let at = at.index(text.len());
        match to {
            Some(byte) => text[at] = byte,
            None => drop(text.remove(at)),
        }
        let theirs = serde_json::from_slice::<Value>(&text);
        let ours = document(&text);
        match theirs {
            Ok(theirs) => {
                let ours = ours.unwrap();
                prop_assert!(alike(ours.clone(), theirs.clone()), "{} or {}", ours, theirs);
            }
            // What we repair and they refuse.
            Err(_) if str::from_utf8(&text).is_err() => {}
            Err(error) if error.to_string().contains("surrogate") => {}
            Err(error) if error.to_string().contains("hex escape") => {}
            Err(error) => prop_assert!(ours.is_err(), "{}", error),
        }
    }

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        document(&bytes).ok();
        Json::new(&bytes).skip().ok();
    }
}

#[test]
fn surrogates_pair_up_or_are_replaced() {
    for (text, expected, repaired) in [
        (r#""\ud83d\ude00""#, "\u{1F600}", false),
        (r#""\ud83d""#, "\u{FFFD}", true),
        (r#""\ud83dx""#, "\u{FFFD}x", true),
        (r#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}", true),
        (r#""\ud83d\u0041""#, "\u{FFFD}A", true),
        (r#""\u0000\/\b\f\n\r\t\"\\""#, "\0/\u{8}\u{c}\n\r\t\"\\", false),
    ] {
        let mut json = Json::new(text.as_bytes());
        assert_eq!(json.string().unwrap(), expected, "{text}");
        assert_eq!(json.take_repaired(), repaired, "{text}");
    }
}

#[test]
fn invalid_utf8_is_replaced() {
    let mut json = Json::new(b"[\"a\xffb\", \"plain\", \"\xff\\n\"]");
    let mut first = true;
    json.array().unwrap();
    assert!(json.item(&mut first).unwrap());
    assert_eq!(json.string().unwrap(), "a\u{FFFD}b");
    assert!(json.take_repaired());
    assert!(json.item(&mut first).unwrap());
    assert_eq!(json.string().unwrap(), "plain");
    assert!(!json.take_repaired());
    assert!(json.item(&mut first).unwrap());
    assert_eq!(json.string().unwrap(), "\u{FFFD}\n");
    assert!(json.take_repaired());
}

#[test]
fn errors_name_the_byte() {
    for (text, expected) in [
        ("[1,]", "byte 3: nothing after `,`"),
        ("[1 2]", "byte 3: expected `,` or `]`"),
        ("{\"a\" 1}", "byte 5: expected `:` after the name of a member"),
        ("[tru]", "byte 1: expected true"),
        ("[\"\\x\"]", "byte 2: unknown escape in a string"),
        ("[01]", "byte 1: expected a number"),
        ("[\"a\nb\"]", "byte 3: control character in a string; write it as an escape"),
        ("[] x", "byte 3: unexpected text after the JSON value"),
        ("[1", "byte 2: the input ends inside a JSON value; it was cut off, get it again in full"),
        (
            "[\"a",
            "byte 1: the input ends inside a JSON string; it was cut off, get it again in full",
        ),
    ] {
        assert_eq!(document(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
    }
}
