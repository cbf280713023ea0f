//! Text as numbers while rows are brought into order.
//!
//! Spans repeat themselves: a value is stored once in a dictionary, and the rows hold
//! its code. So bringing a million rows into another order moves four bytes per value,
//! and a value is hashed once per dictionary of a file, not once per row; values that
//! hardly ever come in two files are not hashed at all.
//!
//! ```text
//! file -> dictionary form -> recode -> coded form -> concat, take -> dictionary form -> file
//!         Dictionary(Utf8)             Int32                         Dictionary(Utf8)
//! ```
//!
//! A column in coded form has `Int32` wherever there was text, also inside of maps,
//! lists and structs; every text column has its own dictionary.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, ListArray, MapArray, StructArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int32Type};

use crate::error::{Error, Result};
use crate::text_dictionary::{Luck, TextDictionary};

/// The type of a column while it is read and written: text is dictionary-encoded.
pub(super) fn dictionary_type(plain: &DataType) -> DataType {
    mapped(plain, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))
}

fn mapped(plain: &DataType, text: &DataType) -> DataType {
    let field = |field: &Arc<Field>| {
        Arc::new(field.as_ref().clone().with_data_type(mapped(field.data_type(), text)))
    };
    match plain {
        DataType::Utf8 => text.clone(),
        DataType::List(item) => DataType::List(field(item)),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect::<Fields>()),
        other => other.clone(),
    }
}

/// The dictionaries of one column.
#[derive(Debug)]
pub(super) enum Coder {
    /// No text in it.
    Plain,
    Text(Dictionary),
    /// One for each child.
    Nested(Vec<Coder>),
}

/// Not a code.
const UNUSED: i32 = -1;

/// The dictionary of one text column.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    codes: TextDictionary,
    /// Whether look-ups pay; `None` if every text must have one number only.
    luck: Option<Luck>,
    /// The texts that were recoded last, and the codes of those that occurred: batches of one row
    /// group share them.
    last: Option<(ArrayRef, Vec<i32>)>,
    /// All texts, when they are complete.
    values: Option<ArrayRef>,
}

impl Coder {
    /// For a text column of which equal codes are what counts: none comes twice.
    pub(super) fn exact() -> Self {
        Self::Text(Dictionary::default())
    }

    /// For a column of the plain type. Texts that seldom come again may have several codes.
    pub(super) fn new(plain: &DataType) -> Self {
        match plain {
            DataType::Utf8 => {
                Self::Text(Dictionary { luck: Some(Luck::default()), ..Dictionary::default() })
            }
            DataType::List(item) => Self::nested([item.data_type()]),
            DataType::Map(entries, _) => Self::nested([entries.data_type()]),
            DataType::Struct(fields) => Self::nested(fields.iter().map(|field| field.data_type())),
            _ => Self::Plain,
        }
    }

    fn nested<'a>(children: impl IntoIterator<Item = &'a DataType>) -> Self {
        let children: Vec<Self> = children.into_iter().map(Self::new).collect();
        let is_plain = children.iter().all(|child| matches!(child, Self::Plain));
        if is_plain { Self::Plain } else { Self::Nested(children) }
    }

    /// From the dictionary form to the coded form.
    pub(super) fn recode(&mut self, array: &ArrayRef) -> Result<ArrayRef> {
        match self {
            Self::Plain => Ok(Arc::clone(array)),
            Self::Text(dictionary) => dictionary.recode(array),
            Self::Nested(coders) => {
                let mut coders = coders.iter_mut();
                with_children(array, |child| match coders.next() {
                    Some(coder) => coder.recode(child),
                    None => Err(Error::Internal("a column has too many children".into())),
                })
            }
        }
    }

    /// From the coded form to the dictionary form. Nothing can be recoded afterwards.
    pub(super) fn decode(&mut self, array: &ArrayRef) -> Result<ArrayRef> {
        match self {
            Self::Plain => Ok(Arc::clone(array)),
            Self::Text(dictionary) => dictionary.decode(array),
            Self::Nested(coders) => {
                let mut coders = coders.iter_mut();
                with_children(array, |child| match coders.next() {
                    Some(coder) => coder.decode(child),
                    None => Err(Error::Internal("a column has too many children".into())),
                })
            }
        }
    }
}

