//! How many bad and good rows have each value of each attribute.

use std::ops::{AddAssign, Range};

use hashbrown::HashTable;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::encoding::{Damaged, put_number, put_text, take_number, take_text};

/// Rows, by weight, and as many as they are.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Counts {
    pub(crate) bad: f64,
    pub(crate) good: f64,
    pub(crate) bad_rows: u64,
    pub(crate) rows: u64,
}

impl Counts {
    /// Of one row.
    pub(crate) fn of(is_bad: bool, weight: f64) -> Self {
        let (bad, good) = if is_bad { (weight, 0.0) } else { (0.0, weight) };
        Self { bad, good, bad_rows: u64::from(is_bad), rows: 1 }
    }

    fn encode(self, bytes: &mut Vec<u8>) {
        for number in [self.bad.to_bits(), self.good.to_bits(), self.bad_rows, self.rows] {
            put_number(bytes, number);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, Damaged> {
        Ok(Self {
            bad: f64::from_bits(take_number(bytes)?),
            good: f64::from_bits(take_number(bytes)?),
            bad_rows: take_number(bytes)?,
            rows: take_number(bytes)?,
        })
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.bad += more.bad;
        self.good += more.good;
        self.bad_rows += more.bad_rows;
        self.rows += more.rows;
    }
}

/// Many rows, looked at for what their attributes are.
#[derive(Debug, Default)]
pub(crate) struct AttributeCounts {
    all: Counts,
    /// Numbers in `attributes`.
    names: HashTable<u32>,
    attributes: Vec<Attribute>,
    /// Numbers in `values`.
    numbers: HashTable<u32>,
    values: Vec<Value>,
    /// Their texts, one after the other.
    texts: Vec<u8>,
    /// The attributes of the row before, in their order: those of the next one mostly are the same.
    last: Vec<u32>,
}

#[derive(Debug)]
struct Attribute {
    hash: u64,
    name: String,
    /// Number of the value that was seen last: the next one often is the same.
    last: u32,
}

#[derive(Debug)]
struct Value {
    hash: u64,
    attribute: u32,
    text: Range<usize>,
    counts: Counts,
}

/// What was found of a value, of an attribute if `value` is `None`, or of all rows if `attribute` is, too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Finding<'a> {
    pub(crate) attribute: Option<&'a str>,
    pub(crate) value: Option<&'a str>,
    pub(crate) counts: Counts,
}

impl AttributeCounts {
    /// Adds a row with its attributes.
    pub(crate) fn add<'a>(
        &mut self,
        row: Counts,
        attributes: impl Iterator<Item = (&'a str, &'a str)>,
    ) {
        self.all += row;
        for (place, (name, value)) in attributes.enumerate() {
            let attribute = self.attribute_at(place, name);
            let value = self.value(attribute, value);
            self.values[value as usize].counts += row;
        }
    }

    fn attribute_at(&mut self, place: usize, name: &str) -> u32 {
        if let Some(last) = self.last.get(place)
            && self.attributes[*last as usize].name == name
        {
            return *last;
        }
        let number = self.attribute(name);
        // A row has its first attributes before the later ones.
        match self.last.get_mut(place) {
            Some(last) => *last = number,
            None => self.last.push(number),
        }
        number
    }

    fn attribute(&mut self, name: &str) -> u32 {
        let hash = xxh3_64(name.as_bytes());
        let Self { names, attributes, .. } = self;
        if let Some(number) = names.find(hash, |number| attributes[*number as usize].name == name) {
            return *number;
        }
        let number = attributes.len() as u32;
        names.insert_unique(hash, number, |number| attributes[*number as usize].hash);
        attributes.push(Attribute { hash, name: name.to_owned(), last: 0 });
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
        let last = &mut attributes[attribute as usize].last;
        if is_it(*last, values) {
            return *last;
        }
        let hash = xxh3_64_with_seed(text.as_bytes(), u64::from(attribute));
        let known = numbers.find(hash, |number| is_it(*number, values)).copied();
        *last = known.unwrap_or_else(|| {
            let number = values.len() as u32;
            numbers.insert_unique(hash, number, |number| values[*number as usize].hash);
            let at = texts.len();
            texts.extend_from_slice(text.as_bytes());
            let text = at..texts.len();
            values.push(Value { hash, attribute, text, counts: Counts::default() });
            number
        });
        *last
    }

    fn text(&self, value: &Value) -> &str {
        // Only whole texts are put in.
        str::from_utf8(&self.texts[value.text.clone()]).unwrap_or_default()
    }

    /// What was found: all rows, then the attributes, then their values.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Finding<'_>> {
        let mut of_attributes = vec![Counts::default(); self.attributes.len()];
        for value in &self.values {
            of_attributes[value.attribute as usize] += value.counts;
        }
        let all = Finding { attribute: None, value: None, counts: self.all };
        let attributes = self.attributes.iter().zip(of_attributes).map(|(attribute, counts)| {
            Finding { attribute: Some(&attribute.name), value: None, counts }
        });
        let values = self.values.iter().map(|value| Finding {
            attribute: Some(&self.attributes[value.attribute as usize].name),
            value: Some(self.text(value)),
            counts: value.counts,
        });
        std::iter::once(all).chain(attributes).chain(values)
    }

    /// How many findings there are.
    pub(crate) fn len(&self) -> usize {
        1 + self.attributes.len() + self.values.len()
    }

    /// Appends all of it to `bytes`.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        self.all.encode(bytes);
        put_number(bytes, self.attributes.len() as u64);
        for attribute in &self.attributes {
            put_text(bytes, attribute.name.as_bytes());
        }
        put_number(bytes, self.values.len() as u64);
        for value in &self.values {
            put_number(bytes, u64::from(value.attribute));
            put_text(bytes, &self.texts[value.text.clone()]);
            value.counts.encode(bytes);
        }
    }

    /// Adds what is in `bytes`.
    pub(crate) fn merge_encoded(&mut self, bytes: &[u8]) -> Result<(), Damaged> {
        let bytes = &mut &*bytes;
        self.all += Counts::decode(bytes)?;
        let mut attributes = Vec::new();
        for _ in 0..take_number(bytes)? {
            attributes.push(self.attribute(take_text(bytes)?));
        }
        for _ in 0..take_number(bytes)? {
            let attribute = *attributes.get(take_number(bytes)? as usize).ok_or(Damaged)?;
            let value = self.value(attribute, take_text(bytes)?);
            self.values[value as usize].counts += Counts::decode(bytes)?;
        }
        Ok(())
    }

    /// Bytes of memory, about.
    pub(crate) fn heap_size(&self) -> usize {
        self.texts.capacity()
            + self.values.capacity() * size_of::<Value>()
            + self.numbers.capacity() * size_of::<u32>() * 2
            + self.attributes.capacity() * size_of::<Attribute>()
    }
}

#[cfg(test)]
mod tests;
