//! Text columns of batches as codes that mean the same in every batch of a file.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, RecordBatch};
use datafusion::arrow::datatypes::Int32Type;

use crate::error::{Error, Result};
use crate::text_dictionary::TextDictionary;

/// The code of a NULL.
pub(super) const NULL: i32 = -1;
/// Not a code: the text has not been looked up.
const UNKNOWN: i32 = -2;

/// A text column, batch by batch.
#[derive(Debug)]
pub(super) struct Codes {
    name: &'static str,
    rows: Option<DictionaryArray<Int32Type>>,
    /// The dictionary of the last batch: those of one unit share it.
    dictionary: Option<ArrayRef>,
    /// Of each of its texts, the code in the file.
    codes: Vec<i32>,
}

impl Codes {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, rows: None, dictionary: None, codes: Vec::new() }
    }

    /// Goes on with a batch. A column that is missing is NULL.
    pub(super) fn read(&mut self, rows: &RecordBatch) -> Result<()> {
        let Some(column) = rows.column_by_name(self.name) else {
            self.rows = None;
            return Ok(());
        };
        let rows = column
            .as_dictionary_opt::<Int32Type>()
            .ok_or_else(|| Error::Internal(format!("{} is no dictionary", column.data_type())))?;
        let texts = rows.values();
        if !self.dictionary.as_ref().is_some_and(|last| Arc::ptr_eq(last, texts)) {
            self.codes = vec![UNKNOWN; texts.len()];
            self.dictionary = Some(Arc::clone(texts));
        }
        self.rows = Some(rows.clone());
        Ok(())
    }

    /// The code of a row in `texts`, which must always be the same.
    #[inline]
    pub(super) fn get(&mut self, row: usize, texts: &mut TextDictionary) -> Result<i32> {
        let Some(rows) = &self.rows else { return Ok(NULL) };
        if rows.keys().is_null(row) {
            return Ok(NULL);
        }
        let key = rows.keys().value(row) as usize;
        let code = &mut self.codes[key];
        if *code == UNKNOWN {
            let dictionary = rows.values().as_string::<i32>();
            let is_null = dictionary.is_null(key);
            *code = if is_null { NULL } else { texts.code(dictionary.value(key))? };
        }
        Ok(*code)
    }
}