impl Dictionary {
    fn recode(&mut self, array: &ArrayRef) -> Result<ArrayRef> {
        let array = array
            .as_any_dictionary_opt()
            .filter(|array| array.keys().data_type() == &DataType::Int32)
            .ok_or_else(|| Error::Internal(format!("{} is no dictionary", array.data_type())))?;
        let known = self.last.take().filter(|(texts, _)| Arc::ptr_eq(texts, array.values()));
        let (texts, mut codes) = known
            .unwrap_or_else(|| (Arc::clone(array.values()), vec![UNUSED; array.values().len()]));
        let values = texts.as_string::<i32>();
        let keys = array.keys().as_primitive::<Int32Type>();
        // A unit has few of the rows of a file: only the texts that they have are looked up.
        let mut code_of = |key: i32| -> Result<i32> {
            let code = &mut codes[key as usize];
            if *code == UNUSED {
                // A NULL in a dictionary counts as the empty text: our files have none.
                let is_null = values.is_null(key as usize);
                let text = if is_null { "" } else { values.value(key as usize) };
                *code = match &mut self.luck {
                    Some(luck) => luck.code(&mut self.codes, text)?,
                    None => self.codes.code(text)?,
                };
            }
            Ok(*code)
        };
        let mut recoded = vec![0; keys.len()];
        // The keys below NULLs may point anywhere.
        match keys.nulls() {
            None => {
                for (to, key) in recoded.iter_mut().zip(keys.values()) {
                    *to = code_of(*key)?;
                }
            }
            Some(nulls) => {
                for at in nulls.valid_indices() {
                    recoded[at] = code_of(keys.value(at))?;
                }
            }
        }
        let recoded = Int32Array::new(recoded.into(), keys.nulls().cloned());
        self.last = Some((texts, codes));
        Ok(Arc::new(recoded))
    }

    fn decode(&mut self, array: &ArrayRef) -> Result<ArrayRef> {
        let values = match &self.values {
            Some(values) => Arc::clone(values),
            None => {
                let values: ArrayRef = Arc::new(self.codes.take_texts());
                self.values = Some(Arc::clone(&values));
                self.last = None;
                values
            }
        };
        let codes = array.as_primitive::<Int32Type>().clone();
        Ok(Arc::new(DictionaryArray::try_new(codes, values).map_err(arrow)?))
    }
}

/// The same array with other children.
fn with_children(
    array: &ArrayRef,
    mut change: impl FnMut(&ArrayRef) -> Result<ArrayRef>,
) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Struct(fields) => {
            let (columns, nulls) = (array.as_struct().columns(), array.nulls().cloned());
            let columns = columns.iter().map(change).collect::<Result<Vec<_>>>()?;
            let fields: Fields = fields.iter().zip(&columns).map(typed_as).collect();
            let changed = StructArray::try_new_with_length(fields, columns, nulls, array.len());
            Ok(Arc::new(changed.map_err(arrow)?))
        }
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let values = change(list.values())?;
            let item = typed_as((item, &values));
            let changed =
                ListArray::try_new(item, list.offsets().clone(), values, list.nulls().cloned());
            Ok(Arc::new(changed.map_err(arrow)?))
        }
        DataType::Map(entries, is_sorted) => {
            let map = array.as_map();
            let before: ArrayRef = Arc::new(map.entries().clone());
            let after = change(&before)?;
            let entries = typed_as((entries, &after));
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            let after = after.as_struct().clone();
            let changed = MapArray::try_new(entries, offsets, after, nulls, *is_sorted);
            Ok(Arc::new(changed.map_err(arrow)?))
        }
        other => Err(Error::Internal(format!("{other} has no children"))),
    }
}

fn typed_as((field, array): (&Arc<Field>, &ArrayRef)) -> Arc<Field> {
    Arc::new(field.as_ref().clone().with_data_type(array.data_type().clone()))
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn arrow(error: datafusion::arrow::error::ArrowError) -> Error {
    Error::Internal(format!("assembling spans: {error}"))
}
