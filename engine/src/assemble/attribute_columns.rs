//! Attributes as columns of an assembled file.
//!
//! A map is read as a whole: who asks for one key decodes all keys and values. So keys that
//! many spans have, with values that repeat, are columns of the file too, each named by the
//! SQL that it answers. The map stays complete: a reader who knows nothing of this misses
//! nothing. Values repeat among neighbours, so such a column takes a few bits per span.
//!
//! In: rows of a file with their maps in dictionary form. Out: the same rows with more
//! columns. The first rows of a file decide which.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, MapArray, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema};
use schema::assembled::attribute_column;
use schema::promoted::{Origin, PROMOTED, Promoted};
use schema::spans::{ATTRIBUTES, RESOURCE_ATTRIBUTES};

use crate::error::{Error, Result};

/// The maps whose keys may be columns.
const MAPS: [&str; 2] = [ATTRIBUTES, RESOURCE_ATTRIBUTES];

/// Columns of one map in one file.
const MOST_COLUMNS: usize = 64;
/// A key must be in one row of so many.
const ROWS_PER_KEY: usize = 100;
/// A value must come so often on average: others would take as much space as in the map.
const ROWS_PER_VALUE: usize = 8;
/// The attribute of the column `service_name`.
const SERVICE_NAME_KEY: &str = "service.name";
/// Longest key that becomes a name.
const KEY_BYTES: usize = 200;

/// The keys that are columns of a file, by map.
#[derive(Debug)]
pub(super) struct AttributeColumns([Vec<String>; MAPS.len()]);

impl AttributeColumns {
    /// For a file that begins with `rows`.
    pub(super) fn choose(rows: &RecordBatch) -> Self {
        Self(MAPS.map(|map| {
            let entries = Entries::of(rows, map);
            let mut keys = entries.map_or_else(Vec::new, |entries| entries.frequent_keys());
            keys.retain(|key| !(map == RESOURCE_ATTRIBUTES && is_promoted_resource(key)));
            keys
        }))
    }

    /// The rows with the columns behind the others.
    pub(super) fn add_to(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
        let mut columns = rows.columns().to_vec();
        for (map, keys) in MAPS.iter().zip(&self.0).filter(|(_, keys)| !keys.is_empty()) {
            let Some(entries) = Entries::of(rows, map) else { continue };
            for (key, column) in keys.iter().zip(entries.columns(keys)?) {
                let name = attribute_column(map, key);
                fields.push(Arc::new(Field::new(name, column.data_type().clone(), true)));
                columns.push(column);
            }
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .map_err(|e| Error::Internal(format!("attributes as columns: {e}")))
    }

    /// The columns as readers see them.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field> {
        let keys =
            MAPS.iter().zip(&self.0).flat_map(|(map, keys)| keys.iter().map(move |k| (map, k)));
        keys.map(|(map, key)| Field::new(attribute_column(map, key), DataType::Utf8, true))
    }
}

/// Whether the table has a column for a resource attribute: it says the same, and is what people ask for.
fn is_promoted_resource(key: &str) -> bool {
    let of_resource = |column: &&Promoted| column.origin == Origin::Resource;
    key == SERVICE_NAME_KEY
        || PROMOTED.iter().filter(of_resource).any(|column| column.keys.contains(&key))
}

/// The entries of a column of maps.
struct Entries<'a> {
    map: &'a MapArray,
    keys: &'a Int32Array,
    key_texts: &'a StringArray,
    values: &'a Int32Array,
    value_texts: &'a ArrayRef,
}

impl<'a> Entries<'a> {
    /// `None` if there is no such column, or not in dictionary form.
    fn of(rows: &'a RecordBatch, map: &str) -> Option<Self> {
        let map = rows.column_by_name(map)?.as_map_opt()?;
        let keys = map.keys().as_dictionary_opt::<Int32Type>()?;
        let values = map.values().as_dictionary_opt::<Int32Type>()?;
        Some(Self {
            map,
            keys: keys.keys(),
            key_texts: keys.values().as_string_opt()?,
            values: values.keys(),
            value_texts: values.values(),
        })
    }

