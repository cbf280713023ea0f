//! What was seen, as bytes: between the steps of a query, never kept.

use super::{AttributeSets, Part, least};
use crate::encoding::{Damaged, put_number, put_text, take_number, take_text};
use crate::trace_set::{Encoded, put_set, take_set};

impl AttributeSets {
    /// Appends all of it to `bytes`.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        put_depth(bytes, self.depth);
        put_set(bytes, &self.traces);
        put_set(bytes, &self.bad);
        put_number(bytes, self.weights.len() as u64);
        for (trace, weight) in &self.weights {
            put_number(bytes, u64::from(*trace));
            put_number(bytes, weight.to_bits());
        }
        put_number(bytes, self.attributes.len() as u64);
        for attribute in &self.attributes {
            put_text(bytes, attribute.name.as_bytes());
            put_part(bytes, &attribute.has);
        }
        put_number(bytes, self.values.len() as u64);
        for value in &self.values {
            put_number(bytes, u64::from(value.attribute));
            put_text(bytes, &self.texts[value.text.clone()]);
            put_part(bytes, &value.has);
        }
    }

    /// Adds what is in `bytes`.
    pub(crate) fn merge_encoded(&mut self, bytes: &[u8]) -> Result<(), Damaged> {
        let bytes = &mut &*bytes;
        let depth = take_depth(bytes)?;
        let (traces, bad) = (take_set(bytes)?, take_set(bytes)?);
        // What a trace is, its first span has said.
        self.bad |= bad - &self.traces;
        for _ in 0..take_number(bytes)? {
            let trace = take_number(bytes)? as u32;
            let weight = f64::from_bits(take_number(bytes)?);
            if !self.traces.contains(trace) {
                self.weights.insert(trace, weight);
            }
        }
        self.depth = least(self.depth, depth);
        self.members += traces.len() as usize;
        self.traces |= traces;
        let mut numbers = Vec::new();
        for _ in 0..take_number(bytes)? {
            let name = self.name(take_text(bytes)?);
            let number = self.names[name as usize].1;
            let (traces, depth) = take_part(bytes)?;
            self.members += join(&mut self.attributes[number as usize].has, traces, depth);
            numbers.push(number);
        }
        for _ in 0..take_number(bytes)? {
            let attribute = *numbers.get(take_number(bytes)? as usize).ok_or(Damaged)?;
            let number = self.value(attribute, take_text(bytes)?);
            let (traces, depth) = take_part(bytes)?;
            self.members += join(&mut self.values[number as usize].has, traces, depth);
        }
        Ok(())
    }
}

/// Adds to a part; how many members were added at most.
fn join(part: &mut Part, traces: Encoded, depth: Option<i64>) -> usize {
    let most = traces.most();
    part.depth = least(part.depth, depth);
    part.traces.extend(traces);
    most
}

fn put_part(bytes: &mut Vec<u8>, part: &Part) {
    put_depth(bytes, part.depth);
    part.traces.encode(bytes);
}

fn take_part(bytes: &mut &[u8]) -> Result<(Encoded, Option<i64>), Damaged> {
    let depth = take_depth(bytes)?;
    Ok((Encoded::take(bytes)?, depth))
}

fn put_depth(bytes: &mut Vec<u8>, depth: Option<i64>) {
    put_number(bytes, u64::from(depth.is_some()));
    put_number(bytes, depth.unwrap_or_default() as u64);
}

fn take_depth(bytes: &mut &[u8]) -> Result<Option<i64>, Damaged> {
    let has_depth = take_number(bytes)? == 1;
    let depth = take_number(bytes)? as i64;
    Ok(has_depth.then_some(depth))
}
