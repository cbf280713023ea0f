//! Text columns of received batches in dictionary form, for [`super::row_group`].
//!
//! A received batch has the text of resources, scopes and attribute keys once, and numbers in
//! the rows ([`schema::received`]): only that text is looked up, and the numbers are replaced by the
//! codes. The other text is looked up row by row.
//!
//! Spans repeat what earlier ones said: the keys of their kind, the attributes of their
//! resource, most values. What repeats is compared with what it most likely repeats, and
//! only the rest is looked up by its hash.
//!
//! ```text
//! text            the text before                      else the hash
//! keys of a map   an earlier map of like ends          else the hash, key by key
//! values          an earlier map of like ends          else the last value of the same key, else the hash
//! ```
//!
//! Values that turn out to be new nearly every time are not looked up any more: the dictionary
//! may hold a text twice.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, MapArray, NullBufferBuilder,
    RecordBatch, StringArray, StructArray,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{concat, take};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema};
use datafusion::arrow::error::ArrowError;

use crate::error::{Error, Result};
use crate::text_dictionary::{Luck, TextDictionary};

/// All rows of `batches`, which have one schema, with text and maps of text in dictionary form. What
/// is a dictionary already has other codes afterwards.
pub(super) fn coded(batches: &[RecordBatch]) -> Result<RecordBatch> {
    let schema = batches[0].schema();
    let mut fields = Vec::with_capacity(schema.fields().len());
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (at, field) in schema.fields().iter().enumerate() {
        let parts: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(at)).collect();
        let column = match field.data_type() {
            DataType::Utf8 => coded_text(&parts)?,
            DataType::Map(entries, is_sorted) if is_text_map(entries) => {
                coded_map(&parts, entries, *is_sorted)?
            }
            DataType::Dictionary(_, shared) => {
                let dictionaries =
                    parts.iter().map(|part| Numbered::new(part)).collect::<Result<Vec<_>>>()?;
                let values: Vec<&ArrayRef> = dictionaries.iter().map(|part| part.values).collect();
                let values = match shared.as_ref() {
                    DataType::Map(entries, is_sorted) => coded_map(&values, entries, *is_sorted)?,
                    _ => coded_text(&values)?,
                };
                repeated(&dictionaries, &values)?
            }
            _ => {
                let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
                concat(&parts).map_err(arrow)?
            }
        };
        fields.push(field.as_ref().clone().with_data_type(column.data_type().clone()));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(arrow)
}

fn is_text_map(entries: &Field) -> bool {
    let is_text = |data_type: &DataType| match data_type {
        DataType::Dictionary(_, texts) => **texts == DataType::Utf8,
        other => *other == DataType::Utf8,
    };
    match entries.data_type() {
        DataType::Struct(fields) => fields.iter().all(|field| is_text(field.data_type())),
        _ => false,
    }
}

/// A part of a column whose rows have the numbers of values.
struct Numbered<'a> {
    numbers: &'a Int32Array,
    values: &'a ArrayRef,
}

impl<'a> Numbered<'a> {
    fn new(part: &'a ArrayRef) -> Result<Self> {
        let dictionary = part.as_dictionary_opt::<Int32Type>();
        let dictionary = dictionary
            .ok_or_else(|| Error::Internal(format!("{} is no dictionary", part.data_type())))?;
        Ok(Self { numbers: dictionary.keys(), values: dictionary.values() })
    }
}

