//! Which values the attributes of two sets of traces have, each trace counted once.
//!
//! A value is kept with the traces that have it. The sets of two parts of the rows are joined without loss, however
//! the spans of a trace are spread over them.

mod state;

use std::collections::HashMap;
use std::ops::Range;

use hashbrown::HashTable;
use roaring::RoaringBitmap;
use schema::renamed::current_name;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::trace_set::TraceSet;

/// The spans of many traces, looked at for what their attributes are.
#[derive(Debug, Default)]
pub(crate) struct AttributeSets {
    traces: RoaringBitmap,
    /// Of the span that is the least deep.
    depth: Option<i64>,
    bad: RoaringBitmap,
    /// Of traces that do not count as one.
    weights: HashMap<u32, f64>,
    /// Names that came, and numbers in `attributes`.
    names: Vec<(String, u32)>,
    /// Numbers in `names`.
    by_name: HashTable<u32>,
    /// The names of the span before, in their order: those of the next one mostly are the same.
    last: Vec<u32>,
    attributes: Vec<Attribute>,
    /// Numbers in `values`.
    numbers: HashTable<u32>,
    values: Vec<Value>,
    /// Their texts, one after the other.
    texts: Vec<u8>,
    /// At least as many as all sets have members.
    members: usize,
}

/// Some of the spans.
#[derive(Debug, Default)]
struct Part {
    traces: TraceSet,
    /// Of the span that is the least deep.
    depth: Option<i64>,
}

impl Part {
    /// Adds a span; true if its trace may be new here.
    fn add(&mut self, trace: u32, depth: Option<i64>) -> bool {
        self.depth = least(self.depth, depth);
        self.traces.insert(trace)
    }
}

fn least(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[derive(Debug)]
struct Attribute {
    name: String,
    has: Part,
    /// How many different ones it has.
    values: usize,
    /// Number of the value that was seen last: the next one often is the same.
    last: u32,
}

#[derive(Debug)]
struct Value {
    hash: u64,
    attribute: u32,
    text: Range<usize>,
    has: Part,
}

/// A span, as far as its trace goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) trace: u32,
    pub(crate) is_bad: bool,
    /// How many traces it stands for.
    pub(crate) weight: f64,
    pub(crate) depth: Option<i64>,
}

/// What was found of a value, of an attribute if `value` is `None`, or of all spans if `attribute` is, too.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding<'a> {
    pub(crate) attribute: Option<&'a str>,
    pub(crate) value: Option<&'a str>,
    pub(crate) depth: Option<i64>,
    /// Traces, by weight.
    pub(crate) bad: f64,
    pub(crate) good: f64,
    /// Traces that were kept.
    pub(crate) bad_rows: u64,
    pub(crate) rows: u64,
    /// The bad ones.
    pub(crate) bad_traces: RoaringBitmap,
    /// The others.
    pub(crate) good_traces: RoaringBitmap,
}

