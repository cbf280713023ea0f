//! What was seen, as bytes: between the steps of a query, never kept.

use roaring::RoaringBitmap;

use super::{AttributeSets, Part};
use crate::encoding::{Damaged, put_number, put_text, take_bytes, take_number, take_text};
use crate::trace_set::TraceSet;

impl AttributeSets {
    /// Appends all of it to `bytes`.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        put_part(bytes, &self.traces);
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
        let (traces, depth) = take_part(bytes)?;
        let bad = take_set(bytes)?;
        let known = self.traces.traces.bitmap();
        // What a trace is, its first span has said.
        self.bad |= &bad - &known;
        for _ in 0..take_number(bytes)? {
            let trace = take_number(bytes)? as u32;
            let weight = f64::from_bits(take_number(bytes)?);
            if !known.contains(trace) {
                self.weights.insert(trace, weight);
            }
        }
        self.members += join(&mut self.traces, &traces, depth);
        let mut numbers = Vec::new();
        for _ in 0..take_number(bytes)? {
            let number = self.attribute(take_text(bytes)?);
            let (traces, depth) = take_part(bytes)?;
            self.members += join(&mut self.attributes[number as usize].has, &traces, depth);
            numbers.push(number);
        }
        for _ in 0..take_number(bytes)? {
            let attribute = *numbers.get(take_number(bytes)? as usize).ok_or(Damaged)?;
            let number = self.value(attribute, take_text(bytes)?);
            let (traces, depth) = take_part(bytes)?;
            self.members += join(&mut self.values[number].has, &traces, depth);
        }
        Ok(())
    }
}

/// Adds to a part; how many members were added at most.
fn join(part: &mut Part, traces: &RoaringBitmap, depth: Option<i64>) -> usize {
    part.least(depth);
    part.traces.extend(traces);
    traces.len() as usize
}

fn put_part(bytes: &mut Vec<u8>, part: &Part) {
    put_number(bytes, u64::from(part.depth.is_some()));
    put_number(bytes, part.depth.unwrap_or_default() as u64);
    put_members(bytes, &part.traces);
}

fn take_part(bytes: &mut &[u8]) -> Result<(RoaringBitmap, Option<i64>), Damaged> {
    let has_depth = take_number(bytes)? == 1;
    let depth = take_number(bytes)? as i64;
    Ok((take_set(bytes)?, has_depth.then_some(depth)))
}

fn put_members(bytes: &mut Vec<u8>, traces: &TraceSet) {
    put_set(bytes, &traces.bitmap());
}

fn put_set(bytes: &mut Vec<u8>, traces: &RoaringBitmap) {
    put_number(bytes, traces.serialized_size() as u64);
    // Writing to memory does not fail.
    let _written = traces.serialize_into(bytes);
}

fn take_set(bytes: &mut &[u8]) -> Result<RoaringBitmap, Damaged> {
    RoaringBitmap::deserialize_from(take_bytes(bytes)?).map_err(|_| Damaged)
}
