//! Redaction of the JSON encoding.
//!
//! The text stays as it is but for the places that rules change; those are noted
//! in order and cut out or replaced at the end.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Decoded;
use crate::json::{Json, number};
use crate::server::layout::Node;
use crate::server::redact::Text;
use crate::server::redact::rule::{Found, RuleSet};
use crate::value::{MAX_DEPTH, decode_base64};

/// The payload with the rules applied and the number of changes, or `None` if nothing changed.
pub(super) fn rewrite(payload: &[u8], rules: &RuleSet) -> Decoded<Option<(Vec<u8>, u64)>> {
    let mut edit = Edit { payload, rules, edits: Vec::new(), changes: 0 };
    edit.message(Node::Request, &mut Json::new(payload), 0)?;
    if edit.changes == 0 {
        return Ok(None);
    }
    let (mut out, mut done) = (Vec::with_capacity(payload.len()), 0);
    for (range, text) in edit.edits {
        out.extend_from_slice(&payload[done..range.start]);
        out.extend_from_slice(text.as_bytes());
        done = range.end;
    }
    out.extend_from_slice(&payload[done..]);
    Ok(Some((out, edit.changes)))
}

struct Edit<'a> {
    payload: &'a [u8],
    rules: &'a RuleSet,
    /// What is replaced by what, in order.
    edits: Vec<(Range<usize>, String)>,
    changes: u64,
}

/// What becomes of the value at hand.
enum Fate {
    Stays,
    Goes,
}

impl<'a> Edit<'a> {
    fn message(&mut self, node: Node, json: &mut Json<'a>, depth: usize) -> Decoded<()> {
        let mut first = true;
        json.object()?;
        while let Some(name) = json.key(&mut first)? {
            match node.member(&name) {
                Some((child, true)) => self.elements(child, json, depth)?,
                // The value of an attribute was judged together with its key.
                Some((child, false)) => self.nested(child, json, depth)?,
                None => json.skip()?,
            }
        }
        Ok(())
    }

    fn nested(&mut self, node: Node, json: &mut Json<'a>, depth: usize) -> Decoded<()> {
        let depth = depth + usize::from(matches!(node, Node::Array | Node::Object));
        if depth <= MAX_DEPTH {
            return self.message(node, json, depth);
        }
        // Too deep to be stored, so the span will be rejected. Its content must not stay.
        let start = json.offset();
        json.skip()?;
        self.change(start..json.offset(), "{}".to_owned());
        Ok(())
    }

    /// Goes through an array; what goes takes the comma beside it along.
    fn elements(&mut self, node: Node, json: &mut Json<'a>, depth: usize) -> Decoded<()> {
        let (mut first, mut kept, mut end) = (true, false, 0);
        // Where elements at the beginning that go begin: they go up to the first one that stays.
        let mut leading: Option<usize> = None;
        json.array()?;
        while json.item(&mut first)? {
            json.peek()?;
            let (start, before) = (json.offset(), self.edits.len());
            let fate = self.element(node, json, depth)?;
            let last_end = std::mem::replace(&mut end, json.offset());
            match fate {
                Fate::Goes if kept => self.edits.push((last_end..end, String::new())),
                Fate::Goes => leading = Some(leading.unwrap_or(start)),
                Fate::Stays => {
                    kept = true;
                    if let Some(leading) = leading.take() {
                        self.edits.insert(before, (leading..start, String::new()));
                    }
                }
            }
        }
        if let Some(leading) = leading {
            self.edits.push((leading..end, String::new()));
        }
        Ok(())
    }

    fn element(&mut self, node: Node, json: &mut Json<'a>, depth: usize) -> Decoded<Fate> {
        if json.null()? {
            return Ok(Fate::Stays);
        }
        match node {
            Node::Attribute => self.attribute(json, depth),
            Node::Value => {
                let start = json.offset();
                let text = scalar(&mut json.clone())?;
                match self.rules.judge(None, text.as_deref(), b"") {
                    None => self.nested(Node::Value, json, depth).map(|()| Fate::Stays),
                    found => {
                        json.skip()?;
                        Ok(self.replace(start..json.offset(), found))
                    }
                }
            }
            node => self.nested(node, json, depth).map(|()| Fate::Stays),
        }
    }

    fn attribute(&mut self, json: &mut Json<'a>, depth: usize) -> Decoded<Fate> {
        let start = json.clone();
        let (mut key, mut text, mut values) = (Cow::Borrowed(""), None, Vec::new());
        let mut first = true;
        json.object()?;
        while let Some(name) = json.key(&mut first)? {
            match &*name {
                "key" => key = json.string()?,
                "value" => {
                    let from = json.offset();
                    text = scalar(&mut json.clone())?;
                    json.skip()?;
                    values.push(from..json.offset());
                }
                _ => json.skip()?,
            }
        }
        let raw = values.last().map_or(&b""[..], |range| &self.payload[range.clone()]);
        match self.rules.judge(Some(key.as_bytes()), text.as_deref(), raw) {
            None => {
                *json = start;
                self.nested(Node::Attribute, json, depth).map(|()| Fate::Stays)
            }
            Some(Found::Drop) => {
                self.changes += 1;
                Ok(Fate::Goes)
            }
            Some(Found::Text(text)) => {
                for range in values {
                    self.replace(range, Some(Found::Text(text.clone())));
                }
                Ok(Fate::Stays)
            }
        }
    }

    fn replace(&mut self, range: Range<usize>, found: Option<Found>) -> Fate {
        match found {
            None => return Fate::Stays,
            // The caller knows what else goes along.
            Some(Found::Drop) => {
                self.changes += 1;
                return Fate::Goes;
            }
            // Hex digits and asterisks need no escapes.
            Some(Found::Text(text)) => {
                self.change(range, format!(r#"{{"stringValue":"{text}"}}"#));
            }
        }
        Fate::Stays
    }

    fn change(&mut self, range: Range<usize>, text: String) {
        self.edits.push((range, text));
        self.changes += 1;
    }
}

/// The text of a scalar value; of several the last one counts, as it does for the decoder.
fn scalar<'a>(json: &mut Json<'a>) -> Decoded<Option<Text<'a>>> {
    let (mut text, mut first) = (None, true);
    json.object()?;
    while let Some(name) = json.key(&mut first)? {
        text = match &*name {
            "stringValue" => Some(bytes(json.string()?)),
            "intValue" => {
                let written = match json.peek()? {
                    b'"' => json.string()?,
                    _ => Cow::Borrowed(json.number()?),
                };
                // As the decoder reads it: `1e3` is 1000.
                Some(match number::integer(&written) {
                    Some(number) => Cow::Owned(number.to_string().into_bytes()),
                    None => bytes(written),
                })
            }
            "boolValue" => {
                Some(Cow::Borrowed(if json.boolean()? { &b"true"[..] } else { &b"false"[..] }))
            }
            "doubleValue" => {
                let written = match json.peek()? {
                    b'"' => json.string()?,
                    _ => Cow::Borrowed(json.number()?),
                };
                Some(match written.parse::<f64>() {
                    Ok(double) => Cow::Owned(double.to_string().into_bytes()),
                    Err(_) => bytes(written),
                })
            }
            "bytesValue" => {
                let written = json.string()?;
                Some(decode_base64(&written).map_or_else(|| bytes(written), Cow::Owned))
            }
            "arrayValue" | "kvlistValue" => {
                json.skip()?;
                None
            }
            _ => {
                json.skip()?;
                continue;
            }
        };
    }
    Ok(text)
}

fn bytes(text: Cow<'_, str>) -> Text<'_> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}