/// The rows of all parts, from the values of all parts.
fn repeated(parts: &[Numbered<'_>], values: &ArrayRef) -> Result<ArrayRef> {
    let rows = parts.iter().map(|part| part.numbers.len()).sum();
    let mut places = Vec::with_capacity(rows);
    let mut nulls = NullBufferBuilder::new(rows);
    let mut first = 0;
    for Numbered { numbers, values } in parts {
        places.extend(numbers.values().iter().map(|number| first + number));
        match numbers.nulls() {
            Some(valid) => nulls.append_buffer(valid),
            None => nulls.append_n_non_nulls(numbers.len()),
        }
        let count = i32::try_from(values.len()).ok().and_then(|count| first.checked_add(count));
        first = count.ok_or_else(|| Error::ResourcesExhausted("2^31 runs of spans".into()))?;
    }
    let places = Int32Array::new(places.into(), nulls.finish());
    take(values, &places, None).map_err(arrow)
}

/// One column of text in dictionary form, from its parts.
pub(crate) fn coded_text(parts: &[&ArrayRef]) -> Result<ArrayRef> {
    let mut column = CodedText::new(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        let texts = part.as_string::<i32>();
        let mut before: Option<(&str, i32)> = None;
        let mut luck = Luck::default();
        for row in 0..texts.len() {
            if texts.is_null(row) {
                column.push(None);
                continue;
            }
            let text = texts.value(row);
            let code = match before {
                Some((before, code)) if before == text => code,
                _ => luck.code(&mut column.dictionary, text)?,
            };
            before = Some((text, code));
            column.push(Some(code));
        }
    }
    column.finish()
}

fn coded_map(parts: &[&ArrayRef], entries: &Field, is_sorted: bool) -> Result<ArrayRef> {
    let all = || parts.iter().map(|part| part.as_map());
    let size = all().map(|map| map.entries().len()).sum();
    let (mut keys, mut values) = (CodedText::new(size), CodedText::new(size));
    let mut of_key: Vec<(i32, Luck)> = Vec::new();
    for map in all() {
        let value_texts = map.values().as_string();
        let mut known_values = Recent::default();
        let mut key_codes = KeyCodes::new(map, &mut keys.dictionary)?;
        for row in 0..map.len() {
            let slots = slots(map, row);
            let at = keys.codes.len();
            key_codes.add(slots.clone(), &mut keys)?;
            if let Some(earlier) = known_values.find(value_texts, &slots, at) {
                values.repeat(earlier);
                continue;
            }
            for (slot, at) in slots.zip(at..) {
                if value_texts.is_null(slot) {
                    values.push(None);
                    continue;
                }
                let (key, text) = (keys.codes[at] as usize, value_texts.value(slot));
                if of_key.len() <= key {
                    of_key.resize(key + 1, (NEVER, Luck::default()));
                }
                let (last, luck) = &mut of_key[key];
                if *last == NEVER || !values.dictionary.is(*last, text) {
                    *last = luck.code(&mut values.dictionary, text)?;
                }
                values.push(Some(*last));
            }
        }
    }
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(Error::Internal("the entries of a map are no struct".into()));
    };
    let columns = vec![keys.finish()?, values.finish()?];
    let fields: Fields = fields
        .iter()
        .zip(&columns)
        .map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone()))
        .collect();
    let lengths = all().flat_map(|map| (0..map.len()).map(|row| slots(map, row).len()));
    let offsets = OffsetBuffer::from_lengths(lengths.collect::<Vec<_>>());
    let nulls: NullBuffer =
        all().flat_map(|map| (0..map.len()).map(|row| map.is_valid(row))).collect();
    let field = entries.clone().with_data_type(DataType::Struct(fields.clone()));
    let entries = StructArray::try_new(fields, columns, None).map_err(arrow)?;
    let map = MapArray::try_new(Arc::new(field), offsets, entries, Some(nulls), is_sorted);
    Ok(Arc::new(map.map_err(arrow)?))
}

