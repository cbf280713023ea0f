//! Attributes of a row group: keys and values as codes.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, MapArray, StringArray, StructArray, UInt32Array, new_null_array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{concat, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int32Type};
use datafusion::common::{DataFusionError, Result};
use hashbrown::HashMap;

/// Maps from text to text.
#[derive(Debug)]
pub(super) struct Maps {
    /// One more than rows: where the entries of each begin.
    offsets: Vec<u32>,
    nulls: Option<NullBuffer>,
    keys: Texts,
    values: Texts,
    data_type: DataType,
}

/// A code per entry, and the values that they stand for.
#[derive(Debug)]
struct Texts {
    codes: Vec<u32>,
    values: ArrayRef,
}

/// The type in which maps from text to text are read; `None` for others.
pub(super) fn read_as(entries: &FieldRef, is_sorted: bool) -> Option<DataType> {
    let DataType::Struct(fields) = entries.data_type() else { return None };
    if fields.len() != 2 || fields.iter().any(|field| field.data_type() != &DataType::Utf8) {
        return None;
    }
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let coded = |field: &FieldRef| Field::clone(field).with_data_type(dictionary.clone());
    let fields: Fields = fields.iter().map(coded).collect();
    let entries = Field::clone(entries).with_data_type(DataType::Struct(fields));
    Some(DataType::Map(Arc::new(entries), is_sorted))
}

impl Maps {
    /// Of what was read in the type that [`read_as`] gave for `data_type`.
    pub(super) fn new(read: &MapArray, data_type: &DataType) -> Result<Self> {
        let (keys, values) = (Texts::new(read.keys())?, Texts::new(read.values())?);
        Ok(Self {
            offsets: read.value_offsets().iter().map(|offset| *offset as u32).collect(),
            nulls: read.nulls().cloned(),
            keys,
            values,
            data_type: data_type.clone(),
        })
    }

    pub(super) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    pub(super) fn bytes(&self) -> usize {
        let codes = self.offsets.len() + self.keys.codes.len() + self.values.codes.len();
        codes * size_of::<u32>()
            + self.keys.values.get_array_memory_size()
            + self.values.values.get_array_memory_size()
    }

    /// The text that each row has for a key, as codes: the first one, and NULL if there is none.
    pub(super) fn of_key(&self, key: &str) -> Result<(Vec<u32>, ArrayRef)> {
        let is_key: Vec<bool> =
            self.keys.values.as_string::<i32>().iter().map(|text| text == Some(key)).collect();
        // The values of this key only: those of all keys are many more.
        const UNUSED: u32 = u32::MAX;
        let mut numbers = vec![UNUSED; self.values.values.len()];
        let mut used = vec![None];
        let codes = self.offsets.windows(2).enumerate().map(|(row, range)| {
            let mut entries = range[0] as usize..range[1] as usize;
            let is_null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            let entry = entries.find(|entry| is_key[self.keys.codes[*entry] as usize]);
            let Some(entry) = entry.filter(|_| !is_null) else { return 0 };
            let value = self.values.codes[entry];
            let number = &mut numbers[value as usize];
            if *number == UNUSED {
                *number = used.len() as u32;
                used.push(Some(value));
            }
            *number
        });
        let codes = codes.collect();
        Ok((codes, take(&self.values.values, &UInt32Array::from(used), None)?))
    }

    fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// A number for each row, equal where the maps are, and a row that has each of them; `None` if there are
    /// more than `most` of them.
    pub(super) fn distinct(&self, most: usize) -> Option<(Vec<u32>, Vec<u32>)> {
        let mut numbers = HashMap::new();
        let mut first_rows = Vec::new();
        let mut of_rows = Vec::with_capacity(self.rows());
        for row in 0..self.rows() {
            let range = self.offsets[row] as usize..self.offsets[row + 1] as usize;
            let is_null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            let map = (is_null, &self.keys.codes[range.clone()], &self.values.codes[range]);
            let number = *numbers.entry(map).or_insert_with(|| {
                first_rows.push(row as u32);
                first_rows.len() as u32 - 1
            });
            if first_rows.len() > most {
                return None;
            }
            of_rows.push(number);
        }
        Some((of_rows, first_rows))
    }

    /// The maps of some rows.
    pub(super) fn gather(
        &self,
        rows: &(impl ExactSizeIterator<Item = u32> + Clone),
    ) -> Result<ArrayRef> {
        let DataType::Map(entries, is_sorted) = &self.data_type else {
            return Err(DataFusionError::Internal(format!("{} is no map", self.data_type)));
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(DataFusionError::Internal(format!("{} has no entries", self.data_type)));
        };
        let range =
            |row: u32| self.offsets[row as usize] as usize..self.offsets[row as usize + 1] as usize;
        let lengths = rows.clone().map(|row| range(row).len());
        let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
        let count = offsets.last().map_or(0, |count| *count as usize);
        let texts = |texts: &Texts| {
            let mut codes = Vec::with_capacity(count);
            for row in rows.clone() {
                codes.extend_from_slice(&texts.codes[range(row)]);
            }
            take(&texts.values, &UInt32Array::from(codes), None)
        };
        let columns = vec![texts(&self.keys)?, texts(&self.values)?];
        let nulls = self.nulls.as_ref().map(|nulls| {
            rows.clone().map(|row| nulls.is_valid(row as usize)).collect::<NullBuffer>()
        });
        let maps = StructArray::try_new(fields.clone(), columns, None)?;
        Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, maps, nulls, *is_sorted)?))
    }
}

/// The text that each map has for a key: the first one, and NULL if there is none.
pub(super) fn texts_of_key(maps: &MapArray, key: &str) -> ArrayRef {
    let (keys, values) = (maps.keys().as_string::<i32>(), maps.values().as_string::<i32>());
    let offsets = maps.value_offsets().windows(2).enumerate();
    let texts = offsets.map(|(row, range)| {
        let mut entries = range[0] as usize..range[1] as usize;
        let entry = entries.find(|entry| keys.value(*entry) == key)?;
        (maps.is_valid(row) && values.is_valid(entry)).then(|| values.value(entry))
    });
    Arc::new(texts.collect::<StringArray>())
}

impl Texts {
    fn new(read: &ArrayRef) -> Result<Self> {
        let Some(dictionary) = read.as_dictionary_opt::<Int32Type>() else {
            return Err(DataFusionError::Internal("text of a map was not read as codes".into()));
        };
        let mut values = Arc::clone(dictionary.values());
        let null = values.len() as u32;
        if dictionary.null_count() > 0 {
            values = concat(&[&values, &new_null_array(values.data_type(), 1)])?;
        }
        let codes = dictionary.keys().iter().map(|key| key.map_or(null, |key| key as u32));
        Ok(Self { codes: codes.collect(), values })
    }
}

#[cfg(test)]
mod tests;
