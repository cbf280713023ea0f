//! A column of a row group, decoded.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, UInt32Array, new_null_array,
};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::kernels::filter::FilterPredicate;
use datafusion::arrow::compute::{cast, concat, take};
use datafusion::arrow::datatypes::{DataType, Int32Type, UInt32Type};
use datafusion::common::{Result, internal_err};

use super::codes::Codes;
use super::maps::{self, Maps};

/// A column of a row group.
#[derive(Debug)]
pub(super) enum Column {
    /// As it is read.
    Plain(ArrayRef),
    /// Text, maps of which there are few, and ids of which many rows in a row have the same.
    Coded(Coded),
    /// All other maps.
    Maps(Maps),
}

/// A number per row, and the values that they stand for.
#[derive(Debug)]
pub(super) struct Coded {
    codes: Codes,
    /// Those of the row group; NULL is one of them if a row has it. Ids may be there more than once.
    values: ArrayRef,
}

/// The type in which a column is read to be kept; `None` if it is not kept.
pub(super) fn read_as(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Utf8 | DataType::Utf8View => {
            Some(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))
        }
        DataType::Boolean | DataType::FixedSizeBinary(_) | DataType::Binary => {
            Some(data_type.clone())
        }
        DataType::Map(entries, is_sorted) => maps::read_as(entries, *is_sorted),
        number if number.is_primitive() => Some(number.clone()),
        _ => None,
    }
}

impl Column {
    /// Of what was read in the type that [`read_as`] gave for `data_type`.
    pub(super) fn new(read: &ArrayRef, data_type: &DataType) -> Result<Self> {
        if let Some(read) = read.as_map_opt() {
            // Resources are few, and each has many spans.
            const SHARED_BY: usize = 4;
            let maps = Maps::new(read, data_type)?;
            return Ok(match maps.distinct(read.len() / SHARED_BY) {
                Some((codes, rows)) => {
                    let values = maps.gather(&rows.iter().copied())?;
                    Self::Coded(Coded { codes: Codes::new(codes, values.len()), values })
                }
                None => Self::Maps(maps),
            });
        }
        if let Some(ids) = read.as_fixed_size_binary_opt()
            && let Some(coded) = Coded::of_runs(ids)?
        {
            return Ok(Self::Coded(coded));
        }
        let Some(dictionary) = read.as_dictionary_opt::<Int32Type>() else {
            return Ok(Self::Plain(Arc::clone(read)));
        };
        let mut values = cast(dictionary.values(), data_type)?;
        // NULL is one more value: then no row is without a code.
        let null = values.len() as u32;
        if dictionary.null_count() > 0 {
            values = concat(&[&values, &new_null_array(data_type, 1)])?;
        }
        let codes = dictionary.keys().iter().map(|key| key.map_or(null, |key| key as u32));
        let codes = Codes::new(codes.collect(), values.len());
        Ok(Self::Coded(Coded { codes, values }))
    }

    pub(super) fn data_type(&self) -> &DataType {
        match self {
            Self::Plain(array) => array.data_type(),
            Self::Coded(coded) => coded.values.data_type(),
            Self::Maps(maps) => maps.data_type(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Plain(array) => array.get_array_memory_size(),
            Self::Coded(Coded { codes, values }) => {
                codes.array().get_array_memory_size() + values.get_array_memory_size()
            }
            Self::Maps(maps) => maps.bytes(),
        }
    }

    /// Of maps, the text that each has for `key`: NULL if it has none.
    pub(super) fn of_key(&self, key: &str) -> Result<Self> {
        match self {
            Self::Maps(maps) => {
                let (codes, values) = maps.of_key(key)?;
                let codes = Codes::new(codes, values.len());
                Ok(Self::Coded(Coded { codes, values }))
            }
            Self::Coded(Coded { codes, values }) if values.as_map_opt().is_some() => {
                let values = maps::texts_of_key(values.as_map(), key);
                Ok(Self::Coded(Coded { codes: codes.clone(), values }))
            }
            _ => internal_err!("{} is no map", self.data_type()),
        }
    }

    /// Some rows.
    pub(super) fn slice(&self, first: usize, rows: usize) -> Result<ArrayRef> {
        match self {
            Self::Plain(array) => Ok(array.slice(first, rows)),
            Self::Coded(coded) => coded.values_of(&coded.codes.array().slice(first, rows)),
            Self::Maps(maps) => maps.gather(&(first as u32..(first + rows) as u32)),
        }
    }

    /// Those of some rows that a filter of as many rows lets through.
    pub(super) fn filtered(
        &self,
        first: usize,
        rows: usize,
        filter: &FilterPredicate,
    ) -> Result<ArrayRef> {
        match self {
            Self::Plain(array) => Ok(filter.filter(&array.slice(first, rows))?),
            Self::Coded(coded) => {
                let codes = coded.codes.array().slice(first, rows);
                coded.values_of(&filter.filter(&codes)?)
            }
            Self::Maps(maps) => {
                let rows = UInt32Array::from_iter_values(first as u32..(first + rows) as u32);
                let rows = filter.filter(&rows)?;
                maps.gather(&rows.as_primitive::<UInt32Type>().values().iter().copied())
            }
        }
    }
}

impl Coded {
    /// Spans of a trace lie side by side, so what is asked of a trace id is asked once per trace. `None` if runs of
    /// the same id are short.
    fn of_runs(ids: &FixedSizeBinaryArray) -> Result<Option<Self>> {
        const SHARED_BY: usize = 4;
        let most = ids.len() / SHARED_BY;
        let id = |row: usize| ids.is_valid(row).then(|| ids.value(row));
        let mut first_rows = Vec::new();
        let mut codes = Vec::with_capacity(ids.len());
        for row in 0..ids.len() {
            if row == 0 || id(row) != id(row - 1) {
                first_rows.push(row as u32);
            }
            if first_rows.len() > most {
                return Ok(None);
            }
            codes.push(first_rows.len() as u32 - 1);
        }
        let values = take(ids, &UInt32Array::from(first_rows), None)?;
        Ok(Some(Self { codes: Codes::new(codes, values.len()), values }))
    }

    /// What the codes stand for.
    pub(super) fn values(&self) -> &ArrayRef {
        &self.values
    }

    /// The rows whose value is wanted; `wanted` has a word for each of them.
    pub(super) fn matching(&self, wanted: &[bool]) -> BooleanBuffer {
        self.codes.matching(wanted)
    }

    fn values_of(&self, codes: &dyn Array) -> Result<ArrayRef> {
        Ok(take(&self.values, codes, None)?)
    }
}
