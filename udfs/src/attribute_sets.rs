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
    traces: Part,
    bad: RoaringBitmap,
    /// Of traces that do not count as one.
    weights: HashMap<u32, f64>,
    /// Attributes by the names that came: numbers in `attributes`.
    names: HashTable<(String, u32)>,
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
    /// Adds a span; true if its trace is new here.
    fn add(&mut self, trace: u32, depth: Option<i64>) -> bool {
        self.least(depth);
        self.traces.insert(trace)
    }

    fn least(&mut self, depth: Option<i64>) {
        self.depth = match (self.depth, depth) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

#[derive(Debug)]
struct Attribute {
    name: String,
    has: Part,
    /// How many different ones it has.
    values: usize,
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
        if self.traces.add(span.trace, span.depth) {
            self.members += 1;
            if span.is_bad {
                self.bad.insert(span.trace);
            }
            if span.weight != 1.0 {
                self.weights.insert(span.trace, span.weight);
            }
        }
        for (name, value) in attributes {
            let attribute = self.attribute(name);
            let has = &mut self.attributes[attribute as usize].has;
            self.members += usize::from(has.add(span.trace, span.depth));
            let value = self.value(attribute, value);
            let has = &mut self.values[value].has;
            self.members += usize::from(has.add(span.trace, span.depth));
        }
    }

    fn attribute(&mut self, name: &str) -> u32 {
        let hash = xxh3_64(name.as_bytes());
        if let Some((_, number)) = self.names.find(hash, |(known, _)| known == name) {
            return *number;
        }
        let current = current_name(name);
        let known = self.attributes.iter().position(|attribute| attribute.name == current);
        let number = known.unwrap_or_else(|| {
            let name = current.to_owned();
            self.attributes.push(Attribute { name, has: Part::default(), values: 0 });
            self.attributes.len() - 1
        });
        let of_name = |(name, _): &(String, u32)| xxh3_64(name.as_bytes());
        self.names.insert_unique(hash, (name.to_owned(), number as u32), of_name);
        number as u32
    }

    fn value(&mut self, attribute: u32, text: &str) -> usize {
        let hash = xxh3_64_with_seed(text.as_bytes(), u64::from(attribute));
        let Self { numbers, values, texts, .. } = self;
        let is_it = |number: &u32| {
            let value = &values[*number as usize];
            value.attribute == attribute && texts[value.text.clone()] == *text.as_bytes()
        };
        if let Some(number) = numbers.find(hash, is_it) {
            return *number as usize;
        }
        let number = values.len();
        numbers.insert_unique(hash, number as u32, |number| values[*number as usize].hash);
        let at = texts.len();
        texts.extend_from_slice(text.as_bytes());
        let text = at..texts.len();
        values.push(Value { hash, attribute, text, has: Part::default() });
        self.attributes[attribute as usize].values += 1;
        number
    }

    fn text(&self, value: &Value) -> &str {
        // Only whole texts are put in.
        str::from_utf8(&self.texts[value.text.clone()]).unwrap_or_default()
    }

    /// What was found: all spans, and then attribute by attribute, before its values. Those of an attribute that
    /// nearly every trace has a value of its own for, more than one for two traces, are left out.
    pub(crate) fn findings(&self) -> Vec<Finding<'_>> {
        let mut findings = vec![self.finding(None, None, &self.traces)];
        for attribute in &self.attributes {
            findings.push(self.finding(Some(&attribute.name), None, &attribute.has));
        }
        for value in &self.values {
            let attribute = &self.attributes[value.attribute as usize];
            if 2 * attribute.values as u64 <= attribute.has.traces.len() {
                let text = self.text(value);
                findings.push(self.finding(Some(&attribute.name), Some(text), &value.has));
            }
        }
        findings.sort_unstable_by_key(|finding| (finding.attribute, finding.value));
        findings
    }

    fn finding<'a>(
        &'a self,
        attribute: Option<&'a str>,
        value: Option<&'a str>,
        part: &Part,
    ) -> Finding<'a> {
        let mut bad_traces = part.traces.intersection(&self.bad);
        let mut good_traces = part.traces.bitmap();
        good_traces -= &bad_traces;
        bad_traces.optimize();
        good_traces.optimize();
        let (bad_rows, rows) = (bad_traces.len(), part.traces.len());
        let (mut bad, mut good) = (bad_rows as f64, (rows - bad_rows) as f64);
        if !self.weights.is_empty() {
            bad = bad_traces.iter().map(|trace| self.weight(trace)).sum();
            good = good_traces.iter().map(|trace| self.weight(trace)).sum();
        }
        let depth = part.depth;
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