/// The keys of one part of a column of maps.
enum KeyCodes<'a> {
    Texts(&'a StringArray, Box<Recent>),
    /// The number of the key of each entry, and the code of each number.
    Numbers(&'a Int32Array, Vec<i32>),
}

impl<'a> KeyCodes<'a> {
    fn new(map: &'a MapArray, dictionary: &mut TextDictionary) -> Result<Self> {
        let Some(keys) = map.keys().as_dictionary_opt::<Int32Type>() else {
            return Ok(Self::Texts(map.keys().as_string(), Box::default()));
        };
        let texts = keys.values().as_string::<i32>();
        let codes = (0..texts.len()).map(|number| dictionary.code(texts.value(number)));
        Ok(Self::Numbers(keys.keys(), codes.collect::<Result<_>>()?))
    }

    /// Adds the codes of the keys of one row.
    fn add(&mut self, slots: Range<usize>, column: &mut CodedText) -> Result<()> {
        match self {
            Self::Texts(texts, known) => {
                if let Some(earlier) = known.find(texts, &slots, column.codes.len()) {
                    column.repeat(earlier);
                    return Ok(());
                }
                for slot in slots {
                    let code = column.dictionary.code(texts.value(slot))?;
                    column.push(Some(code));
                }
            }
            Self::Numbers(numbers, codes) => {
                let numbers = &numbers.values()[slots];
                column.codes.extend(numbers.iter().map(|number| codes[*number as usize]));
            }
        }
        Ok(())
    }
}

const NEVER: i32 = -1;

/// The entries of a row; those below a NULL are none.
fn slots(map: &MapArray, row: usize) -> Range<usize> {
    let offsets = map.value_offsets();
    if map.is_null(row) { 0..0 } else { offsets[row] as usize..offsets[row + 1] as usize }
}

/// A column of codes while it grows.
struct CodedText {
    dictionary: TextDictionary,
    codes: Vec<i32>,
    nulls: Vec<usize>,
}

impl CodedText {
    fn new(size: usize) -> Self {
        Self {
            dictionary: TextDictionary::default(),
            codes: Vec::with_capacity(size),
            nulls: Vec::new(),
        }
    }

    fn push(&mut self, code: Option<i32>) {
        if code.is_none() {
            self.nulls.push(self.codes.len());
        }
        self.codes.push(code.unwrap_or(0));
    }

    /// Adds what stands there already, which has no NULL in it.
    fn repeat(&mut self, earlier: Range<usize>) {
        self.codes.extend_from_within(earlier);
    }

    fn finish(mut self) -> Result<ArrayRef> {
        let nulls = (!self.nulls.is_empty()).then(|| {
            let mut is_valid = vec![true; self.codes.len()];
            self.nulls.iter().for_each(|at| is_valid[*at] = false);
            NullBuffer::from(is_valid)
        });
        let codes = Int32Array::new(self.codes.into(), nulls);
        let texts: ArrayRef = Arc::new(self.dictionary.take_texts());
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(codes, texts).map_err(arrow)?))
    }
}

/// Maps that were seen lately, by the length and the end of their text.
struct Recent {
    maps: [Seen; 64],
}

/// Texts of one array, and where their codes are.
#[derive(Clone, Default)]
struct Seen {
    slots: Range<usize>,
    at: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { maps: std::array::from_fn(|_| Seen::default()) }
    }
}

impl Recent {
    /// Where the codes of the same texts are. Those of `slots` will be at `at`.
    fn find(
        &mut self,
        texts: &StringArray,
        slots: &Range<usize>,
        at: usize,
    ) -> Option<Range<usize>> {
        if slots.is_empty() || texts.null_count() > 0 {
            return None;
        }
        let all = texts.value_data();
        let text = |slots: &Range<usize>| {
            &all[texts.value_offsets()[slots.start] as usize
                ..texts.value_offsets()[slots.end] as usize]
        };
        let wanted = text(slots);
        let end = wanted.last_chunk::<8>().map_or(0, |end| u64::from_le_bytes(*end));
        let mixed = (end ^ wanted.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let seen = &mut self.maps[(mixed >> 58) as usize];
        let lengths = |slots: &Range<usize>| {
            texts.value_offsets()[slots.start..=slots.end].windows(2).map(|pair| pair[1] - pair[0])
        };
        if seen.slots.len() == slots.len()
            && text(&seen.slots) == wanted
            && lengths(&seen.slots).eq(lengths(slots))
        {
            return Some(seen.at..seen.at + slots.len());
        }
        *seen = Seen { slots: slots.clone(), at };
        None
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn arrow(error: ArrowError) -> Error {
    Error::Internal(format!("writing spans: {error}"))
}

#[cfg(test)]
mod tests;