    /// The keys that should be columns, the most frequent first.
    fn frequent_keys(&self) -> Vec<String> {
        struct Seen {
            rows: usize,
            values: HashSet<i32>,
        }
        let all = || (0..self.map.len()).flat_map(|row| self.entries(row));
        let mut rows_of_code = vec![0_usize; self.key_texts.len()];
        all().for_each(|entry| rows_of_code[self.keys.value(entry) as usize] += 1);
        // A text may have several codes.
        let mut rows_of_key: HashMap<&str, usize> = HashMap::new();
        for (code, rows) in rows_of_code.into_iter().enumerate().filter(|(_, rows)| *rows > 0) {
            *rows_of_key.entry(self.key_texts.value(code)).or_default() += rows;
        }
        // Spans may have millions of keys that come once: these get no set of values.
        let mut seen: HashMap<&str, Seen> = rows_of_key
            .into_iter()
            .filter(|(key, rows)| key.len() <= KEY_BYTES && rows * ROWS_PER_KEY >= self.map.len())
            .map(|(key, rows)| (key, Seen { rows, values: HashSet::new() }))
            .collect();
        for entry in all().filter(|entry| self.values.is_valid(*entry)) {
            let key = self.key_texts.value(self.keys.value(entry) as usize);
            // Beyond that number of values it is out of question.
            if let Some(seen) = seen.get_mut(key)
                && seen.values.len() * ROWS_PER_VALUE <= seen.rows
            {
                seen.values.insert(self.values.value(entry));
            }
        }
        let mut frequent: Vec<(usize, &str)> = seen
            .iter()
            .filter(|(_, seen)| seen.values.len() * ROWS_PER_VALUE <= seen.rows)
            .map(|(key, seen)| (seen.rows, *key))
            .collect();
        frequent.sort_unstable_by(|(a_rows, a), (b_rows, b)| b_rows.cmp(a_rows).then(a.cmp(b)));
        frequent.into_iter().take(MOST_COLUMNS).map(|(_, key)| key.to_owned()).collect()
    }

    /// A column for each of `keys`: what the map says in each row, NULL if nothing.
    fn columns(&self, keys: &[String]) -> Result<Vec<ArrayRef>> {
        /// No value yet, and the value NULL.
        const ABSENT: i32 = -1;
        const NULL: i32 = -2;
        let place_of: HashMap<&str, usize> =
            keys.iter().enumerate().map(|(place, key)| (key.as_str(), place)).collect();
        let places: Vec<Option<usize>> =
            self.key_texts.iter().map(|text| place_of.get(text?).copied()).collect();
        let mut columns = vec![vec![ABSENT; self.map.len()]; keys.len()];
        for row in 0..self.map.len() {
            for entry in self.entries(row) {
                let Some(place) = places[self.keys.value(entry) as usize] else { continue };
                let column: &mut Vec<i32> = &mut columns[place];
                let cell = &mut column[row];
                // Of a key that another writer has put in twice, the first value counts in SQL.
                if *cell == ABSENT {
                    let is_null = self.values.is_null(entry);
                    *cell = if is_null { NULL } else { self.values.value(entry) };
                }
            }
        }
        let column = |codes: Vec<i32>| -> Result<ArrayRef> {
            let codes: Int32Array =
                codes.into_iter().map(|code| (code >= 0).then_some(code)).collect();
            let column = DictionaryArray::try_new(codes, Arc::clone(self.value_texts));
            Ok(Arc::new(
                column.map_err(|e| Error::Internal(format!("attributes as columns: {e}")))?,
            ))
        };
        columns.into_iter().map(column).collect()
    }

    fn entries(&self, row: usize) -> std::ops::Range<usize> {
        if self.map.is_null(row) {
            return 0..0;
        }
        let offsets = self.map.value_offsets();
        offsets[row] as usize..offsets[row + 1] as usize
    }
}

#[cfg(test)]
mod tests;