impl AttributeSets {
    /// Adds a span with its attributes. What a trace is, its first span says.
    pub(crate) fn add<'a>(
        &mut self,
        span: Span,
        attributes: impl Iterator<Item = (&'a str, &'a str)>,
    ) {
        if span.weight <= 0.0 {
            return;
        }
        self.depth = least(self.depth, span.depth);
        if self.traces.insert(span.trace) {
            self.members += 1;
            if span.is_bad {
                self.bad.insert(span.trace);
            }
            if span.weight != 1.0 {
                self.weights.insert(span.trace, span.weight);
            }
        }
        for (place, (name, value)) in attributes.enumerate() {
            let attribute = self.attribute_at(place, name);
            let has = &mut self.attributes[attribute as usize].has;
            self.members += usize::from(has.add(span.trace, span.depth));
            let value = self.value(attribute, value);
            let has = &mut self.values[value as usize].has;
            self.members += usize::from(has.add(span.trace, span.depth));
        }
    }

    fn attribute_at(&mut self, place: usize, name: &str) -> u32 {
        if let Some(last) = self.last.get(place) {
            let (known, attribute) = &self.names[*last as usize];
            if known == name {
                return *attribute;
            }
        }
        let number = self.name(name);
        // A span has its first attributes before the later ones.
        match self.last.get_mut(place) {
            Some(last) => *last = number,
            None => self.last.push(number),
        }
        self.names[number as usize].1
    }

    fn name(&mut self, name: &str) -> u32 {
        let Self { names, by_name, attributes, .. } = self;
        let hash = xxh3_64(name.as_bytes());
        if let Some(number) = by_name.find(hash, |number| names[*number as usize].0 == name) {
            return *number;
        }
        let current = current_name(name);
        let known = attributes.iter().position(|attribute| attribute.name == current);
        let attribute = known.unwrap_or_else(|| {
            let name = current.to_owned();
            attributes.push(Attribute { name, has: Part::default(), values: 0, last: 0 });
            attributes.len() - 1
        });
        let number = names.len() as u32;
        names.push((name.to_owned(), attribute as u32));
        by_name.insert_unique(hash, number, |number| xxh3_64(names[*number as usize].0.as_bytes()));
        number
    }

    fn value(&mut self, attribute: u32, text: &str) -> u32 {
        let Self { attributes, numbers, values, texts, .. } = self;
        let is_it = |number: u32, values: &[Value]| {
            let value = values.get(number as usize);
            value.is_some_and(|value| {
                value.attribute == attribute && texts[value.text.clone()] == *text.as_bytes()
            })
        };
        let of_attribute = &mut attributes[attribute as usize];
        if is_it(of_attribute.last, values) {
            return of_attribute.last;
        }
        let hash = xxh3_64_with_seed(text.as_bytes(), u64::from(attribute));
        let known = numbers.find(hash, |number| is_it(*number, values)).copied();
        of_attribute.last = known.unwrap_or_else(|| {
            let number = values.len() as u32;
            numbers.insert_unique(hash, number, |number| values[*number as usize].hash);
            let at = texts.len();
            texts.extend_from_slice(text.as_bytes());
            let text = at..texts.len();
            values.push(Value { hash, attribute, text, has: Part::default() });
            of_attribute.values += 1;
            number
        });
        of_attribute.last
    }

    fn text(&self, value: &Value) -> &str {
        // Only whole texts are put in.
        str::from_utf8(&self.texts[value.text.clone()]).unwrap_or_default()
    }

    /// What was found: all spans, and then attribute by attribute, before its values. Those of an attribute that
    /// nearly every trace has a value of its own for, more than one for two traces, are left out.
    pub(crate) fn findings(&self) -> Vec<Finding<'_>> {
        let mut findings = vec![self.finding((None, None), self.traces.clone(), self.depth)];
        let mut have_few = Vec::new();
        for attribute in &self.attributes {
            let finding = self.finding_of((Some(&attribute.name), None), &attribute.has);
            have_few.push(2 * attribute.values as u64 <= finding.rows);
            findings.push(finding);
        }
        for value in &self.values {
            let attribute = &self.attributes[value.attribute as usize];
            if have_few[value.attribute as usize] {
                let text = self.text(value);
                findings.push(self.finding_of((Some(&attribute.name), Some(text)), &value.has));
            }
        }
        findings.sort_unstable_by_key(|finding| (finding.attribute, finding.value));
        findings
    }

    fn finding_of<'a>(&'a self, of: (Option<&'a str>, Option<&'a str>), has: &Part) -> Finding<'a> {
        self.finding(of, has.traces.bitmap(), has.depth)
    }

    fn finding<'a>(
        &'a self,
        (attribute, value): (Option<&'a str>, Option<&'a str>),
        traces: RoaringBitmap,
        depth: Option<i64>,
    ) -> Finding<'a> {
        let mut good_traces = traces;
        let mut bad_traces = &good_traces & &self.bad;
        good_traces -= &bad_traces;
        bad_traces.optimize();
        good_traces.optimize();
        let (bad_rows, good_rows) = (bad_traces.len(), good_traces.len());
        let (mut bad, mut good) = (bad_rows as f64, good_rows as f64);
        if !self.weights.is_empty() {
            bad = bad_traces.iter().map(|trace| self.weight(trace)).sum();
            good = good_traces.iter().map(|trace| self.weight(trace)).sum();
        }
        let rows = bad_rows + good_rows;
        Finding { attribute, value, depth, bad, good, bad_rows, rows, bad_traces, good_traces }
    }

    fn weight(&self, trace: u32) -> f64 {
        self.weights.get(&trace).copied().unwrap_or(1.0)
    }

    /// The weight of each of `traces`, in their order. `None` if every trace counts as one.
    pub(crate) fn weights<'a>(
        &'a self,
        traces: &'a RoaringBitmap,
    ) -> Option<impl Iterator<Item = f64> + 'a> {
        (!self.weights.is_empty()).then(|| traces.iter().map(|trace| self.weight(trace)))
    }

    /// Bytes of memory, about.
    pub(crate) fn heap_size(&self) -> usize {
        self.members * size_of::<u32>()
            + self.texts.capacity()
            + self.values.capacity() * size_of::<Value>()
            + self.numbers.capacity() * size_of::<u32>() * 2
            + self.weights.capacity() * size_of::<(u32, f64)>()
    }
}

#[cfg(test)]
mod tests;
